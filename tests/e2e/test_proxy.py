# SPDX-License-Identifier: Apache-2.0
"""The proxy alone: what clients get, what origins see, what the log says, and where it ends."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from proxy_world import (Origin, Proxy, TIMEOUT, always, make_certificate, polite, read_all,
                         read_response, read_until, wait_for)

POLICY = """
version: 1
network_policies:
  web:
    endpoints:
      - {{host: web.test, port: {port}, protocol: rest, enforcement: enforce, access: read-write}}
      - {{host: raw.test, port: {port}}}
      - {{host: audited.test, port: {port}, protocol: rest, enforcement: audit, access: read-only}}
    binaries: [{{path: "/usr/bin/{binary}"}}]
"""
NAMES = [f"--host={name}=127.0.0.1" for name in ("web.test", "raw.test", "audited.test")]


class Case(unittest.TestCase):
    def origin(self, script=polite, **options) -> Origin:
        made = Origin(script, **options)
        self.addCleanup(made.close)
        return made

    def proxy(self, origin, *options, policy=POLICY, binary="app", names=NAMES) -> Proxy:
        made = Proxy(policy.format(port=origin.port, binary=binary), *names, *options)
        self.addCleanup(made.stop)
        return made

    def pair(self, script=polite, *options) -> tuple[Origin, Proxy]:
        origin = self.origin(script)
        return origin, self.proxy(origin, *options)

    def get(self, proxy, origin, path="/", host="web.test", fields="Connection: close\r\n") -> bytes:
        site = f"{host}:{origin.port}"
        return proxy.raw(f"GET http://{site}{path} HTTP/1.1\r\nHost: {site}\r\n{fields}\r\n".encode())


class Forwarding(Case):
    def test_each_method_and_body_arrives_as_it_was_sent(self):
        origin, proxy = self.pair()
        url = f"http://web.test:{origin.port}/a"
        with tempfile.NamedTemporaryFile() as file:
            file.write(os.urandom(3_000_000))
            file.flush()
            for tunnel in ([], ["-p"]):
                for options, want in (
                        ([], b"GET /a 0\n"), (["-I"], b"HTTP/1.1 200"),
                        (["-d", "abc"], b"POST /a 3\n"), (["-X", "PUT", "-d", "ab"], b"PUT /a 2\n"),
                        (["--data-binary", f"@{file.name}"], b"POST /a 3000000\n"),
                        (["-T", file.name], b"PUT /a 3000000\n"),
                        (["-T", file.name, "-H", "Transfer-Encoding: chunked"], b"PUT /a 3000000\n"),
                        (["-0", "-d", "abc"], b"POST /a 3\n")):
                    with self.subTest(f"{tunnel} {options}"):
                        done = proxy.curl(*tunnel, *options, url)
                        self.assertTrue(done.stdout.startswith(want), done)

    def test_answers_arrive_as_they_were_sent(self):
        big = os.urandom(5_000_000)
        chunked = b"".join(b"%x;ext\r\n%s\r\n" % (len(p), p) for p in
                           (big[i:i + 100_003] for i in range(0, len(big), 100_003)))
        for name, response, body in (
                ("length", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(big) + big, big),
                ("chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked +
                 b"0\r\nTrailer: x\r\n\r\n", big),
                ("until close", b"HTTP/1.0 200 OK\r\n\r\n" + big, big),
                ("nothing", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
                ("not modified", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
                ("interim first", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                 b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
                ("no reason", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok")):
            origin, proxy = self.pair(always(response))
            for options in ([], ["-p"], ["-0"]):
                with self.subTest(f"{name} {options}"):
                    done = proxy.curl(*options, f"http://web.test:{origin.port}/")
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    self.assertEqual(done.stdout, body)

    def test_the_client_may_keep_its_connection_and_so_may_the_proxy(self):
        origin, proxy = self.pair()
        url = f"http://web.test:{origin.port}/"
        done = proxy.curl(url + "1", url + "2", url + "3")
        self.assertEqual(done.stdout, b"GET /1 0\nGET /2 0\nGET /3 0\n")
        self.assertEqual(origin.connections, 1)

    def test_one_connection_to_the_proxy_reaches_each_host_by_its_own(self):
        origin, other = self.origin(), self.origin()
        policy = POLICY + "      - {{host: other.test, port: %d}}\n" % other.port
        policy = policy.replace("    binaries", "    #").rstrip() + "\n"
        policy += '    binaries: [{{path: "/usr/bin/{binary}"}}]\n'
        lines = [line for line in policy.splitlines() if not line.startswith("    #")]
        proxy = self.proxy(origin, "--host", "other.test=127.0.0.1", policy="\n".join(lines))
        with proxy.connect() as sock:
            for site in (f"web.test:{origin.port}", f"other.test:{other.port}") * 2:
                sock.sendall(f"GET http://{site}/ HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
                self.assertEqual(read_response(sock)[0], 200)
        self.assertEqual((origin.connections, other.connections), (1, 1))
        self.assertNotIn(b"other.test", origin.all_bytes())

    def test_a_connection_to_a_server_serves_the_same_program_again(self):
        origin, proxy = self.pair(polite, "--binary=/usr/bin/app")
        for _ in range(3):
            self.assertIn(b" 200 ", self.get(proxy, origin))
            self.assertIn(b" 200 ", proxy.raw(
                b"GET /in HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n",
                f"web.test:{origin.port}"))
        self.assertEqual(origin.connections, 1)
        proxy.set_policy(POLICY.format(port=origin.port, binary="app"))
        self.get(proxy, origin)
        self.assertEqual(origin.connections, 2)

    def test_a_client_that_waits_lends_its_servers_connection_and_is_served_again(self):
        def closes_where_told(connection):
            while (head := connection.head()) is not None:
                ends = b" /ends " in head
                connection.send(b"HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n"
                                % (b"Connection: close\r\n" if ends else b""))
                if ends:
                    return
        origin, proxy = self.pair(closes_where_told)
        site = f"web.test:{origin.port}"
        request = f"GET http://{site}/ HTTP/1.1\r\nHost: {site}\r\n\r\n".encode()
        with proxy.connect() as sock:
            sock.sendall(request)
            self.assertEqual(read_response(sock)[0], 200)

            def is_lent():
                """Another client needs no new connection to the server; one that was new does not stay."""
                before = origin.connections
                self.get(proxy, origin, "/ends")
                return origin.connections == before
            wait_for(is_lent, "the connection to be lent")
            sock.sendall(request)
            self.assertEqual(read_response(sock)[0], 200)

    def test_a_connection_that_the_server_gave_up_is_made_again(self):
        def once(connection):
            connection.body(connection.head())
            connection.answer(b"once\n")
        origin, proxy = self.pair(once)
        site = f"web.test:{origin.port}"
        with proxy.connect() as sock:
            for _ in range(3):
                sock.sendall(f"GET http://{site}/ HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
                self.assertEqual(read_response(sock)[2], b"once\n")
        self.assertEqual(origin.connections, 3)

    def test_a_server_that_hangs_up_on_a_second_request_is_asked_again_only_where_that_is_safe(self):
        def hangs_up_on_the_second(connection):
            connection.body(connection.head())
            connection.answer(b"first\n")
            connection.head()
        for method, length, status in (("GET", 0, 200), ("POST", 0, 502), ("GET", 2, 502)):
            origin, proxy = self.pair(hangs_up_on_the_second)
            site = f"web.test:{origin.port}"
            with self.subTest(f"{method} {length}"), proxy.connect() as sock:
                request = f"%s http://{site}/ HTTP/1.1\r\nHost: {site}\r\nContent-Length: %d\r\n\r\n"
                sock.sendall((request % ("GET", 0)).encode())
                read_response(sock)
                sock.sendall((request % (method, length)).encode() + b"x" * length)
                self.assertEqual(read_response(sock)[0], status)

    def test_what_a_server_says_unasked_is_no_answer(self):
        forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        for fields in (b"", b"Connection: close\r\n"):
            true = b"HTTP/1.1 200 OK\r\n%sContent-Length: 4\r\n\r\ntrue" % fields
            for ask_again in (False, True):
                origin, proxy = self.pair(always(true + forged, then_close=False))
                site = f"web.test:{origin.port}"
                with self.subTest(f"{fields} {ask_again}"), contextlib.ExitStack() as stack:
                    sock = stack.enter_context(proxy.connect())
                    for _ in range(3):
                        sock.sendall(f"GET http://{site}/ HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
                        self.assertEqual(read_response(sock)[2], b"true")
                        if ask_again:
                            sock = stack.enter_context(proxy.connect())

    def test_an_expectation_is_passed_on_and_answered_by_the_server(self):
        def expecting(connection):
            head = connection.head()
            assert b"Expect: 100-continue" in head
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.answer(b"%d\n" % len(connection.body(head)))
        origin, proxy = self.pair(expecting)
        done = proxy.curl("-H", "Expect: 100-continue", "-d", "x" * 5000,
                          f"http://web.test:{origin.port}/")
        self.assertEqual(done.stdout, b"5000\n")

    def test_an_answer_before_the_whole_request_reaches_the_client(self):
        def hasty(connection):
            connection.head()
            connection.answer(b"too large\n", "413 Content Too Large", ["Connection: close"])
            time.sleep(0.2)
        origin, proxy = self.pair(hasty)
        site = f"web.test:{origin.port}"
        with proxy.connect() as sock:
            sock.sendall(f"POST http://{site}/ HTTP/1.1\r\nHost: {site}\r\n"
                         "Content-Length: 500000\r\n\r\n".encode() + b"x" * 100_000)
            self.assertEqual(read_response(sock)[0], 413)

    def test_programs_of_other_kinds_pass(self):
        origin, proxy = self.pair()
        url = f"http://web.test:{origin.port}/a"
        with self.subTest("urllib"):
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy.url}))
            self.assertEqual(opener.open(url, timeout=TIMEOUT).read(), b"GET /a 0\n")
        with self.subTest("http.client through a tunnel"):
            client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=TIMEOUT)
            client.set_tunnel("web.test", origin.port)
            client.request("POST", "/a", body=iter([b"ab", b"cde"]), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
            self.assertEqual(client.getresponse().read(), b"POST /a 5\n")
            client.close()

    def test_git_clones_and_may_not_push(self):
        with tempfile.TemporaryDirectory() as folder:
            work, bare = pathlib.Path(folder, "work"), pathlib.Path(folder, "bare.git")
            quiet = {"check": True, "capture_output": True, "env": {
                "PATH": os.environ["PATH"], "HOME": folder, "GIT_TERMINAL_PROMPT": "0"}}
            git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "init.defaultBranch=main"]
            subprocess.run([*git, "init", work], **quiet)
            (work / "file").write_text("content\n" * 1000)
            subprocess.run([*git, "-C", work, "add", "file"], **quiet)
            subprocess.run([*git, "-C", work, "commit", "-m", "first"], **quiet)
            subprocess.run([*git, "clone", "--bare", work, bare], **quiet)
            subprocess.run([*git, "-C", bare, "update-server-info"], **quiet)
            origin = self.origin(files_below(pathlib.Path(folder)))
            proxy = self.proxy(origin, policy=POLICY.replace("read-write", "read-only"))
            through = [*git, "-c", f"http.proxy={proxy.url}"]
            url = f"http://web.test:{origin.port}/bare.git"
            done = subprocess.run([*through, "clone", url, f"{folder}/copy"],
                                  **{**quiet, "check": False})
            self.assertEqual(done.returncode, 0, done)
            self.assertEqual(pathlib.Path(folder, "copy/file").read_text(), "content\n" * 1000)
            subprocess.run([*git, "-C", work, "commit", "--allow-empty", "-m", "second"], **quiet)
            push = subprocess.run([*through, "-C", work, "push", url, "main"],
                                  **{**quiet, "check": False})
            self.assertNotEqual(push.returncode, 0)
            self.assertNotRegex(origin.all_bytes(), rb"(?m)^(PUT|POST|LOCK|MKCOL|PROPFIND) ")


def files_below(folder):
    def script(connection):
        while (head := connection.head()) is not None:
            connection.body(head)
            path = folder / head.split(b" ")[1].decode().split("?")[0].lstrip("/")
            if path.is_file():
                connection.answer(path.read_bytes())
            else:
                connection.answer(b"", "404 Not Found")
    return script


class Tunnels(Case):
    def test_a_tunnel_carries_any_bytes_both_ways(self):
        sent, answered = os.urandom(2_000_000), os.urandom(3_000_000)

        def talk(connection):
            connection.sock.sendall(b"server speaks first\n")
            got = b""
            while len(got) < len(sent):
                got += connection.sock.recv(65536)
            connection.record += got
            connection.send(answered)
        origin, proxy = self.pair(talk)
        with proxy.tunnel(f"raw.test:{origin.port}") as sock:
            read_until(sock, b"first\n")
            sock.sendall(sent)
            self.assertEqual(read_all(sock), answered)
        self.assertEqual(origin.all_bytes(), sent)
        closed = proxy.event("net.close", host="raw.test")
        self.assertEqual((closed["bytes_out"], closed["bytes_in"]),
                         (len(sent), len(answered) + len(b"server speaks first\n")))

    def test_each_side_may_finish_before_the_other(self):
        def reads_to_the_end(connection):
            while connection.more():
                pass
            connection.send(b"%d bytes\n" % len(connection.record))
        origin, proxy = self.pair(reads_to_the_end)
        with proxy.tunnel(f"raw.test:{origin.port}") as sock:
            sock.sendall(b"x" * 300_000)
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(sock), b"300000 bytes\n")

        def finishes_first(connection):
            connection.send(b"bye\n")
            connection.sock.shutdown(socket.SHUT_WR)
            while connection.more():
                pass
        origin, proxy = self.pair(finishes_first)
        with proxy.tunnel(f"raw.test:{origin.port}") as sock:
            self.assertEqual(read_all(sock), b"bye\n")
            sock.sendall(b"still here")
            sock.shutdown(socket.SHUT_WR)
            wait_for(lambda: origin.all_bytes() == b"still here", "the late bytes")
        proxy.event("net.close")

    def test_bytes_right_behind_the_connect_are_the_tunnels(self):
        origin, proxy = self.pair()
        site = f"raw.test:{origin.port}"
        with proxy.connect() as sock:
            sock.sendall(f"CONNECT {site} HTTP/1.1\r\nHost: {site}\r\n\r\n"
                         "GET /early HTTP/1.1\r\n\r\n".encode())
            self.assertEqual(read_response(sock)[0], 200)
            self.assertEqual(read_response(sock)[2], b"GET /early 0\n")
        self.assertEqual(origin.all_bytes(), b"GET /early HTTP/1.1\r\n\r\n")

    def test_a_slow_reader_holds_back_the_writer(self):
        def floods(connection):
            connection.sock.settimeout(1)
            with contextlib.suppress(TimeoutError):
                while True:
                    connection.record += b"x" * connection.sock.send(b"x" * 65536)
        origin, proxy = self.pair(floods)
        with proxy.tunnel(f"raw.test:{origin.port}"):
            time.sleep(1.5)
            status = pathlib.Path(f"/proc/{proxy.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
        self.assertLess(resident, 40_000)

    def test_what_is_inspected_must_be_http(self):
        origin, proxy = self.pair(polite, "--limit", "sniff_ms=300")
        site = f"web.test:{origin.port}"
        for name, first in (("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ("SSH", b"SSH-2.0-x\r\n"),
                            ("PostgreSQL", b"\0\0\0\x08\x04\xd2\x16\x2f"), ("silence", b"")):
            with self.subTest(name):
                answer = proxy.raw(first, site)
                self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
                self.assertIn(b'"error":"unsupported_l7_protocol"', answer)
                self.assertEqual(b"HTTP/2" in answer, name == "HTTP/2")
        self.assertEqual(origin.connections, 0)
        proxy.event("net.connect", verdict="deny", host="web.test")

    def test_connect_inside_a_tunnel_is_refused(self):
        origin, proxy = self.pair()
        site = f"web.test:{origin.port}"
        answer = proxy.raw(f"CONNECT {site} HTTP/1.1\r\nHost: {site}\r\n\r\n".encode(), site)
        self.assertTrue(answer.startswith(b"HTTP/1.1 405 "), answer)

    def test_an_inspected_tunnel_reaches_nobody_before_a_request_is_allowed(self):
        origin, proxy = self.pair()
        answer = proxy.raw(f"DELETE / HTTP/1.1\r\nHost: web.test:{origin.port}\r\n\r\n".encode(),
                           f"web.test:{origin.port}")
        self.assertIn(b'"error":"policy_denied"', answer)
        self.assertEqual(origin.connections, 0)


class Tls(Case):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        folder = pathlib.Path(self._folder.name)
        self.ca = folder / "ca.pem"
        cert, key = make_certificate(folder, "web.test", "raw.test")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.secure = self.origin(polite, tls=context)
        self.through = self.proxy(self.secure, f"--ca={self.ca}", f"--roots={cert}",
                                  names=[*NAMES, "--host=alias.test=127.0.0.1"])
        self.url = f"https://web.test:{self.secure.port}"

    def test_requests_in_tls_are_decided_like_others(self):
        done = self.through.curl("--cacert", self.ca, self.url + "/1", self.url + "/2")
        self.assertEqual(done.stdout, b"GET /1 0\nGET /2 0\n", done)
        done = self.through.curl("--cacert", self.ca, "-X", "DELETE", self.url + "/3")
        self.assertEqual(json.loads(done.stdout)["error"], "policy_denied")
        self.assertNotIn(b"DELETE", self.secure.all_bytes())
        self.assertEqual(self.secure.connections, 1)

    def test_large_bodies_pass_in_tls(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 10_000_000)
            file.flush()
            done = self.through.curl("--cacert", self.ca, "-T", file.name, self.url + "/a")
        self.assertEqual(done.stdout, b"PUT /a 10000000\n", done)

    def test_a_client_that_does_not_trust_us_gets_nothing(self):
        done = self.through.curl(self.url)
        self.assertEqual(done.returncode, 60, done)
        self.assertEqual(self.secure.connections, 0)

    def test_a_name_in_tls_that_is_not_the_tunnels_is_refused(self):
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        with self.through.tunnel(f"web.test:{self.secure.port}") as sock:
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(sock, server_hostname="other.test")
        self.assertEqual(self.secure.connections, 0)

    def test_a_server_that_is_not_trusted_is_told_to_the_client(self):
        plain = self.proxy(self.secure, f"--ca={self.ca}", "--roots=/etc/ssl/certs/ca-certificates.crt")
        done = plain.curl("--cacert", self.ca, "-d", "secret", self.url)
        self.assertEqual(json.loads(done.stdout)["error"], "upstream_tls_failed", done)
        self.assertNotIn(b"secret", self.secure.all_bytes())
        plain.event("http.request", verdict="fail", status=502)

    def test_a_tunnel_that_is_not_inspected_keeps_its_own_tls(self):
        done = self.through.curl("-k", "-v", f"https://raw.test:{self.secure.port}/")
        self.assertIn(b"subject: CN=origin", done.stderr)
        self.assertEqual(done.stdout, b"GET / 0\n")


class Hellos(Case):
    """TLS in a tunnel that nobody looks into must ask for the tunnel's host."""

    def setUp(self):
        self.server = self.origin(lambda connection: connection.more() and connection.send(b"answer"))
        self.through = self.proxy(self.server, "--limit=sniff_ms=500")

    def hello(self, name: str | None) -> bytes:
        out = ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        session = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
        with contextlib.suppress(ssl.SSLWantReadError):
            session.do_handshake()
        return out.read()

    def tunnel(self) -> socket.socket:
        sock = self.through.tunnel(f"raw.test:{self.server.port}")
        self.addCleanup(sock.close)
        return sock

    def test_another_name_than_the_tunnels_is_refused_and_told(self):
        sock = self.tunnel()
        sock.sendall(self.hello("other.test"))
        self.assertEqual(read_all(sock), b"")
        told = self.through.event("net.connect", verdict="deny")
        self.assertEqual(told["reason"], "TLS asks for 'other.test' in a tunnel to 'raw.test'")
        self.assertEqual(told["bytes_out"], 0)
        self.assertEqual(self.server.all_bytes(), b"")

    def test_the_tunnels_name_in_any_spelling_and_no_name_pass(self):
        for name in ("raw.test", "RAW.test", None):
            with self.subTest(name=name):
                self.server.forget()
                sock, hello = self.tunnel(), self.hello(name)
                for part in (hello[:1], hello[1:7], hello[7:]):
                    sock.sendall(part)
                    time.sleep(0.02)
                self.assertEqual(read_all(sock), b"answer")
                wait_for(lambda: self.server.all_bytes() == hello, "the hello as it was sent")

    def test_a_hello_that_is_not_whole_goes_nowhere_and_is_not_waited_for_long(self):
        hello = self.hello("raw.test")
        for part in (hello[:1], hello[:100], hello[:-1]):
            sock = self.tunnel()
            sock.sendall(part)
            self.assertEqual(read_all(sock), b"")
        sock = self.tunnel()
        sock.sendall(hello[:100])
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(sock), b"")
        self.assertEqual(self.server.all_bytes(), b"")
        self.through.event("net.connect", verdict="deny", reason="the ClientHello in the tunnel did not come in time")

    def test_a_server_that_speaks_first_is_not_held_back(self):
        def banner(connection):
            connection.send(b"220 ready\r\n")
            connection.more()
            connection.send(b"bye")
        server = self.origin(banner)
        through = self.proxy(server, "--limit=sniff_ms=300")
        with through.tunnel(f"raw.test:{server.port}") as sock:
            self.assertEqual(read_until(sock, b"\n"), b"220 ready\r\n")
            time.sleep(0.6)
            sock.sendall(b"QUIT\r\n")
            self.assertEqual(read_all(sock), b"bye")


