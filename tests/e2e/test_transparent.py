# SPDX-License-Identifier: Apache-2.0
"""Programs that know of no proxy reach what the policy allows, and nothing else.

They ask DNS and connect, as they would without a sandbox; what they ask for is decided on all the same."""
import json

from internet import BARE_PORT, HERE, METADATA, PRIVATE, PUBLIC
from test_combined import HERE6, POLICY, PYTHON_GET, Shared

PLAIN = ["env"] + [word for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY") for lower in
                   (name, name.lower()) for word in ("-u", lower)]
# Says what a server says first, then what it answers to the rest.
TALK = """\
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
for line in sys.argv[3:]: s.sendall(line.encode())
while (got := s.recv(4096)): sys.stdout.buffer.write(got)
"""
LOOK_UP = """\
import socket, sys
for name in sys.argv[1:]:
    try: print(name, *sorted({a[4][0] for a in socket.getaddrinfo(name, 80)}))
    except OSError as e: print(name, type(e).__name__, e.errno)
"""


class Transparent(Shared):
    policy = POLICY + f"""
  talk:
    endpoints:
      - {{host: raw.test, port: {BARE_PORT}}}
      - {{host: sealed.test, port: 443, tls: skip}}
    binaries: [{{path: /usr/bin/python3*}}]
"""

    def plain(self, *argv: str):
        """A command that is told of no proxy."""
        return self.rig.run(*PLAIN, *argv)

    def curl(self, url: str, *options: str):
        done = self.plain("curl", "-sS", "--max-time", "10", *options, url)
        return done.returncode, done.stdout, done.stderr

    def look_up(self, *names: str) -> dict[str, list[str]]:
        lines = self.plain("python3", "-c", LOOK_UP, *names).stdout.decode().splitlines()
        return {words[0]: words[1:] for words in map(str.split, lines)}


# One source port for two destinations at once, and again for each of them.
ONE_PORT = """\
import socket, sys
held = []
for turn in range(3):
    for host, port, line in (("raw.test", int(sys.argv[1]), ""), ("python.test", 80,
                             "GET /one HTTP/1.0\\r\\nHost: python.test\\r\\n\\r\\n")):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
        s.settimeout(10)
        s.bind(("", 41000 + turn))
        s.connect((host, port))
        s.sendall(line.encode())
        print(host, s.recv(15).decode().splitlines()[0])
        held.append(s)
"""


class Allowed(Transparent):
    def test_one_source_port_may_lead_to_several_destinations(self):
        done = self.plain("python3", "-c", ONE_PORT, str(BARE_PORT))
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), 6, done.stderr)
        self.assertEqual([line for line in lines if line.startswith("python")], ["python.test HTTP/1.1 200 OK"] * 3)
        self.requests()

    def test_curl_reaches_what_is_allowed(self):
        for url, path in (("http://api.test/x?y=1", "/x?y=1"), ("https://api.test/repos/a", "/repos/a")):
            with self.subTest(url=url):
                code, out, complaint = self.curl(url)
                self.assertEqual(code, 0, complaint)
                self.assertEqual(json.loads(out)["token"], self.rig.net.token)
                self.assertEqual(self.requests(), [("GET", url.partition(":")[0], path)])

    def test_only_the_proxys_own_packets_are_on_the_wire(self):
        self.assertEqual(self.curl("https://api.test/repos/a")[0], 0)
        self.assertEqual(set(self.rig.left()) - {f"udp {HERE} 53"}, {f"tcp {HERE} 443"})

    def test_python_reaches_what_is_allowed(self):
        for url in ("http://python.test/a", "https://python.test/b"):
            with self.subTest(url=url):
                done = self.plain("python3", "-c", PYTHON_GET, url)
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                self.assertEqual(json.loads(done.stdout)["token"], self.rig.net.token)

    def test_a_server_that_speaks_first_is_heard(self):
        done = self.plain("python3", "-c", TALK, "raw.test", str(BARE_PORT))
        self.assertEqual(done.stdout.decode().strip(), self.rig.net.token, done.stderr)

    def test_tls_that_is_skipped_is_the_servers_own(self):
        for host, issuer in (("api.test", "OpenShell"), ("sealed.test", "private root")):
            with self.subTest(host=host):
                code, _, complaint = self.curl(f"https://{host}/repos/a", "-v")
                self.assertEqual(code, 0, complaint)
                self.assertRegex(complaint.decode(), f"issuer: .*CN={issuer}")

    def test_the_program_that_connected_is_told_in_the_event(self):
        self.curl("https://api.test/repos/told")
        told = [e for e in self.rig.events("http.request") if e.get("path") == "/repos/told"]
        self.assertEqual(len(told), 1)
        wanted = {"verdict": "allow", "host": "api.test", "port": 443, "policy": "api", "binary": "/usr/bin/curl"}
        self.assertEqual({k: told[0].get(k) for k in wanted}, wanted)


