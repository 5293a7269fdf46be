# SPDX-License-Identifier: Apache-2.0
"""pki: the keys, certificates and kubeconfigs of a cluster."""
import base64
import json
import pathlib
import subprocess

KEY = ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]
# Longer than a cluster of a test lives.
DAYS = "30"


class Authority:
    """A certificate authority in `folder`: NAME.crt, NAME.key."""

    def __init__(self, folder: pathlib.Path, name: str):
        self._folder, self._name = folder, name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._openssl(*KEY, "-out", f"{name}.key")
        self._openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", DAYS,
                      "-out", f"{name}.crt", "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")

    def _openssl(self, *argv) -> None:
        subprocess.run(["openssl", *argv], cwd=self._folder, check=True, capture_output=True)

    def issue(self, name: str, subject: str, usage: str, *names: str) -> None:
        """NAME.crt and NAME.key; `usage` is serverAuth or clientAuth, `names` are DNS:… and IP:…"""
        lines = ["keyUsage=critical,digitalSignature", f"extendedKeyUsage={usage}"]
        if names:
            lines.append(f"subjectAltName={','.join(names)}")
        (self._folder / "extensions").write_text("\n".join(lines))
        self._openssl(*KEY, "-out", f"{name}.key")
        self._openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", "request")
        self._openssl("x509", "-req", "-in", "request", "-CA", f"{self._name}.crt", "-CAkey", f"{self._name}.key",
                      "-CAcreateserial", "-days", DAYS, "-extfile", "extensions", "-out", f"{name}.crt")

    def signing_key(self, name: str) -> None:
        """A pair without a certificate: NAME.key, NAME.pub."""
        self._openssl(*KEY, "-out", f"{name}.key")
        self._openssl("ec", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")

    def kubeconfig(self, name: str, server: str, target: pathlib.Path) -> None:
        """How the holder of NAME's certificate talks to `server`."""
        def data(file: str) -> str:
            return base64.b64encode((self._folder / file).read_bytes()).decode()
        target.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "local",
            "clusters": [{"name": "local", "cluster": {
                "server": server, "certificate-authority-data": data(f"{self._name}.crt")}}],
            "users": [{"name": name, "user": {"client-certificate-data": data(f"{name}.crt"),
                                              "client-key-data": data(f"{name}.key")}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": name}}]}))
