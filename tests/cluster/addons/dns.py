#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small cluster DNS, run in a pod: A records of services, of headless services and their named endpoints,
and of the names in $HOSTS ("name=address ..."). Other names do not exist: nobody outside is asked.

Ready when port 8080 answers 200."""
import http.client
import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
DOMAIN = "cluster.local"
HOSTS = dict(word.split("=") for word in os.environ.get("HOSTS", "").split())
KINDS = {"services": "/api/v1/services", "slices": "/apis/discovery.k8s.io/%s/endpointslices",
         "namespaces": "/api/v1/namespaces"}
TTL_S = 5
TYPE_A, TYPE_ANY, NAME_ERROR = 1, 255, 3
RESPONSE, RECURSION_WANTED, RECURSION_OFFERED = 0x8400, 0x0100, 0x0080

store = {kind: {} for kind in KINDS}
synced = set()


# --- what the API server says ----------------------------------------------------------------------
def connect() -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(
        os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]), timeout=330,
        context=ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt"))


def get(connection: http.client.HTTPSConnection, path: str) -> http.client.HTTPResponse:
    with open(f"{ACCOUNT}/token", encoding="ascii") as token:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token.read()}"})
    reply = connection.getresponse()
    if reply.status != 200:
        raise OSError(f"{path}: {reply.status}")
    return reply


def key(item: dict) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def list_and_watch(kind: str, path: str) -> None:
    connection = connect()
    listed = json.loads(get(connection, path).read())
    store[kind] = {key(item): item for item in listed["items"]}
    synced.add(kind)
    version = listed["metadata"]["resourceVersion"]
    for line in get(connection, f"{path}?watch=1&timeoutSeconds=300&resourceVersion={version}"):
        event = json.loads(line)
        if event["type"] == "ERROR":
            return
        if event["type"] == "DELETED":
            store[kind].pop(key(event["object"]), None)
        else:
            store[kind][key(event["object"])] = event["object"]


def watch_forever(kind: str, path: str) -> None:
    while True:
        try:
            list_and_watch(kind, path)
        except Exception as error:  # Whatever it was, the next attempt may do.
            print("watch", kind, error, file=sys.stderr, flush=True)
            time.sleep(0.5)


# --- what we say -----------------------------------------------------------------------------------
def endpoints_of(namespace: str, service: str) -> list[tuple[str | None, str]]:
    """Name and address of each that is ready."""
    return [(endpoint.get("hostname"), address)
            for item in list(store["slices"].values())
            if item["metadata"].get("namespace") == namespace
            and (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
            for endpoint in item.get("endpoints") or []
            if (endpoint.get("conditions") or {}).get("ready", True)
            for address in endpoint["addresses"]]


def lookup(name: str) -> list[str] | None:
    """The addresses of a name: none where it exists without any, None where there is no such name."""
    name = name.rstrip(".").lower()
    if name in HOSTS:
        return [HOSTS[name]]
    if name in (DOMAIN, f"svc.{DOMAIN}"):
        return []
    if not name.endswith(f".svc.{DOMAIN}"):
        return None
    *rest, namespace = name.removesuffix(f".svc.{DOMAIN}").split(".")
    if not rest:
        return [] if ("", namespace) in store["namespaces"] else None
    service = store["services"].get((namespace, rest[-1]))
    if not service:
        return None
    if len(rest) > 1:
        return [address for host, address in endpoints_of(namespace, rest[-1]) if host == rest[-2]] or None
    address = service["spec"].get("clusterIP")
    if address and address != "None":
        return [address]
    return [address for _, address in endpoints_of(namespace, rest[-1])]


def answer(query: bytes) -> bytes:
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin1"))
        at += 1 + query[at]
    kind, = struct.unpack("!H", query[at + 1:at + 3])
    found = lookup(".".join(labels))
    addresses = found or [] if kind in (TYPE_A, TYPE_ANY) else []
    records = b"".join(struct.pack("!HHHIH4s", 0xc00c, TYPE_A, 1, TTL_S, 4, socket.inet_aton(a)) for a in addresses)
    wanted, = struct.unpack("!H", query[2:4])
    flags = RESPONSE | wanted & RECURSION_WANTED | RECURSION_OFFERED | (NAME_ERROR if found is None else 0)
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + query[12:at + 5] + records


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        query, sock = self.request
        try:
            sock.sendto(answer(query), self.client_address)
        except (IndexError, struct.error):
            pass  # Not a query.


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        while len(size := self.rfile.read(2)) == 2:
            reply = answer(self.rfile.read(struct.unpack("!H", size)[0]))
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if len(synced) == len(KINDS) else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


class UdpServer(socketserver.ThreadingUDPServer):
    allow_reuse_address = daemon_threads = True


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def main() -> None:
    # Before 1.21 there was only the beta.
    slices = KINDS["slices"] % os.environ.get("SLICES", "v1")
    for kind, path in {**KINDS, "slices": slices}.items():
        threading.Thread(target=watch_forever, args=(kind, path), daemon=True).start()
    for server in (UdpServer(("", 53), Udp), TcpServer(("", 53), Tcp)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    http.server.ThreadingHTTPServer(("", 8080), Health).serve_forever()


if __name__ == "__main__":
    main()
