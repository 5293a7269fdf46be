# SPDX-License-Identifier: Apache-2.0
"""`openshell-webhook audit` of an API server with many pods, large ones, and every fault.

Needs neither root nor containers."""
import copy
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest

from fake_api import FakeApi, namespace, status
from test_webhook import IMAGE, PROGRAM, ROOT, Webhook, golden_pair, make_certificate

CLEAN, FOUND, USAGE, UNKNOWN = 0, 1, 2, 3
SANDBOXED = json.loads((ROOT / "tests/golden/webhook/minimal/pod.json").read_text())
PLAIN = {"metadata": {}, "spec": {"containers": [{"name": "a", "image": "a", "command": ["/app"]}]}}


def pod(name: str, made: dict = SANDBOXED, space: str = "team", **metadata) -> dict:
    made = copy.deepcopy(made)
    made["metadata"].update(name=name, namespace=space, uid=f"uid-{name}", **metadata)
    return made


class Audit(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)

    def audit(self, *options: str, image: str | None = IMAGE) -> subprocess.CompletedProcess:
        images = ["--agent-image", image] if image else []
        return subprocess.run([PROGRAM, "audit", *self.api.source, *images, *options], capture_output=True, text=True,
                              timeout=60)

    def found(self, *options: str) -> tuple[dict, dict]:
        """Reasons by pod, and the sum."""
        *lines, total = map(json.loads, self.audit("--json", *options).stdout.splitlines())
        return {line["pod"]: line["reason"] for line in lines}, total

    def asked(self) -> list[dict]:
        return [wrote[2] for wrote in self.api.wrote]

    # --- what it finds ----------------------------------------------------------------------------
    def test_a_cluster_whose_pods_are_sandboxed_is_clean(self):
        self.api.pods = [pod("a"), pod("b"), pod("c", PLAIN, "elsewhere")]
        done = self.audit()
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (CLEAN, "0 of 3 pods are not as they should be\n", ""))

    def test_each_pod_that_is_not_as_it_should_be_is_told_with_its_reason(self):
        self.api.namespaces["wrong"] = namespace("wrong", polciy="x")
        beside = pod("d-beside")
        beside["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "x"}]
        old = pod("e-old")
        old["spec"]["initContainers"][0]["image"] = "agent:old"
        self.api.pods = [
            pod("a-right"), pod("b-open", PLAIN), beside, old, pod("f-left", space="unlabelled"),
            pod("c-changed", annotations={**SANDBOXED["metadata"]["annotations"], "openshell.io/topology": "none"}),
            pod("g-static", PLAIN, annotations={"kubernetes.io/config.mirror": "x"}), pod("h-closed", space="wrong")]
        reasons, total = self.found()
        self.assertEqual(reasons, {
            "b-open": "unsandboxed", "c-changed": "altered", "d-beside": "ephemeral-container", "e-old": "outdated",
            "f-left": "unlabelled", "g-static": "static", "h-closed": "namespace"})
        self.assertEqual(total, {"pods": 8, "found": 7, "unreadable": 0})
        done = self.audit()
        self.assertEqual(done.returncode, FOUND)
        self.assertIn('team/b-open: [OSW060] unsandboxed: "[OSW050] the pod\'s ', done.stdout)
        self.assertIn("unlabelled/f-left: [OSW064] unlabelled: label the namespace again", done.stdout)

    def test_a_proxy_of_topology_proxy_pod_is_compared_with_what_its_agent_pod_gets(self):
        agent, proxy = golden_pair()
        proxy["metadata"].update(name="proxy", namespace="team")
        proxy["spec"]["nodeName"] = "node-1"
        path = f"/api/v1/namespaces/team/pods/{agent['metadata']['name']}"
        self.api.objects[path] = agent
        self.api.pods, options = [proxy], ("--proxy-pod-api", "10.96.0.1:443")
        self.assertEqual(self.found(*options)[0], {})
        proxy["spec"]["hostNetwork"] = True
        self.assertEqual(self.found(*options)[0], {"proxy": "altered"})
        del proxy["spec"]["hostNetwork"], self.api.objects[path]
        self.assertIn("OSW104", self.audit(*options).stdout)

    def test_the_owner_is_named_for_scripts(self):
        self.api.pods = [pod("a", PLAIN, ownerReferences=[{"kind": "ReplicaSet", "name": "web"}])]
        line = json.loads(self.audit("--json").stdout.splitlines()[0])
        self.assertEqual((line["namespace"], line["uid"], line["ownerKind"], line["owner"], line["code"]),
                         ("team", "uid-a", "ReplicaSet", "web", "OSW060"))

    def test_what_a_pod_is_called_cannot_break_a_line(self):
        odd = copy.deepcopy(PLAIN)
        odd["metadata"]["annotations"] = {"openshell.io/topology": 'x"\n\x1b[2J\nteam/other: fine'}
        self.api.pods = [pod("a", odd)]
        done = self.audit()
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertNotIn("\x1b", done.stdout)

    # --- many, and large --------------------------------------------------------------------------
    def test_many_pods_come_in_pages(self):
        self.api.pods = [pod(f"p{i:03}") for i in range(60)] + [pod("q", PLAIN)]
        reasons, total = self.found()
        self.assertEqual((reasons, total["pods"]), ({"q": "unsandboxed"}, 61))
        self.assertEqual([(query["limit"], query.get("continue")) for query in self.asked()],
                         [("25", None), ("25", "25"), ("25", "50")])
        self.assertEqual({query["fieldSelector"] for query in self.asked()},
                         {"status.phase!=Succeeded,status.phase!=Failed"})

    def test_one_namespace_alone_is_asked_for(self):
        self.api.pods = [pod("a", PLAIN), pod("b", PLAIN, "other")]
        self.assertEqual(self.found("--namespace", "team")[0], {"a": "unsandboxed"})
        self.assertEqual(self.api.wrote[0][1], "/api/v1/namespaces/team/pods")

    def test_a_page_of_large_pods_is_asked_for_one_by_one(self):
        self.api.pods = [pod(f"p{i:03}", PLAIN, annotations={"large": "x" * (1 << 20)}) for i in range(30)]
        reasons, _ = self.found()
        self.assertEqual(len(reasons), 30)

    def test_a_pod_that_is_too_large_hides_no_other(self):
        for what, large in (("bytes", {"large": "x" * (5 << 20)}), ("values", {f"k{i}": "" for i in range(200_000)})):
            with self.subTest(what=what):
                self.api.pods = [pod("a", PLAIN), pod("b", PLAIN, annotations=large), pod("c", PLAIN)]
                reasons, total = self.found()
                self.assertEqual(reasons, {"a": "unsandboxed", "c": "unsandboxed"})
                self.assertEqual(total["unreadable"], 1)
                self.api.pods = self.api.pods[1:2]
                done = self.audit()
                self.assertEqual(done.returncode, UNKNOWN)
                self.assertIn("1 pods are too large", done.stderr)

    def test_memory_does_not_grow_with_the_number_of_pods(self):
        def peak_kib(n: int) -> int:
            self.api.pods = [pod(f"p{i:04}") for i in range(n)]
            with subprocess.Popen([PROGRAM, "audit", *self.api.source, "--agent-image", IMAGE],
                                  stdout=subprocess.DEVNULL) as process:
                _, code, usage = os.wait4(process.pid, 0)
                process.returncode = code
            self.assertEqual(code, CLEAN)
            return usage.ru_maxrss
        few, many = peak_kib(50), peak_kib(2000)
        self.assertLess(many, few + 4096, f"{few} KiB for 50 pods, {many} KiB for 2000")

    # --- while things change ----------------------------------------------------------------------
    def test_a_namespace_that_was_labelled_meanwhile_is_not_said_to_be_unlabelled(self):
        def label_it(handler):
            self.api.change("ADDED", namespace("fresh"))
            handler.answer(200, self.api.pods_page("/api/v1/pods", {"limit": "25"}))
        self.api.pods = [pod("a", space="fresh"), pod("b", space="never"), pod("c", space="never")]
        self.api.object_faults = [("GET", "/pods", label_it)]
        self.assertEqual(self.found()[0], {"b": "unlabelled", "c": "unlabelled"})
        self.assertEqual(len(self.api.queries(watch=False)), 2)

    # --- faults -----------------------------------------------------------------------------------
    def test_what_could_not_be_asked_is_no_clean_result(self):
        forbidden = ("GET", "/pods", lambda handler: handler.answer(403, status(403, "pods is forbidden")))
        torn = ("GET", "/pods", lambda handler: handler.hang_up())
        other = ("GET", "/pods", lambda handler: handler.answer(200, b'{"kind":"Pod"}'))
        for fault, why in ((forbidden, "pods is forbidden"), (torn, ""), (other, "kind is not PodList")):
            with self.subTest(why=why):
                self.api.pods = [pod("a")]
                self.api.object_faults = [fault]
                done = self.audit()
                self.assertEqual((done.returncode, done.stdout), (UNKNOWN, ""))
                self.assertIn("openshell-webhook audit: list of pods: ", done.stderr)
                self.assertIn(why, done.stderr)
        self.api.token = "another"
        self.assertIn("list of namespaces: the API server answered 401", self.audit().stderr)

    def test_without_an_image_it_must_run_beside_the_server(self):
        done = self.audit(image=None)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("--agent-image is needed outside of the webhook's pod", done.stderr)

    def test_an_option_that_is_wrong_is_told(self):
        for options, why in ((("x",), "unexpected 'x'"), (("--namespaec", "x"), "--namespaec"),
                             (("--default-topology", "x"), "--default-topology")):
            done = self.audit(*options)
            self.assertEqual(done.returncode, USAGE)
            self.assertIn(why, done.stderr)


class Loop(unittest.TestCase):
    """The same in the server."""

    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)

    def start(self, seconds: int = 1) -> Webhook:
        with tempfile.TemporaryDirectory() as folder:
            make_certificate(pathlib.Path(folder), "first")
            webhook = Webhook(source=self.api.source, certificate=[
                "--tls-cert", f"{folder}/tls.crt", "--tls-key", f"{folder}/tls.key",
                "--service", "openshell-webhook.openshell-system", "--audit-seconds", str(seconds)])
        self.addCleanup(webhook.stop)
        return webhook

    def page(self, webhook: Webhook) -> str:
        return webhook.plain("GET", "/metrics")[1]

    def await_that(self, what: str, holds, *webhooks: Webhook) -> None:
        until = time.monotonic() + 30
        while not holds():
            if time.monotonic() > until:
                self.fail("\n".join([what, *(webhook.log.read_text() for webhook in webhooks)]))
            time.sleep(0.05)

    def await_round(self, webhook: Webhook, count: int = 1) -> dict:
        def rounds() -> list[dict]:
            return [event for event in webhook.events() if event["event"] == "audit.done"]
        self.await_that("no audit", lambda: len(rounds()) >= count, webhook)
        return rounds()[-1]

    def told(self) -> list[dict]:
        """The Events that were made."""
        return [wrote[4] for wrote in self.api.wrote if wrote[0] == "POST" and wrote[1].endswith("/events")]

    def test_what_is_found_is_told_in_the_log_in_metrics_and_in_events(self):
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u-web", "controller": True}
        old = pod("old")
        old["spec"]["initContainers"][0]["image"] = "agent:old"
        self.api.pods = [pod("right"), pod("open", PLAIN, ownerReferences=[owner]), old]
        webhook = self.start()
        done = self.await_round(webhook, 2)
        self.assertEqual((done["pods"], done["found"], done["unreadable"]), (3, 2, 0))
        page = self.page(webhook)
        self.assertIn('openshell_webhook_audit_pods{reason="unsandboxed"} 1\n', page)
        self.assertIn('openshell_webhook_audit_pods{reason="outdated"} 1\n', page)
        self.assertIn('openshell_webhook_audit_pods{reason="altered"} 0\n', page)
        self.assertEqual(webhook.metric("audit_pods_seen"), 3)
        self.assertAlmostEqual(webhook.metric("audit_last_seconds"), time.time(), delta=60)
        found = [event for event in webhook.events() if event["event"] == "audit.found"]
        self.assertEqual({(e["namespace"], e["name"], e["code"], e["what"]) for e in found},
                         {("team", "open", "OSW060", "unsandboxed"), ("team", "old", "OSW065", "outdated")})
        # Once, however often it is found; what is only outdated, never.
        events = {(e["involvedObject"]["kind"], e["involvedObject"]["name"]): e for e in self.told()}
        self.assertEqual(set(events), {("Pod", "open"), ("ReplicaSet", "web")})
        self.assertEqual(len(self.told()), 2)
        self.assertEqual(events["Pod", "open"]["involvedObject"]["uid"], "uid-open")
        self.assertEqual(events["ReplicaSet", "web"]["metadata"]["namespace"], "team")
        self.assertIn("[OSW060] unsandboxed: [OSW050]", events["Pod", "open"]["message"])

    def test_many_pods_make_few_events_and_few_lines(self):
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u-web", "controller": True}
        self.api.pods = [pod(f"p{i:03}", PLAIN, ownerReferences=[owner]) for i in range(300)]
        webhook = self.start()
        done = self.await_round(webhook)
        self.assertEqual(done["found"], 300)
        kinds = [event["involvedObject"]["kind"] for event in self.told()]
        self.assertEqual(kinds.count("ReplicaSet"), 1)
        self.assertLessEqual(len(kinds), 21)
        found = [event for event in webhook.events() if event["event"] == "audit.found"]
        self.assertEqual(len(found) % 100, 0)

    def test_only_the_replica_that_leads_looks(self):
        self.api.pods = [pod("right")]
        replicas = [self.start(), self.start()]
        def seen() -> list[bool]:
            return ["audit_pods_seen 1\n" in self.page(replica) for replica in replicas]
        self.await_that("no audit", lambda: any(seen()), *replicas)
        leads = [replica.metric("leader") == 1 for replica in replicas]
        self.assertEqual(sorted(leads), [False, True])
        self.assertEqual(seen(), leads)
        gone, left = (replicas[leads.index(value)] for value in (True, False))
        self.assertEqual(gone.stop(), 0)
        self.await_that("nobody took over", lambda: "audit_pods_seen 1\n" in self.page(left), left)

    def test_a_failure_is_counted_and_the_audit_goes_on(self):
        self.api.pods = [pod("right")]
        self.api.object_faults = [("GET", "/pods", lambda handler: handler.answer(403, status(403, "no")))]
        webhook = self.start()
        failed = webhook.await_event("audit.failed")
        self.assertIn("list of pods: the API server answered 403: no", failed["reason"])
        self.await_round(webhook)
        self.assertEqual(webhook.metric("audit_errors_total"), 1)

    def test_an_event_that_is_refused_stops_nothing(self):
        self.api.pods = [pod("open", PLAIN)]
        self.api.object_faults = [("POST", "/events", lambda handler: handler.answer(403, status(403, "no")))]
        webhook = self.start()
        self.await_round(webhook)
        self.assertIn("no", webhook.await_event("audit.untold")["reason"])

    def test_it_can_be_switched_off(self):
        webhook = self.start(0)
        self.await_that("no leader", lambda: webhook.metric("leader") == 1, webhook)
        self.assertNotIn("audit", self.page(webhook))

    def test_it_ends_while_the_api_server_is_silent(self):
        release = threading.Event()
        self.addCleanup(release.set)
        asked = threading.Event()
        def silent(_handler):
            asked.set()
            release.wait()
        self.api.object_faults = [("GET", "/pods", silent)]
        webhook = self.start()
        self.assertTrue(asked.wait(30))
        self.assertEqual(webhook.stop(), 0)


if __name__ == "__main__":
    unittest.main()
