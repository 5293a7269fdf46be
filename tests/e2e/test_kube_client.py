# SPDX-License-Identifier: Apache-2.0
"""Single requests to an API server, and what is made of every answer that it can give.

Needs neither root nor containers."""
import json
import subprocess
import time
import unittest

from fake_api import FakeApi
from test_webhook import OUT, make_certificate

DRIVER = OUT / "driver_kube"
SECRETS = "/api/v1/namespaces/team/secrets"
JSON = "application/json"


def said(code: int, reason: str) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": f"it is {reason}"}).encode()


class KubeClient(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)

    def ask(self, verb: str, target: str, body: dict | None = None, ms: int = 10_000) -> dict:
        text = [] if body is None else [json.dumps(body)]
        _, url, _, account = self.api.source
        done = subprocess.run([DRIVER, url, account, verb, target, str(ms), *text], capture_output=True, text=True,
                              timeout=60, check=True)
        return json.loads(done.stdout)

    def fault(self, method: str, fault) -> None:
        self.api.object_faults.append((method, "/secrets", fault))

    # --- what is right ----------------------------------------------------------------------------
    def test_an_object_is_made_read_replaced_patched_and_deleted(self):
        made = self.ask("create", SECRETS, {"metadata": {"name": "a"}, "data": {"x": "MQ=="}})
        self.assertEqual((made["outcome"], made["status"]), ("done", 201))
        read = self.ask("get", f"{SECRETS}/a")
        self.assertEqual(read["object"]["data"], {"x": "MQ=="})
        version = read["object"]["metadata"]["resourceVersion"]
        changed = {"metadata": {"name": "a", "resourceVersion": version}, "data": {"x": "Mg=="}}
        self.assertEqual(self.ask("replace", f"{SECRETS}/a", changed)["object"]["data"], {"x": "Mg=="})
        for verb in ("strategic", "merge", "apply"):
            self.assertEqual(self.ask(verb, f"{SECRETS}/a", {"data": {verb: "MQ=="}})["outcome"], "done")
        # This server takes all fields of what is there for somebody else's.
        self.assertEqual(self.ask("offer", f"{SECRETS}/a", {"data": {"x": "MQ=="}})["outcome"], "conflict")
        self.assertEqual(self.ask("delete", f"{SECRETS}/a")["outcome"], "done")
        self.assertEqual(self.ask("get", f"{SECRETS}/a")["outcome"], "absent")
        manager = {"fieldManager": "openshell-webhook"}
        self.assertEqual([wrote[:4] for wrote in self.api.wrote], [
            ("POST", SECRETS, manager, JSON),
            ("GET", f"{SECRETS}/a", {}, None),
            ("PUT", f"{SECRETS}/a", manager, JSON),
            ("PATCH", f"{SECRETS}/a", manager, "application/strategic-merge-patch+json"),
            ("PATCH", f"{SECRETS}/a", manager, "application/merge-patch+json"),
            ("PATCH", f"{SECRETS}/a", {"force": "true", **manager}, "application/apply-patch+yaml"),
            ("PATCH", f"{SECRETS}/a", manager, "application/apply-patch+yaml"),
            ("DELETE", f"{SECRETS}/a", {}, None),
            ("GET", f"{SECRETS}/a", {}, None)])

    def test_a_large_body_is_sent_whole(self):
        body = {"metadata": {"name": "a"}, "data": {"x": "A" * 100_000}}
        self.assertEqual(self.ask("create", SECRETS, body)["status"], 201)
        self.assertEqual(self.api.wrote[0][4], body)

    # --- what the server refuses ------------------------------------------------------------------
    def test_who_was_slower_is_told_so(self):
        self.ask("create", SECRETS, {"metadata": {"name": "a"}})
        again = self.ask("create", SECRETS, {"metadata": {"name": "a"}})
        self.assertEqual((again["outcome"], again["status"]), ("exists", 409))
        stale = self.ask("replace", f"{SECRETS}/a", {"metadata": {"name": "a", "resourceVersion": "1"}})
        self.assertEqual(stale["outcome"], "conflict")
        self.assertEqual(stale["reason"], "the API server answered 409: it has been changed")

    def test_each_refusal_is_of_its_kind_and_gives_the_servers_reason(self):
        for code, outcome in ((401, "forbidden"), (403, "forbidden"), (404, "absent"), (410, "gone"), (422, "invalid"),
                              (429, "busy"), (500, "failed"), (503, "busy"), (504, "busy"), (302, "failed")):
            with self.subTest(code=code):
                self.fault("PUT", lambda handler, code=code: handler.answer(code, said(code, "No"), Location="/api"))
                done = self.ask("replace", f"{SECRETS}/a", {"metadata": {"name": "a"}})
                self.assertEqual((done["result"], done["outcome"], done["status"]), (-1, outcome, code))
                self.assertEqual(done["reason"], f"the API server answered {code}: it is No")
        self.assertEqual(len(self.api.wrote), 10)

    def test_the_wait_that_a_busy_server_asks_for_is_told_and_bounded(self):
        for said_s, ms in (("7", 7_000), ("86400", 60_000), ("-5", 0), ("soon", 0), (None, 0)):
            with self.subTest(said=said_s):
                headers = {"Retry_After": said_s} if said_s else {}
                self.fault("GET", lambda handler, h=headers: handler.answer(429, said(429, "TooMany"), **h))
                self.assertEqual(self.ask("get", f"{SECRETS}/a")["retry_after_ms"], ms)

    def test_a_refusal_that_does_not_explain_itself_is_one_all_the_same(self):
        for body in (b"", b"<html>", b"x" * 100_000, b"[1]", b'{"message": 5}'):
            with self.subTest(body=body[:20]):
                self.fault("GET", lambda handler, body=body: handler.answer(500, body))
                done = self.ask("get", f"{SECRETS}/a")
                self.assertEqual((done["outcome"], done["reason"]),
                                 ("failed", "the API server answered 500: no reason given"))

    # --- what is no answer ------------------------------------------------------------------------
    def test_an_answer_that_is_not_json_or_too_long_is_none(self):
        deep = b"[" * 100 + b"]" * 100
        for body in (b"", b"{", b"secret", b'{"a": 1, "a": 2}', deep, b'"' + b"x" * (5 << 20) + b'"'):
            with self.subTest(body=body[:20]):
                self.fault("GET", lambda handler, body=body: handler.answer(200, body))
                done = self.ask("get", f"{SECRETS}/a")
                self.assertEqual((done["outcome"], done["status"], done["object"]), ("failed", 200, None))
                self.assertNotIn("secret", done["reason"])

    def test_a_torn_answer_leaves_open_whether_the_write_took_place(self):
        def torn(handler):
            handler.send_response(201)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b"{")
            handler.hang_up()
        for fault in (torn, lambda handler: handler.hang_up()):
            self.fault("POST", fault)
            done = self.ask("create", SECRETS, {"metadata": {"name": "a"}})
            self.assertEqual((done["result"], done["outcome"], done["object"]), (-1, "unreached", None))

    def test_a_slow_server_is_not_waited_for(self):
        def slow(handler):
            handler.begin_stream()
            for _ in range(200):
                handler.send_piece(b" ")
                time.sleep(0.05)
        self.fault("GET", slow)
        done = self.ask("get", f"{SECRETS}/a", ms=300)
        self.assertEqual((done["result"], done["outcome"]), (-1, "unreached"))
        self.assertIn("timed out", done["reason"])

    def test_only_the_clusters_own_authority_is_trusted(self):
        make_certificate(self.api.account, "somebody else")
        (self.api.account / "ca.crt").write_bytes((self.api.account / "tls.crt").read_bytes())
        done = self.ask("create", SECRETS, {"metadata": {"name": "a"}})
        self.assertEqual((done["outcome"], done["status"]), ("unreached", 0))
        self.assertIn("certificate", done["reason"])
        self.assertEqual(self.api.wrote, [])

    def test_each_request_carries_the_token_of_its_moment(self):
        self.assertEqual(self.ask("get", f"{SECRETS}/a")["status"], 404)
        self.api.token = "token-2"
        self.assertEqual(self.ask("get", f"{SECRETS}/a")["status"], 401)
        (self.api.account / "token").write_text("token-2\n")
        self.assertEqual(self.ask("get", f"{SECRETS}/a")["status"], 404)
