# SPDX-License-Identifier: Apache-2.0
"""`openshell-webhook companions`: what the controller makes for an agent pod, printed without a cluster. Needs neither
root nor containers."""
import base64
import json
import pathlib
import subprocess
import tempfile
import unittest

import yaml

from test_webhook import IMAGE, PROGRAM

CASES = pathlib.Path(__file__).resolve().parents[1] / "golden/pair"
# Of the golden cases.
MASTER, ADDRESS, NODE = b"0123456789abcdef" * 2, "10.96.7.8", "node-1"
SIGNED_ANEW = ("openshell-ca.pem", "openshell-ca-key.pem")
NOTE = "(hidden: follows from the master key)"


class Companions(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.key = self.folder / "master-key"
        self.key.write_bytes(MASTER)

    def ask(self, pod: bytes, *options: str) -> subprocess.CompletedProcess:
        return subprocess.run([PROGRAM, "companions", "-f", "-", "--agent-image", IMAGE, *options], input=pod,
                              capture_output=True, timeout=60)

    def told(self, case: str, *options: str) -> list[dict]:
        """The documents."""
        done = self.ask((CASES / case / "pod.yaml").read_bytes(), *options)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return list(yaml.safe_load_all(done.stdout))

    def refused(self, pod: dict | bytes, reason: str, *options: str, status: int = 1) -> None:
        done = self.ask(pod if isinstance(pod, bytes) else json.dumps(pod).encode(), *options)
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        self.assertIn(reason, done.stderr.decode())

    @staticmethod
    def pod(case: str = "minimal") -> dict:
        return yaml.safe_load((CASES / case / "pod.yaml").read_text())

    def test_all_is_printed_that_the_controller_makes(self):
        for case in sorted(path.name for path in CASES.iterdir()):
            with self.subTest(case):
                made, patch = self.told(case, "--cluster-ip", ADDRESS, "--node", NODE, "--master-key", str(self.key))
                closed, *objects = made["items"]
                self.assertEqual(closed["metadata"]["name"], "openshell-agent-closed")
                secret = next(o for o in objects if o["kind"] == "Secret")
                certificate = patch["metadata"]["annotations"]["openshell.io/proxy-ca"]
                for text in (certificate, base64.b64decode(secret["data"]["openshell-ca.pem"]).decode()):
                    self.assertTrue(text.startswith("-----BEGIN CERTIFICATE-----\n"), text)
                secret["data"].update(dict.fromkeys(SIGNED_ANEW, "(hidden)"))
                patch["metadata"]["annotations"]["openshell.io/proxy-ca"] = "(hidden)"
                self.assertEqual(objects, json.loads((CASES / case / "objects.json").read_text()))
                self.assertEqual(patch, json.loads((CASES / case / "patch.json").read_text()))

    def test_without_the_master_key_everything_is_printed_but_what_follows_from_it(self):
        made, patch = self.told("minimal", "--cluster-ip", ADDRESS)
        secret = next(o for o in made["items"] if o["kind"] == "Secret")
        self.assertEqual(set(secret["data"].values()), {NOTE})
        self.assertEqual(set(patch["metadata"]["annotations"].values()), {NOTE})
        wanted = json.loads((CASES / "minimal/objects.json").read_text())
        self.assertEqual([o for o in made["items"][1:] if o != secret], [o for o in wanted if o["kind"] != "Secret"])

    def test_without_an_address_there_is_no_patch(self):
        (made,) = self.told("minimal")
        service = next(o for o in made["items"] if o["kind"] == "Service")
        self.assertNotIn("clusterIP", service["spec"])

    def test_the_defaults_of_the_namespace_count(self):
        namespaces = self.folder / "namespaces.yaml"
        namespaces.write_text(json.dumps({"kind": "Namespace", "metadata": {
            "name": "shop", "annotations": {"openshell.io/policy": "of-the-shop"}}}))
        (made,) = self.told("minimal", "--namespaces", str(namespaces))
        self.assertIn("of-the-shop", json.dumps(made))
        namespaces.write_text(json.dumps({"kind": "Namespace", "metadata": {"name": "other"}}))
        self.refused(self.pod(), "namespace 'shop' is not in", "--namespaces", str(namespaces))

    def test_who_runs_the_cluster_sizes_the_proxies_and_names_their_user(self):
        options = ("--proxy-pod-uid", "4000", "--proxy-pod-cpu", "250m", "--proxy-pod-memory-limit", "1Gi")
        for case, user in (("minimal", 4000), ("everything", 2000)):
            with self.subTest(case):
                (made,) = self.told(case, *options)
                spec = made["items"][-1]["spec"]["template"]["spec"]
                (proxy,) = spec["containers"]
                self.assertEqual((proxy["command"][5], proxy["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]),
                                 (str(user), user, user))
                self.assertEqual(proxy["resources"], {"requests": {"cpu": "250m", "memory": "64Mi"},
                                                      "limits": {"cpu": "1", "memory": "1Gi"}})
        for option, wrong in (("uid", "999"), ("uid", "4294967295"), ("cpu", "1000m"), ("memory", "512Mi")):
            self.refused(self.pod(), f"--proxy-pod-{option}", f"--proxy-pod-{option}", wrong, status=2)

    def test_who_runs_the_cluster_says_what_is_beside_its_proxy_and_the_pod_has_the_last_word(self):
        for case, option, expected in (("minimal", "required", {"requiredDuringSchedulingIgnoredDuringExecution"}),
                                       ("minimal", "disabled", None),
                                       ("preferred-beside-its-proxy", "required",
                                        {"preferredDuringSchedulingIgnoredDuringExecution"})):
            with self.subTest(case, option=option):
                _, patch = self.told(case, "--cluster-ip", ADDRESS, "--node", NODE, "--proxy-pod-affinity", option)
                affinity = patch["spec"].get("affinity")
                self.assertEqual(affinity and set(affinity["nodeAffinity"]), expected)
        self.refused(self.pod(), "--proxy-pod-affinity 'near' is not", "--proxy-pod-affinity", "near", status=2)

    def test_what_is_not_one_agent_pod_is_refused(self):
        plain = self.pod()
        del plain["metadata"]["labels"]["openshell.io/sandbox-role"]
        submitted = self.pod()
        del submitted["metadata"]["uid"]
        two = yaml.safe_dump_all([self.pod(), self.pod()]).encode()
        for pod, reason in ((plain, "not an agent pod"), (submitted, "as the API server keeps it"),
                            (two, "holds 2 objects"), (b"", "holds 0 objects"), (b"a: &a b", "anchors")):
            with self.subTest(reason):
                self.refused(pod, reason)

    def test_a_key_of_another_size_is_refused(self):
        for key in (MASTER[1:], MASTER + b"\n", b""):
            with self.subTest(key=key):
                self.key.write_bytes(key)
                self.refused(self.pod(), "master-key", "--master-key", str(self.key))
        self.refused(self.pod(), "/absent", "--master-key", "/absent")

    def test_usage_errors_are_2(self):
        for options in (("--cluster-ip", "proxy.example"), ("--cluster-ip", "[fd00::1]"), ("pod.yaml",)):
            with self.subTest(options=options):
                self.refused(self.pod(), options[-1], *options, status=2)
        done = subprocess.run([PROGRAM, "companions", "--agent-image", IMAGE], capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (2, b""))


if __name__ == "__main__":
    unittest.main()
