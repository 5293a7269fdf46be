# SPDX-License-Identifier: Apache-2.0
"""Exec, attach and the proxies of topology proxy-pod, for which the admission server asks the API server for a pod: what
it answers, and that a slow or absent API server holds up nothing else.

Needs neither root nor containers."""
import json
import threading
import unittest

from fake_api import FakeApi, status
from test_webhook import ROOT, Webhook, golden_pair, make_certificate, review

SANDBOXED = json.loads((ROOT / "tests/golden/webhook/minimal/pod.json").read_text())
AGENT = "/openshell-start/" + "/".join(str(n) for n in range(1, 20)) + "/openshell-agent"
PATH = "/api/v1/namespaces/team/pods/"
LOOKUPS_MAX = 64  # webhook/lookups.h


def connect_review(subresource: str = "exec", name: str = "work", **options) -> bytes:
    options.setdefault("command", ["ls"])
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u-1", "operation": "CONNECT", "namespace": "team", "name": name, "subResource": subresource,
        "object": options, "resource": {"group": "", "version": "v1", "resource": "pods"}}}).encode()


class Case(unittest.TestCase):
    """With an API server that may hold its answers, which are let go of at the end whatever happens."""

    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)
        self.gate, self.held = threading.Event(), threading.Semaphore(0)

    def serve(self, *more: str) -> None:
        self.webhook = Webhook(source=self.api.source, more=("--image-lookup", "off", *more))
        self.addCleanup(self.webhook.stop)
        self.addCleanup(self.gate.set)
        self.webhook.await_event("namespaces.listed")

    def refused(self, code: str, **kw) -> str:
        response = self.ask(**kw)
        self.assertFalse(response["allowed"])
        self.assertIn(code, response["status"]["message"])
        return response["status"]["message"]

    def hold(self, handler) -> None:
        self.held.release()
        self.gate.wait(30)
        handler.hang_up()


