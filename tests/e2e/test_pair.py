# SPDX-License-Identifier: Apache-2.0
"""A whole pair of topology proxy-pod, played by podman: the pod as the webhook rewrites it and what `companions` says
that the controller makes for it, each command line and each policy as it is rendered."""
import base64
import contextlib
import json
import os
import pathlib
import re
import tempfile
import threading
import unittest

import admission
import fixture
import images
from fixture import AGENT_PATH, OUT, world
from internet import HERE
from netplay import Capture
from node import API, Node
from pairing import CLUSTER_IP, OPTIONS, Pair, bound, less_patient
from podman import PodError
from rig import describe

CONTAINER, INIT = "openshell-supervisor-network", "openshell-supervisor-install"
SANDBOX, PROXY_UID = 1000, 1337
POLICY = """
version: 1
network_policies:
  api:
    endpoints: [{host: api.test, port: 443, protocol: rest, access: read-only}]
"""
NAMES = {"api.test": [HERE], "other.test": [HERE]}
PROXY = f"http://{CLUSTER_IP}:3128"
CURL = ("curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code} %{http_connect}")


class Cluster:
    """A node, and pods that the webhook admits to it."""

    def __init__(self, cleanup):
        images.ensure(world.podman, OUT, images.CLIENTS)
        self._cleanup = cleanup
        self.node = Node(NAMES)
        cleanup(self.node.__exit__, None, None, None)
        folder = tempfile.TemporaryDirectory()
        cleanup(folder.cleanup)
        self._webhook = admission.Webhook(OUT / "openshell-webhook", pathlib.Path(folder.name), images.AGENT_IMAGE,
                                          [fixture.NAMESPACE], OPTIONS)
        cleanup(self._webhook.stop)

    def admitted(self, image: str = images.CLIENTS, command: list[str] = ("/bin/sleep", "600"), **fields) -> dict:
        images.ensure(world.podman, OUT, image)
        pod = fixture.pod(image, list(command), annotations={
            "openshell.io/topology": "proxy-pod", "openshell.io/policy": fixture.POLICY_NAME}, **fields)
        pod["metadata"]["generateName"] = "work-"
        submitted = admission.defaulted(pod)
        return admission.apply(submitted, self._webhook.mutate(submitted))

    def pair(self, address: str = CLUSTER_IP, **fields) -> Pair:
        made = Pair(world.podman, self.node, OUT / "openshell-webhook", images.AGENT_IMAGE, self.admitted(**fields),
                    [fixture.config_map(POLICY)], address)
        self._cleanup(made.__exit__, None, None, None)
        return made


