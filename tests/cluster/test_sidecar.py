# SPDX-License-Identifier: Apache-2.0
"""Topology sidecar on a real Kubernetes: Deployments without any privilege serve, get out by policy alone, and
outlive their proxy."""
import json
import os
import pathlib
import signal

from cluster import OUTSIDE_TOKEN
from fixture import AGENT, CLIENTS, OTHER, OUTSIDE, POLICY, ClusterCase, await_that, config_map, container, deployment, pod, world
from runner import machine_lacks

CHOICE = {"openshell.io/topology": "sidecar", "openshell.io/policy": "policy"}
FENCE, PROXY = "openshell-network-init", "openshell-supervisor-network"
GET = "curl -sS -m 10 -o /dev/null -w '%{http_code}'"
ALLOWED = f"http://{OUTSIDE}/allowed"
PRIVILEGE = ("id -u; id -g; grep -h ^Cap /proc/self/status | cut -f2 | sort -u; "
             "grep -hE '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f2")


def serving(name: str, port: int) -> str:
    return (f"mkdir -p /tmp/{name} && echo {name} > /tmp/{name}/index.html && "
            f"exec busybox httpd -f -p {port} -h /tmp/{name}")


def sh(name: str, script: str, **fields) -> dict:
    return container("sh", "-c", script, **fields) | {"name": name}