class Refused(Transparent):
    def denied(self, answer: tuple[int, bytes, bytes]) -> dict:
        code, out, complaint = answer
        self.assertEqual(code, 0, complaint)
        return json.loads(out)

    def test_a_name_that_no_endpoint_names_does_not_exist(self):
        self.assertEqual(self.curl("http://other.test/")[0], 6)
        found = self.look_up("other.test", "api.test.default.svc.cluster.local", "a.b.wild.test", "test", "api.test.")
        self.assertEqual({n: w[0] for n, w in found.items()} | {"api.test.": ""},
                         {"other.test": "gaierror", "api.test.default.svc.cluster.local": "gaierror",
                          "a.b.wild.test": "gaierror", "test": "gaierror", "api.test.": ""})
        self.assert_nothing_left()
        self.assertIn("other.test", [e["host"] for e in self.rig.events("dns.query")])

    def test_no_look_up_leaves_the_sandbox_even_of_a_name_that_is_allowed(self):
        found = self.look_up("api.test", "secret-one.wild.test", "API.Test")
        self.assertRegex(found["api.test"][0], r"^198\.1[89]\.")
        self.assertEqual(found["API.Test"], found["api.test"])
        self.assertNotEqual(found["secret-one.wild.test"], found["api.test"])
        self.assert_nothing_left()

    def test_another_path_is_answered_with_403(self):
        for url in ("http://api.test/x", "https://api.test/repos/x"):
            body = self.denied(self.curl(url, "-X", "DELETE"))
            self.assertEqual((body["error"], body["method"]), ("policy_denied", "DELETE"))
        self.assertEqual(self.requests(), [])

    def test_another_program_is_refused(self):
        body = self.denied(self.curl("http://python.test/"))
        self.assertEqual((body["error"], body["binary"]), ("policy_denied", "/usr/bin/curl"))
        self.assert_nothing_left()

    def test_another_port_is_refused(self):
        self.assertEqual(self.denied(self.curl("http://api.test:8000/"))["error"], "policy_denied")
        self.assert_nothing_left()

    def test_an_address_is_decided_on_as_an_address(self):
        for address in (HERE, HERE6, METADATA, PUBLIC, PRIVATE, "198.18.200.1"):
            with self.subTest(to=address):
                url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
                body = self.denied(self.curl(url, "-H", "Host: api.test"))
                self.assertEqual((body["error"], body["host"]), ("policy_denied", address))
                self.assert_nothing_left()

    def test_tls_is_refused_with_an_alert(self):
        code, _, complaint = self.curl(f"https://{HERE}/")
        self.assertEqual(code, 35)
        self.assertIn(b"access denied", complaint)
        self.assert_nothing_left()

    def test_what_is_neither_is_reset(self):
        done = self.plain("python3", "-c", TALK, HERE, "22", "SSH-2.0-x\r\n")
        self.assertIn(b"ConnectionResetError", done.stderr)
        done = self.plain("python3", "-c", TALK, HERE, "25")
        self.assertIn(b"ConnectionResetError", done.stderr)
        self.assert_nothing_left()

    def test_another_name_in_tls_or_in_the_host_field_is_refused(self):
        code, _, _ = self.curl("https://liar.test/", "--connect-to", "liar.test:443:api.test:443")
        self.assertEqual(code, 35)
        body = self.denied(self.curl("http://api.test/x", "-H", "Host: python.test"))
        self.assertEqual(body["error"], "request_authority_mismatch")
        self.assert_nothing_left()
