# SPDX-License-Identifier: Apache-2.0
"""pairing: plays the cluster's part towards a pod of topology proxy-pod and its proxy.

`stored` is the API server's part, `companions` asks our program what the controller makes, `bound` applies the patch by
which it lets the pod go, `as_kubelet` does what a kubelet does and podman does not. `Pair` runs both pods on a `Node`."""
import base64
import copy
import json
import os
import pathlib
import re
import secrets
import subprocess
import time
import uuid

import yaml

import admission
from internet import HERE
from node import API, Node
from podman import PodError, Podman
from pods import Pod

CLUSTER_IP = "10.96.7.8"
# A ConfigMap with the root of the demo's own servers, and how the webhook and its controller are told of it.
ROOTS = "private-roots"
OPTIONS = ("--proxy-pod-api", API, "--upstream-ca", ROOTS)


def roots(node: Node) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ROOTS},
            "data": {"ca.crt": node.root.read_text()}}


def stored(pod: dict) -> dict:
    """The pod as the API server keeps it."""
    pod = copy.deepcopy(pod)
    metadata = pod["metadata"]
    metadata["name"] = metadata.pop("generateName", "pod-") + secrets.token_hex(3)[:5]
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return pod


def companions(program: pathlib.Path, pod: dict, agent_image: str, key: pathlib.Path,
               address: str) -> tuple[dict[str, dict], dict]:
    """What the controller makes for a stored pod, by name without the UID, and its patch of the pod."""
    done = subprocess.run([program, "companions", "-f", "-", "--agent-image", agent_image, "--master-key", key,
                           "--cluster-ip", address, *OPTIONS], input=json.dumps(pod).encode(), capture_output=True,
                          check=False)
    if done.returncode != 0:
        raise PodError(done.stderr.decode())
    made, patch = yaml.safe_load_all(done.stdout)
    return {o["metadata"]["name"].removesuffix(f"-{pod['metadata']['uid']}"): o for o in made["items"]}, patch


def bound(pod: dict, patch: dict) -> dict:
    """The pod after the patch, as far as a strategic merge is needed for it."""
    pod = copy.deepcopy(pod)
    if patch["metadata"].pop("uid") != pod["metadata"]["uid"] or patch["spec"].keys() != {"schedulingGates"}:
        raise ValueError("the patch is not of this pod, or says more than is understood here")
    for member, values in patch["metadata"].items():
        pod["metadata"].setdefault(member, {}).update(values)
    opened = [g["name"] for g in patch["spec"]["schedulingGates"] if g["$patch"] == "delete"]
    pod["spec"]["schedulingGates"] = [g for g in pod["spec"]["schedulingGates"] if g["name"] not in opened]
    return pod


# --- the kubelet ---------------------------------------------------------------------------------
def as_kubelet(pod: dict, folder: pathlib.Path, kept: list[dict]) -> dict:
    """A copy with all of it in place that a kubelet would read from the pod and from the Secrets `kept`; files come
    to lie in `folder`. A pod whose gate is shut is never scheduled: PodError."""
    pod = copy.deepcopy(pod)
    spec = pod["spec"]
    if spec.pop("schedulingGates", []):
        raise PodError("the pod waits behind its scheduling gate")
    containers = spec.get("initContainers", []) + spec["containers"]
    for container in containers:
        _fill_in(container, pod["metadata"])
    for volume in spec.setdefault("volumes", []):
        files, source = _files(volume, pod["metadata"], kept)
        if source is not None:
            place = folder / secrets.token_hex(8)
            _write(place, files, source["defaultMode"], spec.get("securityContext", {}).get("fsGroup", 0))
            volume["hostPath"] = {"path": str(place), "type": "Directory"}
    servers = [HERE]
    if spec.pop("dnsPolicy", None) == "None":
        servers = spec["dnsConfig"]["nameservers"]
    spec.pop("dnsConfig", None)
    conf = folder / secrets.token_hex(8)
    conf.write_text("".join(f"nameserver {server}\n" for server in servers))
    conf.chmod(0o644)
    spec["volumes"].append({"name": "resolv-conf", "hostPath": {"path": str(conf), "type": "File"}})
    for container in containers:
        container.setdefault("volumeMounts", []).append(
            {"name": "resolv-conf", "mountPath": "/etc/resolv.conf", "readOnly": True})
    return pod


def _field(metadata: dict, path: str) -> str:
    found = re.fullmatch(r"metadata\.annotations\['(.+)'\]", path)
    if not found:
        raise ValueError(f"not understood: {path}")
    return metadata.get("annotations", {}).get(found[1], "")


def _fill_in(container: dict, metadata: dict) -> None:
    """The variables from annotations, and `$(NAME)` in the command line."""
    variables = {}
    for variable in container.get("env", []):
        source = variable.pop("valueFrom", None)
        if source:
            variable["value"] = _field(metadata, source["fieldRef"]["fieldPath"])
        variables[variable["name"]] = variable.get("value", "")

    def meant(found: re.Match) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])
    for part in ("command", "args"):
        if part in container:
            container[part] = [re.sub(r"\$\$|\$\(([^)]+)\)", meant, word) for word in container[part]]


