# SPDX-License-Identifier: Apache-2.0
"""Another proxy between ours and the destinations: what is asked of it, what goes past it, and that nothing reaches
a destination in another way when it fails."""
import contextlib
import pathlib
import re
import socket
import ssl
import tempfile
import threading
import unittest

from proxy_world import (Origin, Proxy, always, make_certificate, polite, read_all, read_response, read_until, wait_for)

POLICY = """
version: 1
network_policies:
  web:
    endpoints:
      - {{host: web.test, port: {port}, protocol: rest, access: read-write}}
      - {{host: raw.test, port: {port}}}
      - {{host: far.test, port: {port}}}
      - {{host: listed.test, port: {port}, allowed_ips: [10.0.0.0/8]}}
    binaries: [{{path: "**"}}]
"""
NAMES = ("--host=web.test=127.0.0.1", "--host=raw.test=127.0.0.1", "--host=corporate.test=127.0.0.1",
         "--host=listed.test=10.9.8.7")


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def corporate(connection):
    """Connects to loopback, whatever host is asked for."""
    head = connection.head()
    if head is None:
        return
    port = int(re.match(rb"CONNECT \S+:(\d+) HTTP/1.1\r\n", head)[1])
    with socket.create_connection(("127.0.0.1", port)) as further:
        connection.send(b"HTTP/1.1 200 OK\r\nX-Via: corporate\r\n\r\n")
        back = threading.Thread(target=pump, args=(further, connection.sock), daemon=True)
        back.start()
        pump(connection.sock, further)
        back.join()


class Case(unittest.TestCase):
    def world(self, *options, script=corporate, tls=None, between=None):
        self.origin = Origin(polite, tls=tls)
        self.between = Origin(script)
        for origin in (self.origin, self.between):
            self.addCleanup(origin.close)
        self.port = self.origin.port
        url = between or f"http://corporate.test:{self.between.port}"
        self.proxy = Proxy(POLICY.format(port=self.port), *NAMES, "--upstream-proxy", url, *options)
        self.addCleanup(self.proxy.stop)

    def asked(self) -> list[str]:
        """The targets that the proxy between was asked for."""
        return [target.decode() for seen in self.between.seen
                for target in re.findall(rb"\ACONNECT (\S+) HTTP/1.1\r\nHost: \1\r\n", bytes(seen))]

    def get(self, path="/a", host="web.test", fields="Connection: close\r\n") -> bytes:
        site = f"{host}:{self.port}"
        return self.proxy.raw(f"GET http://{site}{path} HTTP/1.1\r\nHost: {site}\r\n{fields}\r\n".encode())

    def assert_failed(self, answer, error=b"upstream_proxy_failed", status=b"502"):
        self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), answer)
        self.assertIn(b'"error":"' + error + b'"', answer)
        self.assertEqual(self.origin.connections, 0)


