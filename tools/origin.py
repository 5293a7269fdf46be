#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""origin PORT TOKEN [PATH...]: answers TOKEN to whoever speaks to it, over TCP and UDP of both
families on PORT, and on each Unix socket PATH ('@' begins an abstract one). Prints "ready"."""
import os
import selectors
import socket
import sys

HTTP = b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n%s\n"


def listeners(port: int, paths: list[str]):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        endpoint = socket.socket(socket.AF_INET6, kind)
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Both families through one socket.
        endpoint.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        endpoint.bind(("::", port))
        yield endpoint
    for path in paths:
        endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        endpoint.bind("\0" + path[1:] if path.startswith("@") else path)
        if not path.startswith("@"):
            os.chmod(path, 0o777)
        yield endpoint


def answer(endpoint: socket.socket, token: bytes) -> None:
    if endpoint.type == socket.SOCK_DGRAM:
        _, sender = endpoint.recvfrom(65536)
        endpoint.sendto(token, sender)
        return
    connection, _ = endpoint.accept()
    with connection:
        connection.settimeout(2)
        connection.sendall(HTTP % token)
        connection.shutdown(socket.SHUT_WR)
        # Closing on unread bytes would reset the connection before the answer is read.
        while connection.recv(65536):
            pass


def main() -> None:
    port, token, paths = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3:]
    ready = selectors.DefaultSelector()
    for endpoint in listeners(port, paths):
        if endpoint.type == socket.SOCK_STREAM:
            endpoint.listen(64)
        ready.register(endpoint, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            try:
                answer(key.fileobj, token)
            except OSError:
                continue


if __name__ == "__main__":
    main()
