# SPDX-License-Identifier: Apache-2.0
"""A TLS server that asks for a second ClientHello takes the name from that one, so in a tunnel that nobody looks
into it is held to the tunnel's host as the first one is. The server and the clients are OpenSSL."""
import pathlib
import socket
import ssl
import tempfile

from proxy_world import make_certificate, read_all, wait_for
from test_proxy import Case

NAME, OTHER = b"raw.test", b"bad.test"
HANDSHAKE, CLIENT_HELLO = 22, 1


def records(data: bytes) -> list[bytes]:
    out = []
    while data:
        n = 5 + int.from_bytes(data[3:5], "big")
        out.append(data[:n])
        data = data[n:]
    return out


class Client:
    """Its handshake is done by hand: `flights` has what it sent, each as it would have been before `change`."""

    def __init__(self, sock: socket.socket):
        self.sock, self.flights = sock, []
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=NAME.decode())

    def flight(self) -> bytes:
        """What it would send now."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        self.flights.append(self._out.read())
        return self.flights[-1]

    def hear(self) -> bool:
        data = self.sock.recv(65536)
        self._in.write(data)
        return bool(data)

    def first(self) -> None:
        self.sock.sendall(self.flight())

    def second(self) -> bytes:
        """The flight behind the server's answer, which asks for it."""
        flight = b""
        while not flight:
            assert self.hear(), "the server ended the connection"
            flight = self.flight()
        last = records(flight)[-1]
        assert last[0] == HANDSHAKE and last[5] == CLIENT_HELLO, "the server did not ask for a second hello"
        return flight

    def finish(self) -> None:
        while self.tls.version() is None or self.flights[-1]:
            self.sock.sendall(self.flight())
            if self.flights[-1] or not self.hear():
                return

    def read(self) -> bytes:
        """What comes next of the server's data: its tickets may come by themselves before it."""
        while True:
            try:
                return self.tls.read(100)
            except ssl.SSLWantReadError:
                assert self.hear(), "the server ended the connection"


class SecondHellos(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*make_certificate(pathlib.Path(folder.name), NAME.decode()))
        # No client offers a share of this group at first, and all know it.
        context.set_ecdh_curve("secp384r1")
        self.names = []
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.server = self.origin(lambda connection: connection.more() and connection.send(b"answer"), tls=context)
        self.through = self.proxy(self.server, "--limit=sniff_ms=500")

    def client(self) -> Client:
        sock = self.through.tunnel(f"raw.test:{self.server.port}")
        self.addCleanup(sock.close)
        sock.settimeout(10)
        return Client(sock)

    def assert_refused(self, client: Client, reason: str) -> None:
        read_all(client.sock)
        self.through.event("net.connect", verdict="deny", reason=reason)
        self.assertNotIn(OTHER.decode(), self.names)

    def test_the_same_name_again_passes(self):
        client = self.client()
        client.first()
        client.sock.sendall(client.second())
        client.finish()
        client.tls.write(b"question")
        client.sock.sendall(client._out.read())
        self.assertEqual(client.read(), b"answer")
        self.assertEqual(set(self.names), {NAME.decode()})

    def test_a_whole_client_of_tls_passes(self):
        done = self.through.curl("-k", "--http0.9", f"https://raw.test:{self.server.port}/")
        self.assertEqual(done.stdout, b"answer", done)

    def test_another_name_is_refused_and_told(self):
        client = self.client()
        client.first()
        client.sock.sendall(client.second().replace(NAME, OTHER))
        self.assert_refused(client, "TLS asks for 'bad.test' in a tunnel to 'raw.test'")

    def test_another_name_that_does_not_wait_for_the_question_is_refused(self):
        honest = self.client()
        honest.first()
        both = honest.flights[0] + honest.second().replace(NAME, OTHER)
        for cut in (0, len(honest.flights[0]) + 3, len(both) - 1):
            with self.subTest(cut=cut):
                client = self.client()
                client.sock.sendall(both[:cut])
                client.sock.sendall(both[cut:])
                self.assert_refused(client, "TLS asks for 'bad.test' in a tunnel to 'raw.test'")

    def test_anything_but_a_second_hello_is_refused(self):
        client = self.client()
        client.first()
        client.hear()
        client.sock.sendall(b"\x15\3\3\0\2\1\x70" + client.flights[0].replace(NAME, OTHER))
        self.assert_refused(client, "no second ClientHello comes where the server asks for one")

    def test_a_second_hello_that_is_not_whole_goes_nowhere(self):
        for ends, reason in ((False, "did not come in time"), (True, "is not whole")):
            with self.subTest(ends=ends):
                client = self.client()
                client.first()
                client.sock.sendall(client.second().replace(NAME, OTHER)[:-1])
                if ends:
                    client.sock.shutdown(socket.SHUT_WR)
                self.assert_refused(client, f"the second ClientHello in the tunnel {reason}")

    def test_a_client_that_gives_up_ends_the_tunnel(self):
        client = self.client()
        client.first()
        client.hear()
        client.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client.sock), b"")
        wait_for(lambda: self.through.events("net.close"), "the end of the tunnel")
