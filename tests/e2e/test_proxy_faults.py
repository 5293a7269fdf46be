# SPDX-License-Identifier: Apache-2.0
"""The proxy when its peers, the kernel or the memory fail it: nothing wedges, nothing grows, and what policy
refuses does not get out while it happens."""
import contextlib
import hashlib
import itertools
import os
import pathlib
import random
import resource
import signal
import socket
import ssl
import struct
import tempfile
import threading
import unittest

from proxy_world import (Connection, Origin, Proxy, make_certificate, polite, read_all, read_response, read_until,
                         wait_for)
from test_proxy import Case

FEW_DESCRIPTORS = 60
MANY_TUNNELS = 5000
TUNNEL_KIB = 8
HELD_KIB = 4096
MIB = 1 << 20
BODY = 8 * MIB
SIP, WINDOW = 4096, 65536


def reset(sock):
    """Closes with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def anonymous_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("no RssAnon")


def sip(sock) -> bytes:
    """All of a body, little at a time, through a window that stays small."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    got = bytearray()
    while len(got) < BODY and (more := sock.recv(SIP)):
        got += more
    return bytes(got)


class Holder:
    """A server that accepts, and neither reads nor writes. One thread, however many connections."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._listener.getsockname()[1]
        self.held = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.held.append(self._listener.accept()[0])

    def close(self):
        self._listener.close()
        for sock in self.held:
            sock.close()


class Faults(Case):
    def holder(self) -> Holder:
        made = Holder()
        self.addCleanup(made.close)
        return made

    def assert_serves(self, proxy, origin, path="/after"):
        wait_for(lambda: self.get(proxy, origin, path).startswith(b"HTTP/1.1 200 "), "an answer")

    def test_without_descriptors_new_ones_wait_and_old_ones_go_on(self):
        origin, proxy = self.pair(polite)
        with contextlib.ExitStack() as stack:
            old = stack.enter_context(proxy.tunnel(f"raw.test:{origin.port}"))
            resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS,) * 2)
            waiting = [stack.enter_context(proxy.connect()) for _ in range(2 * FEW_DESCRIPTORS)]
            proxy.event("proxy.accept_failed")
            old.sendall(b"GET /old HTTP/1.1\r\n\r\n")
            self.assertEqual(read_response(old)[2], b"GET /old 0\n")
            for sock in waiting:
                sock.close()
            self.assert_serves(proxy, origin)

    def test_a_dial_without_a_descriptor_is_an_answer(self):
        origin, proxy = self.pair(polite)
        with proxy.connect() as sock, proxy.tunnel(f"raw.test:{origin.port}"):
            # Numbers are given from below, so from here on there is none.
            resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (proxy.descriptors(),) * 2)
            site = f"raw.test:{origin.port}"
            sock.sendall(f"CONNECT {site} HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
            self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 502 "))

    def test_a_server_that_resets_in_any_phase_is_told_and_left(self):
        def at_once(connection: Connection):
            reset(connection.sock)

        def after_the_head(connection: Connection):
            connection.head()
            reset(connection.sock)

        def in_the_answers_head(connection: Connection):
            connection.head()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
            reset(connection.sock)

        def in_the_body(connection: Connection):
            connection.head()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            reset(connection.sock)

        for script in (at_once, after_the_head, in_the_answers_head, in_the_body):
            with self.subTest(script.__name__):
                origin, proxy = self.pair(script, "--limit=linger_ms=300")
                self.get(proxy, origin)
                before = proxy.descriptors()
                for _ in range(20):
                    answer = self.get(proxy, origin)
                    self.assertNotIn(b"half" * 2, answer)
                    if script is not in_the_body:
                        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer[:60])
                wait_for(lambda p=proxy, b=before: p.descriptors() <= b, "descriptors to be closed")

    def test_clients_that_reset_in_any_phase_leave_nothing_behind(self):
        origin, proxy = self.pair(polite)
        self.assert_serves(proxy, origin)
        before = proxy.descriptors()
        site = f"web.test:{origin.port}"
        for data in (b"", b"GET", f"GET http://{site}/ HTTP/1.1\r\nHost: {site}\r\n\r\n".encode(),
                     f"POST http://{site}/ HTTP/1.1\r\nHost: {site}\r\nContent-Length: 9\r\n\r\nhalf".encode(),
                     f"CONNECT {site} HTTP/1.1\r\nHost: {site}\r\n\r\nGET / HTTP/1.1\r\n".encode(),
                     f"CONNECT raw.test:{origin.port} HTTP/1.1\r\nHost: raw.test\r\n\r\nabc".encode()):
            for _ in range(10):
                sock = proxy.connect()
                sock.sendall(data)
                reset(sock)
        # One connection to the server may wait to be used again.
        wait_for(lambda: proxy.descriptors() <= before + 1, "descriptors to be closed")
        self.assert_serves(proxy, origin)

    def test_a_server_that_never_answers_a_dial_is_given_up(self):
        hole = socket.socket()
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        port = hole.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        self.addCleanup(lambda: [s.close() for s in (hole, *fillers)])
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        proxy = self.proxy(type("Hole", (), {"port": port}), "--limit=dial_ms=300")
        site = f"web.test:{port}"
        answer = proxy.raw(f"GET http://{site}/ HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
        self.assertTrue(answer.startswith(b"HTTP/1.1 504 "), answer[:60])
        self.assertIn(b"upstream_timeout", answer)

    def test_without_memory_it_ends_and_lets_nothing_more_out(self):
        holder = self.holder()
        proxy = self.proxy(holder)
        size = int(pathlib.Path(f"/proc/{proxy.process.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.prlimit(proxy.process.pid, resource.RLIMIT_AS, (size + MIB,) * 2)
        socks = []
        self.addCleanup(lambda: [s.close() for s in socks])

        def ended():
            with contextlib.suppress(OSError):
                sock = proxy.connect()
                socks.append(sock)
                site = f"raw.test:{holder.port}"
                sock.sendall(f"CONNECT {site} HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
                sock.setblocking(False)
                # More than the server's end takes, so that the proxy has to hold some of it.
                for _ in range(100):
                    sock.send(b"x" * 65536)
            return proxy.process.poll() is not None
        wait_for(ended, "the end", 60)
        self.assertEqual(proxy.process.returncode, -signal.SIGABRT, proxy.log()[-300:])

    def test_thousands_of_idle_tunnels_cost_little_and_give_it_back(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        holder = self.holder()
        proxy = self.proxy(holder, f"--limit=conns={MANY_TUNNELS + 10}")
        proxy.tunnel(f"raw.test:{holder.port}").close()
        before = anonymous_kib(proxy.process.pid)
        socks = [proxy.tunnel(f"raw.test:{holder.port}") for _ in range(MANY_TUNNELS)]
        self.addCleanup(lambda: [s.close() for s in socks])
        wait_for(lambda: len(holder.held) > MANY_TUNNELS, "all connections")
        self.assertLess(anonymous_kib(proxy.process.pid) - before, MANY_TUNNELS * TUNNEL_KIB)
        socks[-1].sendall(b"still there")
        self.assertEqual(holder.held[-1].recv(11, socket.MSG_WAITALL), b"still there")
        descriptors = proxy.descriptors()
        for sock in socks:
            sock.close()
        for sock in holder.held:
            sock.close()
        wait_for(lambda: proxy.descriptors() < descriptors - 2 * MANY_TUNNELS + 10, "all to be closed", 60)
        self.assertLess(anonymous_kib(proxy.process.pid) - before, HELD_KIB)


class SlowReaders(Case):
    """On each side, in the open and in TLS that is inspected."""

    POLICY = """
