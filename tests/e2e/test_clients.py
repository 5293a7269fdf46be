# SPDX-License-Identifier: Apache-2.0
"""The programs and libraries that people use pass, or are refused with a reason that they can show.

Each runs as it is in a sandboxed pod; docs/clients.md says what each of them needs."""
import base64
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile
import tempfile
import zipfile

from fixture import SandboxCase
from images import TOOLS
from internet import HERE, Internet
from rig import Rig

NAMES = {name: [HERE] for name in
         ("plain.test", "other.test", "theirs.test", "git.test", "index.test", "registry.test")}
PYTHON, NODE, GIT = "/usr/bin/python3.11", "/usr/bin/node", "/usr/bin/git"
JAVA = "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"
POLICY = f"""version: 1
network_policies:
  clients:
    endpoints:
      - {{host: plain.test, port: 80, protocol: rest, rules: [{{allow: {{method: GET, path: /ok}}}}]}}
      - {{host: plain.test, port: 443, protocol: rest, rules: [{{allow: {{method: GET, path: /ok}}}}]}}
    binaries:
      - {{path: /usr/bin/curl}}
      - {{path: /usr/bin/wget}}
      - {{path: {PYTHON}}}
      - {{path: {NODE}}}
      - {{path: {JAVA}}}
      - {{path: /clients/fetch-go}}
  theirs:
    endpoints: [{{host: theirs.test, port: 443, protocol: rest, access: full}}]
    binaries: [{{path: /usr/bin/nobody}}]
  git:
    endpoints:
      - host: git.test
        port: 443
        protocol: rest
        rules:
          - allow: {{method: GET, path: /**}}
          - allow: {{method: POST, path: /**/git-upload-pack}}
    binaries: [{{path: {GIT}}}]
  index:
    endpoints: [{{host: index.test, port: 443, protocol: rest, access: read-only}}]
    binaries: [{{path: {PYTHON}}}]
  registry:
    endpoints: [{{host: registry.test, port: 443, protocol: rest, access: read-only}}]
    binaries: [{{path: {NODE}}}]
"""
# What Java is told by hand; the last is what docs/tls.md says about its trust store.
JAVA_SETTINGS = r"""
if [ -n "$HTTPS_PROXY" ]; then
    proxy=${HTTPS_PROXY#http://}
    set -- -Dhttp.proxyHost=${proxy%:*} -Dhttp.proxyPort=${proxy#*:} -Dhttps.proxyHost=${proxy%:*} \
        -Dhttps.proxyPort=${proxy#*:} "$@"
fi
[ -e /tmp/trust ] || /usr/lib/jvm/java-17-openjdk-amd64/bin/keytool -importcert -noprompt \
    -alias openshell -file /etc/openshell-tls/openshell-ca.pem -keystore /tmp/trust -storepass changeit 2>/dev/null
exec /usr/lib/jvm/java-17-openjdk-amd64/bin/java -Djavax.net.ssl.trustStore=/tmp/trust \
    -Djavax.net.ssl.trustStorePassword=changeit "$@"
"""
WGET = ["wget", "-nv", "-O-", "--tries=1", "--content-on-error", "--server-response",
        "--ca-certificate=/etc/openshell-tls/ca-bundle.pem"]


def curl(method: str, url: str) -> list[str]:
    return ["curl", "-sS", "--max-time", "10", "-X", method, url]


def wget(method: str, url: str) -> list[str]:
    return [*WGET, f"--method={method}", url]


def python(library: str):
    return lambda method, url: ["python3", "/clients/fetch.py", library, method, url]


def node(library: str):
    return lambda method, url: ["node", "/clients/fetch.js", library, method, url]


def java(library: str):
    return lambda method, url: ["sh", "-c", JAVA_SETTINGS, "java", "/clients/Fetch.java", library, method, url]


def go(method: str, url: str) -> list[str]:
    return ["/clients/fetch-go", method, url]


CLIENTS = {
    "curl": curl, "wget": wget, "go": go,
    **{f"python {library}": python(library) for library in ("urllib", "requests", "httpx", "aiohttp")},
    **{f"node {library}": node(library) for library in ("fetch", "https", "axios")},
    **{f"java {library}": java(library) for library in ("client", "connection")},
}

