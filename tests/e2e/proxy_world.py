# SPDX-License-Identifier: Apache-2.0
"""proxy_world: the proxy on loopback without a sandbox, and servers that write down what reaches them."""
import contextlib
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

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = pathlib.Path(os.environ.get("OPENSHELL_OUT", ROOT / "build/release"))
PROXY = OUT / "driver_proxy_alone"
TIMEOUT = 10


def wait_for(condition, what, seconds=TIMEOUT):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)
    return found


def make_certificate(folder: pathlib.Path, *hosts: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A self-signed certificate and its key."""
    cert, key = folder / "origin.pem", folder / "origin.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=origin", "-addext",
         "subjectAltName=" + ",".join("DNS:" + h for h in hosts)], check=True, capture_output=True)
    return cert, key


class Origin:
    """A server that records every byte of every connection and answers as its script says.

    `script(connection)` is called for each accepted connection in a thread of its own."""

    def __init__(self, script, host="127.0.0.1", tls=None):
        self._script, self._tls = script, tls
        self._listener = socket.create_server((host, 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.seen: list[bytearray] = []
        self._open = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock):
        record = bytearray()
        self.seen.append(record)
        with contextlib.suppress(OSError):
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._open.append(sock)
            self._script(Connection(sock, record))
        with contextlib.suppress(OSError):
            sock.close()

    @property
    def connections(self) -> int:
        return len(self.seen)

    def forget(self):
        """What was read so far; connections may go on."""
        for record in self.seen:
            del record[:]

    def all_bytes(self) -> bytes:
        return b"".join(bytes(s) for s in self.seen)

    def close(self):
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                sock.close()


class Connection:
    """One connection at an origin: what is read is recorded."""

    def __init__(self, sock, record):
        self.sock, self.record, self._buffer = sock, record, b""

    def more(self) -> bool:
        data = self.sock.recv(65536)
        self.record += data
        self._buffer += data
        return bool(data)

    def head(self) -> bytes | None:
        while b"\r\n\r\n" not in self._buffer:
            if not self.more():
                return None
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return head

    def body(self, head: bytes) -> bytes:
        if re.search(rb"(?im)^transfer-encoding: chunked\r?$", head):
            return self._chunks()
        length = re.search(rb"(?im)^content-length: (\d+)\r?$", head)
        return self._exactly(int(length[1])) if length else b""

    def _exactly(self, n: int) -> bytes:
        while len(self._buffer) < n:
            if not self.more():
                raise OSError("cut off")
        data, self._buffer = self._buffer[:n], self._buffer[n:]
        return data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if not self.more():
                raise OSError("cut off")
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._line(), 16):
            body += self._exactly(size)
            assert self._line() == b""
        assert self._line() == b""
        return body

    def send(self, data: bytes):
        self.sock.sendall(data)

    def answer(self, body=b"ok\n", status="200 OK", fields=()):
        lines = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body)]
        self.send(b"\r\n".join([*lines, *(f.encode() for f in fields), b"", body]))


def polite(connection: Connection):
    """Answers each request with its method, path and the length of its body."""
    while (head := connection.head()) is not None:
        body = connection.body(head)
        method, path = head.split(b" ")[:2]
        text = b"%s %s %d\n" % (method, path, len(body))
        if method == b"HEAD":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text))
        else:
            connection.answer(text)


def always(response: bytes, then_close=True):
    """A script that gives the same bytes to each request."""
    def script(connection):
        while (head := connection.head()) is not None:
            connection.body(head)
            connection.send(response)
            if then_close:
                return
    return script


class Proxy:
    """proxy_alone with a policy; its events as they come."""

    def __init__(self, policy: str, *options: str):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self._folder.name)
        self._policy = self.folder / "policy.yaml"
        self._policy.write_text(policy)
        self._log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen([PROXY, "--policy", self._policy, *options],
                                        stdout=subprocess.PIPE, stderr=self._log)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError((self.folder / "log").read_text())
        self.port = int(line)
        self.url = f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def events(self, name=None) -> list[dict]:
        # The last line may be half written.
        lines = self.log().rpartition("\n")[0].splitlines()
        found = [json.loads(line) for line in lines]
        return [e for e in found if name in (None, e["event"])]

    def event(self, name: str, **fields) -> dict:
        """The first event with these fields; waits for it."""
        def found():
            return [e for e in self.events(name) if fields.items() <= e.items()]
        return wait_for(found, f"{name} {fields}")[0]

    def set_policy(self, policy: str):
        before = len(self.events("policy.reloaded"))
        self._policy.write_text(policy)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.events("policy.reloaded")) > before, "the new policy")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)

    def tunnel(self, target: str) -> socket.socket:
        sock = self.connect()
        sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        head = read_until(sock, b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(head.decode())
        return sock

    def raw(self, data: bytes, tunnel: str | None = None) -> bytes:
        """Everything that comes back for these bytes, until the proxy closes."""
        with self.tunnel(tunnel) if tunnel else self.connect() as sock:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(data)
            return read_all(sock)

    def curl(self, *arguments: str) -> subprocess.CompletedProcess:
        # No configuration of the machine may have a say.
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return subprocess.run(["curl", "-q", "-sS", "-m", "30", "-x", self.url, *arguments],
                              capture_output=True, env=environment, check=False)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._log.close()
        self._folder.cleanup()


def read_until(sock, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        more = sock.recv(1)
        if not more:
            raise ConnectionError(f"ended after {data!r}")
        data += more
    return data


def read_all(sock) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
        while more := sock.recv(65536):
            data += more
    return data


def read_response(sock) -> tuple[int, bytes, bytes]:
    """Status, head and body of one response with Content-Length."""
    head = read_until(sock, b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    body = b""
    while length and len(body) < int(length[1]):
        more = sock.recv(int(length[1]) - len(body))
        if not more:
            raise ConnectionError("cut off")
        body += more
    return int(head.split(b" ")[1]), head, body
