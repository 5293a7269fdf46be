# SPDX-License-Identifier: Apache-2.0
"""internet: an outside world with names, web servers and an authority of its own.

It is an `Outside` whose namespace also serves HTTP, HTTPS, a bare TCP service and DNS. The certificates
are signed by a root that nobody else knows, which `given_to` hands to a pod's agent."""
import copy
import json
import pathlib
import subprocess
import tempfile

from network import Outside, inside

SERVERS = pathlib.Path(__file__).resolve().parent / "internet_servers.py"
HERE = "198.51.100.1"
# An address that is nobody's private network, and one that is; both lead to the same servers.
PUBLIC, PRIVATE, METADATA = "11.0.0.1", "10.99.0.1", "169.254.169.254"
BARE_PORT = 5432
ROOT_PLACE = "/etc/private-root.crt"
# Subcommands of the agent that connect to servers.
PROXYING = ("run", "proxy")


class Internet(Outside):
    """Knows `names`, which map to addresses; every other name does not exist. The certificate does not
    vouch for `unvouched`. Below `files`, a folder with a host's name is what that host serves."""

    def __init__(self, names: dict[str, list[str]], unvouched: tuple[str, ...] = (),
                 files: pathlib.Path = pathlib.Path("/nonexistent")):
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="openshell-internet-")
        where = pathlib.Path(self._folder.name)
        self._log = where / "log"
        self._log.touch()
        (where / "zone.json").write_text(json.dumps(names))
        self.root = _make_certificates(where, sorted(names.keys() - set(unvouched)))
        self.resolv_conf = where / "resolv.conf"
        self.resolv_conf.write_text(f"nameserver {HERE}\n")
        for address in (PUBLIC, PRIVATE, METADATA):
            inside(str(self.pid), "ip", "address", "add", f"{address}/32", "dev", "lo")
        inside(str(self.pid), "ip", "link", "set", "lo", "up")
        self.start(["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", str(SERVERS),
                    str(where / "leaf.crt"), str(where / "leaf.key"), str(where / "zone.json"),
                    str(self._log), self.token, str(files)])

    def __exit__(self, *exc) -> None:
        super().__exit__(*exc)
        self._folder.cleanup()

    def arrived(self) -> list[dict]:
        """What reached the servers since the last call."""
        text = self._log.read_text()
        self._log.write_text("")
        return [json.loads(line) for line in text.splitlines()]

    def given_to(self, pod: dict) -> dict:
        """A copy of a rendered pod that knows our nameserver, as a kubelet would tell it, and whose agent
        knows our root."""
        pod = self.furnished(pod)
        for container in _run_by_agent(pod, PROXYING):
            container["command"][2:2] = ["--upstream-ca", ROOT_PLACE]
        return pod

    def given_to_plain(self, pod: dict) -> dict:
        """The same for a pod without an agent, whose programs know our root."""
        pod = self.furnished(pod)
        pod["spec"]["containers"][0].setdefault("env", []).extend(
            {"name": name, "value": ROOT_PLACE} for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"))
        return pod

    def furnished(self, pod: dict) -> dict:
        """A copy that knows our nameserver and has our root at ROOT_PLACE."""
        pod = copy.deepcopy(pod)
        furnished = _run_by_agent(pod, (*PROXYING, "launch")) or pod["spec"]["containers"][:1]
        for name, path, place in (("resolv-conf", self.resolv_conf, "/etc/resolv.conf"),
                                  ("private-root", self.root, ROOT_PLACE)):
            pod["spec"]["volumes"].append({"name": name, "hostPath": {"path": str(path), "type": "File"}})
            for container in furnished:
                container.setdefault("volumeMounts", []).append(
                    {"name": name, "mountPath": place, "readOnly": True})
        return pod


def _run_by_agent(pod: dict, how: tuple[str, ...]) -> list[dict]:
    """The containers whose command is `openshell-agent` with one of these subcommands."""
    return [c for c in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
            if c.get("command", [])[1:2] and c["command"][1] in how]


def _make_certificates(where: pathlib.Path, names: list[str]) -> pathlib.Path:
    """A root, and a certificate for `names` signed by it: root.crt, leaf.crt, leaf.key."""
    def openssl(*argv) -> None:
        subprocess.run(["openssl", *argv], cwd=where, check=True, capture_output=True)
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=private root", "-addext",
            "keyUsage=critical,keyCertSign", "-keyout", "root.key", "-out", "root.crt")
    openssl("req", *new_key, "-subj", "/CN=leaf", "-keyout", "leaf.key", "-out", "leaf.csr")
    (where / "leaf.ext").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "root.crt", "-CAkey", "root.key",
            "-CAcreateserial", "-days", "2", "-extfile", "leaf.ext", "-out", "leaf.crt")
    return where / "root.crt"
