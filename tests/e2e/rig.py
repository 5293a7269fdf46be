# SPDX-License-Identifier: Apache-2.0
"""rig: a sandboxed pod with egress on a wire of its own.

At its other end there are servers that write down what arrived, and a packet socket that sees every
frame."""
import os
import pathlib
import socket
import struct
import subprocess

from fixture import AGENT_PATH, SandboxCase, events, pod
from images import DEBIAN
from internet import HERE, METADATA, PRIVATE, PUBLIC, Internet
from netplay import Capture
from pods import Pod

SANDBOX, PROXY = 1000, 1337
NAMES = {
    "api.test": [HERE], "python.test": [HERE], "raw.test": [HERE], "other.test": [HERE],
    "liar.test": [HERE], "sealed.test": [HERE], "xn--mnchen-3ya.test": [HERE],
    "public.wild.test": [PUBLIC], "private.wild.test": [PRIVATE], "loopback.wild.test": ["127.0.0.1"],
    "metadata.wild.test": [METADATA], "mixed.wild.test": [PUBLIC, PRIVATE],
}
UNVOUCHED = ("liar.test",)
IPPROTO = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp", socket.IPPROTO_ICMP: "icmp",
           socket.IPPROTO_ICMPV6: "icmp6"}


def describe(packet: bytes) -> str:
    """`tcp 198.51.100.1 80`: what a packet is and where it goes."""
    if packet[0] >> 4 == 4:
        protocol, to = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
        payload = packet[(packet[0] & 15) * 4:]
    else:
        protocol, to = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40])
        payload = packet[40:]
    name = IPPROTO.get(protocol, str(protocol))
    port = f" {struct.unpack('!H', payload[2:4])[0]}" if name in ("tcp", "udp") else ""
    return f"{name} {to}{port}"


def status(pid: int) -> dict[str, str]:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {k: " ".join(v.split()) for k, _, v in (line.partition(":") for line in text.splitlines())}


def children(pid: int) -> list[int]:
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Rig:
    """A pod with egress, its outside and the judge between them. `net` ends with it."""

    def __init__(self, case: SandboxCase, policy: str | None, command: list[str], cleanup,
                 net: Internet | None = None, image: str = DEBIAN, init_containers: list[dict] = (), **fields):
        self._cleanup = cleanup
        self.net = net or Internet(NAMES, UNVOUCHED)
        cleanup(self.net.__exit__, None, None, None)
        manifest = pod(image, command, **fields)
        manifest["spec"]["initContainers"] = list(init_containers)
        rendered = case.rendered(manifest, policy)
        self.pod: Pod = case.played(self.net.given_to(rendered), policy)
        cleanup(self.pod.remove)
        self.capture = None
        self.pod.start(self._connect, self.net.probe)
        cleanup(self.capture.close)

    def _connect(self, pid: int) -> None:
        self._network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._cleanup(os.close, self._network)
        self.net.plug(pid)
        self.capture = Capture(f"/proc/{self.net.pid}/ns/net", "pod")

    @property
    def network(self) -> str:
        """The pod's network namespace, also once its containers have ended."""
        return f"/proc/self/fd/{self._network}"

    def run(self, *argv: str, seconds: float = 30) -> subprocess.CompletedProcess:
        """A command inside the sandbox, as `kubectl exec` brings it there."""
        return self.pod.exec("app", [AGENT_PATH, "exec", "--", *argv], timeout=seconds)

    def curl(self, url: str, *options: str) -> tuple[int, bytes, bytes]:
        """Exit status of curl, what it wrote, and what it complained of."""
        done = self.run("curl", "-sS", "--max-time", "10", *options, url)
        return done.returncode, done.stdout, done.stderr

    def left(self) -> list[str]:
        """What left the pod since the last call, each once."""
        return sorted({describe(p) for p in self.capture.packets(0.2)})

    def events(self, name: str) -> list[dict]:
        return [e for e in events(self.pod.output("app")[1])[0] if e["event"] == name]

    def processes(self) -> dict[str, int]:
        """The machine's numbers of the agent's processes, by their part."""
        init = self.pod.pid("app")
        parts = {"init": init}
        for pid in children(init):
            uid = int(status(pid)["Uid"].split()[0])
            parts[{SANDBOX: "workload", PROXY: "worker"}.get(uid, "helper")] = pid
        return parts