class PairCase(fixture.SandboxCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to run containers")

    def curl(self, pair: Pair, *options: str) -> str:
        done = pair.agent.exec("app", [AGENT_PATH, "exec", "--", *CURL, *options], user=f"{SANDBOX}:{SANDBOX}", timeout=60)
        return done.stdout.decode() or done.stderr.decode()

    def events(self, pod, container: str) -> list[dict]:
        return [json.loads(line) for line in pod.output(container)[1].splitlines() if line.startswith(b'{"time"')]


class Served(PairCase):
    """One pair for all tests that leave it as it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.cluster = Cluster(cls.addClassCleanup)
            cls.pair = cls.cluster.pair(ports=[{"containerPort": 8080}])
            cls.pair.fence()
            cls.pair.start_proxy()
            cls.pair.start_agent(watch=cls.watch)
        except BaseException:
            cls.doClassCleanups()
            raise

    @classmethod
    def watch(cls, device: str) -> None:
        cls.capture = Capture(f"/proc/{cls.cluster.node.pid}/ns/net", device)
        cls.addClassCleanup(cls.capture.close)

    def test_what_the_policy_allows_is_served_and_nothing_else(self):
        for options, expected in ((("https://api.test/x",), "200 200"), (("-X", "POST", "https://api.test/x"), "403 200")):
            with self.subTest(options=options):
                self.assertEqual(self.curl(self.pair, *options), expected)
        self.assertIn("403", self.curl(self.pair, "https://other.test/"))
        self.assertEqual({r["path"] for r in self.cluster.node.arrived() if "path" in r}, {"/x"})

    def test_nothing_leaves_the_agent_pod_but_to_its_own_proxy_and_the_proofs(self):
        for place in (f"http://{HERE}/", f"https://{API}/", "http://[2001:db8:1::1]/",
                      f"http://{self.pair.proxy_address}:15090/"):
            with self.subTest(place):
                self.assertIn("000", self.curl(self.pair, "--noproxy", "*", place))
        seen = {describe(packet) for packet in self.capture.packets(0.2)}
        tried = {f"tcp {HERE} 80", "tcp 2001:db8:1::1 80", f"tcp {self.pair.proxy_address} 15090", f"udp {HERE} 53"}
        self.assertEqual(seen - tried, {f"tcp {CLUSTER_IP} 3128", "tcp " + API.replace(":", " ")})
        self.assertNotIn("/", [r.get("path") for r in self.cluster.node.arrived()])

    def test_no_name_is_resolved(self):
        self.cluster.node.arrived()
        for command in (["nslookup", "api.test"], ["nslookup", "api.test", HERE]):
            with self.subTest(command=command):
                done = self.pair.agent.exec("app", [AGENT_PATH, "exec", "--", "busybox", *command],
                                            user=f"{SANDBOX}:{SANDBOX}", timeout=60)
                self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.cluster.node.arrived(), [])

    def test_the_proxy_serves_nobody_who_does_not_name_the_pair(self):
        for options in (("--proxy", PROXY), ("--proxy", PROXY, "--proxy-user", f"{self.pair.pod['metadata']['uid']}:guess")):
            with self.subTest(options=options):
                self.assertIn("407", self.curl(self.pair, *options, "https://api.test/"))

    def test_another_pod_does_not_reach_the_proxy(self):
        plain = fixture.pod(images.CLIENTS, ["/bin/sleep", "600"])
        with world_pod(plain) as other:
            other.start(lambda pid: self.cluster.node.wire(pid, {"app": "other"}))
            command = [*CURL, "--proxy", PROXY, "https://api.test/"]
            done = other.exec("app", command, timeout=60)
            self.assertEqual(done.returncode, 7, done)
            self.addCleanup(self.cluster.node.enforce, self.pair.policies)
            self.cluster.node.enforce([])
            self.assertIn(b"407", other.exec("app", command, timeout=60).stderr)

    def test_a_pod_that_looks_like_the_agent_pod_is_not_served(self):
        """As if nobody had refused its labels."""
        labels = {**self.pair.pod["metadata"]["labels"], **self.pair.patch["metadata"]["labels"]}
        with world_pod(fixture.pod(images.CLIENTS, ["/bin/sleep", "600"])) as other:
            other.start(lambda pid: self.cluster.node.wire(pid, labels))
            self.assertIn(b"407", other.exec("app", [*CURL, "--proxy", PROXY, "https://api.test/"], timeout=60).stderr)

    def test_the_declared_port_is_open_and_no_other(self):
        plain = fixture.pod(images.CLIENTS, ["/bin/sleep", "600"])
        self.pair.agent.exec("app", ["sh", "-c", "cd /etc && for p in 8080 8081; do httpd -p $p; done"])
        with world_pod(plain) as other:
            other.start(lambda pid: self.cluster.node.wire(pid, {"app": "other"}))
            answers = [other.exec("app", [*CURL, f"http://{self.pair.agent_address}:{port}/passwd"], timeout=60)
                       for port in (8080, 8081)]
        self.assertEqual([a.returncode for a in answers], [0, 7], answers)

    def test_the_key_of_the_authority_is_the_proxys_alone(self):
        files = base64.b64decode(self.pair.objects["os-ca"]["data"]["openshell-ca-key.pem"])
        mounted = self.pair.proxy.volume(CONTAINER, "/run/openshell-pairing") / "openshell-ca-key.pem"
        self.assertEqual((mounted.read_bytes(), mounted.stat().st_mode & 0o777, mounted.stat().st_gid),
                         (files, 0o440, PROXY_UID))
        secret = files.splitlines()[1]
        found = self.pair.agent.exec("app", ["grep", "-rsl", secret.decode(), "/etc", "/opt", "/tmp"])
        self.assertEqual((found.returncode, found.stdout), (1, b""), found)
        kept = self.pair.agent.exec("app", ["cat", "/etc/openshell-tls/openshell-ca.pem"]).stdout
        self.assertIn(b"BEGIN CERTIFICATE", kept)

    def test_the_credentials_are_in_no_event(self):
        url = self.pair.patch["metadata"]["annotations"]["openshell.io/proxy-url"]
        token = re.search(r"//[^:]*:([^@]*)@", url)[1]
        for pod, container in ((self.pair.agent, "app"), (self.pair.agent, INIT), (self.pair.proxy, CONTAINER)):
            text = b"".join(pod.output(container)).decode()
            self.assertNotIn(token, text)
            self.assertTrue(text)


class Guarded(PairCase):
    """What becomes of a pair where something is not as it should be."""

    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self.addCleanup)

    def test_a_pod_waits_behind_its_gate_until_the_patch(self):
        pair = self.cluster.pair()
        pair.patch["spec"]["schedulingGates"] = []
        with self.assertRaisesRegex(PodError, "scheduling gate"):
            pair.make_agent()

    def test_an_agent_pod_on_an_open_network_never_runs_its_workload(self):
        pair = self.cluster.pair()
        pair.fence()
        pair.start_proxy()
        self.cluster.node.enforce([])
        with self.assertRaisesRegex(PodError, "exited 124.*does not enforce NetworkPolicies"):
            pair.start_agent(less_patient)
        self.assertEqual(pair.agent.pid("app"), 0)

    def test_an_agent_pod_without_its_proxy_never_runs_its_workload(self):
        pair = self.cluster.pair()
        pair.fence()
        with self.assertRaisesRegex(PodError, f"exited 125.*{CLUSTER_IP}:3128 does not answer"):
            pair.start_agent(less_patient)

    def test_a_proxy_that_is_made_anew_serves_the_same_agent_pod(self):
        pair = self.cluster.pair()
        pair.fence()
        pair.start_proxy()
        pair.start_agent()
        self.assertEqual(self.curl(pair, "https://api.test/"), "200 200")
        pair.remove_proxy()
        self.assertNotIn("200", self.curl(pair, "https://api.test/"))
        pair.start_proxy()
        self.assertEqual(self.curl(pair, "https://api.test/"), "200 200")

    def test_a_proxy_whose_policy_is_absent_does_not_start(self):
        pair = self.cluster.pair()
        pair.configmaps = pair.configmaps[1:]
        pair.fence()
        with self.assertRaisesRegex(PodError, "the proxy did not start"):
            pair.start_proxy()
        self.assertEqual(pair.proxy.wait(CONTAINER).code, 125)

    def test_an_agent_pod_has_no_use_of_anothers_proxy(self):
        one, other = self.cluster.pair(), self.cluster.pair("10.96.7.9")
        for pair in (one, other):
            pair.fence()
            pair.start_proxy()
        one.start_agent()
        credentials = re.search("//(.*)@", one.patch["metadata"]["annotations"]["openshell.io/proxy-url"])[1]
        ask = ("--proxy", f"http://{other.address}:3128", "--proxy-user", credentials, "https://api.test/")
        self.assertIn("Failed to connect", self.curl(one, "-w", "", *ask))
        self.cluster.node.enforce([])
        self.assertIn("407", self.curl(one, *ask))
        self.cluster.node.enforce([*one.policies, *other.policies])
        self.assertEqual(self.curl(one, "https://api.test/"), "200 200")

    def test_a_workload_whose_network_opens_is_ended(self):
        """Within one round of its launcher's, which takes half a minute."""
        pair = self.cluster.pair()
        pair.fence()
        pair.start_proxy()
        pair.start_agent()
        self.assertEqual(self.curl(pair, "https://api.test/"), "200 200")
        self.cluster.node.enforce([])
        self.assertEqual(pair.agent.wait("app", 120).code, 125)
        reasons = [e["reason"] for e in self.events(pair.agent, "app") if e["event"] == "sandbox.failed"]
        self.assertRegex(reasons[0], "does not enforce NetworkPolicies")

    def test_an_enforcer_that_is_late_is_waited_for_and_nothing_else_leaves_meanwhile(self):
        pair = self.cluster.pair()
        pair.fence()
        pair.start_proxy()
        self.cluster.node.enforce([])
        proof, seen = "tcp " + API.replace(":", " "), set()

        def late(capture: Capture) -> None:
            while proof not in seen:
                seen.update(describe(packet) for packet in capture.packets())
            self.cluster.node.enforce(pair.policies)

        def watch(device: str) -> None:
            self.capture = Capture(f"/proc/{self.cluster.node.pid}/ns/net", device)
            self.addCleanup(self.capture.close)
            self.enforcer = threading.Thread(target=late, args=(self.capture,), daemon=True)
            self.enforcer.start()
        pair.start_agent(watch=watch)
        self.enforcer.join(60)
        self.assertEqual(self.curl(pair, "https://api.test/"), "200 200")
        seen.update(describe(packet) for packet in self.capture.packets(0.2))
        self.assertEqual(seen, {f"tcp {CLUSTER_IP} 3128", proof})

    def test_the_patch_of_one_pod_is_none_of_another(self):
        one, other = self.cluster.pair(), self.cluster.pair()
        with self.assertRaises(ValueError):
            bound(other.pod, one.patch)


@contextlib.contextmanager
def world_pod(plain: dict):
    """A pod without a sandbox."""
    made = fixture.SandboxCase.played(plain, None)
    try:
        yield made
    finally:
        made.remove()


if __name__ == "__main__":
    unittest.main()
