#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""stand_ins TOKEN: servers that answer the first words of SSH (22), Redis (6379) and PostgreSQL (6432).

Each says TOKEN where its client shows it. Prints "ready"."""
import socketserver
import struct
import sys
import threading

TOKEN = sys.argv[1]
# What OpenSSH offers too, in the order of RFC 4253: exchange, host key, then each twice: cipher, MAC,
# compression, language.
OFFERED = ["curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha2-256",
           "none", "none", "", ""]
SSL_REQUEST = 80877103


class Ssh(socketserver.StreamRequestHandler):
    """Speaks first, and ends once the client has begun to exchange keys."""

    def handle(self) -> None:
        self.wfile.write(f"SSH-2.0-{TOKEN}\r\n".encode())
        lists = b"".join(struct.pack("!I", len(names)) + names.encode() for names in OFFERED)
        payload = b"\x14" + bytes(16) + lists + bytes(5)
        padding = 16 - (len(payload) + 5) % 8
        self.wfile.write(struct.pack("!IB", len(payload) + padding + 1, padding) + payload + bytes(padding))
        self.rfile.readline()
        for _ in ("its offer", "its half of the key"):
            self.rfile.read(struct.unpack("!I", self.rfile.read(4))[0])


class Redis(socketserver.StreamRequestHandler):
    """Says +TOKEN to every command."""

    def handle(self) -> None:
        while words := self.rfile.readline():
            for _ in range(2 * int(words[1:])):
                self.rfile.readline()
            self.wfile.write(f"+{TOKEN}\r\n".encode())


class Postgres(socketserver.StreamRequestHandler):
    """Waits for the client, declines TLS, and refuses the login with TOKEN for a reason."""

    def handle(self) -> None:
        while len(head := self.rfile.read(8)) == 8:
            length, code = struct.unpack("!II", head)
            self.rfile.read(length - 8)
            if code == SSL_REQUEST:
                self.wfile.write(b"N")
                continue
            reason = f"SFATAL\0VFATAL\0C28000\0M{TOKEN}\0\0".encode()
            self.wfile.write(b"E" + struct.pack("!I", len(reason) + 4) + reason)
            return


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def handle_error(self, _request, _address) -> None:
        """A client that breaks off: its right."""


for port, handler in ((22, Ssh), (6379, Redis), (6432, Postgres)):
    threading.Thread(target=Server(("", port), handler).serve_forever, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