class SidecarCase(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.cluster:
            raise machine_lacks("an outside of its own: KUBECONFIG names another's cluster")
        if not world.cluster.release.since(29):
            raise machine_lacks("a Kubernetes of 1.29 or newer: K8S names an older one")
        super().setUpClass()
        cls().apply(config_map("policy", POLICY))

    def code(self, pod_name: str, *options: str, container: str = "app") -> str:
        return self.inside(pod_name, f"{GET} {' '.join(options)}", container).stdout

    def status_of(self, pod_name: str, container: str) -> dict:
        status = self.get("pod", pod_name)["status"]
        statuses = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
        return next(s for s in statuses if s["name"] == container)

    def refusals(self, pod_name: str) -> list[dict]:
        lines = self.kubectl("logs", pod_name, f"--container={PROXY}").stdout.splitlines()
        return [e for e in map(json.loads, lines) if e.get("verdict") == "deny"]


class Sidecar(SidecarCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
        hook = {"preStop": {"exec": {"command": ["sleep", "2"]}}}
        data = [{"name": "data", "mountPath": "/data"}]
        fetch = sh("fetch", f"{GET} {ALLOWED}/init > /data/fetched; "
                            f"{GET} --noproxy '*' {ALLOWED}/init >> /data/fetched; "
                            f"{GET} http://{OUTSIDE}/other >> /data/fetched", volumeMounts=data)
        native = sh("native", serving("native", 9091), restartPolicy="Always")
        ready = {"exec": {"command": ["test", "-d", "/tmp"]}, "periodSeconds": 1}
        app = sh("app", serving("app", 8080), readinessProbe=probe, livenessProbe=probe, lifecycle=hook,
                 volumeMounts=data)
        case.apply(deployment("web", app, annotations=CHOICE, initContainers=[fetch, native],
                              volumes=[{"name": "data", "emptyDir": {}}], terminationGracePeriodSeconds=10,
                              containers=[app, sh("second", serving("second", 9090), readinessProbe=ready)]),
                   {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
        case.await_ready("deployment/web")
        cls.pod = case.pod_of("web")
        world.kubectl("run", "caller", "--namespace=default", f"--image={CLIENTS}", "--image-pull-policy=IfNotPresent",
                      "--command", "--", "sleep", "infinity")
        world.kubectl("wait", "--namespace=default", "--for=condition=Ready", "pod/caller", "--timeout=60s")
        cls.addClassCleanup(world.kubectl, "delete", "pod", "caller", "--namespace=default", "--now")

    def ask_service(self):
        return world.kubectl("exec", "caller", "--namespace=default", "--", "curl", "-sS", "-m", "10",
                             f"http://web.{self.namespace}/", check=False)

    def test_a_service_leads_to_the_sandboxed_pod(self):
        answer = self.ask_service()
        self.assertEqual(answer.stdout, "app\n", answer.stderr)

    def test_the_policy_lets_out_what_it_names_by_proxy_and_without(self):
        before = len(world.arrived())
        self.assertEqual(self.code(self.pod, f"{ALLOWED}/proxied"), "200")
        self.assertEqual(self.code(self.pod, "--noproxy '*'", f"{ALLOWED}/plain"), "200")
        self.assertEqual([a["path"] for a in world.arrived()[before:]], ["/allowed/proxied", "/allowed/plain"])

    def test_nothing_else_gets_out(self):
        before = len(world.arrived())
        address = world.cluster.outside_address
        for what, command in (("another path", f"{GET} http://{OUTSIDE}/other"),
                              ("another method", f"{GET} -X DELETE {ALLOWED}/x"),
                              ("another name", f"{GET} http://{OTHER}/allowed/x"),
                              ("a bare address", f"{GET} --noproxy '*' http://{address}/allowed/x"),
                              ("another program", f"busybox wget -T 5 -O - {ALLOWED}/x"),
                              ("another port", f"busybox nc -w 3 {address} 5432 </dev/null"),
                              ("the API server", f"{GET} -k https://10.96.0.1/"),
                              ("the kubelet", f"{GET} -k https://10.99.0.1:10250/"),
                              ("the metadata address", f"{GET} http://169.254.169.254/"),
                              ("a nameserver", f"busybox nslookup -type=a {OTHER} 10.96.0.10")):
            for name in ("app", "second", "native"):
                with self.subTest(what=what, container=name):
                    self.assertNotRegex(self.inside(self.pod, command, name).stdout,
                                        f"200|401|{OUTSIDE_TOKEN}|{address}")
        self.assertEqual(world.arrived()[before:], [])

    def test_a_refusal_tells_the_program_and_why(self):
        answer = self.inside(self.pod, f"curl -sS -m 10 http://{OUTSIDE}/told")
        self.assertIn("/told", answer.stdout)
        said = [e for e in self.refusals(self.pod) if e.get("path") == "/told"]
        self.assertTrue(said, self.refusals(self.pod))
        self.assertTrue(said[0]["reason"])
        self.assertIn("curl", said[0]["binary"])

    def test_an_init_container_gets_out_by_policy_alone(self):
        self.assertEqual(self.inside(self.pod, "cat /data/fetched").stdout, "200200403")

    def test_containers_share_localhost(self):
        for container, port, name in (("app", 9090, "second"), ("app", 9091, "native"), ("second", 8080, "app")):
            answer = self.inside(self.pod, f"curl -sS -m 5 http://127.0.0.1:{port}/", container)
            self.assertEqual(answer.stdout, f"{name}\n", answer.stderr)

    def test_no_container_of_the_users_has_any_privilege(self):
        for name in ("app", "second", "native"):
            done = self.inside(self.pod, PRIVILEGE, name)
            self.assertEqual(done.stdout.split(), ["1000", "1000", "0" * 16, "1", "2"], done.stderr)

    def test_no_ephemeral_container_comes_in_as_root_or_as_the_proxy(self):
        for user in (0, 1337):
            with self.subTest(user=user):
                late = container() | {"name": f"late{user}", "securityContext": {"runAsUser": user}}
                done = self.kubectl("patch", "pod", self.pod, "--subresource=ephemeralcontainers", "--patch",
                                    json.dumps({"spec": {"ephemeralContainers": [late]}}), check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("[OSW0", done.stderr)
                self.assertNotIn("ephemeralContainers", self.get("pod", self.pod)["spec"])

    def test_status_tells_what_is_enforced(self):
        for name in ("app", "second", "native"):
            done = self.kubectl("exec", self.pod, f"--container={name}", "--", AGENT, "status", check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            told = json.loads(done.stdout)
            self.assertEqual((told["topology"], told["live"]["confined"], told["network"]["fence"]["holds"],
                              told["network"]["worker"]["ready"]), ("sidecar", True, True, True))

    def test_the_images_of_our_containers_cannot_be_changed(self):
        for name in (FENCE, PROXY):
            done = self.kubectl("set", "image", f"pod/{self.pod}", f"{name}=evil", check=False)
            self.assertIn("[OSW039]", done.stderr)

    def test_our_containers_come_first(self):
        names = [c["name"] for c in self.get("pod", self.pod)["spec"]["initContainers"]]
        self.assertEqual(names, [FENCE, PROXY, "fetch", "native"])

    def test_a_rolling_update_keeps_serving(self):
        before = self.pod
        self.kubectl("set", "env", "deployment/web", "--containers=app", "VERSION=2")
        failures = []
        for _ in range(20):
            answer = self.ask_service()
            failures += [answer.stderr] if answer.stdout != "app\n" else []
        self.await_ready("deployment/web")
        await_that("the old pod is gone", lambda: self.kubectl("get", "pod", before, check=False).returncode != 0)
        type(self).pod = self.pod_of("web")
        self.assertEqual(failures, [])


class Deaths(SidecarCase):
    def kill(self, pod_name: str, container: str) -> None:
        """All processes of the container at once, as the kernel does when it is out of memory."""
        whole = self.status_of(pod_name, container)["containerID"].rpartition("/")[2]
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if whole in (place / "cgroup").read_text():
                    os.kill(int(place.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass

    def test_a_killed_proxy_lets_nothing_out_and_traffic_resumes_with_the_same_authority(self):
        address = world.cluster.outside_address
        loads = (f"{GET} {ALLOWED}/load", f"{GET} --noproxy '*' {ALLOWED}/load",
                 f"{GET} --noproxy '*' --resolve {OUTSIDE}:80:{address} http://{OUTSIDE}/undecided",
                 f"busybox wget -T 1 -q -O - http://{address}/undecided",
                 f"echo undecided | busybox nc -u -w 1 {address} 80")
        script = "".join(f"while :; do {load}; done >/dev/null 2>&1 & " for load in loads) + "wait"
        self.apply(deployment("load", sh("app", script), annotations=CHOICE))
        self.await_ready("deployment/load")
        name = self.pod_of("load")
        arrived = len(world.arrived())
        await_that("the load arrives", lambda: len(world.arrived()) > arrived)
        authority = self.inside(name, "cat /etc/openshell-tls/openshell-ca.pem").stdout
        self.assertIn("BEGIN CERTIFICATE", authority)
        for times in (1, 2):
            self.kill(name, PROXY)
            await_that("the proxy is started anew", lambda: self.status_of(name, PROXY)["restartCount"] == times and
                       self.status_of(name, PROXY)["started"])
            self.assertEqual(self.code(name, f"{ALLOWED}/again"), "200")
        self.assertEqual(self.inside(name, "cat /etc/openshell-tls/openshell-ca.pem").stdout, authority)
        self.assertEqual(self.status_of(name, "app")["restartCount"], 0)
        self.assertEqual({a["path"] for a in world.arrived()[arrived:]}, {"/allowed/load", "/allowed/again"})


class Finished(SidecarCase):
    def test_a_job_completes_with_what_its_workload_said(self):
        def job(name: str, script: str) -> dict:
            template = {"metadata": {"annotations": CHOICE},
                        "spec": {"restartPolicy": "Never", "containers": [sh("app", script)]}}
            return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "labels": {"app": name}},
                    "spec": {"backoffLimit": 0, "template": template}}
        self.apply(job("good", f"test $({GET} {ALLOWED}/job) = 200"), job("bad", "exit 7"))
        self.kubectl("wait", "--for=condition=Complete", "job/good", "--timeout=60s")
        self.kubectl("wait", "--for=condition=Failed", "job/bad", "--timeout=60s")
        pods = json.loads(self.kubectl("get", "pods", "--selector=job-name=bad", "--output=json").stdout)["items"]
        self.assertEqual([s["state"]["terminated"]["exitCode"] for s in pods[0]["status"]["containerStatuses"]], [7])

    def test_a_pod_that_asks_for_privilege_is_refused_with_the_reason(self):
        for code, context in (("OSW031", {"capabilities": {"add": ["NET_RAW"]}}), ("OSW017", {"privileged": True}),
                              ("OSW086", {"runAsUser": 0}), ("OSW087", {"allowPrivilegeEscalation": True})):
            with self.subTest(context=context):
                bad = pod("bad", annotations=CHOICE)
                bad["spec"]["containers"][0]["securityContext"] = context
                done = self.apply(bad, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"[{code}]", done.stderr)


class Counted(SidecarCase):
    """What Kubernetes itself makes of the containers that we add."""

    AMOUNTS = {"requests": {"cpu": "60m", "memory": "64Mi"}, "limits": {"cpu": "60m", "memory": "64Mi"}}

    def dry(self, manifest: dict) -> dict:
        return json.loads(self.kubectl("create", "-f", "-", "--dry-run=server", "--output=json",
                                       text=json.dumps(manifest)).stdout)

    def test_a_guaranteed_pod_stays_guaranteed(self):
        made = self.dry(pod("x", annotations=CHOICE, containers=[container(resources=self.AMOUNTS)]))
        self.assertEqual(made["status"]["qosClass"], "Guaranteed")

    def test_a_limit_range_fills_in_for_the_users_container_and_not_for_ours(self):
        before = self.dry(pod("x", annotations=CHOICE))["spec"]
        self.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "defaults"}, "spec": {"limits": [
            {"type": "Container", "default": {"cpu": "70m", "memory": "70Mi"},
             "defaultRequest": {"cpu": "60m", "memory": "60Mi"}}]}})
        self.addCleanup(self.kubectl, "delete", "limitrange", "defaults")

        def limited() -> dict:
            return self.dry(pod("x", annotations=CHOICE))["spec"]
        await_that("the LimitRange counts", lambda: limited()["containers"][0].get("resources"))
        after = limited()
        self.assertEqual(after["containers"][0]["resources"]["limits"], {"cpu": "70m", "memory": "70Mi"})
        self.assertEqual([c["resources"]["limits"] for c in after["initContainers"]],
                         [c["resources"]["limits"] for c in before["initContainers"]])

    def test_a_quota_counts_the_proxy_and_tells_where_it_does_not_fit(self):
        self.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
                    "spec": {"hard": {"requests.cpu": "100m"}}})
        self.addCleanup(self.kubectl, "delete", "quota", "q")
        await_that("the quota is counted", lambda: "hard" in self.get("quota", "q").get("status", {}))
        large = pod("large", annotations=CHOICE, containers=[container(resources=self.AMOUNTS)])
        refused = self.kubectl("create", "-f", "-", "--dry-run=server", text=json.dumps(large), check=False)
        self.assertIn("exceeded quota: q", refused.stderr)
        small = {"requests": {"cpu": "40m"}}
        self.dry(pod("small", annotations=CHOICE, containers=[container(resources=small)]))


class Names(SidecarCase):
    """Who says where a name leads that the policy allows."""

    def test_an_alias_leads_an_allowed_name_elsewhere_and_a_locked_policy_does_not_let_it(self):
        alias = [{"ip": world.cluster.outside_address, "hostnames": [OUTSIDE, "alias.invalid"]}]
        self.apply(pod("aliased", annotations=CHOICE, hostAliases=alias))
        self.await_ready("pod/aliased")
        self.assertEqual(self.code("aliased", f"{ALLOWED}/aliased"), "200")
        world.kubectl("annotate", "namespace", self.namespace, "openshell.io/locked=openshell.io/policy",
                      "openshell.io/policy=policy")
        self.addCleanup(world.kubectl, "annotate", "namespace", self.namespace, "openshell.io/locked-",
                        "openshell.io/policy-")

        def refusal(**spec) -> str:
            locked = pod("x", annotations={"openshell.io/topology": "sidecar"}, **spec)
            return self.kubectl("create", "-f", "-", "--dry-run=server", text=json.dumps(locked), check=False).stderr
        await_that("the lock counts", lambda: "[OSW090]" in refusal(hostAliases=alias))
        self.assertIn("[OSW090]", refusal(dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"]}))
        self.assertIn("[OSW090]", refusal(dnsConfig={"searches": ["example.org"]}))
        self.assertEqual(refusal(dnsConfig={"options": [{"name": "ndots", "value": "2"}]}), "")


class TooOld(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.cluster or world.cluster.release.since(29):
            raise machine_lacks("a Kubernetes older than 1.29: K8S names a newer one")
        super().setUpClass()

    def test_a_kubernetes_without_native_sidecars_is_refused_by_its_version(self):
        # Of the answer this old a kubectl says no more than that it is no, but for its log.
        done = self.kubectl("create", "-v=8", "-f", "-", text=json.dumps(pod("old", annotations=CHOICE)), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"Kubernetes is {world.cluster.release.name}", done.stderr)
