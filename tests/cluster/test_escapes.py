# SPDX-License-Identifier: Apache-2.0
"""Another webhook changes pods after ours: what it adds is confined as well, or the pod is refused."""
import base64
import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading

from fixture import ClusterCase, await_that, container, pod, world
from machine import NODE_ADDRESS

SECOND = "zz-second"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = review["request"]
        patch = self.server.patch_of(request["object"])
        review["response"] = {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch",
                              "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        pass


class Second(ClusterCase):
    """It runs in this process; the API server asks it after ours, as its name sorts behind."""

    def setUp(self):
        self.own_cluster()
        self.server = http.server.ThreadingHTTPServer((NODE_ADDRESS, 0), Handler)
        self.addCleanup(self.server.server_close)
        bundle = self._serve_tls()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.shutdown)
        self.server.patch_of = lambda _pod: []
        self._register(bundle)

    def _serve_tls(self) -> str:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", folder / "key", "-out", folder / "crt", "-days", "2", "-subj", "/CN=second",
                            "-addext", f"subjectAltName=IP:{NODE_ADDRESS}"], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "crt", folder / "key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            return base64.b64encode((folder / "crt").read_bytes()).decode()

    def _register(self, bundle: str) -> None:
        world.kubectl("apply", "-f", "-", text=json.dumps({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": SECOND}, "webhooks": [{
                "name": "pods.second.example", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Fail", "timeoutSeconds": 5,
                "clientConfig": {"url": f"https://{NODE_ADDRESS}:{self.server.server_address[1]}/", "caBundle": bundle},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"],
                           "scope": "Namespaced"}]}]}))
        self.addCleanup(world.kubectl, "delete", "mutatingwebhookconfiguration", SECOND)

    def adds(self, path: str, value) -> None:
        """From now on; and waits until the API server asks."""
        asked = threading.Event()
        def patch_of(_pod) -> list[dict]:
            asked.set()
            return [{"op": "add", "path": path, "value": value}]
        self.server.patch_of = patch_of
        await_that("it is asked", lambda: self.create() is not None and asked.is_set())

    def create(self):
        return self.kubectl("create", "--dry-run=server", "--output=json", "-f", "-", text=json.dumps(pod("x")),
                            check=False)

    def test_a_container_that_it_adds_is_refused(self):
        self.adds("/spec/containers/-", {**container(), "name": "beside"})
        self.assertIn("[OSW021]", self.create().stderr)

    def test_an_init_container_that_it_adds_is_confined_too(self):
        self.adds("/spec/initContainers/-", {**container("true"), "name": "early"})
        done = self.create()
        self.assertEqual(done.returncode, 0, done.stderr)
        early = json.loads(done.stdout)["spec"]["initContainers"][1]
        self.assertEqual(early["name"], "early")
        self.assertIn("openshell-agent", early["command"][0])
        self.assertEqual(early["command"][-2:], ["--", "true"])

    def test_privilege_that_it_adds_is_refused(self):
        self.adds("/spec/hostNetwork", True)
        self.assertIn("[OSW014]", self.create().stderr)