# How a client tells that a tunnel was refused, where it does not tell the status.
NO_TUNNEL = {"wget": "Forbidden", "go": "Forbidden", "node fetch": "fetch failed"}


def make_repository(place: pathlib.Path) -> None:
    def git(*argv: str) -> None:
        subprocess.run(["git", *argv], check=True, capture_output=True)
    work = place / "work"
    git("init", "--quiet", "--initial-branch=main", str(work))
    (work / "README").write_text("cloned\n")
    git("-C", str(work), "add", "README")
    git("-C", str(work), "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "first")
    git("clone", "--quiet", "--bare", str(work), str(place / "project.git"))
    # A push that gets this far would succeed: what refuses it is the policy.
    git("-C", str(place / "project.git"), "config", "http.receivepack", "true")


def make_index(place: pathlib.Path) -> None:
    """A package index with one wheel."""
    files = {"small.py": b"NAME = 'installed'\n",
             "small-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
             "small-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{name},,\n" for name in [*files, "small-1.0.dist-info/RECORD"])
    wheel = place / "small-1.0-py3-none-any.whl"
    place.mkdir()
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, content in {**files, "small-1.0.dist-info/RECORD": record.encode()}.items():
            packed.writestr(name, content)
    page = place / "simple/small/index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="/{wheel.name}">{wheel.name}</a>\n')


def make_registry(place: pathlib.Path) -> None:
    """A registry with one package."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in (("package.json", b'{"name": "small", "version": "1.0.0"}'),
                              ("index.js", b"module.exports = 'installed';\n")):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    place.mkdir()
    (place / "small.tgz").write_bytes(packed.getvalue())
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode()
    (place / "small").write_text(json.dumps({
        "name": "small", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {
            "name": "small", "version": "1.0.0",
            "dist": {"tarball": "https://registry.test/small.tgz", "integrity": integrity}}}}))


class Clients(SandboxCase):
    """With the proxy's variables in the environment."""

    policy, names = POLICY, NAMES
    # What each command begins with, and how git, pip and npm tell that they may not reach a host.
    prefix: tuple[str, ...] = ()
    elsewhere = {"git": "403", "pip": "403", "npm": "403"}
    axios_alone: str | None = "for https:// the client sends CONNECT"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        files = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (files / "git.test").mkdir()
        make_repository(files / "git.test")
        make_index(files / "index.test")
        make_registry(files / "registry.test")
        cls.rig = Rig(cls(), cls.policy, ["sleep", "3600"], cls.addClassCleanup,
                      net=Internet(cls.names, files=files), image=TOOLS, env=[{"name": "HOME", "value": "/tmp"}])

    def setUp(self):
        super().setUp()
        self.rig.net.arrived()

    def run_inside(self, *argv: str) -> subprocess.CompletedProcess:
        return self.rig.run(*self.prefix, *argv, seconds=120)

    def arrived(self) -> list[tuple[str, str]]:
        return [(r["method"], r["path"]) for r in self.rig.net.arrived() if "method" in r]

    def said(self, client, method: str, url: str) -> str:
        done = self.run_inside(*client(method, url))
        return (done.stdout + done.stderr).decode(errors="replace")

    def by_each(self, check) -> None:
        for name, client in CLIENTS.items():
            with self.subTest(client=name):
                check(lambda method, url, ask=client: self.said(ask, method, url), name)

    # --- one request, by each

    def test_what_the_policy_allows_is_answered(self):
        def check(said, _name):
            for url in ("https://plain.test/ok", "http://plain.test/ok"):
                self.assertIn(self.rig.net.token, said("GET", url), url)
        self.by_each(check)

    def test_another_method_is_refused_and_the_client_shows_why(self):
        def check(said, _name):
            for url in ("https://plain.test/ok", "http://plain.test/ok"):
                answer = said("DELETE", url)
                self.assertIn('"error":"policy_denied"', answer)
                self.assertIn("'DELETE' '/ok' is permitted by no rule", answer)
            self.assertEqual(self.arrived(), [])
        self.by_each(check)

    def test_another_host_is_refused(self):
        def check(said, name):
            refused = NO_TUNNEL.get(name, "403")
            self.assertIn(refused, said("GET", "https://other.test/ok"))
            # undici makes a tunnel for plain HTTP too.
            self.assertIn(refused if refused == "fetch failed" else '"error":"policy_denied"',
                          said("GET", "http://other.test/ok"))
            self.assertEqual(self.arrived(), [])
        self.by_each(check)

    def test_what_another_program_may_is_refused(self):
        def check(said, name):
            refused = NO_TUNNEL.get(name, "403")
            self.assertIn(refused, said("GET", "https://theirs.test/ok"))
            self.assertEqual(self.arrived(), [])
        self.by_each(check)

    def test_axios_makes_no_tunnel_of_itself_and_needs_none(self):
        alone, direct = (self.said(node(kind), "GET", "https://plain.test/ok")
                         for kind in ("axios-alone", "axios-direct"))
        self.assertIn(self.axios_alone or self.rig.net.token, alone)
        self.assertIn(self.rig.net.token, direct)

    # --- tools with protocols of their own

    def test_git_clones_and_may_not_push(self):
        done = self.run_inside("git", "clone", "https://git.test/project.git", "/tmp/project")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(self.run_inside("cat", "/tmp/project/README").stdout, b"cloned\n")
        self.arrived()
        done = self.run_inside("git", "-C", "/tmp/project", "push", "origin", "main:other")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"403", done.stderr)
        self.assertNotIn("POST", {method for method, _ in self.arrived()})

    def test_git_may_not_clone_from_elsewhere(self):
        done = self.run_inside("git", "clone", "https://other.test/project.git", "/tmp/other")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.elsewhere["git"], done.stderr.decode())
        self.assertEqual(self.arrived(), [])

    def test_only_git_may_talk_to_the_repository(self):
        self.assertIn("403", self.said(curl, "GET", "https://git.test/project.git/HEAD"))
        self.assertEqual(self.arrived(), [])

    def test_pip_installs(self):
        done = self.run_inside("python3", "-m", "pip", "install", "--no-cache-dir", "--target", "/tmp/packages",
                               "--index-url", "https://index.test/simple", "small")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn(("GET", "/small-1.0-py3-none-any.whl"), self.arrived())
        done = self.run_inside("python3", "-c", "import sys; sys.path.insert(0, '/tmp/packages'); "
                               "import small; print(small.NAME)")
        self.assertEqual(done.stdout, b"installed\n", done.stderr)

    def test_pip_may_not_install_from_elsewhere(self):
        done = self.run_inside("python3", "-m", "pip", "install", "-vv", "--no-cache-dir", "--retries", "0",
                               "--target", "/tmp/elsewhere", "--index-url", "https://other.test/simple", "small")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.elsewhere["pip"], (done.stdout + done.stderr).decode())
        self.assertEqual(self.arrived(), [])

    def npm(self, *argv: str) -> subprocess.CompletedProcess:
        return self.run_inside("npm", "--prefix", "/tmp/app", "--no-audit", "--no-update-notifier",
                               "--fetch-retries=0", *argv)

    def test_npm_installs(self):
        done = self.npm("--registry=https://registry.test", "install", "small")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn(("GET", "/small.tgz"), self.arrived())
        done = self.run_inside("node", "-e", "console.log(require('/tmp/app/node_modules/small'))")
        self.assertEqual(done.stdout, b"installed\n", done.stderr)

    def test_npm_may_not_install_from_elsewhere_nor_publish(self):
        done = self.npm("--registry=https://other.test", "install", "small")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.elsewhere["npm"], (done.stdout + done.stderr).decode())
        self.assertEqual(self.arrived(), [])
        self.run_inside("sh", "-c", "mkdir -p /tmp/mine && echo '{\"name\":\"mine\",\"version\":\"1.0.0\"}' "
                        "> /tmp/mine/package.json")
        done = self.npm("--registry=https://registry.test", "--//registry.test/:_authToken=x", "publish",
                        "/tmp/mine")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"policy_denied", done.stdout + done.stderr)
        self.assertNotIn("PUT", {method for method, _ in self.arrived()})
