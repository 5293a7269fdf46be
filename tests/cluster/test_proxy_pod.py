# SPDX-License-Identifier: Apache-2.0
"""Topology proxy-pod on a real Kubernetes whose network enforces NetworkPolicies: plain Deployments come up behind
proxies of their own, get out by policy alone, and leave nothing behind."""
import json
import os
import threading

from fixture import (CHART, CLIENTS, NAME, OTHER, OUTSIDE, POLICY, RELEASE, ClusterCase, await_that, config_map, container,
                     deployment, pod, world)
import images
import machine
from runner import machine_lacks

CHOICE = {"openshell.io/topology": "proxy-pod", "openshell.io/policy": "policy", "openshell.io/binary-identity": "relaxed"}
GET = "curl -sS -m 10 -o /dev/null -w '%{http_code}'"
ALLOWED = f"http://{OUTSIDE}/allowed"
REPLICAS = int(os.environ.get("REPLICAS", "6"))
ROLE, ID = "openshell.io/sandbox-role", "openshell.io/sandbox-id"
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

    def all_companions(self) -> set[str]:
        """Those that are there, as KIND/NAME."""
        found = set()
        for kind, prefixes in COMPANIONS.items():
            names = [name.split("/")[1] for name in self.kubectl("get", kind, "--output=name").stdout.split()]
            found |= {f"{kind}/{name}" for name in names if name.startswith(prefixes)}
        return found

    def companions(self, uid: str) -> set[str]:
        return self.all_companions() & self.all_of(uid)

    def all_of(self, uid: str) -> set[str]:
        return {f"{kind}/{prefix}{uid}" for kind, prefixes in COMPANIONS.items() for prefix in prefixes}


class Proxies:
    """Follows the pods of a namespace for as long as the block lasts. `wrong` has each moment at which an agent pod of
    `app` on its node had not one proxy that is to stay, or any other had two."""

    def __init__(self, namespace: str, app: str):
        self._app, self._agents, self._proxies = app, {}, {}
        self.wrong, self.most = [], 0
        self._watch = world.popen("get", "--raw", f"/api/v1/namespaces/{namespace}/pods?watch=1")
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> "Proxies":
        self._thread.start()
        return self

    def __exit__(self, *_exc) -> None:
        self._watch.terminate()
        self._thread.join()
        self._watch.communicate()

    def _follow(self) -> None:
        for line in self._watch.stdout:
            if not line.endswith("\n"):  # The watch was ended.
                break
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                self._take(event["object"], event["type"] == "DELETED")
                self._judge()

    def _take(self, item: dict, is_gone: bool) -> None:
        labels, uid = item["metadata"].get("labels", {}), item["metadata"]["uid"]
        stays = not is_gone and "deletionTimestamp" not in item["metadata"]
        if labels.get(ROLE) == "supervisor":
            self._proxies[uid] = labels[ID] if stays else None
        elif labels.get("app") == self._app:
            self._agents[uid] = stays and "nodeName" in item["spec"]

    def _judge(self) -> None:
        serving = [agent for agent in self._proxies.values() if agent]
        self.most = max(self.most, sum(self._agents.values()))
        self.wrong += [f"{agent}: {serving.count(agent)}" for agent, runs in self._agents.items()
                       if serving.count(agent) > 1 or (runs and not serving.count(agent))]


