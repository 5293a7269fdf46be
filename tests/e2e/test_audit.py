# SPDX-License-Identifier: Apache-2.0
"""`openshell-webhook audit` of an API server with many pods, large ones, and every fault.

Needs neither root nor containers."""
import copy
import json
import os
import subprocess
import unittest

from fake_api import FakeApi, namespace, status
from test_webhook import IMAGE, PROGRAM, ROOT, make_certificate

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


if __name__ == "__main__":
    unittest.main()