class Connect(Case):
    def setUp(self):
        super().setUp()
        self.api.objects[PATH + "work"] = SANDBOXED
        self.api.objects[PATH + "plain"] = {"metadata": {}, "spec": {"containers": [{"name": "a"}]}}
        self.serve()

    def ask(self, path: str = "/mutate/connect", **kw) -> dict:
        code, _, text = self.webhook.request("POST", path, connect_review(**kw))
        self.assertEqual(code, 200, text)
        return json.loads(text)["response"]

    # --- what it answers --------------------------------------------------------------------------
    def test_a_command_that_is_longer_than_any_is_refused(self):
        for path in ("/mutate/connect", "/validate/connect"):
            connection = self.webhook.connect()
            connection.putrequest("POST", path)
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str((256 << 10) + 1))
            connection.endheaders()
            # Before the body, which nobody would read.
            answer = connection.getresponse()
            self.assertEqual(answer.status, 413)
            self.assertIn(b"larger than 256 KiB", answer.read())
            connection.close()

    def test_a_command_is_taken_into_the_sandbox_and_then_valid(self):
        response = self.ask()
        self.assertTrue(response["allowed"])
        self.assertIn("patch", response)
        self.assertTrue(self.ask("/validate/connect", command=[AGENT, "exec", "--", "ls"])["allowed"])
        self.refused("OSW054", path="/validate/connect")

    def test_a_pod_without_a_sandbox_is_left_alone(self):
        response = self.ask(name="plain")
        self.assertEqual((response["allowed"], response.get("patch")), (True, None))
        self.assertTrue(self.ask("/validate/connect", name="plain")["allowed"])

    def test_nobody_enters_a_container_of_ours_or_attaches_to_it(self):
        ours = "openshell-supervisor-install"
        self.refused("OSW053", container=ours)
        self.refused("OSW053", path="/validate/connect", subresource="attach", container=ours)
        self.assertTrue(self.ask("/validate/connect", subresource="attach", container="agent")["allowed"])

    def test_each_review_asks_for_its_pod_anew(self):
        self.api.wrote.clear()
        self.ask()
        self.ask()
        self.assertEqual([w[:2] for w in self.api.wrote], [("GET", PATH + "work")] * 2)

    def test_the_ordinary_paths_ask_for_no_pod_and_so_refuse(self):
        self.api.wrote.clear()
        self.refused("OSW055", path="/mutate")
        self.refused("OSW055", path="/validate")
        self.assertEqual(self.api.wrote, [])

    # --- an API server that does not answer as it should ------------------------------------------
    def test_what_cannot_be_looked_up_is_refused_with_the_reason(self):
        self.assertIn("not found", self.refused("OSW055", name="nowhere"))
        self.refused("OSW055", name="../secrets/x")
        self.refused("OSW055", name="")
        for fault, reason in (
                (lambda h: h.answer(403, status(403, "pods is forbidden")), "pods is forbidden"),
                (lambda h: h.answer(500, b"no JSON"), "500"),
                (lambda h: h.answer(200, b"no JSON"), "not JSON"),
                (lambda h: h.answer(200, b"{}"), "spec"),
                (lambda h: h.answer(200, b"[]"), "there is no pod"),
                (lambda h: h.hang_up(), "")):
            with self.subTest(reason=reason):
                self.api.object_faults.append(("GET", "/pods/work", fault))
                self.assertIn(reason, self.refused("OSW055"))
        self.assertTrue(self.ask()["allowed"])

    def test_one_that_is_silent_is_waited_for_a_second_and_holds_up_nothing_else(self):
        self.api.object_faults += [("GET", "/pods/work", self.hold)] * 4
        asking = [threading.Thread(target=self.refused, args=("OSW055",)) for _ in range(4)]
        for thread in asking:
            thread.start()
        for _ in asking:
            self.assertTrue(self.held.acquire(timeout=30))
        # Every look-up thread waits; pods go on being created on both of the server's own.
        for _ in range(20):
            self.assertTrue(self.webhook.mutate()["allowed"])
        for thread in asking:
            thread.join(30)
            self.assertFalse(thread.is_alive())

    def test_more_than_it_can_ask_for_are_refused_and_none_is_forgotten(self):
        self.api.object_faults += [("GET", "/pods/work", self.hold)] * (2 * LOOKUPS_MAX)
        messages: list[str] = []
        asking = [threading.Thread(target=lambda: messages.append(self.refused("OSW055")))
                  for _ in range(2 * LOOKUPS_MAX)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(60)
        self.assertEqual(len(messages), 2 * LOOKUPS_MAX)
        self.assertTrue(any("too many" in message for message in messages), messages)
        self.api.object_faults.clear()
        self.gate.set()
        self.assertTrue(self.ask()["allowed"])

    def test_an_end_that_comes_meanwhile_answers_what_is_asked(self):
        self.api.object_faults.append(("GET", "/pods/work", self.hold))
        asking = threading.Thread(target=self.refused, args=("OSW055",))
        asking.start()
        self.assertTrue(self.held.acquire(timeout=30))
        self.webhook.process.terminate()
        asking.join(30)
        self.assertFalse(asking.is_alive())
        self.assertEqual(self.webhook.process.wait(30), 0)

    def test_peers_that_leave_meanwhile_leave_nothing_behind(self):
        self.api.object_faults += [("GET", "/pods/work", self.hold)] * 4
        for _ in range(4):
            peer = self.webhook.connect()
            peer.request("POST", "/mutate/connect", connect_review(), {"Content-Type": "application/json"})
            self.assertTrue(self.held.acquire(timeout=30))
            peer.sock.close()
        self.gate.set()
        self.assertTrue(self.ask()["allowed"])


class Proxies(Case):
    """The pod of a proxy comes by the ordinary path, and waits there for its agent pod alone."""

    def setUp(self):
        super().setUp()
        self.agent, self.proxy = golden_pair()
        self.path = PATH + self.agent["metadata"]["name"]
        self.api.objects[self.path] = self.agent
        self.serve("--proxy-pod-api", "10.96.0.1:443")

    def ask(self, path: str = "/validate", pod: dict | None = None) -> dict:
        code, _, text = self.webhook.request("POST", path, review(pod or self.proxy))
        self.assertEqual(code, 200, text)
        return json.loads(text)["response"]

    def test_the_agent_pod_is_asked_for_once_and_the_proxy_compared_with_what_it_gets(self):
        self.api.wrote.clear()
        self.assertNotIn("patch", self.ask("/mutate"))
        self.assertEqual(self.api.wrote, [])
        self.assertTrue(self.ask()["allowed"])
        self.assertEqual([w[:2] for w in self.api.wrote], [("GET", self.path)])
        self.proxy["spec"]["hostNetwork"] = True
        self.assertIn("hostNetwork", self.refused("OSW103"))

    def test_what_is_wrong_whatever_its_agent_pod_is_asks_for_none(self):
        self.api.wrote.clear()
        self.proxy["metadata"]["labels"]["app"] = "web"
        self.refused("OSW103")
        self.proxy["metadata"]["annotations"] = {"openshell.io/sandbox-name": "../secrets/x"}
        self.refused("OSW103")
        self.assertEqual(self.api.wrote, [])

    def test_an_agent_pod_that_cannot_be_learnt_has_no_proxy(self):
        for fault, reason in (
                (lambda h: h.answer(403, status(403, "pods is forbidden")), "pods is forbidden"),
                (lambda h: h.answer(500, b"no JSON"), "500"), (lambda h: h.hang_up(), "")):
            with self.subTest(reason=reason):
                self.api.object_faults.append(("GET", self.path, fault))
                self.assertIn(reason, self.refused("OSW104"))
        self.assertTrue(self.ask()["allowed"])
        self.agent["metadata"]["uid"] = self.agent["metadata"]["uid"][:-1] + "f"
        self.refused("OSW103")
        del self.api.objects[self.path]
        self.assertIn("not found", self.refused("OSW104"))

    def test_one_that_is_as_large_as_none_is_refused_without_asking(self):
        self.api.wrote.clear()
        self.proxy["metadata"]["managedFields"] = [{"manager": "x" * (256 << 10)}]
        self.assertIn("larger than 256 KiB", self.refused("OSW104"))
        self.assertEqual(self.api.wrote, [])

    def test_a_silent_api_server_holds_up_no_other_pod(self):
        self.api.object_faults += [("GET", self.path, self.hold)] * 4
        asking = [threading.Thread(target=self.refused, args=("OSW104",)) for _ in range(4)]
        for thread in asking:
            thread.start()
        for _ in asking:
            self.assertTrue(self.held.acquire(timeout=30))
        for _ in range(20):
            self.assertTrue(self.webhook.mutate()["allowed"])
        for thread in asking:
            thread.join(30)
            self.assertFalse(thread.is_alive())

    def test_without_the_topology_it_is_a_pod_like_any_other(self):
        other = Webhook(source=self.api.source)
        self.addCleanup(other.stop)
        other.await_event("namespaces.listed")
        code, _, text = other.request("POST", "/validate", review(self.proxy))
        self.assertEqual(code, 200)
        self.assertIn("OSW010", json.loads(text)["response"]["status"]["message"])


class WithoutAnApiServer(unittest.TestCase):
    def test_every_exec_is_refused(self):
        webhook = Webhook()
        self.addCleanup(webhook.stop)
        code, _, text = webhook.request("POST", "/mutate/connect", connect_review())
        self.assertEqual(code, 200)
        self.assertIn("OSW055", json.loads(text)["response"]["status"]["message"])
        code, _, text = webhook.request("POST", "/mutate/connect", review())
        self.assertTrue(json.loads(text)["response"]["allowed"])


if __name__ == "__main__":
    unittest.main()
