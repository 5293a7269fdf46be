# SPDX-License-Identifier: Apache-2.0
"""The webhook's own certificate: made, served, published, renewed and healed through an API server that fails in
every way it can.

Needs neither root nor containers."""
import base64
import contextlib
import itertools
import json
import pathlib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from fake_api import FakeApi, status
from test_webhook import Webhook, make_certificate

SECONDS = 30
NAME, SYSTEM = "openshell-webhook", "openshell-system"
HOST = f"{NAME}.{SYSTEM}.svc"
SERVICE = {"name": NAME, "namespace": SYSTEM, "path": "/mutate"}
SERVICE_PATH = f"/api/v1/namespaces/{SYSTEM}/services/{NAME}"
SECRET = f"/api/v1/namespaces/{SYSTEM}/secrets/{NAME}-certificate"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{NAME}"
EVENTS = f"/api/v1/namespaces/{SYSTEM}/events"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{ADMISSION}/mutatingwebhookconfigurations/{NAME}"
VALIDATING = f"{ADMISSION}/validatingwebhookconfigurations/{NAME}"
OPTIONS = ["--service", f"{NAME}.{SYSTEM}", "--webhook-configuration", NAME]


def configuration(kind: str) -> dict:
    return {"kind": kind, "metadata": {"name": NAME}, "webhooks": [
        {"name": "pods.openshell.io", "clientConfig": {"service": SERVICE}},
        {"name": "more.openshell.io", "clientConfig": {"service": SERVICE}},
        {"name": "other.example.com", "clientConfig": {"service": {**SERVICE, "namespace": "other"}}}]}


def bundle_of(webhook: dict) -> str:
    return base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()


