# SPDX-License-Identifier: Apache-2.0
"""WebSockets through the proxy: decided on as the GET that asks for them, opened only where the server proves
that it means it, then bytes both ways, for as long as the policy allows that GET."""
import asyncio
import base64
import contextlib
import hashlib
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import websockets

from proxy_world import (Origin, Proxy, TIMEOUT, make_certificate, polite, read_all, read_response,
                         read_until, wait_for)

POLICY = """
version: 1
network_policies:
  web:
    endpoints:
      - {{host: web.test, port: {port}, protocol: rest,
         rules: [{{allow: {{method: GET, path: "{path}"}}}}]}}
    binaries: [{{path: "**"}}]
"""
KEY = base64.b64encode(bytes(16)).decode()
ACCEPT = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
                          .digest()).decode()
ASKED = (f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: chat\r\n")
SWITCHED = (f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\n\r\n").encode()


def echo(connection):
    """Accepts, says something at once, and gives back what comes."""
    if connection.head() is None:
        return
    connection.send(SWITCHED + b"hello")
    connection.send(connection._buffer)
    while data := connection.sock.recv(65536):
        connection.send(data)


class Case(unittest.TestCase):
    def world(self, script=echo, *options, tls=None, path="/ws/**"):
        self.origin = Origin(script, tls=tls)
        self.addCleanup(self.origin.close)
        self.port = self.origin.port
        self.proxy = Proxy(POLICY.format(port=self.port, path=path), "--host=web.test=127.0.0.1",
                           "--binary=/usr/bin/app", *options)
        self.addCleanup(self.proxy.stop)
        self.site = f"web.test:{self.port}"

    def ask(self, sock, path="/ws/a", fields=ASKED, absolute=False, more=b"", method="GET"):
        target = f"http://{self.site}{path}" if absolute else path
        sock.sendall(f"{method} {target} HTTP/1.1\r\nHost: {self.site}\r\n{fields}\r\n".encode() + more)

    def open(self, absolute=False):
        sock = self.proxy.connect() if absolute else self.proxy.tunnel(self.site)
        self.addCleanup(sock.close)
        return sock


class Opening(Case):
    def test_it_is_opened_and_carries_bytes_both_ways(self):
        self.world()
        for absolute in (False, True):
            with self.subTest("absolute" if absolute else "tunnel"):
                sock = self.open(absolute)
                self.ask(sock, absolute=absolute, more=b"early ")
                head = read_until(sock, b"\r\n\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
                for field in (b"Upgrade: websocket", b"Connection: Upgrade",
                              b"Sec-WebSocket-Protocol: chat", b"Sec-WebSocket-Accept: " + ACCEPT.encode()):
                    self.assertIn(b"\r\n" + field + b"\r\n", head)
                sock.sendall(b"GET /secret HTTP/1.1\r\n\r\n")
                read_until(sock, b"helloearly GET /secret HTTP/1.1\r\n\r\n")
                big = os.urandom(3_000_000)
                threading.Thread(target=sock.sendall, args=(big,), daemon=True).start()
                got = b""
                while len(got) < len(big):
                    got += sock.recv(65536)
                self.assertEqual(got, big)
                sock.shutdown(socket.SHUT_WR)
                self.assertEqual(read_all(sock), b"")
        self.assertEqual([(e["status"], e["path"]) for e in self.proxy.events("http.request")],
                         [(101, "/ws/a")] * 2)
        closed = self.proxy.event("net.close", path="/ws/a")
        self.assertEqual((closed["bytes_in"], closed["policy"]), (3_000_000 + 35, "web"))

    def test_the_origin_gets_one_handshake_written_anew(self):
        self.world()
        sock = self.open(absolute=True)
        self.ask(sock, fields=ASKED.replace("Connection: Upgrade", "Connection: keep-alive, UPGRADE, x-mine")
                 .replace("Upgrade: websocket", "Upgrade: h2c, WebSocket\r\nX-Mine: 1"), absolute=True)
        read_until(sock, b"hello")
        head = self.origin.all_bytes()
        self.assertEqual(head.lower().count(b"\r\nupgrade: "), 1)
        self.assertIn(b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", head)
        self.assertNotIn(b"X-Mine", head)
        self.assertNotIn(b"h2c", head)

    def test_a_handshake_is_decided_like_a_get_and_must_be_whole(self):
        self.world()
        for name, status, options in (
                ("another path", b"403", {"path": "/secret"}),
                ("another path by dots", b"403", {"path": "/ws/../secret"}),
                ("another method", b"403", {"method": "POST"}),
                ("no key", b"400", {"fields": ASKED.replace("Key", "Kex")}),
                ("two keys", b"400", {"fields": ASKED + f"Sec-WebSocket-Key: {KEY}\r\n"}),
                ("another version", b"400", {"fields": ASKED.replace(" 13", " 8")}),
                ("no version", b"400", {"fields": ASKED.replace("-Version", "-Versio")}),
                ("a body", b"400", {"fields": ASKED + "Content-Length: 4\r\n", "more": b"abcd"}),
                ("chunks", b"400", {"fields": ASKED + "Transfer-Encoding: chunked\r\n",
                                    "more": b"0\r\n\r\n"}),
                ("another protocol", b"501", {"fields": "Connection: Upgrade\r\nUpgrade: tcp\r\n"})):
            for absolute in (False, True):
                with self.subTest(f"{name} {absolute}"):
                    sock = self.open(absolute)
                    self.ask(sock, absolute=absolute, **options)
                    self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 " + status))
        self.assertEqual(self.origin.connections, 0)

    def test_offers_that_connection_does_not_name_are_none(self):
        self.world(polite)
        for fields in (ASKED.replace("Connection: Upgrade\r\n", ""),
                       "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"):
            with self.subTest(fields):
                sock = self.open()
                self.ask(sock, fields=fields)
                self.assertEqual(read_response(sock)[2], b"GET /ws/a 0\n")
        self.assertNotIn(b"upgrade", self.origin.all_bytes().lower())
        self.assertNotIn(b"http2-settings", self.origin.all_bytes().lower())

    def test_a_switch_that_proves_nothing_opens_nothing(self):
        good = SWITCHED.decode()
        for name, answer in (
                ("another answer", good.replace(ACCEPT, base64.b64encode(bytes(20)).decode())),
                ("no answer", good.replace("-Accept", "-Accepx")),
                ("two answers", good.replace("\r\n\r\n", f"\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n")),
                ("another protocol", good.replace("Upgrade: websocket", "Upgrade: h2c")),
                ("no upgrade", good.replace("Upgrade: websocket", "X: y")),
                ("no connection", good.replace("Connection: Upgrade", "Connection: close")),
                ("a length", good.replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\n"))):
            def script(connection, answer=answer):
                connection.head()
                connection.send(answer.encode() + b"hello")
                connection.more()
            with self.subTest(name):
                self.world(script)
                sock = self.open()
                self.ask(sock, more=b"GET /secret HTTP/1.1\r\n\r\n")
                answer = read_all(sock)
                self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
                self.assertNotIn(b"secret", self.origin.all_bytes())

    def test_a_switch_that_nobody_asked_for_opens_nothing(self):
        self.world(echo)
        sock = self.open()
        self.ask(sock, fields="Connection: close\r\n")
        self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 502 "))

    def test_where_the_server_declines_http_goes_on(self):
        self.world(polite)
        sock = self.open()
        self.ask(sock)
        self.ask(sock, "/secret", fields="")
        self.assertEqual(read_response(sock)[2], b"GET /ws/a 0\n")
        self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 403 "))
        self.assertNotIn(b"secret", self.origin.all_bytes())


class Life(Case):
    def opened(self):
        sock = self.open()
        self.ask(sock)
        read_until(sock, b"hello")
        return sock

    def test_a_new_policy_that_allows_it_leaves_it_alone(self):
        self.world()
        sock = self.opened()
        self.proxy.set_policy(POLICY.format(port=self.port, path="/ws/a"))
        sock.sendall(b"still there")
        self.assertEqual(read_until(sock, b"there"), b"still there")

    def test_a_new_policy_that_refuses_it_closes_it(self):
        self.world()
        for absolute in (False, True):
            with self.subTest(absolute):
                self.proxy.set_policy(POLICY.format(port=self.port, path="/ws/**"))
                sock = self.open(absolute)
                self.ask(sock, absolute=absolute)
                read_until(sock, b"hello")
                self.proxy.set_policy(POLICY.format(port=self.port, path="/other"))
                self.assertEqual(read_all(sock), b"")
        closed = [e for e in self.proxy.events("net.close") if "policy changed" in e.get("reason", "")]
        self.assertEqual([e["path"] for e in closed], ["/ws/a"] * 2)

    def test_silence_has_the_limits_of_a_tunnel(self):
        self.world(echo, "--limit", "relay_idle_ms=300", "--limit", "exchange_idle_ms=60000")
        sock = self.opened()
        self.assertEqual(read_all(sock), b"")
        self.assertIn("too long", self.proxy.event("net.close")["reason"])

    def test_nothing_is_left_behind(self):
        self.world()
        kept = self.opened()
        before = self.proxy.descriptors()
        for _ in range(20):
            self.opened().close()
        wait_for(lambda: self.proxy.descriptors() == before, "the descriptors")
        kept.sendall(b"still there")
        self.assertEqual(read_until(kept, b"there"), b"still there")


class Peers(Case):
    """Servers and clients that people use."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cert, key = make_certificate(self.folder, "web.test")
        self.server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_tls.load_cert_chain(self.cert, key)

    async def converse(self, secure: bool):
        async def serve(peer):
            async for message in peer:
                await peer.send(message)
        server = await websockets.serve(serve, "127.0.0.1", 0, ssl=self.server_tls if secure else None,
                                        max_size=None)
        port = server.sockets[0].getsockname()[1]
        ca = self.folder / "ca.pem"
        proxy = Proxy(POLICY.format(port=port, path="/ws/**"), "--host=web.test=127.0.0.1",
                      "--ca", str(ca), "--roots", str(self.cert))
        self.addCleanup(proxy.stop)
        loop = asyncio.get_running_loop()
        sock = await loop.run_in_executor(None, proxy.tunnel, f"web.test:{port}")
        sock.setblocking(False)
        tls = ssl.create_default_context(cafile=ca) if secure else None
        url = f"{'wss' if secure else 'ws'}://web.test:{port}/ws/x"
        options = {"ssl": tls, "server_hostname": "web.test"} if secure else {}
        async with websockets.connect(url, sock=sock, max_size=None, **options) as peer:
            for message in ("hello", b"\0" * 2_000_000, os.urandom(500_000), "x" * 100_000):
                await peer.send(message)
                self.assertEqual(await peer.recv(), message)
            await (await peer.ping())
        self.assertEqual(peer.close_code, 1000)
        server.close()
        await server.wait_closed()

    def test_websockets_of_python_talk_to_each_other(self):
        for secure in (False, True):
            with self.subTest("TLS" if secure else "plain"):
                asyncio.run(asyncio.wait_for(self.converse(secure), 6 * TIMEOUT))

    def test_node_upgrades_by_the_proxy(self):
        self.world()
        script = """
            const [port, url, site, key] = process.argv.slice(1);
            const request = require("http").request({host: "127.0.0.1", port, path: url, headers: {
                Host: site, Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": key}});
            request.on("upgrade", (response, socket, first) => {
                let text = first.toString();
                if (text) console.log(text);
                socket.on("data", (data) => { text += data; if (text === "helloping") process.exit(0); });
                socket.write("ping");
            });
            request.on("response", (response) => { console.log(response.statusCode); process.exit(1); });
            request.end();
        """
        done = subprocess.run(["node", "-e", script, str(self.proxy.port), f"http://{self.site}/ws/a",
                               self.site, KEY], capture_output=True, timeout=6 * TIMEOUT, check=False)
        self.assertEqual(done.returncode, 0, done)


if __name__ == "__main__":
    unittest.main()
