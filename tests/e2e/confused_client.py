# SPDX-License-Identifier: Apache-2.0
"""confused_client CASES: asks, from inside a sandbox, for one thing under two names, and says what it was told.

CASES is JSON; standard output has one word for each, in their order: `200`, the `error` of an answer, the
alert of a TLS server, `hello` where one went on, `closed`, or `nxdomain`."""
import json
import os
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

PROXY = os.environ["HTTP_PROXY"].split("//")[1].strip("/").rsplit(":", 1)
SERVER_NAME, ENCRYPTED_HELLO = 0, 0xfe0d
ALERTS = {40: "handshake_failure", 49: "access_denied", 50: "decode_error", 112: "unrecognized_name"}
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


class Told(Exception):
    pass


def u16(*numbers: int) -> bytes:
    return struct.pack(f"!{len(numbers)}H", *numbers)


def look_up(name: str) -> str:
    """As a resolver would ask, with whatever bytes the name has."""
    labels = b"".join(bytes([len(label)]) + label for label in name.rstrip(".").encode().split(b"."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect(("192.0.2.53", 53))
        s.send(u16(7, 0x100, 1, 0, 0, 0) + labels + b"\0" + u16(1, 1))
        answer = s.recv(512)
    if answer[3] & 15 == 3:
        raise Told("nxdomain")
    return socket.inet_ntoa(answer[-4:])


def read_answer(s) -> tuple[int, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            raise Told("closed")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += s.recv(65536)
    return int(head.split()[1]), body


def connect(case: dict) -> socket.socket:
    if case["way"] in ("dns", "address"):
        to = look_up(case["to"]) if case["way"] == "dns" else case["to"]
        return socket.create_connection((to, case["port"]), 10, ("", case["source_port"]))
    s = socket.create_connection((PROXY[0], int(PROXY[1])), 10)
    if case["way"] == "connect":
        target = f"{case['to']}:{case['port']}"
        s.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {case['outer'] or target}\r\n\r\n".encode())
        status, body = read_answer(s)
        if status != 200:
            raise Told(json.loads(body)["error"])
    return s


def hello_with(sni: bytes, encrypted: bool) -> bytes:
    """A ClientHello of OpenSSL's with what it would not say itself."""
    out = ssl.MemoryBIO()
    try:
        CONTEXT.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = out.read()
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + struct.unpack_from("!H", hello, at)[0]
    at += 1 + hello[at]
    extensions = hello[at + 2:]
    if sni:
        extensions += u16(SERVER_NAME, len(sni) + 5, len(sni) + 3) + b"\0" + u16(len(sni)) + sni
    if encrypted:
        outer = b"\0" + u16(1, 1) + b"\7" + u16(32) + bytes(32) + u16(64) + bytes(64)
        extensions += u16(ENCRYPTED_HELLO, len(outer)) + outer
    body = hello[9:at] + u16(len(extensions)) + extensions
    return hello[:3] + u16(len(body) + 4) + b"\1\0" + u16(len(body)) + body


def say_hello(s: socket.socket, case: dict):
    """Returns what to speak through."""
    if not (case["raw_hello"] or case["encrypted"]):
        return CONTEXT.wrap_socket(s, server_hostname=case["sni"] or None)
    s.sendall(hello_with(case["sni"].encode(), case["encrypted"]))
    answer = s.recv(65536)
    if answer[:1] == b"\x15":
        raise Told(ALERTS.get(answer[6], f"alert_{answer[6]}"))
    raise Told("hello" if answer[:1] == b"\x16" else "closed")


def ask(case: dict) -> str:
    try:
        with connect(case) as s:
            if case["tls"]:
                s = say_hello(s, case)
            s.sendall(case["request"].encode())
            status, body = read_answer(s)
        return "200" if status == 200 else json.loads(body)["error"]
    except Told as told:
        return str(told)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError):
        return "closed"
    except ssl.SSLError as e:
        return (e.reason or str(e)).lower().removeprefix("tlsv1_").removeprefix("alert_")
    except OSError as e:
        return f"{type(e).__name__} {e}"


with ThreadPoolExecutor(8) as pool:
    print("\n".join(pool.map(ask, json.loads(sys.argv[1]))))
