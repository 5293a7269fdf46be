# SPDX-License-Identifier: Apache-2.0
"""Topology proxy-pod on a real Kubernetes whose network enforces NetworkPolicies: plain Deployments come up behind
proxies of their own, get out by policy alone, and leave nothing behind."""
import json

from fixture import CLIENTS, NAME, OTHER, OUTSIDE, POLICY, SYSTEM, ClusterCase, await_that, config_map, container, deployment, pod, world
from runner import machine_lacks

CHOICE = {"openshell.io/topology": "proxy-pod", "openshell.io/policy": "policy", "openshell.io/binary-identity": "relaxed"}
GET = "curl -sS -m 10 -o /dev/null -w '%{http_code}'"
ALLOWED = f"http://{OUTSIDE}/allowed"
COMPANIONS = {"networkpolicy": ("os-eg-", "os-ing-"), "secret": ("os-ca-",), "service": ("os-svc-",),
              "deployment": ("os-sup-",)}


def sh(name: str, script: str, **fields) -> dict:
    return container("sh", "-c", script, **fields) | {"name": name}


def serving(name: str, port: int) -> str:
    return f"mkdir -p /tmp/{name} && echo {name} > /tmp/{name}/index.html && exec busybox httpd -f -p {port} -h /tmp/{name}"


class PairCase(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.cluster:
            raise machine_lacks("an outside of its own: KUBECONFIG names another's cluster")
        if not world.cluster.release.since(30):
            raise machine_lacks("a Kubernetes of 1.30 or newer: K8S names an older one")
        super().setUpClass()
        cls().apply(config_map("policy", POLICY))

    def code(self, pod_name: str, *options: str, container: str = "app") -> str:
        return self.inside(pod_name, f"{GET} {' '.join(options)}", container).stdout

    def uid(self, pod_name: str) -> str:
        return self.get("pod", pod_name)["metadata"]["uid"]

    def companions(self, uid: str) -> set[str]:
        """Those that are there, as KIND/NAME."""
        found = set()
        for kind, prefixes in COMPANIONS.items():
            names = self.kubectl("get", kind, "--output=name").stdout.split()
            found |= {f"{kind}/{name.split('/')[1]}" for name in names
                      if any(name.split("/")[1] == prefix + uid for prefix in prefixes)}
        return found

    def all_of(self, uid: str) -> set[str]:
        return {f"{kind}/{prefix}{uid}" for kind, prefixes in COMPANIONS.items() for prefix in prefixes}


class ProxyPod(PairCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
        app = sh("app", serving("app", 8080), ports=[{"containerPort": 8080}], readinessProbe=probe)
        case.apply(deployment("web", app, annotations=CHOICE),
                   {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
        case.await_ready("deployment/web")
        cls.pod = case.pod_of("web")

    def test_a_deployment_serves_and_gets_out_by_policy_alone(self):
        self.assertEqual(self.code(self.pod, f"{ALLOWED}/x"), "200")
        self.assertEqual(self.code(self.pod, f"http://{OUTSIDE}/other"), "403")
        self.assertEqual(self.code(self.pod, f"http://{OTHER}/allowed/x"), "403")

    def test_it_has_its_companions_and_each_comes_back(self):
        uid = self.uid(self.pod)
        self.assertEqual(self.companions(uid), self.all_of(uid))
        for kind in ("networkpolicy", "service", "deployment"):
            for prefix in COMPANIONS[kind]:
                with self.subTest(kind=kind, prefix=prefix):
                    self.kubectl("delete", kind, prefix + uid, "--wait=false")
                    await_that("it comes back", lambda: f"{kind}/{prefix}{uid}" in self.companions(uid))
        await_that("it gets out again", lambda: self.code(self.pod, f"{ALLOWED}/x") == "200")
