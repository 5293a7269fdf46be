# SPDX-License-Identifier: Apache-2.0
"""The cluster's default policy: given to namespaces, restored, taken away, and never put over what others made,
through an API server that fails in every way it can.

Needs neither root nor containers."""
import copy
import subprocess
import time
import unittest

from fake_api import FakeApi, namespace, status
from test_webhook import IMAGE, PROGRAM, Webhook, make_certificate

SECONDS = 30
NAME, SYSTEM = "openshell-webhook", "openshell-system"
OWNER = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{NAME}"
POLICY = "version: 1\nnetwork_policies: {}\n"
MANAGED = {"app.kubernetes.io/managed-by": NAME}


def map_of(space: str) -> str:
    return f"/api/v1/namespaces/{space}/configmaps/openshell-default-policy"


class DefaultPolicy(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)
        self.api.put(OWNER, {"kind": "MutatingWebhookConfiguration", "metadata": {"name": NAME, "uid": "u-owner"}})
        self.webhook: Webhook | None = None

    def start(self, policy: str | None = POLICY) -> Webhook:
        more = ("--image-lookup", "off", "--service", f"{NAME}.{SYSTEM}")
        self.webhook = Webhook(source=self.api.source, more=(*more, "--default-policy", policy) if policy else more)
        self.addCleanup(self.webhook.stop)
        return self.webhook

    def await_that(self, what: str, holds) -> None:
        until = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > until:
                self.fail(f"{what}\n{self.webhook.log.read_text()}")
            time.sleep(0.02)

    def text_in(self, space: str) -> str | None:
        return self.api.objects.get(map_of(space), {}).get("data", {}).get("policy.yaml")

    def await_policy(self, space: str, text: str | None = POLICY) -> None:
        self.await_that(f"{space} has {text!r}", lambda: self.text_in(space) == text)

    def writes(self, space: str) -> list[str]:
        return [method for method, path, *_ in list(self.api.wrote) if path == map_of(space) and method != "GET"]

    def metric(self, name: str) -> str:
        lines = self.webhook.plain("GET", "/metrics")[1].splitlines()
        return next((line.split(" ")[-1] for line in lines if line.startswith(f"openshell_webhook_{name} ")), "")

    # --- giving -----------------------------------------------------------------------------------
    def test_each_opted_in_namespace_is_given_it_and_so_is_one_that_comes_later(self):
        for i in range(60):
            self.api.namespaces[f"n{i:02}"] = namespace(f"n{i:02}")
        self.start()
        for space in ("team", "n00", "n59"):
            self.await_policy(space)
        self.api.change("ADDED", namespace("later"))
        self.await_policy("later")
        made = self.api.objects[map_of("later")]
        self.assertEqual(made["metadata"]["labels"], {**MANAGED, "app.kubernetes.io/part-of": "openshell",
                                                      "openshell.io/policy": "true"})
        self.assertEqual([owner["uid"] for owner in made["metadata"]["ownerReferences"]], ["u-owner"])
        self.await_that("counted", lambda: self.metric('default_policy_namespaces{state="kept"}') == "62")
        self.assertEqual(self.metric('default_policy_changes_total{what="created"}'), "62")

    def test_what_is_as_it_should_be_is_not_written_again(self):
        self.start()
        self.await_policy("team")
        self.api.change("ADDED", namespace("later"))
        self.await_policy("later")
        self.await_that("counted", lambda: self.metric('default_policy_namespaces{state="kept"}') == "2")
        self.assertEqual(self.writes("team"), ["PATCH"])

    def test_what_somebody_changed_or_deleted_comes_back(self):
        self.start()
        self.await_policy("team")
        for what in ("text", "label", "owner", "all"):
            with self.subTest(what=what):
                changed = copy.deepcopy(self.api.objects[map_of("team")])
                if what == "text":
                    changed["data"]["policy.yaml"] = "version: 1\n"
                elif what == "label":
                    del changed["metadata"]["labels"]["openshell.io/policy"]
                elif what == "owner":
                    changed["metadata"]["ownerReferences"] = []
                self.api.put(map_of("team"), None if what == "all" else changed)
                self.await_that("it comes back", lambda: "true" == self.api.objects.get(map_of("team"), {}).get(
                    "metadata", {}).get("labels", {}).get("openshell.io/policy") and self.text_in("team") == POLICY and
                    self.api.objects[map_of("team")]["metadata"]["ownerReferences"])

    # --- leaving alone ----------------------------------------------------------------------------
    def test_what_somebody_else_made_stays_and_is_told(self):
        self.api.put(map_of("team"), {"metadata": {"name": "openshell-default-policy", "uid": "u-theirs"},
                                      "data": {"other": "x"}})
        self.api.change("ADDED", namespace("other"))
        self.start()
        self.await_policy("other")
        self.await_that("counted", lambda: self.metric('default_policy_namespaces{state="foreign"}') == "1")
        self.assertEqual(self.api.objects[map_of("team")]["data"], {"other": "x"})
        self.assertEqual(self.writes("team"), [])
        events = [body for method, path, _, _, body in self.api.wrote if path == "/api/v1/namespaces/team/events"]
        self.assertEqual([(event["reason"], event["type"], event["involvedObject"]["uid"]) for event in events],
                         [("DefaultPolicyForeign", "Warning", "u-theirs")])
        self.api.put(map_of("team"), None)
        self.await_policy("team")

    def test_one_that_comes_between_looking_and_writing_is_not_written_over(self):
        def make_theirs(handler):
            self.api.put(map_of("team"), {"metadata": {"name": "openshell-default-policy", "uid": "u-theirs"},
                                          "data": {"policy.yaml": "theirs"}})
            handler.answer(404, status(404, "not found"))
        self.api.object_faults = [("GET", "/configmaps/", make_theirs)]
        self.start()
        self.await_that("counted", lambda: self.metric('default_policy_namespaces{state="foreign"}') == "1")
        self.assertEqual(self.text_in("team"), "theirs")
        self.assertEqual(self.writes("team"), ["PATCH"])

    def test_one_that_is_too_large_to_be_read_is_somebody_elses(self):
        self.api.put(map_of("team"), {"metadata": {"name": "openshell-default-policy", "labels": MANAGED, "uid": "u"},
                                      "data": {"x": "y" * (5 << 20)}})
        self.api.change("ADDED", namespace("other"))
        self.start()
        self.await_policy("other")
        self.await_that("counted", lambda: self.metric('default_policy_namespaces{state="foreign"}') == "1")
        self.assertEqual(self.writes("team"), [])

    # --- taking away ------------------------------------------------------------------------------
    def test_a_namespace_that_leaves_loses_it(self):
        self.start()
        self.await_policy("team")
        self.api.change("DELETED", self.api.namespaces["team"])
        self.await_policy("team", None)

    def test_without_one_what_an_earlier_one_left_goes_and_nothing_else(self):
        self.api.put(map_of("team"), {"metadata": {"name": "openshell-default-policy", "labels": MANAGED, "uid": "u-1"},
                                      "data": {"policy.yaml": POLICY}})
        theirs = {"metadata": {"name": "openshell-default-policy", "labels": {}, "uid": "u-2"}, "data": {}}
        self.api.put(map_of("other"), theirs)
        self.start(policy=None)
        self.await_that("ours goes", lambda: map_of("team") not in self.api.objects)
        self.assertIn(map_of("other"), self.api.objects)
        deleted = [body for method, path, _, _, body in self.api.wrote if method == "DELETE"]
        self.assertEqual([body["preconditions"] for body in deleted], [{"uid": "u-1"}])

    def test_without_the_configuration_that_it_goes_with_nothing_is_made(self):
        owner = self.api.objects[OWNER]
        self.api.put(OWNER, None)
        webhook = self.start()
        webhook.await_event("default_policy.failed")
        self.assertEqual(self.writes("team"), [])
        self.api.put(OWNER, owner)
        self.await_policy("team")

    # --- faults -----------------------------------------------------------------------------------
    def test_a_failure_in_one_namespace_keeps_no_other_from_its_policy_and_is_tried_again(self):
        # Each costs twice the wait of the one before.
        self.api.object_faults = [
            ("GET", map_of("team"), lambda handler: handler.hang_up()),
            ("PATCH", map_of("team"), lambda handler: handler.answer(403, status(403, "it is being terminated"))),
            ("PATCH", map_of("team"), lambda handler: handler.answer(500, status(500, "no")))]
        self.api.change("ADDED", namespace("zeta"))
        self.start()
        self.await_policy("zeta")
        self.await_policy("team")
        self.assertNotEqual(self.metric("default_policy_errors_total"), "0")

    def test_one_replica_alone_writes(self):
        first, second = self.start(), self.start()
        self.await_policy("team")
        self.api.change("ADDED", namespace("later"))
        self.await_policy("later")
        self.assertEqual(sorted(bool([e for e in w.events() if e["event"] == "default_policy.changed"])
                                for w in (first, second)), [False, True])


class Usage(unittest.TestCase):
    def test_a_policy_that_an_agent_would_refuse_is_refused_at_the_start(self):
        for wrong, why in (("version: 1\nx: 1\n", "--default-policy: line 2, column 1: x: "), ("", "--default-policy: "),
                           ("#" * (33 << 10), "longer than 32768 bytes")):
            with self.subTest(why=why):
                done = subprocess.run([PROGRAM, "serve", "--listen", "127.0.0.1:0", "--agent-image", IMAGE, "--kubernetes",
                                       "https://localhost:1", "--service", f"{NAME}.{SYSTEM}", "--webhook-configuration",
                                       NAME, "--default-policy", wrong], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