def _files(volume: dict, metadata: dict, kept: list[dict]) -> tuple[dict[str, bytes], dict | None]:
    """The files of a volume that is made of a pod's own fields or of a Secret; no source for any other."""
    if source := volume.pop("downwardAPI", None):
        return {i["path"]: _field(metadata, i["fieldRef"]["fieldPath"]).encode() for i in source["items"]}, source
    if source := volume.pop("secret", None):
        (data,) = [s["data"] for s in kept if s["metadata"]["name"] == source["secretName"]]
        return {name: base64.b64decode(value) for name, value in data.items()}, source
    return {}, None


def _write(place: pathlib.Path, files: dict[str, bytes], mode: int, group: int) -> None:
    place.mkdir()
    for name, data in files.items():
        (place / name).write_bytes(data)
        os.chown(place / name, 0, group)
        (place / name).chmod(mode)
    place.chmod(0o755)


def less_patient(playable: dict) -> None:
    """Has the pod's first container give up soon: an enforcer that is late is waited for, for a minute."""
    playable["spec"]["initContainers"][0]["command"] += ["--wait", "2"]


# --- both pods -----------------------------------------------------------------------------------
class Pair:
    """A pod that the webhook has rewritten, and what is made for it. What each step does is in the order of the
    controller's: the fence, the proxy, then the agent pod. Leaving the `with` block removes both pods. `address` is its
    Service's, and one of each pair."""

    def __init__(self, podman: Podman, node: Node, program: pathlib.Path, agent_image: str, pod: dict,
                 configmaps: list[dict], address: str = CLUSTER_IP):
        self.podman, self.node, self.pod = podman, node, stored(pod)
        self.configmaps = [*configmaps, roots(node)]
        self.address = address
        self.left_out: list[str] = []
        self.agent: Pod | None = None
        self.proxy: Pod | None = None
        self.proxy_address = self.agent_address = ""
        key = podman.state / "master-key"
        if not key.exists():
            key.write_bytes(secrets.token_bytes(32))
        self.objects, self.patch = companions(program, self.pod, agent_image, key, address)

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_exc) -> None:
        for pod in (self.agent, self.proxy):
            if pod:
                pod.remove()

    @property
    def policies(self) -> list[dict]:
        return [o for o in self.objects.values() if o["kind"] == "NetworkPolicy"]

    def fence(self) -> None:
        """The pair's policies and its Service, beside those of others."""
        self.node.enforce([*self.node.policies, *self.policies])
        self.node.serve([*self.node.services, self.objects["os-svc"]])

    def start_proxy(self, seconds: float = 20) -> None:
        """The Deployment's pod, up to where its probe is answered."""
        template = copy.deepcopy(self.objects["os-sup"]["spec"]["template"])
        probe = template["spec"]["containers"][0]["startupProbe"]["httpGet"]
        self.proxy = self._made({"apiVersion": "v1", "kind": "Pod", **template}, f"proxy-{self.address}")
        self.proxy.start(lambda pid: setattr(
            self, "proxy_address", self.node.wire(pid, template["metadata"]["labels"])))
        until = time.monotonic() + seconds
        while not self.node.answers(self.proxy_address, probe["port"], probe["path"]):
            name = self.proxy.names[0]
            if time.monotonic() > until or not self.proxy.running(name):
                raise PodError(f"the proxy did not start: {self.proxy.output(name)}")
            time.sleep(0.05)

    def remove_agent(self) -> None:
        self.agent.remove()
        self.node.unwire(self.agent_address)
        self.agent = None

    def remove_proxy(self) -> None:
        self.proxy.remove()
        self.node.unwire(self.proxy_address)
        self.proxy = None

    def make_agent(self, change=None) -> None:
        """Lets the agent pod go; it is made, not started. `change` may alter what the kubelet would run."""
        self.agent = self._made(bound(self.pod, copy.deepcopy(self.patch)), f"agent-{self.address}", change)

    def start_agent(self, change=None, watch=None) -> None:
        """`watch` is told the name of the node's end of the pod's wire before anything is sent over it."""
        self.make_agent(change)
        labels = {**self.pod["metadata"]["labels"], **self.patch["metadata"]["labels"]}

        def connect(pid: int) -> None:
            self.agent_address = self.node.wire(pid, labels)
            if watch:
                watch(self.node.device())
        self.agent.start(connect)

    def _made(self, manifest: dict, name: str, change=None) -> Pod:
        playable, left_out = admission.for_podman(as_kubelet(manifest, self.podman.state, [self.objects["os-ca"]]),
                                                  name.replace(".", "-"))
        self.left_out += [what for what in left_out if what not in self.left_out]
        if change:
            change(playable)
        return Pod(self.podman, playable, self.configmaps)
