# SPDX-License-Identifier: Apache-2.0
"""Looking images up: in the distribution's own registry, and in one that is played, which may do anything.

Neither root nor containers, but for the last class."""
import base64
import crypt
import hashlib
import http.client
import http.server
import json
import pathlib
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from fixture import SandboxCase, pod, world
import images
import registry
from images import COVERING
from test_webhook import OUT, PROGRAM, Webhook, make_certificate, review

DRIVER = OUT / "driver_image"
LOOPBACK = "127.0.0.1"
THREADS_OF_SERVER, JOBS_OF_NAMESPACE = 2, 16  # webhook/image_resolver.h
OCI = "application/vnd.oci.image."


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def text(value: dict) -> bytes:
    return json.dumps(value).encode()


class Image:
    """A configuration and the manifest that leads to it."""

    def __init__(self, arch: str = "amd64", **config):
        self.arch = arch
        self.config = text({"architecture": arch, "os": "linux", "config": config,
                            "rootfs": {"type": "layers", "diff_ids": []}})
        self.manifest = text({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                              "config": {"mediaType": OCI + "config.v1+json", "digest": digest(self.config),
                                         "size": len(self.config)}, "layers": []})


def index(*images: Image) -> bytes:
    return text({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
        {"mediaType": OCI + "manifest.v1+json", "digest": digest(i.manifest), "size": len(i.manifest),
         "platform": {"architecture": i.arch, "os": "linux"}} for i in images]})


SHELL = ["/bin/sh", "-c", "exec app $HOME"]
APP = Image(Entrypoint=SHELL, Cmd=["-v"], User="app", WorkingDir="/srv", Volumes={"/data": {}})


PASSWORD = "s3cret"
BASIC = "Basic " + base64.b64encode(f"robot:{PASSWORD}".encode()).decode()


def login(server: str, **fields) -> str:
    return json.dumps({"auths": {server: fields or {"username": "robot", "password": PASSWORD}}})