class Refusals(Case):
    def test_a_refusal_says_what_and_why(self):
        origin, proxy = self.pair(polite, "--binary=/usr/bin/app")
        answer = self.get(proxy, origin, "/x?token=abc").split(b"\r\n\r\n")[1]
        self.assertEqual(answer, b"GET /x?token=abc 0\n")
        done = proxy.curl("-i", "-X", "DELETE", f"http://web.test:{origin.port}/x?token=abc")
        head, body = done.stdout.split(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 403 Forbidden\r\n"))
        self.assertIn(b"\r\nX-OpenShell-Policy: web\r\n", head)
        self.assertIn(b"\r\nConnection: close", head)
        told = json.loads(body)
        self.assertEqual(set(told), {"error", "policy", "rule", "detail", "layer", "protocol", "method",
                                     "path", "host", "port", "binary", "rule_missing", "next_steps"})
        self.assertEqual((told["error"], told["rule"], told["layer"], told["binary"], told["path"]),
                         ("policy_denied", "DELETE /x", "l7", "/usr/bin/app", "/x"))
        self.assertEqual(told["rule_missing"]["type"], "rest_allow")
        self.assertNotIn(b"abc", body)

    def test_who_asks_decides(self):
        origin = self.origin()
        for binary, error in (("app", None), ("other", "policy_denied"), ("nobody", "policy_denied")):
            path = binary if binary == "nobody" else f"/usr/bin/{binary}"
            proxy = self.proxy(origin, f"--binary={path}")
            for options in ([], ["-p"]):
                with self.subTest(f"{binary} {options}"):
                    done = proxy.curl(*options, f"http://web.test:{origin.port}/")
                    refused = b"403" in done.stderr or b"policy_denied" in done.stdout
                    self.assertEqual(refused, error is not None, done)
        self.assertEqual(origin.connections, 1)

    def test_who_is_not_found_in_time_is_refused(self):
        origin, proxy = self.pair(polite, "--binary=never", "--limit=identify_ms=200")
        self.assertIn(b"policy_denied", self.get(proxy, origin))
        self.assertEqual(origin.connections, 0)
        proxy.event("http.request", verdict="deny", host="web.test")

    def test_each_way_to_fail_has_its_answer(self):
        origin = self.origin()
        names = ["--host=raw.test=127.0.0.9", "--host=audited.test=127.0.0.7", "--block=127.0.0.7",
                 "--slow=web.test", "--limit=resolve_ms=200"]
        proxy = self.proxy(origin, names=names)
        for host, status, error in (("web.test", 504, "upstream_timeout"),
                                    ("raw.test", 502, "upstream_unreachable"),
                                    ("audited.test", 403, "ssrf_denied"),
                                    ("unknown.test", 403, "policy_denied")):
            for way, request in (("forward", "GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\n\r\n"),
                                 ("connect", "CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n")):
                if way == "connect" and host in ("web.test", "audited.test"):
                    request += "GET / HTTP/1.1\r\nHost: {0}\r\n\r\n"
                with self.subTest(f"{way} {host}"):
                    answer = proxy.raw(request.format(f"{host}:{origin.port}").encode())
                    self.assertIn(b"HTTP/1.1 %d " % status, answer)
                    self.assertIn(f'"error":"{error}"'.encode(), answer)
        self.assertEqual(origin.connections, 0)

    def test_a_name_that_does_not_exist_is_told(self):
        origin = self.origin()
        proxy = self.proxy(origin, names=[])
        self.assertIn(b'"error":"name_not_resolved"', self.get(proxy, origin))

    def test_the_next_address_is_tried(self):
        origin = self.origin()
        proxy = self.proxy(origin, names=["--host=web.test=127.0.0.9", "--host=web.test=127.0.0.1"])
        self.assertIn(b" 200 ", self.get(proxy, origin))

    def test_a_client_that_takes_the_proxy_for_a_server_is_told_how_to_use_it(self):
        _, proxy = self.pair()
        answer = proxy.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "))
        self.assertIn(b"HTTPS_PROXY", answer)
        answer = proxy.raw(b"GET https://web.test/ HTTP/1.1\r\nHost: web.test\r\n\r\n")
        self.assertIn(b'"error":"unsupported_proxy_scheme"', answer)

    def test_an_upgrade_to_another_protocol_is_refused_in_words(self):
        origin, proxy = self.pair()
        answer = self.get(proxy, origin, fields="Connection: Upgrade\r\nUpgrade: tcp\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 501 "))
        self.assertIn(b"tls: skip", answer)
        self.assertEqual(origin.connections, 0)

    def test_servers_that_answer_badly_are_told_to_the_client(self):
        for name, response in (("another protocol", b"SSH-2.0-x\r\n"), ("nothing", b""),
                               ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                                b"Content-Length: 2\r\n\r\nab"),
                               ("a switch of protocols", b"HTTP/1.1 101 Switching\r\n\r\n"),
                               ("half a head", b"HTTP/1.1 200 OK\r\nContent-")):
            with self.subTest(name):
                origin, proxy = self.pair(always(response))
                answer = self.get(proxy, origin)
                self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
                self.assertIn(b'"error":"upstream_failed"', answer)
                proxy.event("http.request", verdict="fail", status=502)

    def test_an_answer_that_is_cut_off_looks_cut_off(self):
        for name, response in (
                ("length", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
                ("chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
                ("bad chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n")):
            with self.subTest(name):
                origin, proxy = self.pair(always(response))
                done = proxy.curl(f"http://web.test:{origin.port}/")
                self.assertEqual((done.returncode, done.stdout), (18, b"abc"), done)
                proxy.event("http.request", verdict="fail")


class Bounds(Case):
    def test_a_head_that_does_not_come_in_time_is_refused(self):
        origin, proxy = self.pair(polite, "--limit=head_ms=300", "--limit=keep_alive_ms=600")
        started = time.monotonic()
        with proxy.connect() as sock:
            stop = threading.Event()

            def drip():
                with contextlib.suppress(OSError):
                    sock.sendall(b"GET http://web.test/ HTTP/1.1\r\n")
                    while not stop.wait(0.05):
                        sock.sendall(b"X: y\r\n")
            thread = threading.Thread(target=drip)
            thread.start()
            answer = read_all(sock)
            stop.set()
            thread.join()
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertLess(time.monotonic() - started, 3)
        with proxy.connect() as sock:
            self.assertEqual(read_all(sock), b"")
        self.assertEqual(origin.connections, 0)

    def test_a_body_that_stops_coming_is_refused(self):
        origin, proxy = self.pair(polite, "--limit=exchange_idle_ms=300")
        site = f"web.test:{origin.port}"
        answer = proxy.raw(f"POST http://{site}/ HTTP/1.1\r\nHost: {site}\r\nContent-Length: 9\r\n\r\nab"
                           .encode())
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)

    def test_a_server_that_does_not_answer_is_given_up(self):
        origin, proxy = self.pair(lambda connection: time.sleep(2), "--limit=exchange_idle_ms=300")
        answer = self.get(proxy, origin)
        self.assertTrue(answer.startswith(b"HTTP/1.1 504 "), answer)

    def test_a_tunnel_without_traffic_ends(self):
        origin, proxy = self.pair(lambda connection: connection.more(), "--limit=relay_idle_ms=300")
        with proxy.tunnel(f"raw.test:{origin.port}") as sock:
            self.assertEqual(read_all(sock), b"")
        self.assertIn("too long", proxy.event("net.close")["reason"])

    def test_heads_have_their_limits(self):
        _, proxy = self.pair()
        start = b"GET http://web.test/ HTTP/1.1\r\nHost: web.test\r\n"
        for name, data, status in (
                ("a long line", start + b"X: " + b"y" * 9000 + b"\r\n\r\n", b"431"),
                ("a long line without an end", start + b"X: " + b"y" * 100_000, b"431"),
                ("many fields", start + b"X: y\r\n" * 120 + b"\r\n", b"431"),
                ("a long head", start + b"X: %s\r\n" % (b"y" * 4000) * 5 + b"\r\n", b"431"),
                ("a long target", b"GET http://web.test/%s HTTP/1.1\r\n\r\n" % (b"y" * 9000), b"414"),
                ("a long path", b"GET http://web.test:%%d/%s HTTP/1.1\r\nHost: web.test:%%d\r\n\r\n"
                 % (b"y" * 5000), b"400")):
            with self.subTest(name):
                if name == "a long path":
                    origin, proxy = self.pair()
                    data = data % (origin.port, origin.port)
                answer = proxy.raw(data)
                self.assertTrue(answer.startswith(b"HTTP/1.1 %s " % status), answer[:200])

    def test_when_it_is_full_new_ones_are_told_and_old_ones_go_on(self):
        origin, proxy = self.pair(polite, "--limit=conns=3", "--limit=linger_ms=500")
        with contextlib.ExitStack() as stack:
            old = [stack.enter_context(proxy.tunnel(f"raw.test:{origin.port}")) for _ in range(3)]
            for _ in range(5):
                answer = self.get(proxy, origin)
                self.assertTrue(answer.startswith(b"HTTP/1.1 503 "), answer)
            for sock in old:
                sock.sendall(b"GET /old HTTP/1.1\r\n\r\n")
                self.assertEqual(read_response(sock)[2], b"GET /old 0\n")
        wait_for(lambda: self.get(proxy, origin).startswith(b"HTTP/1.1 200 "), "room")
        proxy.event("http.request", verdict="fail", status=503)

    def test_far_more_connections_than_allowed_wait_and_are_served_later(self):
        origin, proxy = self.pair(polite, "--limit=conns=2", "--limit=linger_ms=300")
        socks = [proxy.connect() for _ in range(300)]
        self.addCleanup(lambda: [sock.close() for sock in socks])
        wait_for(lambda: proxy.descriptors() > 60, "connections")
        self.assertLess(proxy.descriptors(), 100)
        for sock in socks:
            sock.close()
        wait_for(lambda: self.get(proxy, origin).startswith(b"HTTP/1.1 200 "), "room")

    def test_nothing_is_left_behind(self):
        origin, proxy = self.pair(polite, "--limit=linger_ms=300")
        self.get(proxy, origin)
        before = wait_for(lambda: proxy.descriptors(), "descriptors")
        for _ in range(20):
            self.get(proxy, origin)
            self.get(proxy, origin, host="unknown.test")
            proxy.raw(b"\x16\x03\x01")
            proxy.connect().close()
            with contextlib.suppress(ConnectionError):
                proxy.tunnel(f"raw.test:{origin.port}").close()
        wait_for(lambda: proxy.descriptors() <= before, "descriptors to be closed")


class Events(Case):
    def test_each_decision_is_one_event(self):
        origin, proxy = self.pair(polite, "--binary=/usr/bin/app")
        site = f"web.test:{origin.port}"
        self.get(proxy, origin, "/a?secret=1")
        self.get(proxy, origin, host="unknown.test")
        self.get(proxy, origin, host="audited.test")
        proxy.raw(f"POST http://audited.test:{origin.port}/b HTTP/1.1\r\nHost: audited.test:"
                  f"{origin.port}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab".encode())
        proxy.tunnel(site).close()
        wait_for(lambda: len(proxy.events()) >= 6, "events")
        requests = [(e["verdict"], e["host"], e["method"], e.get("path"), e["status"])
                    for e in proxy.events("http.request")]
        self.assertEqual(requests, [("allow", "web.test", "GET", "/a", 200),
                                    ("deny", "unknown.test", "GET", None, 403),
                                    ("allow", "audited.test", "GET", "/", 200),
                                    ("audit", "audited.test", "POST", "/b", 200)])
        self.assertEqual([e["verdict"] for e in proxy.events("net.connect")], ["allow"])
        self.assertNotIn("secret", json.dumps(proxy.events()))
        first = proxy.events("http.request")[0]
        self.assertEqual((first["binary"], first["policy"], first["rule"], first["class_uid"],
                          first["activity_id"], first["disposition_id"], first["bytes_in"]),
                         ("/usr/bin/app", "web", "access read-write", 4002, 3, 1,
                          len("GET /a?secret=1 0\n")))
        audited = proxy.events("http.request")[3]
        self.assertEqual((audited["disposition_id"], audited["bytes_out"]), (17, 2))
        self.assertIn("only audits", audited["reason"])


    def test_shorthand_tells_the_same_events_to_people(self):
        origin = self.origin()
        forms = [self.proxy(origin, "--binary=/usr/bin/app", f"--log-format={form}")
                 for form in ("json", "shorthand")]
        for proxy in forms:
            self.get(proxy, origin, "/a?secret=1")
            self.get(proxy, origin, host="unknown.test")
            proxy.tunnel(f"raw.test:{origin.port}").close()
            proxy.process.terminate()
            proxy.process.wait(TIMEOUT)
        json_lines, lines = (proxy.log().splitlines() for proxy in forms)
        port = origin.port
        self.assertEqual(sorted(line.split()[4] for line in lines),
                         sorted(json.loads(j)["event"] for j in json_lines))
        for words in (f"HTTP:GET [INFO] http.request ALLOWED /usr/bin/app(4711) -> GET web.test:{port}/a status:200",
                      f"HTTP:GET [MED] http.request DENIED /usr/bin/app(4711) -> GET unknown.test:{port}",
                      f"NET:OPEN [INFO] net.connect ALLOWED /usr/bin/app(4711) -> CONNECT raw.test:{port}",
                      "LIFECYCLE:STOP [INFO] proxy.draining"):
            self.assertTrue(any(words in line for line in lines), (words, lines))
        self.assertNotIn("secret", "".join(lines))


class Lifecycle(Case):
    def test_a_new_policy_closes_what_it_refuses_and_nothing_else(self):
        held, release = threading.Event(), threading.Event()

        def slow(connection):
            while (head := connection.head()) is not None:
                if b"/slow" in head:
                    held.set()
                    release.wait(TIMEOUT)
                connection.answer(b"done\n")
        origin, proxy = self.pair(slow)
        port = origin.port
        keep, drop = proxy.tunnel(f"raw.test:{port}"), proxy.tunnel(f"audited.test:{port}")
        waiting, idle = proxy.connect(), proxy.connect()
        for sock in (keep, drop, waiting, idle):
            self.addCleanup(sock.close)
        idle.sendall(f"GET http://web.test:{port}/ HTTP/1.1\r\nHost: web.test:{port}\r\n\r\n".encode())
        read_response(idle)
        waiting.sendall(f"GET http://web.test:{port}/slow HTTP/1.1\r\nHost: web.test:{port}\r\n\r\n"
                        .encode())
        held.wait(TIMEOUT)
        policy = POLICY.format(port=port, binary="app")
        policy = policy.replace("audited.test", "other.test").replace("web.test", "web2.test")
        proxy.set_policy(policy)
        answer = read_all(waiting)
        self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
        self.assertIn(b"policy changed", answer)
        self.assertTrue(read_all(drop).startswith(b"HTTP/1.1 403 "))
        release.set()
        keep.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(read_response(keep)[2], b"done\n")
        idle.sendall(f"GET http://web2.test:{port}/ HTTP/1.1\r\nHost: web2.test:{port}\r\n\r\n".encode())
        self.assertEqual(read_response(idle)[0], 502)  # allowed now, but no such name

    def test_a_new_policy_may_want_to_see_what_was_opaque(self):
        origin, proxy = self.pair()
        tunnel = proxy.tunnel(f"raw.test:{origin.port}")
        self.addCleanup(tunnel.close)
        policy = POLICY.replace("raw.test, port: {port}",
                                "raw.test, port: {port}, protocol: rest, access: full")
        proxy.set_policy(policy.format(port=origin.port, binary="app"))
        self.assertEqual(read_all(tunnel), b"")
        self.assertIn("policy changed", proxy.event("net.close")["reason"])

    def test_new_allowed_addresses_hold_for_open_tunnels(self):
        origin, proxy = self.pair()
        tunnel = proxy.tunnel(f"raw.test:{origin.port}")
        self.addCleanup(tunnel.close)
        policy = POLICY.replace("raw.test, port: {port}",
                                "raw.test, port: {port}, allowed_ips: [10.0.0.0/8]")
        proxy.set_policy(policy.format(port=origin.port, binary="app"))
        self.assertEqual(read_all(tunnel), b"")

    def test_told_to_stop_it_finishes_what_was_begun(self):
        release = threading.Event()

        def slow(connection):
            connection.head()
            release.wait(TIMEOUT)
            connection.answer(b"finished\n")
        origin, proxy = self.pair(slow, "--limit=drain_ms=20000", "--limit=linger_ms=300")
        site = f"web.test:{origin.port}"
        idle, busy = proxy.connect(), proxy.connect()
        self.addCleanup(idle.close)
        busy.sendall(f"GET http://{site}/ HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
        wait_for(lambda: origin.connections == 1, "the request")
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(read_all(idle), b"")
        with self.assertRaises(OSError):
            proxy.connect()
        release.set()
        status, head, body = read_response(busy)
        self.assertEqual((status, body), (200, b"finished\n"))
        self.assertIn(b"\r\nConnection: close\r\n", head)
        busy.close()
        self.assertEqual(proxy.process.wait(TIMEOUT), 0)

    def test_told_to_stop_it_does_not_wait_for_ever(self):
        origin, proxy = self.pair(polite, "--limit=drain_ms=300")
        tunnel = proxy.tunnel(f"raw.test:{origin.port}")
        self.addCleanup(tunnel.close)
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(TIMEOUT), 0)
        self.assertEqual(read_all(tunnel), b"")


if __name__ == "__main__":
    unittest.main()
