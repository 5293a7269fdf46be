# SPDX-License-Identifier: Apache-2.0
"""sidecar_pod: a pod with its proxy in a container of its own, as it is to be rendered. podman knows no native
sidecars, so that container is started first, by itself."""
import json
import os
import pathlib
import time

import fixture
import images
from internet import HERE, PUBLIC, ROOT_PLACE, Internet
from netplay import Capture
from pods import Pod
from rig import describe

SANDBOX, PROXY, OTHER = 1000, 1337, 1001
NET_INIT, SIDECAR = "openshell-network-init", "openshell-supervisor-network"
START = "/openshell-start/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19"
POLICY_FILE = "/etc/openshell/policy/policy.yaml"
INIT_CAPABILITIES = ["NET_ADMIN", "NET_RAW", "CHOWN", "FOWNER"]
PROXY_CAPABILITIES = ["SYS_PTRACE", "DAC_READ_SEARCH", "SETUID", "SETGID", "SETPCAP", "KILL"]


def mount(name: str, path: str, read_only: bool = False) -> dict:
    return {"name": name, "mountPath": path, "readOnly": read_only}


def confined(uid: int, add: list[str] = ()) -> dict:
    return {"runAsUser": uid, "runAsGroup": uid, "runAsNonRoot": uid != 0, "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": list(add)}}


def workload(name: str, command: list[str], image: str, uid: int = SANDBOX, options=(), **fields) -> dict:
    return {"name": name, "image": image, "securityContext": confined(uid),
            "command": [f"{START}/openshell-agent", "launch", "--policy", POLICY_FILE, "--policy-optional",
                        *options, "--", *command],
            "volumeMounts": [mount("openshell-supervisor-bin", START, True),
                             mount("openshell-supervisor-bin", "/opt/openshell", True),
                             mount("openshell-policy", "/etc/openshell/policy", True),
                             mount("openshell-supervisor-tls", "/etc/openshell-tls", True)], **fields}


def sidecar(identity: str) -> dict:
    required = identity == "required"
    return {"name": SIDECAR, "image": images.AGENT_IMAGE,
            "securityContext": {**confined(0 if required else PROXY, PROXY_CAPABILITIES if required else ()),
                                "readOnlyRootFilesystem": True},
            "command": ["/openshell-agent", "proxy", "--policy", POLICY_FILE, "--policy-optional",
                        "--proxy-uid", str(PROXY), "--state-dir", "/run/openshell-proxy", "--tls-dir",
                        "/etc/openshell-tls", "--binary-identity", identity, "--upstream-ca", ROOT_PLACE],
            "volumeMounts": [mount("openshell-policy", "/etc/openshell/policy", True),
                             mount("openshell-supervisor-tls", "/etc/openshell-tls"),
                             mount("openshell-proxy-state", "/run/openshell-proxy"),
                             mount("resolv-conf", "/etc/resolv.conf", True), mount("private-root", ROOT_PLACE, True)]}


def manifest(workloads: list[dict], net: Internet, identity: str) -> dict:
    first = {"name": NET_INIT, "image": images.AGENT_IMAGE, "securityContext": confined(0, INIT_CAPABILITIES),
             "command": ["/openshell-agent", "net-init", "--install", "/opt/openshell", "--proxy-uid", str(PROXY),
                         "--proxy-dir", "/run/openshell-proxy", "--tls-dir", "/etc/openshell-tls"],
             "volumeMounts": [mount("openshell-supervisor-bin", "/opt/openshell"),
                              mount("openshell-supervisor-tls", "/etc/openshell-tls"),
                              mount("openshell-proxy-state", "/run/openshell-proxy")]}
    empty = ("openshell-supervisor-bin", "openshell-supervisor-tls", "openshell-proxy-state")
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "team-a", "annotations": {}},
            "spec": {"shareProcessNamespace": identity == "required", "initContainers": [first],
                     "containers": [sidecar(identity), *workloads],
                     "volumes": [*({"name": name, "emptyDir": {}} for name in empty),
                                 {"name": "openshell-policy",
                                  "configMap": {"name": fixture.POLICY_NAME, "optional": True}},
                                 *({"name": name, "hostPath": {"path": str(path), "type": "File"}}
                                   for name, path in (("resolv-conf", net.resolv_conf), ("private-root", net.root)))]}}


class SidecarRig:
    """The pod, its outside and a capture of what leaves it."""

    def __init__(self, policy: str, workloads: list[dict], cleanup, identity: str = "required"):
        self._cleanup = cleanup
        self.net = Internet({"api.test": [HERE], "other.test": [HERE], "public.wild.test": [PUBLIC]}, ())
        cleanup(self.net.__exit__, None, None, None)
        self.pod: Pod = fixture.SandboxCase.played(manifest(workloads, self.net, identity), policy)
        cleanup(self.pod.remove)
        self.names = [w["name"] for w in workloads]
        self.capture = None

    def start(self) -> None:
        self.start_fence()
        self.start_proxy()
        for name in self.names:
            self.pod.start_container(name)

    def start_fence(self) -> None:
        self.pod.start_only([], self._connect)

    def start_proxy(self) -> None:
        tls = self.pod.volume(SIDECAR, "/etc/openshell-tls")
        before = self._written(tls)
        self.pod.start_container(SIDECAR)
        until = time.monotonic() + 20
        while self._written(tls) == before:
            if time.monotonic() > until or not self.pod.running(SIDECAR):
                raise RuntimeError(f"the proxy does not serve: {self.pod.output(SIDECAR)}")
            time.sleep(0.05)

    @staticmethod
    def _written(tls: pathlib.Path) -> int:
        bundle = tls / "ca-bundle.pem"
        return bundle.stat().st_mtime_ns if bundle.exists() else 0

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
        return sorted({describe(p) for p in self.capture.packets(0.2)})

    def run(self, container: str, *argv: str, user: int = SANDBOX):
        """As `kubectl exec` would, inside of the confinement."""
        return self.pod.exec(container, [fixture.AGENT_PATH, "exec", "--", *argv], user=f"{user}:{user}", timeout=60)

    def events(self, container: str, name: str) -> list[dict]:
        lines = self.pod.output(container)[1].splitlines()
        return [e for e in (json.loads(line) for line in lines if line.startswith(b'{"time"')) if e["event"] == name]
