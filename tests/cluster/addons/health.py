# SPDX-License-Identifier: Apache-2.0
"""A server of gRPC's health service on port 9000, as small as one can be: whatever is asked, it serves. No library
for gRPC is among the images of the tests."""
import socketserver
import struct

DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
END_STREAM = ACK = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# :status 200, and a literal whose name is entry 31 of HPACK's table: content-type.
HEAD = b"\x88\x0f\x10\x10application/grpc"
SERVING = b"\x00" + struct.pack(">I", 2) + b"\x08\x01"
TRAILERS = b"\x00\x0bgrpc-status\x010"


class Handler(socketserver.StreamRequestHandler):
    def send(self, kind: int, flags: int, stream: int, payload: bytes = b"") -> None:
        self.wfile.write(struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload)

    def handle(self) -> None:
        if self.rfile.read(len(PREFACE)) != PREFACE:
            return
        self.send(SETTINGS, 0, 0)
        while len(head := self.rfile.read(9)) == 9:
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = self.rfile.read(int.from_bytes(head[:3], "big"))
            if kind in (SETTINGS, PING) and not flags & ACK:
                self.send(kind, ACK, 0, payload if kind == PING else b"")
            if kind == DATA and flags & END_STREAM:
                self.send(HEADERS, END_HEADERS, stream, HEAD)
                self.send(DATA, 0, stream, SERVING)
                self.send(HEADERS, END_HEADERS | END_STREAM, stream, TRAILERS)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", 9000), Handler).serve_forever()
