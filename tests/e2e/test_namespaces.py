# SPDX-License-Identifier: Apache-2.0
"""The namespaces as the webhook learns them from an API server that fails in every way it can.

Needs neither root nor containers."""
import json
import time
import unittest

from fake_api import FakeApi, namespace, status
from test_webhook import Webhook, make_certificate

SECONDS = 20


def event(kind: str, item: dict) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


class Namespaces(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)

    def start(self) -> Webhook:
        webhook = Webhook(source=self.api.source)
        self.addCleanup(webhook.stop)
        self.webhook = webhook
        return webhook

    def await_that(self, what: str, holds) -> None:
        until = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > until:
                self.fail(f"{what}:\n{self.webhook.log.read_text()}")
            time.sleep(0.05)

    def ready(self) -> bool:
        return self.webhook.plain("GET", "/readyz")[0] == 200

    def is_known(self, name: str) -> bool:
        return self.webhook.mutate(namespace=name)["allowed"]

    def await_watch(self) -> None:
        self.await_that("no watch", lambda: self.api.watching() == 1)

    def failures(self) -> list[str]:
        return [e["reason"] for e in self.webhook.events() if e["event"] == "namespaces.failed"]

    # --- what is right ----------------------------------------------------------------------------
    def test_a_list_and_the_events_behind_it_are_followed(self):
        self.start()
        self.await_watch()
        self.assertTrue(self.is_known("team"))
        self.assertFalse(self.is_known("fresh"))
        self.api.change("ADDED", namespace("fresh"))
        self.await_that("not known", lambda: self.is_known("fresh"))
        self.api.change("MODIFIED", namespace("fresh", locked="openshell.io/command"))
        self.await_that("not changed", lambda: not self.webhook.mutate(namespace="fresh", pod={
            "metadata": {"annotations": {"openshell.io/command": '["/app"]'}},
            "spec": {"containers": [{"name": "a", "image": "a"}]}})["allowed"])
        self.api.change("DELETED", namespace("fresh"))
        self.await_that("still known", lambda: not self.is_known("fresh"))
        self.assertEqual(self.failures(), [])

    def test_it_is_not_ready_before_the_first_list(self):
        self.api.list_faults = [lambda handler: handler.answer(503, status(503, "not yet"))] * 2
        self.start()
        self.assertEqual(self.webhook.plain("GET", "/readyz"), (503, "no namespace is known yet\n"))
        self.assertEqual(self.webhook.metric("ready"), 0)
        self.assertIn("not known", self.webhook.mutate()["status"]["message"])
        self.assertEqual(self.webhook.plain("GET", "/healthz")[0], 200)
        self.await_that("not ready", self.ready)
        self.assertEqual(self.webhook.metric("ready"), 1)

    def test_a_list_of_many_comes_in_pages(self):
        self.api.namespaces = {f"n{i}": namespace(f"n{i}") for i in range(250)}
        self.start()
        self.await_watch()
        self.assertEqual(self.webhook.metric("namespaces"), 250)
        self.assertEqual([q.get("continue") for q in self.api.queries(watch=False)], [None, "100", "200"])

    def test_namespaces_filled_to_the_brim_come_one_by_one(self):
        notes = {f"note-{i}": "" for i in range(20_000)}
        self.api.namespaces = {f"n{i}": namespace(f"n{i}", **notes) for i in range(8)}
        for item in self.api.namespaces.values():
            item["metadata"]["annotations"] = {f"x/{key}": "" for key in notes}
        self.start()
        self.await_watch()
        self.assertEqual(self.webhook.metric("namespaces"), 8)
        self.assertEqual({q["limit"] for q in self.api.queries(watch=False)[1:]}, {"1"})

    def test_a_watch_goes_on_where_the_last_one_ended(self):
        self.start()
        self.await_watch()
        self.api.say(event("BOOKMARK", {"metadata": {"resourceVersion": "170"}}))
        time.sleep(1.2)  # A watch that ends sooner counts as failed.
        self.api.cut()
        self.await_that("no second watch", lambda: len(self.api.queries(watch=True)) == 2)
        versions = [q["resourceVersion"] for q in self.api.queries(watch=True)]
        self.assertEqual(versions, ["100", "170"])
        self.assertEqual(len(self.api.queries(watch=False)), 1)

    def test_a_token_that_was_rotated_is_used(self):
        self.start()
        self.await_watch()
        (self.api.account / "token").write_text("token-2\n")
        self.api.token = "token-2"
        time.sleep(1.2)
        self.api.cut()
        self.await_that("no second watch", lambda: len(self.api.queries(watch=True)) == 2)
        self.assertEqual(self.failures(), [])

    # --- what goes wrong --------------------------------------------------------------------------
    def test_after_a_version_that_is_too_old_it_lists_again(self):
        def in_the_stream(handler):
            handler.begin_stream()
            handler.send_piece(event("ERROR", {"kind": "Status", "code": 410}))
            handler.send_piece(b"")
        faults = {"an event": in_the_stream,
                  "the answer": lambda handler: handler.answer(410, status(410, "too old"))}
        for where, fault in faults.items():
            with self.subTest(said_by=where):
                self.api = FakeApi(make_certificate)
                self.addCleanup(self.api.stop)
                self.api.watch_faults = [fault]
                self.start()
                self.await_watch()
                self.assertEqual(len(self.api.queries(watch=False)), 2)

    def test_a_place_in_a_list_that_is_lost_begins_the_list_anew(self):
        self.api.namespaces = {f"n{i}": namespace(f"n{i}") for i in range(150)}
        self.api.list_faults = [lambda handler: handler.answer(200, self.api.page({"limit": "100"})),
                                lambda handler: handler.answer(410, status(410, "the place is lost"))]
        self.start()
        self.await_watch()
        self.assertEqual([q.get("continue") for q in self.api.queries(watch=False)],
                         [None, "100", None, "100"])
        self.assertEqual(self.webhook.metric("namespaces"), 150)

    def test_a_list_that_fails_is_tried_again_and_the_reason_is_told(self):
        def cut_short(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(self.api.page({"limit": "100"}))
            handler.hang_up()
        faults = {
            "403: not allowed": lambda handler: handler.answer(403, status(403, "not allowed")),
            "302": lambda handler: handler.answer(302, b"", Location="/api/v1/namespaces"),
            "500: no reason": lambda handler: handler.answer(500, b"<html>" + b"x" * 10_000),
            "line 1": lambda handler: handler.answer(200, b"not JSON"),
            "NamespaceList": lambda handler: handler.answer(200, b"{}"),
            "list of namespaces: ": cut_short,
        }
        for reason, fault in faults.items():
            with self.subTest(reason=reason):
                self.api.list_faults = [fault]
                self.start()
                self.await_that("not ready", self.ready)
                self.assertIn(reason, self.failures()[0])
                self.webhook.stop()

    def test_a_watch_that_breaks_keeps_what_is_known_and_begins_again(self):
        def garbage(handler):
            handler.begin_stream()
            handler.send_piece(b"{]\n")
        def endless_line(handler):
            handler.begin_stream()
            for _ in range(5):
                handler.send_piece(b"x" * (1 << 20))
        def at_once(handler):
            handler.begin_stream()
            handler.send_piece(b"")
        def broken(handler):
            handler.begin_stream()
            handler.wfile.write(b"zz")
            handler.hang_up()
        faults = [garbage, endless_line, at_once, broken]
        self.api.watch_faults = list(faults)
        self.start()
        self.await_that("not ready", self.ready)
        while self.api.watching() == 0:
            self.assertTrue(self.is_known("team"))
            self.assertTrue(self.ready())
        self.assertEqual(len(self.failures()), len(faults))
        self.api.change("ADDED", namespace("fresh"))
        self.await_that("not known", lambda: self.is_known("fresh"))

    def test_a_broken_server_is_not_asked_in_a_loop(self):
        self.api.watch_faults = [lambda handler: handler.answer(200, b"")] * 1000
        self.start()
        self.await_that("not ready", self.ready)
        time.sleep(5)
        self.assertLess(len(self.api.queries(watch=True)), 8)

    def test_only_the_clusters_own_authority_is_trusted(self):
        make_certificate(self.api.account, "somebody else")
        (self.api.account / "ca.crt").write_bytes((self.api.account / "tls.crt").read_bytes())
        self.start()
        self.webhook.await_event("namespaces.failed")
        self.assertIn("certificate", self.failures()[0])
        self.assertEqual(self.api.asked, [])
        self.assertFalse(self.ready())

    def test_a_token_that_is_not_one_line_is_not_sent(self):
        for text in ("", "\n", "a\nX-Remote-User: admin\n"):
            with self.subTest(text=text):
                (self.api.account / "token").write_text(text)
                self.start()
                self.webhook.await_event("namespaces.failed")
                self.assertIn("is not one line", self.failures()[0])
                self.assertEqual(self.webhook.stop(), 0)

    def test_it_ends_while_it_watches_and_while_it_waits(self):
        self.start()
        self.await_watch()
        self.assertEqual(self.webhook.stop(), 0)
        self.api.token = "another"
        self.start()
        self.webhook.await_event("namespaces.failed", 3)
        self.assertEqual(self.webhook.stop(), 0)


if __name__ == "__main__":
    unittest.main()