class Through(Case):
    def test_each_way_of_asking_goes_through_it(self):
        self.world()
        self.assertIn(b"GET /a 0\n", self.get())
        request = f"GET /b HTTP/1.1\r\nHost: {{}}:{self.port}\r\nConnection: close\r\n\r\n"
        for host in ("web.test", "raw.test"):
            with self.proxy.tunnel(f"{host}:{self.port}") as sock:
                sock.sendall(request.format(host).encode())
                self.assertEqual(read_response(sock)[2], b"GET /b 0\n")
        self.assertEqual(set(self.asked()), {f"127.0.0.1:{self.port}"})
        self.assertEqual(self.between.connections, self.origin.connections)

    def test_tls_goes_through_it_and_is_verified_by_name(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            cert, key = make_certificate(folder, "web.test")
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(cert, key)
            self.world("--ca", str(folder / "ca.pem"), "--roots", str(cert), tls=tls)
            wait_for((folder / "ca.pem").exists, "the authority")
            done = self.proxy.curl("--cacert", str(folder / "ca.pem"), f"https://web.test:{self.port}/x")
            self.assertEqual(done.stdout, b"GET /x 0\n", done)
            self.assertEqual(self.asked(), [f"127.0.0.1:{self.port}"])

    def test_a_connection_through_it_is_used_again(self):
        self.world("--binary=/usr/bin/app")
        for _ in range(3):
            self.assertIn(b" 200 ", self.get())
        self.assertEqual(len(self.asked()), 1)

    def test_it_is_told_names_where_that_is_wanted(self):
        self.world("--upstream-proxy-connect-by-hostname", "true")
        self.assertIn(b" 200 ", self.get())
        self.proxy.tunnel(f"far.test:{self.port}").close()  # has no address here
        self.assertEqual(self.asked(), [f"web.test:{self.port}", f"far.test:{self.port}"])

    def test_it_is_told_the_address_where_the_policy_lists_addresses(self):
        self.world("--upstream-proxy-connect-by-hostname", "true")
        self.proxy.tunnel(f"listed.test:{self.port}").close()
        self.assertEqual(self.asked(), [f"10.9.8.7:{self.port}"])

    def test_what_may_not_be_reached_is_not_asked_for(self):
        for options in ((), ("--upstream-proxy-connect-by-hostname", "true")):
            with self.subTest(options):
                self.world("--block", "127.0.0.1", *options)
                self.assert_failed(self.get(), b"ssrf_denied", b"403")
                self.assertEqual(self.between.connections, 0)
        with self.subTest("no address"):
            self.world()
            self.assert_failed(self.get(host="far.test"), b"name_not_resolved")
            self.assertEqual(self.between.connections, 0)

    def test_what_is_listed_goes_past_it(self):
        for exceptions in ("web.test", ".test", "*", "127.0.0.0/8", "127.0.0.1", "other.test, web.test:{port}"):
            with self.subTest(exceptions):
                self.world("--upstream-no-proxy", "placeholder.test")
                self.proxy.stop()
                self.proxy = Proxy(POLICY.format(port=self.port), *NAMES, "--upstream-proxy",
                                   f"http://127.0.0.1:{self.between.port}", "--upstream-no-proxy",
                                   exceptions.format(port=self.port))
                self.addCleanup(self.proxy.stop)
                self.assertIn(b" 200 ", self.get())
                self.assertEqual(self.between.connections, 0)

    def test_credentials_are_sent_to_it_and_to_nobody_else(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"joe:s3cret\n")
            file.flush()
            self.world("--upstream-proxy-auth-file", file.name, "--upstream-proxy-auth-allow-insecure", "true")
            self.get()
        self.assertIn(b"\r\nProxy-Authorization: Basic am9lOnMzY3JldA==\r\n", self.between.all_bytes())
        self.assertNotIn(b"Authorization", self.origin.all_bytes())
        log = (self.proxy.folder / "log").read_text()
        self.assertNotIn("s3cret", log)
        self.assertNotIn("am9lOnMzY3JldA", log)

    def test_what_comes_behind_its_answer_is_the_tunnels(self):
        def eager(connection):
            connection.head()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello\n")
            connection.more()
        self.world(script=eager)
        with self.proxy.tunnel(f"raw.test:{self.port}") as sock:
            self.assertEqual(read_until(sock, b"\n"), b"hello\n")
        answer = self.get()
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
        self.assertIn(b"before it was asked", answer)


class Failing(Case):
    def test_each_way_to_fail_is_told_and_nothing_goes_past_it(self):
        for name, script, says in (
                ("it refuses", always(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), b"answered 403"),
                ("it wants credentials", always(b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n"),
                 b"answered 407"),
                ("another success", always(b"HTTP/1.1 204 No Content\r\n\r\n"), b"answered 204"),
                ("an interim answer", always(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), b"answered 100"),
                ("another protocol", always(b"SSH-2.0-x\r\n"), b"malformed"),
                ("bare line feeds", always(b"HTTP/1.1 200 OK\n\n"), b"malformed"),
                ("a long answer", always(b"HTTP/1.1 200 OK\r\n" + b"X: yyyyyyyyyyyyy\r\n" * 600 + b"\r\n"),
                 b"malformed"),
                ("a long field", always(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 8190), b"too long"),
                ("half an answer", always(b"HTTP/1.1 200 OK\r\n"), b"without an answer"),
                ("no answer", lambda connection: connection.head(), b"without an answer")):
            with self.subTest(name):
                self.world(script=script)
                answer = self.get()
                self.assert_failed(answer)
                self.assertIn(says, answer)
                with self.assertRaisesRegex(ConnectionError, "502"):
                    self.proxy.tunnel(f"raw.test:{self.port}")
                self.assertEqual(self.origin.connections, 0)

    def test_silence_is_given_up(self):
        def silent(connection):
            connection.head()
            connection.more()
        self.world("--limit", "dial_ms=300", script=silent)
        self.assertIn(b"in time", self.get())
        self.assertEqual(self.origin.connections, 0)

    def test_where_it_is_not_there_nothing_goes_past_it(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.world(between=f"http://127.0.0.1:{port}")
        self.assert_failed(self.get())
        self.world(between="http://nowhere.test:3128")
        self.assert_failed(self.get())

    def test_the_next_of_its_addresses_is_tried(self):
        self.world("--host=twice.test=127.0.0.2", "--host=twice.test=127.0.0.1")
        self.proxy.stop()
        self.proxy = Proxy(POLICY.format(port=self.port), *NAMES, "--host=twice.test=127.0.0.2",
                           "--host=twice.test=127.0.0.1", "--upstream-proxy", f"http://twice.test:{self.between.port}")
        self.addCleanup(self.proxy.stop)
        self.assertIn(b" 200 ", self.get())


class Reloading(Case):
    def test_a_new_policy_judges_the_address_behind_it(self):
        self.world()
        sock = self.proxy.tunnel(f"raw.test:{self.port}")
        self.addCleanup(sock.close)
        self.proxy.set_policy(POLICY.format(port=self.port))
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(read_response(sock)[0], 200)
        listed = POLICY.replace("raw.test, port: {port}", "raw.test, port: {port}, allowed_ips: [10.0.0.0/8]")
        self.proxy.set_policy(listed.format(port=self.port))
        self.assertEqual(read_all(sock), b"")

    def test_what_went_by_name_ends_where_addresses_are_listed(self):
        self.world("--upstream-proxy-connect-by-hostname", "true")
        sock = self.proxy.tunnel(f"far.test:{self.port}")
        self.addCleanup(sock.close)
        self.proxy.set_policy(POLICY.format(port=self.port))
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(read_response(sock)[0], 200)
        listed = POLICY.replace("far.test, port: {port}", "far.test, port: {port}, allowed_ips: [10.0.0.0/8]")
        self.proxy.set_policy(listed.format(port=self.port))
        self.assertEqual(read_all(sock), b"")


if __name__ == "__main__":
    unittest.main()
