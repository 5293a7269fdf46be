# SPDX-License-Identifier: Apache-2.0
"""The webhook's certificate from cert-manager, as the chart asks for it."""
import base64
import json
import pathlib

import runner
import yaml
from built import Recipe
from fixture import CHART, NAME, RELEASE, SYSTEM, Admissions, ClusterCase, await_that, metrics_of, pod, world

RECIPE = Recipe(pathlib.Path(__file__).resolve().parent / "cert-manager/1.18", "cert-manager 1.18", "cert-manager")
SECRET, AUTHORITY = "openshell-webhook-tls", f"{NAME}-ca"


def custom_resources() -> list[dict]:
    """Its CRDs, without what its chart fills in."""
    found = [yaml.safe_load(path.read_text()) for path in sorted(RECIPE.programs.glob("crd-*.yaml"))]
    for item in found:
        item["metadata"] = {"name": item["metadata"]["name"]}
    return found


def read(kind: str, name: str) -> dict:
    return json.loads(world.kubectl("get", kind, name, f"--namespace={SYSTEM}", "--output=json").stdout)


def secret(name: str, key: str = "tls.crt") -> str:
    return base64.b64decode(read("secret", name)["data"][key]).decode()


def replicas() -> list[str]:
    pods = json.loads(world.kubectl("get", "pods", f"--namespace={SYSTEM}", "--output=json").stdout)["items"]
    return [item["metadata"]["name"] for item in pods if "deletionTimestamp" not in item["metadata"]]


def expiries() -> set[float]:
    return {metrics_of(name).get("certificate_expiry_seconds") for name in replicas()}


def stop_webhook() -> None:
    """As docs/install.md says of another mode: replicas of both would each want to be trusted alone."""
    world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", "--replicas=0")
    await_that("none is left", lambda: not replicas())


class CertManager(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.cluster or not world.since(30):
            raise runner.machine_lacks("a control plane of its own, of a Kubernetes that cert-manager 1.18 is for")
        super().setUpClass()
        RECIPE.ensure()
        crds = json.dumps({"apiVersion": "v1", "kind": "List", "items": custom_resources()})
        cls.addClassCleanup(world.kubectl, "delete", "-f", "-", text=crds)
        world.kubectl("apply", "--server-side", "-f", "-", text=crds)
        world.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", "-", text=crds)
        # It makes them anew while it runs.
        cls.addClassCleanup(world.kubectl, "delete", "secret", SECRET, AUTHORITY, f"--namespace={SYSTEM}",
                            "--ignore-not-found")
        cls.addClassCleanup(world.cluster.stop, "cert-manager")
        world.cluster.start("cert-manager", RECIPE.programs / "cert-manager", world.cluster.kubeconfig)
        cls.addClassCleanup(world.restore)
        cls.addClassCleanup(stop_webhook)
        stop_webhook()
        world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set", "certificates.mode=certManager")
        try:
            world.await_webhook()
            world.await_admission()
        except Exception as error:
            raise AssertionError(f"{error}\n{world.cluster.tail('cert-manager')}") from error

    def renew(self, certificate: str, of: str) -> None:
        """As its own command line does."""
        before = secret(of)
        world.kubectl("patch", "certificate", certificate, f"--namespace={SYSTEM}", "--subresource=status", "--type=json",
                      "--patch", json.dumps([{"op": "add", "path": "/status/conditions/-", "value": {
                          "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "by the test",
                          "lastTransitionTime": "2020-01-01T00:00:00Z"}}]))
        await_that(f"{certificate} is renewed", lambda: secret(of) != before)

    def test_a_pod_is_sandboxed_with_a_certificate_that_it_issued_and_published(self):
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            told = {base64.b64decode(w["clientConfig"].get("caBundle", "")).decode() for w in read(kind, NAME)["webhooks"]}
            self.assertEqual(told, {secret(SECRET, "ca.crt")})
        self.assertEqual(secret(SECRET, "ca.crt"), secret(AUTHORITY))
        self.apply(pod("one"))
        self.await_ready("pod/one")
        self.assertEqual(self.inside("one", "id -u").stdout.strip(), "1000")

    def test_it_renews_authority_and_certificate_without_a_failed_admission(self):
        served = expiries()
        with Admissions(self.namespace) as admissions:
            self.renew(AUTHORITY, AUTHORITY)
            self.renew(NAME, SECRET)
            self.assertEqual(secret(SECRET, "ca.crt"), secret(AUTHORITY))
            # Pods are looked at anew when they change; else the kubelet takes its time with mounted Secrets.
            world.kubectl("annotate", "pods", "--all", f"--namespace={SYSTEM}", "test=renewed", "--overwrite")
            await_that("every replica serves it", lambda: len(now := expiries()) == 1 and not now & served)
            before = admissions.admitted
            await_that("pods are admitted", lambda: admissions.admitted > before + Admissions.PER_SECOND)
        self.assertEqual((admissions.refused, admissions.unreached, admissions.unsandboxed), ([], 0, []))