version: 1
network_policies:
  both:
    endpoints:
      - {{{{host: web.test, port: {slow}, protocol: rest, access: read-write}}}}
      - {{{{host: web.test, port: {quick}, protocol: rest, access: read-write}}}}
    binaries: [{{{{path: "/usr/bin/{{binary}}"}}}}]
"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ca = pathlib.Path(folder.name, "ca.pem")
        certificate, key = make_certificate(pathlib.Path(folder.name), "web.test")
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(certificate, key)
        self.quick = self.origin(polite)
        self.options = [f"--ca={self.ca}", f"--roots={certificate}"]

    def before(self, script, tls: bool) -> tuple[Origin, Proxy]:
        slow = self.origin(script, tls=self.server if tls else None)
        policy = self.POLICY.format(slow=slow.port, quick=self.quick.port)
        return slow, self.proxy(slow, *self.options, policy=policy)

    def post(self, proxy, origin, tls: bool, size: int) -> socket.socket:
        """Begins a request with a body of `size` bytes."""
        site = f"web.test:{origin.port}"
        if tls:
            context = ssl.create_default_context(cafile=self.ca)
            sock = context.wrap_socket(proxy.tunnel(site), server_hostname="web.test")
        else:
            sock = proxy.connect()
        sock.sendall(f"POST {'' if tls else 'http://' + site}/ HTTP/1.1\r\nHost: {site}\r\n"
                     f"Content-Length: {size}\r\n\r\n".encode())
        return sock

    def test_peers_that_do_not_read_hold_little_and_nobody_else_up(self):
        def flood(connection: Connection):
            connection.head()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
            with contextlib.suppress(OSError):
                connection.send(b"x" * 64 * MIB)

        def deaf(connection: Connection):
            connection.head()
            threading.Event().wait(30)

        for script, tls in itertools.product((flood, deaf), (False, True)):
            with self.subTest(script.__name__, tls=tls):
                slow, proxy = self.before(script, tls)
                before = anonymous_kib(proxy.process.pid)
                socks = [self.post(proxy, slow, tls, 64 * MIB) for _ in range(8)]
                for sock in socks:
                    sock.setblocking(False)
                    with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
                        while script is deaf:
                            sock.send(b"x" * MIB)
                for _ in range(20):
                    self.assertTrue(self.get(proxy, self.quick).startswith(b"HTTP/1.1 200 "))
                self.assertLess(anonymous_kib(proxy.process.pid) - before, 8 * 512)
                for sock in socks:
                    sock.close()

    def test_peers_that_read_little_at_a_time_get_every_byte(self):
        body = random.Random(1).randbytes(BODY)

        def echo(connection: Connection):
            read_until(connection.sock, b"\r\n\r\n")
            connection.answer(sip(connection.sock))

        for tls in (False, True):
            with self.subTest(tls=tls):
                slow, proxy = self.before(echo, tls)
                with self.post(proxy, slow, tls, BODY) as sock:
                    sock.sendall(body)
                    self.assertTrue(read_until(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 200 "))
                    self.assertEqual(hashlib.sha256(sip(sock)).digest(), hashlib.sha256(body).digest())


if __name__ == "__main__":
    unittest.main()
