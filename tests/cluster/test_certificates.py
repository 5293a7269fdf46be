# SPDX-License-Identifier: Apache-2.0
"""The webhook's own certificate in a real cluster: nobody has to make it, renew it or repair it."""
import base64
import contextlib
import json
import pathlib
import subprocess
import tempfile

from fixture import (CHART, MANIFESTS, NAME, RELEASE, SECONDS, SYSTEM, Admissions, ClusterCase, await_that, metrics_of,
                     world)

SECRET = f"{NAME}-certificate"
KINDS = ("mutatingwebhookconfiguration", "validatingwebhookconfiguration")
HEAL_S = 20


def read(kind: str, name: str) -> dict | None:
    done = world.kubectl("get", kind, name, f"--namespace={SYSTEM}", "--output=json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def secret() -> dict[str, str]:
    data = (read("secret", SECRET) or {}).get("data", {})
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def published() -> set[str]:
    return {base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()
            for kind in KINDS for webhook in read(kind, NAME)["webhooks"]}


def pods() -> list[dict]:
    return json.loads(world.kubectl("get", "pods", f"--namespace={SYSTEM}", "--output=json").stdout)["items"]


def replicas() -> list[str]:
    return [pod["metadata"]["name"] for pod in pods() if "deletionTimestamp" not in pod["metadata"]]


def leaders() -> list[str]:
    return [name for name in replicas() if metrics_of(name).get("leader") == 1]


def expiries() -> list[float]:
    return [metrics_of(name).get("certificate_expiry_seconds") for name in replicas()]


def logs() -> str:
    return "\n".join(world.kubectl("logs", name, f"--namespace={SYSTEM}", "--tail=40", check=False).stdout
                     for name in replicas())


class Certificates(ClusterCase):
    def setUp(self):
        world.await_webhook()
        await_that("one leads", lambda: len(leaders()) == 1)

    def await_that(self, what: str, holds, seconds: float = HEAL_S) -> None:
        try:
            await_that(what, holds, seconds)
        except AssertionError as error:
            self.fail(f"{error}\n{logs()}")

    def await_healed(self) -> None:
        self.await_that("all trust what is served", lambda: published() == {secret().get("ca.crt")})
        world.await_webhook()

    def test_nobody_had_to_make_it_and_the_manifests_do_not_speak_of_it(self):
        self.assertEqual(set(secret()), {"tls.crt", "tls.key", "ca.crt"})
        self.assertEqual(published(), {secret()["ca.crt"]})
        self.assertNotIn("caBundle:", (MANIFESTS / "admission.yaml").read_text())
        path = f"/apis/admissionregistration.k8s.io/v1/{KINDS[0]}s/{NAME}"
        stored = json.loads(world.kubectl("get", "--raw", path).stdout)
        owners = [m["manager"] for m in stored["metadata"]["managedFields"]
                  if "f:caBundle" in json.dumps(m["fieldsV1"])]
        self.assertEqual(owners, [NAME])
        # Applied once more, nothing of it is lost.
        world.kubectl("apply", "-f", MANIFESTS / "admission.yaml")
        self.assertEqual(published(), {secret()["ca.crt"]})

    def test_two_replicas_serve_it_and_one_leads(self):
        self.assertEqual(len(replicas()), 2)
        self.assertEqual(len(leaders()), 1)
        self.assertEqual(len(set(expiries())), 1)

    @contextlib.contextmanager
    def creating(self):
        """Pods are created before, during and after the block. None of them may be without sandbox."""
        with Admissions(self.namespace) as admissions:
            self.await_more(admissions)
            yield admissions
            self.await_more(admissions)
        self.assertEqual(admissions.unsandboxed, [])

    def await_more(self, admissions: Admissions) -> None:
        before = admissions.admitted
        self.await_that("pods are admitted", lambda: admissions.admitted > before + Admissions.PER_SECOND, SECONDS)

    def assert_none_failed(self, admissions: Admissions) -> None:
        self.assertEqual((admissions.refused, admissions.unreached), ([], 0))

    def assert_refused_for_want_of_the_webhook(self, admissions: Admissions) -> None:
        # OSW001: a container that was started anew may be asked before the kubelet says that it is not ready, and knows
        # no namespace then.
        expected = ("failed calling webhook", "[OSW001]")
        self.assertEqual([text for text in admissions.refused if not any(word in text for word in expected)], [])

    def store(self, **files: bytes) -> None:
        """Into the Secret, and its `ca` into both configurations."""
        coded = {key: base64.b64encode(text).decode() for key, text in files.items()}
        world.kubectl("create", "secret", "generic", SECRET, f"--namespace={SYSTEM}", check=False)
        world.kubectl("patch", "secret", SECRET, f"--namespace={SYSTEM}", "--patch", json.dumps(
            {"data": {"tls.crt": coded["crt"], "tls.key": coded["key"], "ca.crt": coded["crt"]}}))
        for kind in KINDS:
            world.kubectl("patch", kind, NAME, "--type=json", "--patch", json.dumps([
                {"op": "add", "path": f"/webhooks/{i}/clientConfig/caBundle", "value": coded["crt"]}
                for i in range(len(read(kind, NAME)["webhooks"]))]))

    # --- nothing is noticed -----------------------------------------------------------------------
    def test_a_secret_that_is_deleted_comes_back_and_no_admission_fails(self):
        before = secret()
        with self.creating() as admissions:
            for _ in range(3):
                world.kubectl("delete", "secret", SECRET, f"--namespace={SYSTEM}")
                self.await_that("it is back", lambda: secret() == before)
        self.assert_none_failed(admissions)

    def test_one_that_cannot_be_used_is_replaced_and_no_admission_fails(self):
        foreign = {"data": {"tls.crt": base64.b64encode(b"none").decode()}}
        with self.creating() as admissions:
            world.kubectl("patch", "secret", SECRET, f"--namespace={SYSTEM}", f"--patch={json.dumps(foreign)}")
            self.await_that("it is good again", lambda: "BEGIN CERTIFICATE" in secret().get("tls.crt", ""))
        self.assert_none_failed(admissions)

    def test_it_is_renewed_in_the_middle_of_a_rolling_restart_and_no_admission_fails(self):
        before, old = secret(), set(replicas())
        with self.creating() as admissions:
            world.kubectl("annotate", "secret", SECRET, f"--namespace={SYSTEM}", "openshell.io/rotate=now")
            world.kubectl("rollout", "restart", f"deployment/{NAME}", f"--namespace={SYSTEM}")
            self.await_that("a new one is served", lambda: secret().get("tls.crt") not in (None, before["tls.crt"]),
                            SECONDS)
            world.await_webhook()
            self.await_that("the old ones are gone", lambda: not old & {p["metadata"]["name"] for p in pods()}, SECONDS)
            self.await_that("all replicas serve it", lambda: len(set(expiries())) == 1)
        self.assert_none_failed(admissions)
        self.assertEqual(published(), {secret()["ca.crt"]})
        self.assertIn(before["ca.crt"].split("-----END")[0], secret()["ca.crt"])

    def test_a_leader_that_is_asked_to_end_is_followed_and_no_admission_fails(self):
        leader = leaders()[0]
        with self.creating() as admissions:
            world.kubectl("delete", "pod", leader, f"--namespace={SYSTEM}")
            self.await_that("another leads", lambda: leaders() not in ([], [leader]))
            world.await_webhook()
        self.assert_none_failed(admissions)

    def test_a_leader_that_lost_the_lease_leaves_the_secret_to_the_next(self):
        before = secret()
        taken = {"spec": {"holderIdentity": "somebody else", "leaseDurationSeconds": 5}}
        with self.creating() as admissions:
            world.kubectl("patch", "lease", NAME, f"--namespace={SYSTEM}", f"--patch={json.dumps(taken)}")
            self.await_that("nobody leads", lambda: not leaders())
            world.kubectl("delete", "secret", SECRET, f"--namespace={SYSTEM}")
            self.await_that("it is back", lambda: secret() == before, SECONDS)
            self.await_that("one leads", lambda: len(leaders()) == 1)
        self.assert_none_failed(admissions)

    # --- it is noticed, and heals -----------------------------------------------------------------
    def test_a_ca_bundle_that_is_wiped_or_replaced_comes_back_in_seconds(self):
        wrong = base64.b64encode(secret()["tls.crt"].encode()).decode()
        with self.creating() as admissions:
            for kind in KINDS:
                for patch in ({"op": "remove"}, {"op": "replace", "value": wrong}):
                    patch["path"] = "/webhooks/0/clientConfig/caBundle"
                    world.kubectl("patch", kind, NAME, "--type=json", f"--patch={json.dumps([patch])}")
                    self.await_healed()
        self.assert_refused_for_want_of_the_webhook(admissions)

    def test_a_leader_that_is_killed_is_followed(self):
        cluster, leader = self.own_cluster(), leaders()[0]
        before = read("lease", NAME)["spec"]["holderIdentity"]
        with self.creating() as admissions:
            cluster.kill(read("pod", leader)["status"]["containerStatuses"][0]["containerID"])
            self.await_that("another leads", lambda: read("lease", NAME)["spec"]["holderIdentity"] != before, SECONDS)
            world.await_webhook()
        self.assert_refused_for_want_of_the_webhook(admissions)

    def test_with_all_replicas_killed_at_once_no_pod_is_made_until_they_are_back(self):
        cluster = self.own_cluster()
        with self.creating() as admissions:
            for one in pods():
                cluster.kill(one["status"]["containerStatuses"][0]["containerID"])
            self.await_that("they were missed", lambda: admissions.refused, SECONDS)
            world.await_webhook()
        self.assert_refused_for_want_of_the_webhook(admissions)

    def test_after_the_api_server_restarted_it_is_watched_as_before(self):
        cluster = self.own_cluster()
        with self.creating():
            cluster.stop_apiserver()
            cluster.start_apiserver()
            self.await_that("the API server answers", cluster.apiserver_answers, SECONDS)
            self.await_that("one leads", lambda: len(leaders()) == 1, SECONDS)
            world.kubectl("patch", KINDS[0], NAME, "--type=json",
                          '--patch=[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]')
            self.await_that("it is back", lambda: published() == {secret()["ca.crt"]}, SECONDS)
            world.await_webhook()

    def test_one_that_expired_while_nobody_ran_is_replaced(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                            "/CN=x", "-addext", f"subjectAltName=DNS:{NAME}.{SYSTEM}.svc", "-keyout", folder / "key",
                            "-out", folder / "csr"], check=True, capture_output=True)
            subprocess.run(["openssl", "x509", "-req", "-in", folder / "csr", "-signkey", folder / "key", "-days", "-1",
                            "-copy_extensions", "copy", "-out", folder / "crt"], check=True, capture_output=True)
            expired = {name: (folder / name).read_bytes() for name in ("key", "crt")}
        with self.creating() as admissions:
            self.scale_to_none()
            self.store(**expired)
            self.await_that("they are missed", lambda: admissions.refused, SECONDS)
            world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", "--replicas=2")
            world.await_webhook()
            self.await_healed()
        self.assertNotEqual(secret()["tls.crt"].encode(), expired["crt"])
        self.assert_refused_for_want_of_the_webhook(admissions)

    def test_with_secret_and_all_replicas_gone_a_new_one_is_made(self):
        before = secret()
        with self.creating() as admissions:
            self.scale_to_none()
            world.kubectl("delete", "secret", SECRET, f"--namespace={SYSTEM}")
            world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", "--replicas=2")
            world.await_webhook()
            self.await_healed()
        self.assertNotEqual(secret()["tls.crt"], before["tls.crt"])
        self.assert_refused_for_want_of_the_webhook(admissions)

    def scale_to_none(self) -> None:
        self.addCleanup(world.await_webhook)
        self.addCleanup(world.kubectl, "scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", "--replicas=2")
        world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", "--replicas=0")
        self.await_that("none is left", lambda: not pods(), SECONDS)


class FromFiles(ClusterCase):
    @staticmethod
    def stop() -> None:
        """As docs/install.md says of another mode: replicas of both would each want to be trusted alone."""
        world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", "--replicas=0")
        await_that("none is left", lambda: not pods())

    def test_one_that_somebody_brings_is_served_and_may_be_renewed(self):
        self.addCleanup(world.restore)
        self.addCleanup(world.kubectl, "delete", "secret", "openshell-webhook-tls", f"--namespace={SYSTEM}")
        self.addCleanup(self.stop)
        self.stop()
        world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set", "certificates.mode=existingSecret")
        for what in ("made", "renewed"):
            with self.subTest(what=what):
                subprocess.run([MANIFESTS / "certificate.sh"], check=True, capture_output=True, env=world.environment())
                world.await_webhook()
                world.await_admission()
                await_that("it is the one that is trusted", lambda: world.kubectl(
                    "exec", f"--namespace={SYSTEM}", f"deployment/{NAME}", "--", "/openshell-webhook", "check",
                    check=False).stdout.count("trusts what the Service serves") == len(KINDS))
