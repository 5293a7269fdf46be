# SPDX-License-Identifier: Apache-2.0
"""sidecar_pod: a pod with its proxy in a container of its own, as the webhook renders it."""
import json
import os
import socket

import fixture
from internet import HERE, PUBLIC, Internet
from netplay import Capture
from pods import Pod
from rig import describe

SANDBOX, PROXY, OTHER = 1000, 1337, 1001
HEALTH = 15090
SIDECAR = "openshell-supervisor-network"


def workload(name: str, command: list[str], image: str, uid: int = SANDBOX, **fields) -> dict:
    """A container as a user would write it."""
    return {"name": name, "image": image, "command": command, "securityContext": {"runAsUser": uid, "runAsGroup": uid},
            **fields}


def manifest(workloads: list[dict], identity: str, init_containers: list[dict] = ()) -> dict:
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "team-a", "annotations": {"openshell.io/topology": "sidecar",
                                                                "openshell.io/binary-identity": identity}},
            "spec": {"initContainers": list(init_containers), "containers": workloads, "volumes": []}}


class SidecarRig:
    """The pod, its outside and a capture of what leaves it. `change` may alter what the webhook rendered."""

    def __init__(self, case: fixture.SandboxCase, policy: str, workloads: list[dict], cleanup,
                 identity: str = "required", init_containers: list[dict] = (), change=None):
        self._cleanup = cleanup
        self.net = Internet({"api.test": [HERE], "other.test": [HERE], "public.wild.test": [PUBLIC]}, ())
        cleanup(self.net.__exit__, None, None, None)
        rendered = case.rendered(manifest(workloads, identity, init_containers), policy)
        if change:
            change(rendered)
        self.pod: Pod = case.played(self.net.given_to(rendered), policy)
        cleanup(self.pod.remove)
        self.capture = None

    def start(self) -> None:
        self.pod.start(self._connect, self.net.probe)

    def start_before_containers(self) -> None:
        """The init containers, and with them the proxy."""
        self.pod.start_only([], self._connect, self.net.probe)

    def restart_proxy(self) -> None:
        self.pod.start_native(SIDECAR, self.net.probe)

    def _connect(self, pid: int) -> None:
        self._network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._cleanup(os.close, self._network)
        self.net.plug(pid)
        self.capture = Capture(f"/proc/{self.net.pid}/ns/net", "pod")
        self._cleanup(self.capture.close)

    @property
    def network(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self._network}"

    def left(self) -> list[str]:
        """What left since the last call, each once, but for the answers to probes."""
        return sorted({describe(p) for p in self.capture.packets(0.2) if not _answers_probe(p)})

    def run(self, container: str, *argv: str, user: int = SANDBOX):
        """As `kubectl exec` would, inside of the confinement."""
        return self.pod.exec(container, [fixture.AGENT_PATH, "exec", "--", *argv], user=f"{user}:{user}", timeout=60)

    def events(self, container: str, name: str) -> list[dict]:
        lines = self.pod.output(container)[1].splitlines()
        return [e for e in (json.loads(line) for line in lines if line.startswith(b'{"time"')) if e["event"] == name]


def _answers_probe(packet: bytes) -> bool:
    return packet[0] == 0x45 and packet[9] == socket.IPPROTO_TCP and packet[20:22] == HEALTH.to_bytes(2, "big")
