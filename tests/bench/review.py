#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One AdmissionReview of 8 KiB: CPU time of openshell-webhook beside a Go standard-library handler.

Both answer the same review over keep-alive TLS connections from one client. What is compared is what each
process spends (user and system time) per review, in alternating rounds, so that the client and noise on the
machine count for neither. Prints ratio, latency of ours and its memory; then what ours spends on reviews of 2 KiB to
1.4 MiB, and its memory with a crowd of clients."""

import base64
import json
import os
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import golang

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(os.environ.get("OPENSHELL_BUILD", ROOT / "build/release"))
IMAGE = "registry.example/openshell/agent:1.0.0"
BODY_BYTES = 8192
CONNECTIONS = 4
ROUNDS = 7
REVIEWS = 2000
WARM_UP = 500
GATE = 0.8
LATENCY_GATE_US = 300
RSS_GATE_MB = 12
CROWD = 500
CROWD_RSS_GATE_MB = 16
# Of reviews as they grow, and how many of each a round asks.
SIZES_KIB = {2: 2000, 8: 1000, 32: 500, 128: 150, 512: 50, 1400: 25}
SIZES_ROUNDS = 5
# How much more a further KiB may cost at one size than at another. Above 256 KiB memory goes back to the kernel.
SLOPE_GATE = 2
UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
TICK = os.sysconf("SC_CLK_TCK")


def review(uid: str, size: int = BODY_BYTES, settings: int = 16) -> dict:
    """A pod as a ReplicaSet creates it, filled up to `size` bytes with managedFields as API servers do."""
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    container = {
        "name": "agent", "image": "registry.example/work:1", "command": ["/bin/sh", "-c"], "args": ["work"],
        "env": [{"name": f"SETTING_{i}", "value": f"value number {i}"} for i in range(settings)],
        "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "kube-api-access-7xkqz", "readOnly": True,
             "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent"}
    pod = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "agent-6c8b9d7f5-", "namespace": "agents", "creationTimestamp": None,
            "labels": {"app": "agent", "pod-template-hash": "6c8b9d7f5"},
            "annotations": {"openshell.io/topology": "combined", "openshell.io/policy": "demo-policy"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "agent-6c8b9d7f5",
                                 "uid": "6e1f0a52-5f0c-4f0e-8b2b-1d2c3b4a5968", "controller": True,
                                 "blockOwnerDeletion": True}],
            "managedFields": [{"manager": "kube-controller-manager", "operation": "Update",
                               "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
                               "fieldsType": "FieldsV1", "fieldsV1": {}}]},
        "spec": {
            "automountServiceAccountToken": True, "serviceAccountName": "default", "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "enableServiceLinks": True,
            "volumes": [
                {"name": "data", "emptyDir": {}},
                {"name": "kube-api-access-7xkqz", "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": {"name": "kube-root-ca.crt",
                                   "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}],
            "containers": [container]}}
    asked = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": uid, "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
        "namespace": "agents", "operation": "CREATE", "object": pod, "oldObject": None, "dryRun": False,
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
                     "groups": ["system:serviceaccounts", "system:authenticated"]},
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}}
    fields = pod["metadata"]["managedFields"][0]["fieldsV1"]
    missing, i = size - len(text_of(asked)), 0
    while missing > 0:
        path, key = f"f:spec-{i // 8}", f'k:{{"name":"SETTING_{i}"}}'
        added = {key: {".": {}, "f:value": {}}}
        missing -= len(text_of(added)) + (0 if path in fields else len(path) + 4)
        fields.setdefault(path, {}).update(added)
        i += 1
    return asked


def text_of(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class Client:
    """One keep-alive connection. Bare, so that the latency seen is little of its own making."""

    def __init__(self, port: int, certificate: Path):
        context = ssl.create_default_context(cafile=str(certificate))
        for attempt in range(200):
            try:
                plain = socket.create_connection(("localhost", port), timeout=30)
                break
            except OSError:
                if attempt == 199:
                    raise
                time.sleep(0.05)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, body: bytes) -> tuple[bytes, bytes]:
        head = ("POST /mutate?timeout=5s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        self._socket.sendall(head.encode() + body)
        text = b""
        while b"\r\n\r\n" not in text:
            text += self._receive()
        answer, _, rest = text.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", answer).group(1))
        while len(rest) < length:
            rest += self._receive()
        return answer, rest

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("the connection was closed")
        return data

    def close(self) -> None:
        self._socket.close()


class Server:
    """One side: its process, and what it has spent."""

    def __init__(self, name: str, command: list, port: int, certificate: Path):
        self.name = name
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.certificate = certificate
        self.port = port or int(self._process.stdout.readline().rsplit(":", 1)[1])
        self.clients = [Client(self.port, certificate) for _ in range(CONNECTIONS)]
        self.latencies = []

    def cpu_us(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK * 1e6

    def rss_mb(self) -> float:
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0

    def ask(self, body: bytes, i: int) -> bytes:
        start = time.perf_counter()
        head, text = self.clients[i % CONNECTIONS].ask(body)
        self.latencies.append((time.perf_counter() - start) * 1e6)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"bench: {self.name} answered {head!r}: {text!r}")
        return text

    def round_us(self, body: bytes, reviews: int = REVIEWS) -> float:
        before = self.cpu_us()
        for i in range(reviews):
            self.ask(body, i)
        return (self.cpu_us() - before) / reviews

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self._process.kill()
        self._process.wait()


def operations(answer: bytes) -> list:
    """The patch in an order that does not matter, to see that both sides do the same."""
    response = json.loads(answer)["response"]
    if not response["allowed"]:
        raise SystemExit(f"bench: refused: {response}")
    patch = json.loads(base64.b64decode(response["patch"]))
    return sorted(json.dumps(step, sort_keys=True) for step in patch)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "tls.crt", folder / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return certificate, key


def start_ours(folder: Path, certificate: Path, key: Path) -> Server:
    namespaces = folder / "namespaces.json"
    namespaces.write_text(json.dumps({"kind": "Namespace", "metadata": {
        "name": "agents", "labels": {"openshell.io/injection": "annotated"}}}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Server("ours", [OUT / "openshell-webhook", "serve", "--listen", f"127.0.0.1:{port}",
                           "--tls-cert", certificate, "--tls-key", key, "--namespaces", namespaces,
                           "--agent-image", IMAGE, "--image-lookup", "off"], port, certificate)


def say(name: str, text: str, value: float, gate: float) -> None:
    print(f"{name:<24} {text}  {'PASS' if value <= gate else 'FAIL'} (<= {gate:g})", flush=True)


def compare(ours: Server, peer: Server, body: bytes) -> None:
    if difference := set(operations(ours.ask(body, 0))) ^ set(operations(peer.ask(body, 0))):
        raise SystemExit("bench: the two sides do not answer the same; only one has\n" + "\n".join(difference))
    for i in range(WARM_UP):
        ours.ask(body, i)
        peer.ask(body, i)
    ours.latencies.clear()
    figures = {ours: [], peer: []}
    for i in range(ROUNDS):
        for side in (ours, peer) if i % 2 == 0 else (peer, ours):
            figures[side].append(side.round_us(body))
    ratios = [a / b for a, b in zip(figures[ours], figures[peer])]
    ratio = statistics.median(ratios)
    say("review", f"{len(body)} bytes  ours {statistics.median(figures[ours]):.0f} us CPU  "
        f"Go {statistics.median(figures[peer]):.0f} us CPU  ratio {ratio:.2f} "
        f"[{min(ratios):.2f}..{max(ratios):.2f}]", ratio, GATE)
    latency = statistics.median(ours.latencies)
    say("review latency", f"p50 {latency:.0f} us, client included", latency, LATENCY_GATE_US)
    say("webhook RSS", f"{ours.rss_mb():.1f} MB (Go {peer.rss_mb():.1f} MB)", ours.rss_mb(), RSS_GATE_MB)


def grow(ours: Server, what: str, bodies: dict[int, bytes]) -> None:
    """Reviews of several sizes, and what each further KiB costs from one size to the next."""
    rounds: dict[int, list[float]] = {kib: [] for kib in bodies}
    for number in range(SIZES_ROUNDS + 1):
        for kib, body in bodies.items():
            took = ours.round_us(body, SIZES_KIB[kib])
            if number > 0:
                rounds[kib].append(took)
    spent = {kib: statistics.median(values) for kib, values in rounds.items()}
    sizes = list(bodies)
    slopes = [(spent[b] - spent[a]) / (len(bodies[b]) - len(bodies[a])) * 1024 for a, b in zip(sizes, sizes[1:])]
    for kib in sizes:
        print(f"{'review, ' + what:<24} {len(bodies[kib]) / 1024:7.1f} KiB  {spent[kib]:7.0f} us CPU", flush=True)
    ratio = max(slopes) / min(slopes)
    say(f"review, {what}", f"us for each further KiB {' '.join(f'{slope:.1f}' for slope in slopes)}  ratio {ratio:.2f}",
        ratio, SLOPE_GATE)


def crowd(ours: Server) -> None:
    """More clients than it takes connections; those that it let go of count as served before."""
    clients, answered = [Client(ours.port, ours.certificate) for _ in range(CROWD)], 0
    body = text_of(review(UID))
    for _ in range(2):
        for client in clients:
            try:
                answered += client.ask(body)[0].startswith(b"HTTP/1.1 200 ")
            except OSError:
                continue
    say("webhook RSS, crowd", f"{CROWD} clients, {answered} reviews: {ours.rss_mb():.1f} MB", ours.rss_mb(),
        CROWD_RSS_GATE_MB)
    for client in clients:
        client.close()


def main() -> int:
    body = text_of(review(UID))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate, key = make_certificate(folder)
        binary = golang.build("go_webhook", folder)
        if binary is None:
            print(f"{'review':<24} skipped: no Go toolchain")
            return 0
        ours = start_ours(folder, certificate, key)
        peer = Server("Go", [binary, "-tls-cert", certificate, "-tls-key", key, "-agent-image", IMAGE], 0,
                      certificate)
        fresh = start_ours(folder, certificate, key)
        try:
            compare(ours, peer, body)
            crowd(fresh)
            grow(ours, "managedFields", {kib: text_of(review(UID, kib << 10, 0)) for kib in SIZES_KIB})
            # What is left of it, 52 bytes each.
            grow(ours, "environment", {kib: text_of(review(UID, 0, max(0, ((kib << 10) - 2060) // 52)))
                                       for kib in SIZES_KIB})
        finally:
            for side in (ours, peer, fresh):
                side.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