class Driver:
    def __init__(self, *images: str, options: list[str]):
        self.process = subprocess.Popen([DRIVER, *options, *images], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.n = len(images)

    def read(self) -> list[dict]:
        return [json.loads(self.process.stdout.readline()) for _ in range(self.n)]

    def again(self) -> list[dict]:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.read()

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(60) != 0:
            raise AssertionError(f"driver_image ended with {self.process.returncode}")


class Played:
    """A registry that is right unless `faults` (part of a path, function of the handler) says otherwise. `keys`: a folder
    with its certificate for localhost, without which it has no TLS."""

    def __init__(self, keys: pathlib.Path | None = None):
        self.things: dict[str, bytes] = {}
        self.faults, self.asked, self.forms = [], [], []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with outer.lock:
                    outer.asked.append((self.path, self.headers.get("Authorization")))
                    outer.forms.append(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
                    fault = next((f for part, f in outer.faults if part in self.path), None)
                if fault is None or fault(self) is False:
                    body = outer.things.get(self.path)
                    self.answer(404 if body is None else 200, body or b"")

            do_POST = do_GET

            def answer(self, code: int, body: bytes = b"", **headers):
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """Who asks hangs up: that is what is tested."""

        self.server = Server((LOOPBACK, 0), Handler)
        self.name = f"{'localhost' if keys else LOOPBACK}:{self.server.server_address[1]}"
        if keys:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(keys / "tls.crt", keys / "tls.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, name: str, *images: Image, tag: str = "1") -> str:
        """The digest that the tag leads to."""
        top = images[0].manifest if len(images) == 1 else index(*images)
        for image in images:
            self.things[f"/v2/{name}/blobs/{digest(image.config)}"] = image.config
            self.things[f"/v2/{name}/manifests/{digest(image.manifest)}"] = image.manifest
        self.things[f"/v2/{name}/manifests/{tag}"] = self.things[f"/v2/{name}/manifests/{digest(top)}"] = top
        return digest(top)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Case(unittest.TestCase):
    def ask(self, *images: str, options: list[str]) -> list[dict]:
        driver = Driver(*images, options=options)
        try:
            return driver.read()
        finally:
            driver.stop()


class Registry:
    """The distribution's registry, for a test case."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def serve(self, auth: str = "", keys: tuple[pathlib.Path, pathlib.Path] | None = None) -> str:
        served = registry.Registry(self.folder, LOOPBACK, keys, more=auth)
        self.addCleanup(served.stop)
        return served.name


class Distribution(Registry, Case):
    def call(self, server: str, method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream"):
        connection = http.client.HTTPConnection(server, timeout=30)
        connection.request(method, path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        self.assertIn(answer.status, (201, 202), answer.read())
        location = answer.headers.get("Location")
        connection.close()
        return location

    def push(self, server: str, name: str, *images: Image, tag: str = "1") -> str:
        for image in images:
            place = self.call(server, "POST", f"/v2/{name}/blobs/uploads/").partition(server)[2]
            self.call(server, "PUT", f"{place}&digest={digest(image.config)}", image.config)
            self.call(server, "PUT", f"/v2/{name}/manifests/{digest(image.manifest)}", image.manifest,
                      OCI + "manifest.v1+json")
        top = images[0].manifest if len(images) == 1 else index(*images)
        self.call(server, "PUT", f"/v2/{name}/manifests/{tag}", top,
                  OCI + ("manifest" if len(images) == 1 else "index") + ".v1+json")
        return digest(top)

    def test_an_image_is_found_by_tag_and_digest_with_all_that_it_says(self):
        server = self.serve()
        want = {"entrypoint": SHELL, "cmd": ["-v"], "user": "app", "dir": "/srv", "volumes": ["/data"]}
        want["digest"] = self.push(server, "team/app", APP)
        options = ["--registry-allow", LOOPBACK, "--registry-insecure", server]
        for image in (f"{server}/team/app:1", f"{server}/team/app@{want['digest']}"):
            with self.subTest(image=image):
                [told] = self.ask(f"a/{image}", options=options)
                self.assertEqual({k: told.get(k) for k in want}, want, told)

    def test_an_index_is_read_for_every_architecture_and_must_agree(self):
        server = self.serve()
        same, other = Image("arm64", Entrypoint=["/app"]), Image("arm64", Entrypoint=["/other"])
        amd64 = Image(Entrypoint=["/app"])
        top = self.push(server, "same", amd64, same)
        self.push(server, "differs", amd64, other)
        options = ["--registry-allow", LOOPBACK, "--registry-insecure", server]
        good, bad, absent = self.ask(f"a/{server}/same:1", f"a/{server}/differs:1", f"a/{server}/absent:1",
                                     options=options)
        self.assertEqual((good["digest"], good["entrypoint"]), (top, ["/app"]))
        self.assertIn("other architectures", bad["why"])
        self.assertIn("404", absent["why"])

    def test_one_that_asks_for_a_password_says_so(self):
        (self.folder / "htpasswd").write_text("")
        server = self.serve(f"auth: {{htpasswd: {{realm: x, path: {self.folder}/htpasswd}}}}\n")
        [told] = self.ask(f"a/{server}/app:1",
                          options=["--registry-allow", LOOPBACK, "--registry-insecure", server])
        self.assertIn("a user and a password", told["why"])


    def test_with_a_login_it_tells_those_namespaces_alone_that_are_granted_it(self):
        top = self.push(self.serve(), "team/app", APP)
        salted = crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
        (self.folder / "htpasswd").write_text(f"robot:{salted}\n")
        make_certificate(self.folder, "registry")
        server = self.serve(f"auth: {{htpasswd: {{realm: x, path: {self.folder}/htpasswd}}}}\n",
                            (self.folder / "tls.crt", self.folder / "tls.key"))
        server = server.replace(LOOPBACK, "localhost")
        file = self.folder / "config.json"
        driver = Driver(f"a/{server}/team/app:1", f"b/{server}/team/app:1", f"a/{server}/other:1", options=[
            "--registry-allow", LOOPBACK, "--registry-ca", str(self.folder / "tls.crt"), "--registry-login", str(file),
            "--registry-login-for", f"{server}/team=a"])
        self.addCleanup(driver.stop)
        for told in driver.read():
            self.assertIn("a user and a password", told["why"])
        file.write_text(login(server, username="robot", password="wrong"))
        self.assertIn("(401)", driver.again()[0]["why"])
        # A mounted Secret is replaced as a whole.
        (self.folder / "fresh").write_text(login(server))
        (self.folder / "fresh").rename(file)
        for _ in range(2):
            granted, not_granted, elsewhere = driver.again()
            self.assertEqual(granted.get("digest"), top, granted)
            self.assertIn("a user and a password", not_granted["why"])
            self.assertIn("a user and a password", elsewhere["why"])
        # One that is no good changes nothing, and one that is gone is forgotten.
        (self.folder / "fresh").write_text("{}")
        (self.folder / "fresh").rename(file)
        self.assertEqual(driver.again()[0].get("digest"), top)
        file.unlink()
        self.assertIn("a user and a password", driver.again()[0]["why"])


class PlayedRegistry(Case):
    def setUp(self):
        self.registry = Played()
        self.addCleanup(self.registry.stop)
        self.name = self.registry.name
        self.options = ["--registry-allow", LOOPBACK, "--registry-insecure", self.name]
        self.digest = self.registry.put("app", APP)
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)

    def one(self, image: str = "", options: list[str] | None = None) -> dict:
        [told] = self.ask(f"a/{image or self.name + '/app:1'}", options=options or self.options)
        return told

    def fault(self, part: str, function) -> None:
        self.registry.faults = [(part, function)]

    def hang(self, _handler) -> None:
        self.gate.wait(30)

    # --- who may be asked -------------------------------------------------------------------------
    def test_a_private_address_is_not_even_dialled(self):
        told = self.one(options=["--registry-insecure", self.name])
        self.assertIn("loopback", told["why"])
        self.assertEqual(self.registry.asked, [])

    def test_a_name_is_judged_by_where_it_leads(self):
        told = self.one(f"localhost:{self.name.rpartition(':')[2]}/app:1",
                        ["--registry-insecure", f"localhost:{self.name.rpartition(':')[2]}"])
        self.assertIn("loopback", told["why"])
        self.assertEqual(self.registry.asked, [])

    def test_plain_http_is_for_those_that_are_listed(self):
        self.assertIn("why", self.one(options=["--registry-allow", LOOPBACK]))
        self.assertEqual(self.registry.asked, [])

    # --- where it sends us ------------------------------------------------------------------------
    def test_redirects_lead_where_one_may_ask_and_no_further_than_three(self):
        def to(where):
            return lambda h: h.answer(307, Location=where)
        for where, reason in ((f"https://{self.name}/x", "TLS"), ("http://127.0.0.1:9/x", "plain HTTP"),
                              ("http://169.254.169.254/latest", "plain HTTP"), ("ftp://x/", "neither"),
                              ("//127.0.0.1/x", "neither"), ("", "neither"), ("relative", "neither"),
                              ("http://u:p@127.0.0.1/", "not one"), ("/v2/app/blobs/loop", "more than 3 times")):
            with self.subTest(where=where):
                self.fault("/blobs/", to(where))
                why = self.one()["why"]
                if reason != "TLS":
                    self.assertIn(reason, why)
        other = Played()
        self.addCleanup(other.stop)
        other.things["/there"] = APP.config
        self.fault("/blobs/", to(f"http://{other.name}/there"))
        told = self.one(options=[*self.options, "--registry-insecure", other.name])
        self.assertEqual(told["digest"], self.digest)

    def test_a_token_is_fetched_from_its_own_site_and_given_to_nobody_else(self):
        other = Played()
        self.addCleanup(other.stop)
        other.things["/there"] = APP.config

        def challenge(handler):
            if "/token" in handler.path:
                return handler.answer(200, b'{"token": "tok"}')
            if handler.headers.get("Authorization") != "Bearer tok":
                return handler.answer(401, WWW_Authenticate=f'Bearer realm="http://{self.name}/token",service="s"')
            if "/blobs/" in handler.path:
                return handler.answer(302, Location=f"http://{other.name}/there")
            return False
        self.fault("/", challenge)
        told = self.one(options=[*self.options, "--registry-insecure", other.name])
        self.assertEqual(told.get("digest"), self.digest, told)
        self.assertIn(("/token?scope=repository%3Aapp%3Apull&service=s", None), self.registry.asked)
        self.assertEqual(other.asked, [("/there", None)])

    def test_a_hostile_realm_is_not_asked(self):
        trap = Played()
        self.addCleanup(trap.stop)
        port = trap.name.rpartition(":")[2]
        for realm in (f"http://localhost:{port}/t", f"https://localhost:{port}/t", "http://169.254.169.254/t", "file:///x"):
            with self.subTest(realm=realm):
                self.fault("/manifests/",
                           lambda h, realm=realm: h.answer(401, WWW_Authenticate=f'Bearer realm="{realm}"'))
                self.assertIn("why", self.one(options=[*self.options, "--registry-insecure", f"localhost:{port}"]))
        self.assertEqual(trap.asked, [])

    # --- what it says -----------------------------------------------------------------------------
    def test_each_refusal_gives_its_reason(self):
        for code, reason in ((401, "says not why"), (403, "(403)"), (404, "(404)"), (429, "(429)"), (500, "500"),
                             (206, "206")):
            with self.subTest(code=code):
                self.fault("/manifests/", lambda h, code=code: h.answer(code))
                self.assertIn(reason, self.one()["why"])

    def test_what_has_another_digest_than_it_was_asked_for_by_is_refused(self):
        evil = Image(Entrypoint=["/evil"])
        for part, body in (("/blobs/", evil.config), (f"/manifests/{self.digest}", evil.manifest)):
            with self.subTest(part=part):
                self.fault(part, lambda h, body=body: h.answer(200, body))
                self.assertIn("something else", self.one(f"{self.name}/app@{self.digest}")["why"])

    def test_an_index_in_an_index_and_what_is_too_long_are_refused(self):
        inner = index(Image())
        outer = text({"schemaVersion": 2, "manifests": [
            {"mediaType": OCI + "manifest.v1+json", "digest": digest(inner), "size": 1,
             "platform": {"architecture": "amd64", "os": "linux"}}]})
        self.registry.things["/v2/deep/manifests/1"] = outer
        self.registry.things[f"/v2/deep/manifests/{digest(inner)}"] = inner
        self.assertIn("another index", self.one(f"{self.name}/deep:1")["why"])
        self.registry.things["/v2/long/manifests/1"] = b" " * ((4 << 20) + 1)
        self.assertIn("more than 4194304 bytes", self.one(f"{self.name}/long:1")["why"])

    # --- time and numbers -------------------------------------------------------------------------
    def test_what_is_known_is_not_asked_for_again_and_failures_neither(self):
        driver = Driver(f"a/{self.name}/app:1", f"b/{self.name}/absent:1", options=self.options)
        self.addCleanup(driver.stop)
        self.assertEqual([told["cached"] for told in driver.read()], [False, False])
        asked = len(self.registry.asked)
        self.assertEqual([told["cached"] for told in driver.again()], [True, True])
        self.assertEqual(len(self.registry.asked), asked)

    def test_one_image_is_asked_for_once_however_many_want_it(self):
        images = [f"{ns}/{self.name}/app:1" for ns in "abcdefgh"]
        self.assertEqual({told["digest"] for told in self.ask(*images, options=self.options)}, {self.digest})
        self.assertEqual(len(self.registry.asked), 2)

    def test_who_waited_in_vain_is_told_and_answered_once_it_is_there(self):
        self.fault("/manifests/", lambda h: self.gate.wait(30) and False)
        driver = Driver(f"a/{self.name}/app:1", options=self.options)
        self.addCleanup(driver.stop)
        self.assertIn("within 1 s", driver.read()[0]["why"])
        self.gate.set()
        until = time.monotonic() + 20
        while "digest" not in (told := driver.again()[0]) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(told.get("digest"), self.digest)

    def test_a_registry_that_hangs_holds_up_neither_others_nor_more_than_its_share(self):
        slow = Played()
        self.addCleanup(slow.stop)
        slow.faults = [("/", self.hang)]
        images = [f"a/{slow.name}/app:{n}" for n in range(JOBS_OF_NAMESPACE + 1)]
        told = self.ask(*images, f"b/{self.name}/app:1",
                        options=[*self.options, "--registry-insecure", slow.name])
        self.assertEqual(told[-1].get("digest"), self.digest, told[-1])
        self.assertIn("of this namespace", told[JOBS_OF_NAMESPACE]["why"])
        self.assertLessEqual(len(slow.asked), THREADS_OF_SERVER)


class Logins(Case):
    """Who is told a password."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        make_certificate(self.folder, "registry")
        self.registry, self.other = Played(self.folder), Played(self.folder)
        self.addCleanup(self.registry.stop)
        self.addCleanup(self.other.stop)
        self.name = self.registry.name
        self.digest = self.registry.put("app", APP)

    def one(self, *options: str, text: str = "", name: str = "") -> dict:
        name = name or self.name
        (self.folder / "config.json").write_text(text or login(name))
        [told] = self.ask(f"a/{name}/app:1", options=[
            "--registry-allow", LOOPBACK, "--registry-ca", str(self.folder / "tls.crt"), "--registry-login",
            str(self.folder / "config.json"), "--registry-login-for", f"{name}=a", *options])
        return told

    def give_tokens(self, realm: str) -> None:
        def challenge(handler):
            if "/token" in handler.path:
                return handler.answer(200, b'{"access_token": "tok"}')
            if handler.headers.get("Authorization") != "Bearer tok":
                return handler.answer(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"')
            return False
        self.registry.faults = [("/", challenge)]

    def test_the_realm_gets_it_and_the_registry_the_token(self):
        self.give_tokens(f"https://{self.name}/token")
        self.assertEqual(self.one().get("digest"), self.digest)
        self.assertIn(("/token?scope=repository%3Aapp%3Apull&service=s", BASIC), self.registry.asked)
        self.assertEqual({auth for path, auth in self.registry.asked if "/token" not in path}, {None, "Bearer tok"})

    def test_an_identity_token_is_a_form_for_the_realm(self):
        self.give_tokens(f"https://{self.name}/token")
        self.assertEqual(self.one(text=login(self.name, identitytoken="to/ken", auth="PHRva2VuPjo=")).get("digest"),
                         self.digest)
        self.assertIn(("/token", None), self.registry.asked)
        self.assertEqual([form for form in self.registry.forms if form],
                         ["grant_type=refresh_token&client_id=openshell-webhook&service=s&scope=repository%3Aapp%3Apull"
                          "&refresh_token=to%2Fken"])

    def test_it_is_told_once_it_is_asked_for_and_follows_no_redirect(self):
        def challenge(handler):
            if handler.headers.get("Authorization") != BASIC:
                return handler.answer(401, WWW_Authenticate='Basic realm="x"')
            if "/blobs/" in handler.path:
                return handler.answer(307, Location=f"https://{self.other.name}/there")
            return False
        self.registry.faults = [("/", challenge)]
        self.other.things["/there"] = APP.config
        self.assertEqual(self.one().get("digest"), self.digest)
        self.assertIsNone(self.registry.asked[0][1])
        self.assertEqual(self.other.asked, [("/there", None)])

    def test_a_registry_that_gives_to_everybody_never_hears_it(self):
        self.assertEqual(self.one().get("digest"), self.digest)
        self.assertEqual({auth for _, auth in self.registry.asked}, {None})

    def test_no_realm_of_another_site_gets_it(self):
        port = self.other.name.rpartition(":")[2]
        for realm, reason in ((f"https://{LOOPBACK}:{port}/token", "another site"),
                              (f"http://localhost:{port}/token", "plain HTTP")):
            with self.subTest(realm=realm):
                self.give_tokens(realm)
                self.assertIn(reason, self.one()["why"])
        self.assertEqual(self.other.asked, [])

    def test_nobody_gets_it_without_tls(self):
        plain = Played()
        self.addCleanup(plain.stop)
        plain.put("app", APP)
        plain.faults = [("/", lambda h: h.answer(401, WWW_Authenticate='Basic realm="x"'))]
        told = self.one("--registry-insecure", plain.name, name=plain.name)
        self.assertIn("not sent without TLS", told["why"])
        self.assertEqual({auth for _, auth in plain.asked}, {None})
        # Nor where the registry has it and the realm has none.
        realm = Played()
        self.addCleanup(realm.stop)
        port = realm.name.rpartition(":")[2]
        self.give_tokens(f"http://localhost:{port}/token")
        realm.faults = [("/token", lambda h: h.answer(200, b'{"token": "tok"}'))]
        told = self.one("--registry-insecure", f"localhost:{port}")
        self.assertEqual(told.get("digest"), self.digest, told)
        self.assertEqual({auth for _, auth in realm.asked}, {None})


class Admission(unittest.TestCase):
    """What the webhook makes of it."""

    def setUp(self):
        self.registry = Played()
        self.addCleanup(self.registry.stop)
        self.name = self.registry.name
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)

    def serve(self, mode: str = "when-needed", drain: int = 0) -> Webhook:
        webhook = Webhook(drain, more=("--image-lookup", mode, "--registry-allow", LOOPBACK,
                                       "--registry-insecure", self.name))
        self.addCleanup(webhook.stop)
        return webhook

    def pod(self, image: str = "app:1", **more) -> dict:
        return {"spec": {"containers": [{"name": "a", "image": f"{self.name}/{image}", **more}]}}

    def patched(self, answer: dict) -> dict:
        self.assertTrue(answer["allowed"], answer)
        return {edit["path"]: edit.get("value") for edit in json.loads(base64.b64decode(answer["patch"]))}

    def hang(self, _handler) -> bool:
        self.gate.wait(30)
        return False

    def test_a_pod_without_a_command_starts_what_its_image_says_by_the_digest_that_was_read(self):
        top = self.registry.put("app", APP)
        patch = self.patched(self.serve().mutate(pod=self.pod()))
        command = patch["/spec/containers/0/command"]
        self.assertEqual(command[command.index("--") + 1:], ["/bin/sh", "-c", "exec app $$HOME", "-v"])
        self.assertEqual(patch["/spec/containers/0/image"], f"{self.name}/app:1@{top}")

    def test_an_image_with_a_volume_that_could_cover_the_agent_is_refused(self):
        deep = "/link" + "".join(f"/{n}" for n in range(19))
        self.registry.put("app", Image(Entrypoint=["/app"], Volumes={deep: {}}))
        for mode in ("when-needed", "required"):
            with self.subTest(mode=mode):
                answer = self.serve(mode).mutate(pod=self.pod(command=["/app"]))
                self.assertFalse(answer["allowed"])
                self.assertIn("OSW071", answer["status"]["message"])

    def test_what_cannot_be_looked_up_is_a_warning_or_a_refusal(self):
        answer = self.serve().mutate(pod=self.pod(command=["/app"]))
        self.assertNotIn("/spec/containers/0/image", self.patched(answer))
        self.assertIn("404", answer["warnings"][0])
        answer = self.serve("required").mutate(pod=self.pod(command=["/app"]))
        self.assertIn("OSW072", answer["status"]["message"])

    def test_off_asks_nobody(self):
        self.registry.put("app", APP)
        webhook = Webhook()
        self.addCleanup(webhook.stop)
        self.assertIn("OSW020", webhook.mutate(pod=self.pod())["status"]["message"])
        self.assertEqual(self.registry.asked, [])

    def test_who_waited_in_vain_is_told_and_admitted_once_the_registry_has_answered(self):
        self.registry.put("app", APP)
        self.registry.faults = [("/manifests/", self.hang)]
        webhook = self.serve()
        self.assertIn("within 1 s", webhook.mutate(pod=self.pod())["status"]["message"])
        self.gate.set()
        until = time.monotonic() + 20
        while not (answer := webhook.mutate(pod=self.pod()))["allowed"] and time.monotonic() < until:
            time.sleep(0.05)
        self.assertTrue(answer["allowed"], answer)

    def test_reviews_that_wait_hold_up_no_others_and_are_answered_at_the_end(self):
        self.registry.faults = [("/manifests/", self.hang)]
        webhook = self.serve(drain=0)
        waiting = [webhook.connect() for _ in range(40)]
        for n, connection in enumerate(waiting):
            connection.request("POST", "/mutate", review(self.pod(f"app:{n}"), uid=f"w-{n}"),
                               {"Content-Type": "application/json"})
        # Nothing of this pod needs a registry but its volumes, and those of another registry.
        self.assertTrue(webhook.mutate(pod={"spec": {"containers": [
            {"name": "a", "image": "127.0.0.1:9/none:1", "command": ["/app"]}]}})["allowed"])
        webhook.process.send_signal(signal.SIGTERM)
        for connection in waiting:
            answer = json.loads(connection.getresponse().read())["response"]
            self.assertIn("OSW020", answer["status"]["message"])
            connection.close()
        self.assertEqual(webhook.process.wait(30), 0)

    def test_metrics_tell_how_often_registries_were_asked(self):
        self.registry.put("app", APP)
        webhook = self.serve()
        for _ in range(3):
            webhook.mutate(pod=self.pod())
        page = webhook.plain("GET", "/metrics")[1]
        self.assertIn('openshell_webhook_image_lookups_total{result="asked"} 1\n', page)
        self.assertIn('openshell_webhook_image_lookups_total{result="cached"} 2\n', page)

    def test_a_login_is_for_the_namespaces_that_are_named_and_in_no_line_of_the_log(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        keys = pathlib.Path(folder.name)
        make_certificate(keys, "registry")
        private = Played(keys)
        self.addCleanup(private.stop)
        top = private.put("app", APP)
        private.faults = [("/", lambda h: False if h.headers.get("Authorization") == BASIC else
                           h.answer(401, WWW_Authenticate='Basic realm="x"'))]
        (keys / "config.json").write_text(login(private.name))
        one = {"spec": {"containers": [{"name": "a", "image": f"{private.name}/app:1"}]}}
        for namespaces, allowed in (("team,others", True), ("others", False)):
            with self.subTest(namespaces=namespaces):
                webhook = Webhook(more=("--registry-allow", LOOPBACK, "--registry-ca", str(keys / "tls.crt"),
                                        "--registry-login", str(keys / "config.json"), "--registry-login-for",
                                        f"{private.name}={namespaces}"))
                self.addCleanup(webhook.stop)
                answer = webhook.mutate(pod=one)
                self.assertEqual(answer["allowed"], allowed, answer)
                if allowed:
                    self.assertEqual(self.patched(answer)["/spec/containers/0/image"], f"{private.name}/app:1@{top}")
                else:
                    self.assertIn("a user and a password", answer["status"]["message"])
                self.assertIn("openshell_webhook_registry_logins 1\n", webhook.plain("GET", "/metrics")[1])
                log = webhook.log.read_text()
                self.assertIn("logins.loaded", log)
                for secret in (PASSWORD, BASIC.partition(" ")[2]):
                    self.assertNotIn(secret, log + json.dumps(answer))

    def test_an_image_that_was_read_is_pinned_also_where_its_command_was_not_needed(self):
        top = self.registry.put("app", APP)
        for mode in ("when-needed", "required"):
            with self.subTest(mode=mode):
                patch = self.patched(self.serve(mode).mutate(pod=self.pod(command=["/app"])))
                self.assertEqual(patch["/spec/containers/0/image"], f"{self.name}/app:1@{top}")

    def test_options_that_mean_nothing_are_refused(self):
        for options, reason in ((["--image-lookup", "sometimes"], "off, when-needed or required"),
                                (["--image-lookup", "off", "--registry-allow", "10.0.0.0/8"], "mean nothing"),
                                (["--image-lookup", "required", "--registry-allow", "10.0.0.0/99"], "10.0.0.0/99"),
                                (["--image-lookup", "off", "--registry-login", "x"], "mean nothing"),
                                (["--registry-login", "x"], "go together"),
                                (["--registry-login-for", "r.example=a"], "go together"),
                                (["--registry-login", "x", "--registry-login-for", "r.example"], "no namespaces")):
            with self.subTest(options=options):
                done = subprocess.run([PROGRAM, "serve", "--listen", "127.0.0.1:0", "--agent-image", "x", "--namespaces",
                                       "x", "--tls-cert", "x", "--tls-key", "x", *options], text=True,
                                      capture_output=True, timeout=30)
                self.assertEqual(done.returncode, 2)
                self.assertIn(reason, done.stderr)


class CoveringImage(Registry, SandboxCase):
    """An image whose volume is led by a link over the agent's file."""

    def setUp(self):
        super().setUp()
        images.ensure(world.podman, OUT, COVERING)

    def test_where_nobody_looks_its_program_starts_as_root_in_the_agents_place(self):
        outcome = self.run_sandboxed(pod(COVERING, ["true"]))
        self.assertEqual(outcome.stdout, b"not the agent, as 0\n")

    def test_it_is_refused_once_its_registry_is_asked(self):
        server = self.serve()
        world.podman.podman("push", "--quiet", "--tls-verify=false", COVERING, f"docker://{server}/covering:1")
        webhook = Webhook(more=("--registry-allow", LOOPBACK, "--registry-insecure", server))
        self.addCleanup(webhook.stop)
        answer = webhook.mutate(pod={"spec": {"containers": [
            {"name": "a", "image": f"{server}/covering:1", "command": ["true"]}]}})
        self.assertFalse(answer["allowed"])
        self.assertIn("OSW071", answer["status"]["message"])


if __name__ == "__main__":
    unittest.main()
