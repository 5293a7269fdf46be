#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""internet_servers CERTIFICATE KEY ZONE LOG TOKEN FILES: what a policy may allow, in one process.

HTTP on 80, HTTPS on 443, a bare TCP service on 5432 that says TOKEN, and DNS on 53 that answers from
the JSON file ZONE (names to addresses). A host with a folder in FILES serves it (hosted.py). Each request, connection and question becomes a line of LOG:
nobody else can say what arrived. Prints "ready"."""
import http.server
import json
import pathlib
import socket
import socketserver
import ssl
import struct
import sys
import threading

import hosted

TYPE_A, CLASS_IN, NAME_ERROR = 1, 1, 3


class Web(http.server.BaseHTTPRequestHandler):
    """Answers with what is hosted there, or else with what it saw of the request, and TOKEN."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        seen = {"method": self.command, "path": self.path, "host": self.headers.get("Host"),
                "scheme": self.server.scheme, "bytes": len(body)}
        self.server.note(seen)
        answer = hosted.answer(self.server.files, self.command, self.path, self.headers, body)
        status, kind, text = answer or (
            200, "application/json", json.dumps({**seen, "token": self.server.token}).encode() + b"\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_args) -> None:
        pass


class WebServer(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def __init__(self, port: int, context: ssl.SSLContext | None, files: str, note, token: str):
        self.scheme, self.note, self.token = "https" if context else "http", note, token
        self.files = pathlib.Path(files)
        super().__init__(("::", port), Web)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True,
                                              do_handshake_on_connect=False)

    def handle_error(self, _request, _address) -> None:
        """A client that does not trust us ends the handshake: its right."""


class Bare(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.server.note({"scheme": "bare"})
        self.request.sendall(self.server.token.encode() + b"\n")


class BareServer(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int, note, token: str):
        self.note, self.token = note, token
        super().__init__(("::", port), Bare)


def question_of(query: bytes) -> tuple[str, int, int]:
    """The name, the type, and where the question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels).lower(), struct.unpack("!H", query[at + 1:at + 3])[0], at + 5


def dns_answer(query: bytes, zone: dict[str, list[str]], note) -> bytes:
    name, kind, end = question_of(query)
    note({"scheme": "dns", "host": name, "type": kind})
    addresses = zone.get(name, []) if kind == TYPE_A else []
    flags = 0x8180 | (0 if name in zone else NAME_ERROR)
    records = b"".join(struct.pack("!HHHIH4s", 0xc00c, TYPE_A, CLASS_IN, 1, 4, socket.inet_aton(a))
                       for a in addresses)
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + query[12:end] + records


def serve_dns(zone: dict[str, list[str]], note) -> None:
    bound = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    bound.bind(("::", 53))

    def serve() -> None:
        while True:
            query, sender = bound.recvfrom(4096)
            bound.sendto(dns_answer(query, zone, note), sender)
    threading.Thread(target=serve, daemon=True).start()


def main() -> None:
    certificate, key, zone, log, token, files = sys.argv[1:]
    lines = open(log, "a", buffering=1, encoding="ascii")

    def note(what: dict) -> None:
        lines.write(json.dumps(what) + "\n")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    serve_dns(json.loads(pathlib.Path(zone).read_text()), note)
    servers = [WebServer(80, None, files, note, token), WebServer(443, context, files, note, token),
               BareServer(5432, note, token)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