class ProxyPod(PairCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
        app = sh("app", f"{serving('hidden', 9090).replace('exec ', '')} & {serving('app', 8080)}",
                 ports=[{"containerPort": 8080}], readinessProbe=probe)
        case.apply(deployment("web", app, annotations=CHOICE),
                   {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                    "spec": {"selector": {"app": "web"}, "ports": [{"name": "web", "port": 80, "targetPort": 8080},
                                                                  {"name": "hidden", "port": 81, "targetPort": 9090}]}})
        case.await_ready("deployment/web")
        cls.pod = case.pod_of("web")
        # As they were before a test deletes them.
        cls.made = {item["metadata"]["name"]: item["metadata"]["creationTimestamp"] for item in json.loads(
            case.kubectl("get", "networkpolicy", "--output=json").stdout)["items"]}
        world.kubectl("run", "caller", "--namespace=default", f"--image={CLIENTS}", "--image-pull-policy=IfNotPresent",
                      "--command", "--", "sleep", "infinity")
        world.kubectl("wait", "--namespace=default", "--for=condition=Ready", "pod/caller", "--timeout=60s")
        cls.addClassCleanup(world.kubectl, "delete", "pod", "caller", "--namespace=default", "--now")

    def call(self, *options: str) -> str:
        """From a pod of another namespace, which nobody sandboxed: the status, "000" where nothing answers."""
        return world.kubectl("exec", "--namespace=default", "caller", "--", "sh", "-c",
                             f"{GET} -m 5 {' '.join(options)}", check=False).stdout

    def test_a_deployment_serves_and_gets_out_by_policy_alone(self):
        self.assertEqual(self.code(self.pod, f"{ALLOWED}/x"), "200")
        self.assertEqual(self.code(self.pod, f"http://{OUTSIDE}/other"), "403")
        self.assertEqual(self.code(self.pod, f"http://{OTHER}/allowed/x"), "403")
        self.assertEqual(self.call(f"http://web.{self.namespace}/"), "200")

    def test_what_it_does_not_declare_reaches_nobody(self):
        self.assertEqual(self.call(f"http://web.{self.namespace}:81/"), "000")

    def test_past_its_proxy_nothing_is_reached(self):
        outside = world.kubectl("exec", "--namespace=default", "caller", "--", "curl", "-s", "-o", "/dev/null",
                                "-w", "%{remote_ip}", f"http://{OUTSIDE}/").stdout
        self.assertEqual(self.call(f"http://{outside}/allowed/x"), "200")
        for what in (f"http://{outside}/allowed/x", "https://$KUBERNETES_SERVICE_HOST/version",
                     f"http://{OUTSIDE}/allowed/x"):
            with self.subTest(what):
                self.assertEqual(self.code(self.pod, f"--noproxy '*' -k -m 3 {what}"), "000")

    def test_another_pod_reaches_the_proxy_not_even_with_its_credentials(self):
        url = self.get("pod", self.pod)["metadata"]["annotations"]["openshell.io/proxy-url"]
        self.assertEqual(self.call("-x", url, f"{ALLOWED}/x"), "000")
        supervisor = self.kubectl("get", "pods", "--selector=openshell.io/sandbox-role=supervisor", "--output=json").stdout
        address = json.loads(supervisor)["items"][0]["status"]["podIP"]
        self.assertEqual(self.call("-x", f"http://{address}:3128", f"{ALLOWED}/x"), "000")

    def test_neither_pod_has_a_privilege_a_token_or_the_key_of_the_other(self):
        pods = json.loads(self.kubectl("get", "pods", "--output=json").stdout)["items"]
        for item in pods:
            for one in item["spec"]["containers"] + item["spec"].get("initContainers", []):
                security = one["securityContext"]
                self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                self.assertIs(security["allowPrivilegeEscalation"], False)
            self.assertIs(item["spec"]["automountServiceAccountToken"], False)
        agent = self.get("pod", self.pod)["spec"]
        self.assertFalse([volume for volume in agent["volumes"] if "secret" in volume or "projected" in volume])
        trusted = self.inside(self.pod, "cat /etc/openshell-tls/*").stdout
        self.assertIn("BEGIN CERTIFICATE", trusted)
        self.assertNotIn("PRIVATE KEY", trusted)

    def test_it_is_closed_before_it_may_be_scheduled_and_bound_in_one_change(self):
        item = self.get("pod", self.pod)
        scheduled = next(c for c in item["status"]["conditions"] if c["type"] == "PodScheduled")["lastTransitionTime"]
        uid = item["metadata"]["uid"]
        for name in ("openshell-agent-closed", f"os-eg-{uid}", f"os-ing-{uid}"):
            self.assertLessEqual(self.made[name], scheduled)
        bound = [entry for entry in json.loads(self.kubectl("get", "pod", self.pod, "--output=json",
                                                            "--show-managed-fields").stdout)["metadata"]["managedFields"]
                 if entry["manager"] == NAME]
        self.assertEqual(len(bound), 1)

    def test_it_has_its_companions_and_each_comes_back(self):
        uid = self.uid(self.pod)
        self.assertEqual(self.companions(uid), self.all_of(uid))
        for kind in ("networkpolicy", "service", "deployment"):
            for prefix in COMPANIONS[kind]:
                with self.subTest(kind=kind, prefix=prefix):
                    self.kubectl("delete", kind, prefix + uid, "--wait=false")
                    await_that("it comes back", lambda: f"{kind}/{prefix}{uid}" in self.companions(uid))
        await_that("it gets out again", lambda: self.code(self.pod, f"{ALLOWED}/x") == "200")
        self.kubectl("delete", "secret", f"os-ca-{uid}")
        self.kubectl("delete", "pods", "--selector=openshell.io/sandbox-role=supervisor", "--wait=false")
        await_that("the Secret comes back", lambda: f"secret/os-ca-{uid}" in self.companions(uid))
        await_that("it gets out again", lambda: self.code(self.pod, f"{ALLOWED}/x") == "200")

    def proxies_of(self, pod_name: str) -> list[dict]:
        selector = f"openshell.io/sandbox-role=supervisor,openshell.io/sandbox-id={self.uid(pod_name)}"
        return json.loads(self.kubectl("get", "pods", f"--selector={selector}", "--output=json").stdout)["items"]

    def proxy_of(self, pod_name: str) -> dict:
        """The one that serves, once no other is still ending."""
        await_that("there is one proxy", lambda: len(self.proxies_of(pod_name)) == 1)
        (proxy,) = self.proxies_of(pod_name)
        self.await_ready(f"pod/{proxy['metadata']['name']}")
        return proxy

    def test_no_request_fails_while_the_release_gets_another_agent_and_is_rolled_back(self):
        self.addCleanup(world.restore)
        newer = images.AGENT_IMAGE.rpartition(":")[0] + ":newer"
        world.cluster.tag_image(images.AGENT_IMAGE, newer)
        before = self.proxy_of(self.pod)["metadata"]["uid"]
        await_that("its Service leads to it", lambda: self.code(self.pod, f"{ALLOWED}/x") == "200")
        asking = world.popen("exec", f"--namespace={self.namespace}", self.pod, "--container=app", "--", "sh", "-c",
                             f"until test -e /tmp/stop; do {GET} {ALLOWED}/x; echo; sleep 0.1; done")
        world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set", "images.agent.tag=newer", "--wait", "--timeout=2m")
        self.apply(deployment("newer", sh("app", "exec sleep infinity"), annotations=CHOICE))
        self.await_ready("deployment/newer")
        self.assertEqual(self.proxy_of(self.pod_of("newer"))["spec"]["containers"][0]["image"], newer)
        world.helm("rollback", RELEASE, "--wait", "--timeout=2m")
        await_that("it is told to stop", lambda: self.inside(self.pod, "touch /tmp/stop").returncode == 0)
        codes = asking.communicate(timeout=60)[0].split()
        self.assertGreater(len(codes), 20)
        self.assertEqual(set(codes), {"200"})
        self.assertEqual(self.proxy_of(self.pod)["metadata"]["uid"], before)
        self.assertEqual(self.code(self.pod_of("newer"), f"{ALLOWED}/x"), "200")
        self.kubectl("delete", "deployment", "newer")


class Workloads(PairCase):
    """In a namespace that enforces PodSecurity `restricted` and closes itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        world.kubectl("label", "namespace", cls.namespace, "pod-security.kubernetes.io/enforce=restricted",
                      "openshell.io/allowed=proxy-pod.none")
        cls().apply({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny-all"},
                     "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}})

    def make_room(self) -> None:
        """For more proxies than two processors are enough for, as they ask by default."""
        world.helm("upgrade", RELEASE, CHART, "--reuse-values", "--set", "proxyPod.resources.requests.cpu=5m")
        self.addCleanup(world.restore)
        world.await_webhook()
        world.await_admission()

    def test_the_api_server_takes_both_pods_under_pod_security_restricted(self):
        plain = pod("plain", annotations={"openshell.io/topology": "none"})
        self.assertIn('violates PodSecurity "restricted', self.apply(plain, check=False).stderr)
        self.apply(pod("strict", annotations=CHOICE))
        self.await_ready("pod/strict")
        self.assertEqual(self.code("strict", f"{ALLOWED}/x"), "200")
        uid = self.uid("strict")
        self.assertEqual({item["metadata"]["labels"]["openshell.io/sandbox-role"]: item["status"]["phase"]
                          for item in json.loads(self.kubectl("get", "pods", f"--selector=openshell.io/sandbox-id={uid}",
                                                              "--output=json").stdout)["items"]},
                         {"agent": "Running", "supervisor": "Running"})
        self.kubectl("delete", "pod", "strict")

    def test_a_deployment_rolls_out_grows_and_shrinks_with_its_pairs(self):
        if REPLICAS > 8:
            self.make_room()
        with Proxies(self.namespace, "many") as proxies:
            self.apply(deployment("many", sh("app", "exec sleep infinity"), annotations=CHOICE))
            self.await_ready("deployment/many")
            self.assertEqual(self.code(self.pod_of("many"), f"{ALLOWED}/x"), "200")
            self.kubectl("scale", "deployment", "many", f"--replicas={REPLICAS}")
            self.await_ready("deployment/many", 60 + 20 * REPLICAS)
            self.kubectl("patch", "deployment", "many", "--patch", json.dumps(
                {"spec": {"template": {"metadata": {"annotations": {"example.com/x": "2"}}}}}))
            self.await_ready("deployment/many", 60 + 20 * REPLICAS)
            self.kubectl("scale", "deployment", "many", "--replicas=1")
            await_that("one pod is left", lambda: len(self.kubectl(
                "get", "pods", "--selector=app=many", "--output=name").stdout.split()) == 1)
            left = self.pod_of("many")
            await_that("one pair is left", lambda: self.all_companions() == self.all_of(self.uid(left)))
            self.assertEqual(self.code(left, f"{ALLOWED}/x"), "200")
            self.kubectl("delete", "deployment", "many")
            await_that("none is left", lambda: self.all_companions() == set())
        self.assertEqual(proxies.wrong[:5], [])
        self.assertGreaterEqual(proxies.most, REPLICAS)

    def test_a_job_ends_and_gives_its_companions_back_while_it_is_there(self):
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
               "spec": {"template": {"metadata": {"labels": {"app": "once"}, "annotations": CHOICE},
                                     "spec": {"restartPolicy": "Never", "containers": [
                                         sh("app", f"test $({GET} {ALLOWED}/job) = 200")]}}}}
        self.apply(job)
        waited = self.kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=120s", check=False)
        self.assertEqual(waited.returncode, 0, waited.stderr + self.kubectl("get", "events").stdout[-2000:])
        uid = self.uid(self.pod_of("once"))
        await_that("given back", lambda: self.companions(uid) == set())
        self.assertEqual(self.uid(self.pod_of("once")), uid)
        self.assertEqual(self.get("job", "once")["status"]["succeeded"], 1)
        self.kubectl("delete", "job", "once")

    def test_a_stateful_pod_of_the_same_name_has_a_pair_of_its_own(self):
        made = deployment("db", sh("app", "exec sleep infinity"), annotations=CHOICE)
        made["kind"] = "StatefulSet"
        made["spec"]["serviceName"] = "db"
        self.apply(made)
        await_that("the first", lambda: self.kubectl("get", "pod", "db-0", check=False).returncode == 0)
        self.await_ready("pod/db-0")
        first = self.uid("db-0")
        url = self.get("pod", "db-0")["metadata"]["annotations"]["openshell.io/proxy-url"]
        self.kubectl("delete", "pod", "db-0")
        await_that("the second", lambda: self.kubectl("get", "pod", "db-0", check=False).returncode == 0)
        self.await_ready("pod/db-0")
        self.assertNotEqual(self.uid("db-0"), first)
        self.assertNotEqual(self.get("pod", "db-0")["metadata"]["annotations"]["openshell.io/proxy-url"], url)
        self.assertEqual(self.code("db-0", f"{ALLOWED}/x"), "200")
        await_that("the first one's companions go", lambda: self.companions(first) == set())
        self.kubectl("delete", "statefulset", "db")

    def test_while_it_ends_it_is_served_and_closed_and_then_nothing_is_left(self):
        hook = {"preStop": {"exec": {"command": ["sleep", "8"]}}}
        self.apply(deployment("slow", sh("app", "exec sleep infinity", lifecycle=hook), annotations=CHOICE,
                              terminationGracePeriodSeconds=20))
        self.await_ready("deployment/slow")
        name = self.pod_of("slow")
        uid = self.uid(name)
        self.kubectl("delete", "deployment", "slow", "--wait=false")
        await_that("it is ending", lambda: "deletionTimestamp" in self.get("pod", name)["metadata"])
        self.assertEqual(self.code(name, f"{ALLOWED}/x"), "200")
        self.assertEqual(self.code(name, "--noproxy '*' -k -m 3 https://$KUBERNETES_SERVICE_HOST/version"), "000")
        await_that("nothing is left", lambda: self.companions(uid) == set())
        self.assertIn("openshell-agent-closed", self.kubectl("get", "networkpolicy", "--output=name").stdout)


class Node(PairCase):
    """What becomes of pairs where their node is emptied, or cut off."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        case.apply(deployment("moved", sh("app", "exec sleep infinity"), annotations=CHOICE))
        case.await_ready("deployment/moved")

    def drain(self, selector: str) -> None:
        self.addCleanup(world.kubectl, "uncordon", machine.NODE)
        world.kubectl("drain", machine.NODE, "--delete-emptydir-data", "--timeout=60s", f"--pod-selector={selector}")

    def await_served(self) -> str:
        self.await_ready("deployment/moved")
        name = self.pod_of("moved")
        await_that("it gets out", lambda: self.code(name, f"{ALLOWED}/x") == "200")
        return name

    def state(self, selector: str) -> list[tuple[str, bool]]:
        """Of each pod that is to stay: its phase, and whether it has a node."""
        items = json.loads(self.kubectl("get", "pods", f"--selector={selector}", "--output=json").stdout)["items"]
        return [(i["status"]["phase"], "nodeName" in i["spec"]) for i in items if "deletionTimestamp" not in i["metadata"]]

    def test_a_proxy_that_is_evicted_comes_back_and_its_agent_pod_waits_closed(self):
        name = self.await_served()
        proxy = f"{ROLE}=supervisor,{ID}={self.uid(name)}"
        self.drain(proxy)
        await_that("the next waits for a node", lambda: self.state(proxy) == [("Pending", False)])
        for what in (f"{ALLOWED}/x", "--noproxy '*' -k -m 3 https://$KUBERNETES_SERVICE_HOST/version"):
            self.assertEqual(self.code(name, what), "000")
        world.kubectl("uncordon", machine.NODE)
        self.assertEqual(self.await_served(), name)

    def test_an_agent_pod_that_is_evicted_starts_anew_with_a_pair_of_its_own(self):
        first = self.uid(self.await_served())
        self.drain("app=moved")
        await_that("the next waits behind its gate", lambda: self.state("app=moved") == [("Pending", False)])
        await_that("the first one's companions go", lambda: self.companions(first) == set())
        spec = self.get("pod", self.pod_of("moved"))["spec"]
        self.assertEqual(spec["schedulingGates"], [{"name": "openshell.io/proxy-ready"}])
        world.kubectl("uncordon", machine.NODE)
        self.assertNotEqual(self.uid(self.await_served()), first)

    def test_nothing_is_left_of_a_pod_that_is_deleted_by_force_while_its_node_is_cut_off(self):
        name = self.await_served()
        uid = self.uid(name)
        world.cluster.stop_kubelet()
        self.addCleanup(world.cluster.start_kubelet)
        self.kubectl("delete", "pod", name, "--force", "--grace-period=0")
        await_that("its companions go", lambda: self.companions(uid) == set())
        self.assertTrue(world.cluster.runs(uid))
        world.cluster.start_kubelet()
        await_that("its containers end", lambda: not world.cluster.runs(uid))
        await_that("its proxy goes", lambda: not self.kubectl("get", "pods", f"--selector={ID}={uid}", "--output=name").stdout)
        self.assertNotEqual(self.uid(self.await_served()), uid)


class Refused(PairCase):
    def test_a_pod_whose_proxy_a_quota_forbids_waits_and_says_so(self):
        self.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "x"}, "spec": {"hard": {
            "count/deployments.apps": "0"}}})
        self.apply(pod("waits", annotations=CHOICE))
        await_that("it is told", lambda: "exceeded quota" in self.kubectl(
            "get", "events", "--field-selector=involvedObject.name=waits,reason=ProxyPodFailed").stdout)
        self.kubectl("delete", "resourcequota", "x")
        self.await_ready("pod/waits")

    def test_where_somebody_elses_policy_opens_agent_pods_they_wait(self):
        self.make_namespace("t-refused-open", None)
        self.addCleanup(world.kubectl, "delete", "namespace", "t-refused-open", "--wait=false")
        own, self.namespace = self.namespace, "t-refused-open"
        try:
            policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "open"},
                      "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}}
            self.apply(policy, config_map("policy", POLICY))
            world.kubectl("label", "namespace", "t-refused-open", "openshell.io/injection=enabled")
            await_that("it is admitted", lambda: self.apply(pod("waits", annotations=CHOICE), check=False).returncode == 0)
            await_that("it is told", lambda: "'open' opens agent pods" in self.kubectl(
                "get", "events", "--field-selector=involvedObject.name=waits,reason=ProxyPodNetworkOpen").stdout)
            self.kubectl("delete", "networkpolicy", "open")
            self.await_ready("pod/waits")
        finally:
            self.namespace = own