class Certificate(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)
        self.api.put(MUTATING, configuration("MutatingWebhookConfiguration"))
        self.api.put(VALIDATING, configuration("ValidatingWebhookConfiguration"))
        self.api.put(SERVICE_PATH, {"kind": "Service", "metadata": {"name": NAME, "uid": "u-service"}})
        self.webhooks: list[Webhook] = []

    def start(self) -> Webhook:
        webhook = Webhook(source=self.api.source, certificate=OPTIONS)
        self.addCleanup(webhook.stop)
        self.webhooks.append(webhook)
        return webhook

    def await_that(self, what: str, holds, seconds: float = SECONDS) -> None:
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                self.fail("\n".join([what, *(w.log.read_text() for w in self.webhooks)]))
            time.sleep(0.02)

    def await_ready(self, *webhooks: Webhook) -> None:
        for webhook in webhooks:
            self.await_that("not ready", lambda w=webhook: w.plain("GET", "/readyz")[0] == 200)

    def secret(self) -> dict[str, str]:
        data = self.api.objects[SECRET]["data"]
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    def published(self) -> str:
        """What both configurations have for our webhooks; "" where they differ."""
        bundles = {bundle_of(webhook) for path in (MUTATING, VALIDATING)
                   for webhook in self.api.objects[path]["webhooks"][:2]}
        return bundles.pop() if len(bundles) == 1 else ""

    def served(self, webhook: Webhook) -> str:
        """The certificate, as an API server sees it that trusts what is published at this moment."""
        context = ssl.create_default_context(cadata=bundle_of(self.api.objects[MUTATING]["webhooks"][0]))
        with socket.create_connection(("127.0.0.1", webhook.port), timeout=10) as plain, \
                context.wrap_socket(plain, server_hostname=HOST) as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))

    def changes(self, webhook: Webhook, what: str) -> int:
        for line in webhook.plain("GET", "/metrics")[1].splitlines():
            if line.startswith(f'openshell_webhook_certificate_changes_total{{what="{what}"}}'):
                return int(line.rsplit(" ", 1)[1])
        raise AssertionError("no such metric")

    def leaders(self) -> list[Webhook]:
        return [webhook for webhook in self.webhooks if webhook.metric("leader") == 1]

    # --- what is right ----------------------------------------------------------------------------
    def test_an_empty_cluster_gets_one_that_is_served_and_published(self):
        webhook = self.start()
        self.await_ready(webhook)
        secret = self.secret()
        self.assertEqual(self.served(webhook), secret["tls.crt"])
        self.assertEqual(self.published(), secret["ca.crt"])
        days = (webhook.metric("certificate_expiry_seconds") - time.time()) / 86400
        self.assertAlmostEqual(days, 90, delta=1)
        stored = self.api.objects[SECRET]
        self.assertEqual(stored["type"], "kubernetes.io/tls")
        self.assertEqual(stored["metadata"]["ownerReferences"], [
            {"apiVersion": "v1", "kind": "Service", "name": NAME, "uid": "u-service"}])
        other = self.api.objects[MUTATING]["webhooks"][2]
        self.assertNotIn("caBundle", other["clientConfig"])
        applied = [w for w in self.api.wrote if w[0] == "PATCH"]
        self.assertEqual({(w[1], w[2]["fieldManager"], w[3]) for w in applied}, {
            (path, NAME, "application/apply-patch+yaml") for path in (MUTATING, VALIDATING)})
        self.assertEqual(applied[0][4]["webhooks"][0].keys(), {"name", "clientConfig"})
        self.assertNotIn("BEGIN", webhook.log.read_text())

    def test_it_is_not_ready_before_and_answers_health_all_the_same(self):
        self.api.object_faults = [("GET", "/secrets/", lambda h: h.answer(500, status(500, "not yet")))]
        webhook = self.start()
        self.assertEqual(webhook.plain("GET", "/readyz")[0], 503)
        self.assertEqual(webhook.plain("GET", "/healthz")[0], 200)
        self.await_ready(webhook)

    def test_of_two_replicas_one_leads_and_both_serve_the_same(self):
        first, second = self.start(), self.start()
        self.await_ready(first, second)
        self.assertEqual(self.served(first), self.served(second))
        self.assertEqual(len(self.leaders()), 1)
        self.assertEqual(self.changes(first, "created") + self.changes(second, "created"), 1)

    def test_another_leads_at_once_where_the_leader_ends_and_soon_where_it_dies(self):
        self.start(), self.start(), self.start()
        self.await_ready(*self.webhooks)
        for end, seconds in ((Webhook.stop, 6), (lambda webhook: webhook.process.kill(), 25)):
            leader = self.leaders()[0]
            self.webhooks.remove(leader)
            end(leader)
            self.await_that("nobody leads", lambda: len(self.leaders()) == 1, seconds)
        self.assertGreaterEqual(self.api.objects[LEASE]["spec"]["leaseTransitions"], 2)

    def test_a_renewal_on_request_is_trusted_at_every_moment(self):
        webhook = self.start()
        self.await_ready(webhook)
        old = self.secret()
        self.api.do("PATCH", SECRET, {"metadata": {"annotations": {"openshell.io/rotate": "now"}}})
        seen = set()

        def renewed() -> bool:
            seen.add(self.served(webhook))
            self.assertEqual(webhook.plain("GET", "/readyz")[0], 200)
            return self.secret()["tls.crt"] != old["tls.crt"] and self.served(webhook) == self.secret()["tls.crt"]
        self.await_that("not renewed", renewed, 60)
        secret = self.secret()
        self.assertEqual(seen - {secret["tls.crt"]}, {old["tls.crt"]})
        self.assertEqual(self.published(), secret["ca.crt"])
        self.assertIn(old["ca.crt"], secret["ca.crt"])
        self.assertNotIn("next.key", secret)
        self.assertNotEqual(old["tls.key"], secret["tls.key"])
        self.assertNotIn("annotations", self.api.objects[SECRET]["metadata"])
        self.assertEqual([self.changes(webhook, what) for what in ("created", "prepared", "switched")], [1, 1, 1])

    # --- what heals -------------------------------------------------------------------------------
    def test_a_secret_that_is_deleted_or_spoilt_comes_back_as_it_was(self):
        self.start(), self.start()
        self.await_ready(*self.webhooks)
        before = self.secret()
        spoilt = [
            ("deleted", None),
            ("emptied", {"kind": "Secret", "metadata": {"name": "x"}}),
            ("no base64", {"kind": "Secret", "metadata": {"name": "x"}, "data": {"tls.crt": "-"}}),
            ("no certificate", {"kind": "Secret", "metadata": {"name": "x"}, "data": {
                "tls.crt": "AAAA", "tls.key": "AAAA", "ca.crt": "AAAA"}}),
        ]
        with tempfile.TemporaryDirectory() as folder:
            make_certificate(pathlib.Path(folder), "somebody else", hosts=("localhost",))
            foreign = {key: base64.b64encode(pathlib.Path(folder, name).read_bytes()).decode() for key, name in (
                ("tls.crt", "tls.crt"), ("tls.key", "tls.key"), ("ca.crt", "tls.crt"))}
        spoilt.append(("for another name", {"kind": "Secret", "metadata": {"name": "x"}, "data": foreign}))
        for what, item in spoilt:
            with self.subTest(what=what):
                self.api.put(SECRET, item)
                self.await_that("not back", lambda: SECRET in self.api.objects and
                                self.api.objects[SECRET].get("data") and self.secret() == before)
                self.assertEqual(self.served(self.webhooks[0]), before["tls.crt"])
        self.await_ready(*self.webhooks)

    def test_a_ca_bundle_that_is_wiped_or_replaced_comes_back(self):
        webhook = self.start()
        self.await_ready(webhook)
        for path in (MUTATING, VALIDATING):
            for wrong in (None, "", "AAAA", base64.b64encode(self.secret()["tls.crt"].encode()).decode()):
                with self.subTest(path=path, wrong=wrong and wrong[:8]):
                    item = json.loads(json.dumps(self.api.objects[path]))
                    item["webhooks"][1]["clientConfig"]["caBundle"] = wrong
                    if wrong is None:
                        del item["webhooks"][1]["clientConfig"]["caBundle"]
                    self.api.put(path, item)
                    self.await_that("not back", lambda: self.published() == self.secret()["ca.crt"])
        self.await_ready(webhook)

    def test_a_configuration_that_comes_later_is_filled_in_and_none_at_all_is_no_fault(self):
        self.api.put(MUTATING, None)
        self.api.put(VALIDATING, None)
        webhook = self.start()
        self.await_ready(webhook)
        self.assertEqual([w for w in self.api.wrote if w[0] == "PATCH"], [])
        self.api.put(MUTATING, configuration("MutatingWebhookConfiguration"))
        self.api.put(VALIDATING, configuration("ValidatingWebhookConfiguration"))
        self.await_that("not published", lambda: self.published() == self.secret()["ca.crt"])

    def test_who_starts_serves_what_is_there(self):
        first = self.start()
        self.await_ready(first)
        before = self.secret()
        first.stop()
        self.webhooks.clear()
        second = self.start()
        self.await_ready(second)
        self.assertEqual(self.served(second), before["tls.crt"])
        self.assertEqual(self.secret(), before)

    def test_a_replica_that_is_not_trusted_yet_is_not_ready(self):
        refuse = ("PATCH", "webhookconfigurations", lambda h: h.answer(403, status(403, "not allowed")))
        self.api.object_faults = [refuse] * 3
        webhook = self.start()
        self.await_that("no reason", lambda: webhook.plain("GET", "/readyz") == (
            503, "the API servers are not told to trust our certificate yet\n"))
        self.await_ready(webhook)

    def test_one_that_expires_is_replaced_and_the_api_servers_clock_is_the_one_that_counts(self):
        days = 100
        self.api.ahead = lambda path: -days * 86400
        webhook = self.start()
        self.await_ready(webhook)
        before = self.secret()
        self.assertLess(webhook.metric("certificate_expiry_seconds"), time.time())
        self.assertAlmostEqual(webhook.metric("api_clock_ahead_seconds"), -days * 86400, delta=60)
        # The days pass. This process's own clock says now what it said before.
        self.api.ahead = lambda path: 0
        self.await_that("not replaced", lambda: self.secret()["tls.crt"] != before["tls.crt"])
        self.await_that("not published", lambda: self.published() == self.secret()["ca.crt"])
        self.await_that("not served", lambda: self.served(webhook) == self.secret()["tls.crt"])
        self.assertEqual([self.changes(webhook, what) for what in ("created", "restored")], [2, 0])

    def test_api_servers_whose_clocks_are_years_apart_get_no_flood_of_certificates(self):
        asked = itertools.count()
        self.api.ahead = lambda path: (next(asked) % 2 * 3650 * 86400) if "/secrets/" in path else 0
        webhook = self.start()

        def refusals() -> int:
            return webhook.log.read_text().count("compare the clocks of the API servers")
        self.await_that("no word of it", lambda: refusals() >= 2)
        # More would follow only where ten seconds have passed since the last one.
        self.assertLess(self.changes(webhook, "created"), refusals() + 3)

    # --- what goes wrong --------------------------------------------------------------------------
    def test_whatever_a_request_meets_it_is_healed_and_told(self):
        def torn(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"kind"')
            handler.hang_up()

        def slow(handler):
            with contextlib.suppress(OSError):
                time.sleep(6)
                handler.hang_up()
        faults = {
            "conflict": lambda h: h.answer(409, status(409, "it has been changed")),
            "busy": lambda h: h.answer(429, status(429, "too many"), Retry_After="1"),
            "failed": lambda h: h.answer(500, status(500, "broken")),
            "gone": lambda h: h.answer(410, status(410, "too old")),
            "forbidden": lambda h: h.answer(403, status(403, "no")),
            "unreached": torn,
        }
        places = (("POST", "/secrets"), ("GET", "/secrets/"), ("PATCH", MUTATING), ("GET", VALIDATING))
        for reason, fault, where in [*((r, f, places) for r, f in faults.items()), ("unreached", slow, places[2:3])]:
            with self.subTest(reason=reason, places=len(where)):
                self.setUp()
                self.api.object_faults = [(method, path, fault) for method, path in where]
                webhook = self.start()
                self.await_ready(webhook)
                text = webhook.plain("GET", "/metrics")[1]
                self.assertIn(f'openshell_webhook_certificate_errors_total{{reason="{reason}"}} {len(where)}\n', text)
                self.assertEqual(self.served(webhook), self.secret()["tls.crt"])
                self.assertEqual(webhook.stop(), 0)

    def test_a_failure_of_the_leader_is_an_event(self):
        self.api.object_faults = [("POST", "/secrets", lambda h: h.answer(403, status(403, "not allowed")))]
        webhook = self.start()
        self.await_ready(webhook)
        told = [w[4] for w in self.api.wrote if w[1] == EVENTS]
        self.assertEqual([(e["reason"], e["type"], e["involvedObject"]["name"]) for e in told],
                         [("CertificateFailed", "Warning", f"{NAME}-certificate")])
        self.assertIn("not allowed", told[0]["message"])

    def test_a_renewal_that_does_not_get_on_is_an_event(self):
        webhook = self.start()
        self.await_ready(webhook)
        self.api.object_faults = [("PUT", "/secrets/", lambda h: h.answer(403, status(403, "not allowed")))] * 1000
        self.api.ahead = lambda path: 75 * 86400

        def told() -> dict[str, str]:
            return {w[4]["reason"]: w[4]["message"] for w in self.api.wrote if w[1] == EVENTS}
        self.await_that("not told", lambda: len(told()) == 2)
        self.assertIn("not allowed", told()["CertificateFailed"])
        self.assertRegex(told()["CertificateExpires"], r"expires in 1[45] days")
        self.assertEqual(webhook.plain("GET", "/readyz")[0], 200)

    def test_a_renewal_for_which_nobody_leads_is_an_event(self):
        webhook = self.start()
        self.await_ready(webhook)
        self.api.object_faults = [("PUT", "/leases/", lambda h: h.answer(403, status(403, "not allowed")))] * 1000
        self.await_that("still leads", lambda: webhook.metric("leader") == 0)
        self.api.ahead = lambda path: 75 * 86400
        self.await_that("not told", lambda: "CertificateExpires" in [w[4]["reason"] for w in self.api.wrote if w[1] == EVENTS])

    def test_one_that_comes_from_files_is_served_and_the_cluster_only_tells_who_leads(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            make_certificate(folder, "mine")
            webhook = Webhook(source=self.api.source, certificate=[
                "--tls-cert", folder / "tls.crt", "--tls-key", folder / "tls.key", "--service", f"{NAME}.{SYSTEM}",
                "--audit-seconds", "0"])
            self.addCleanup(webhook.stop)
            self.webhooks.append(webhook)
            self.await_ready(webhook)
            self.await_that("does not lead", lambda: webhook.metric("leader") == 1)
            self.assertEqual({w[1].removesuffix(f"/{NAME}") for w in self.api.wrote}, {LEASE.removesuffix(f"/{NAME}")})
            self.assertEqual(self.published(), "")

    def test_one_that_comes_from_files_and_is_not_renewed_is_an_event_of_the_service(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            make_certificate(folder, "mine")
            for argv in (("req", "-new", "-key", "tls.key", "-subj", "/CN=mine", "-out", "csr"),
                         ("x509", "-req", "-in", "csr", "-signkey", "tls.key", "-days", "-1", "-out", "tls.crt")):
                subprocess.run(["openssl", *argv], check=True, capture_output=True, cwd=folder)
            webhook = Webhook(source=self.api.source, certificate=[
                "--tls-cert", folder / "tls.crt", "--tls-key", folder / "tls.key", "--service", f"{NAME}.{SYSTEM}"])
            self.addCleanup(webhook.stop)
            self.webhooks.append(webhook)
            self.await_that("not told", lambda: any(w[1] == EVENTS for w in self.api.wrote))
            event = next(w[4] for w in self.api.wrote if w[1] == EVENTS)
            self.assertEqual((event["reason"], event["involvedObject"]["kind"], event["involvedObject"]["name"]),
                             ("CertificateExpires", "Service", NAME))
            self.assertIn("has expired", event["message"])

    def test_while_the_api_server_is_away_what_is_known_is_served(self):
        webhook = self.start()
        self.await_ready(webhook)
        certificate = self.served(webhook)
        self.api.token = "another"
        self.api.cut()
        webhook.await_event("leader.failed")
        self.assertEqual(self.served(webhook), certificate)
        self.assertEqual(webhook.plain("GET", "/readyz")[0], 200)
        self.await_that("still leads", lambda: webhook.metric("leader") == 0)
        self.api.token = "token-1"
        self.await_that("does not lead again", lambda: webhook.metric("leader") == 1)
