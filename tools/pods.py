# SPDX-License-Identifier: Apache-2.0
"""pods: Kubernetes pods, played by podman.

A pod starts the way a kubelet starts it: sandbox, init containers in order, containers. podman knows no init
container that runs on (`restartPolicy: Always`): such a one is started here, in its turn, and the next follows
once its startup probe is answered. The network namespace has a loopback only, until somebody plugs something
in. What each container wrote is read from its log file, which keeps the two streams apart byte for byte.
"""
import copy
import json
import pathlib
import subprocess
import time
from dataclasses import dataclass

import yaml

import cgroups
from podman import PodError, Podman


@dataclass
class Outcome:
    """How a container ended and what it wrote."""
    code: int
    stdout: bytes
    stderr: bytes


def read_log(path: str) -> tuple[bytes, bytes]:
    """Splits a k8s-file log, whose records are `TIME STREAM F|P TEXT`; P marks a line that goes on."""
    streams = {b"stdout": [], b"stderr": []}
    try:
        raw = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        raw = b""
    for record in raw.split(b"\n")[:-1]:
        _, stream, kind, text = record.split(b" ", 3)
        streams[stream].append(text + (b"\n" if kind == b"F" else b""))
    return b"".join(streams[b"stdout"]), b"".join(streams[b"stderr"])


class Pod:
    """One pod and its containers, named as in its manifest. Made, it exists but nothing runs until
    `start`; leaving its `with` block removes it."""

    def __init__(self, podman: Podman, manifest: dict, configmaps: list[dict] = ()):
        self.podman = podman
        manifest, configmaps = _with_own_volumes(manifest, configmaps)
        self._runs_on = _take_native_sidecars(manifest)
        self.manifest = manifest
        self.name = manifest["metadata"]["name"]
        self.init_names = [c["name"] for c in manifest["spec"].get("initContainers", [])]
        self.names = [c["name"] for c in manifest["spec"]["containers"]]
        text = yaml.safe_dump_all([*configmaps, manifest])
        podman.podman("kube", "play", "--network", "none", "--start=false", "--seccomp-profile-root",
                      str(podman.state), "-", input=text.encode())
        ids = podman.podman("pod", "inspect", self.name, "--format", "{{.ID}} {{.InfraContainerID}}")
        self._pod_id, self.infra = ids.stdout.decode().split()
        self._open_empty_dirs()

    def start(self, before_init=None, probe=None) -> None:
        """Runs the pod as a kubelet does. `before_init(pid)` may furnish its network namespace, of
        which process `pid` is a member; `probe(port, path)` says whether an HTTP probe of the pod succeeds.
        An init container that fails raises PodError."""
        self.start_only(self.names, before_init, probe)

    def start_only(self, names: list[str], before_init=None, probe=None) -> None:
        """The same, with these of the containers."""
        self._prepare(before_init, probe)
        for name in names:
            self.start_container(name)

    def start_container(self, name: str) -> None:
        """Starts it, or starts it again."""
        self.podman.podman("start", self.id(name))

    def start_with_input(self, container: str, data: bytes, seconds: float = 60) -> Outcome:
        """Runs the pod up to the end of `container`, whose standard input is `data`."""
        self._prepare(None, None)
        twin = self._twin(next(c for c in self.manifest["spec"]["containers"] if c["name"] == container))
        self.podman.podman("start", "--attach", "--interactive", self.id(twin), input=data,
                           check=False, timeout=seconds)
        return self.wait(twin, seconds)

    def _prepare(self, before_init, probe) -> None:
        self.podman.podman("start", self.infra)
        cgroups.limit_processes(self._pod_id)
        if before_init:
            before_init(int(self._inspect(self.infra, "{{.State.Pid}}")))
        for name in self.init_names:
            if name in self._runs_on:
                self.start_native(name, probe)
            else:
                self.run_init(name)

    def _twin(self, spec: dict) -> str:
        """The same container once more with its standard input open: `kube play` leaves out `stdin`."""
        twin, context = f"{spec['name']}-input", spec.get("securityContext", {})
        capabilities = context.get("capabilities", {})
        flags = [f"--workdir={spec['workingDir']}"] if "workingDir" in spec else []
        flags += [f"--cap-drop={name}" for name in capabilities.get("drop", [])]
        flags += [f"--cap-add={name}" for name in capabilities.get("add", [])]
        flags += [f"--env={e['name']}={e.get('value', '')}" for e in spec.get("env", [])]
        self.podman.podman(
            "create", "--interactive", "--pod", self.name, "--name", self.id(twin),
            "--volumes-from", self.id(spec["name"]), "--user", str(context.get("runAsUser", 0)),
            "--entrypoint", json.dumps(spec["command"]), *flags, spec["image"], *spec.get("args", []))
        return twin

    def run_init(self, name: str) -> None:
        self.start_container(name)
        outcome = self.wait(name)
        if outcome.code != 0:
            raise PodError(f"init container {name} exited {outcome.code}: {outcome.stderr.decode()}")

    def start_native(self, name: str, probe, seconds: float = 20) -> None:
        """Starts an init container that runs on, also once more, up to where its startup probe succeeds."""
        self.start_container(name)
        if not self._runs_on[name]:
            return
        until = time.monotonic() + seconds
        while not probe(self._runs_on[name]["port"], self._runs_on[name]["path"]):
            if time.monotonic() > until or not self.running(name):
                raise PodError(f"init container {name} did not start: {self.output(name)}")
            time.sleep(0.05)

    def id(self, container: str) -> str:
        return f"{self.name}-{container}"

    def pid(self, container: str) -> int:
        """The container's first process, as this machine sees it; 0 when it does not run."""
        return int(self._inspect(self.id(container), "{{.State.Pid}}"))

    def running(self, container: str) -> bool:
        return self._inspect(self.id(container), "{{.State.Running}}") == "true"

    def wait(self, container: str, seconds: float = 60) -> Outcome:
        """Waits for the container's end."""
        try:
            self.podman.podman("wait", "--interval", "50ms", self.id(container), timeout=seconds)
        except subprocess.TimeoutExpired as late:
            raise PodError(f"{container} still runs after {seconds} s: {self.output(container)}") from late
        return Outcome(int(self._inspect(self.id(container), "{{.State.ExitCode}}")),
                       *self.output(container))

    def output(self, container: str) -> tuple[bytes, bytes]:
        """What it wrote so far to standard output and standard error."""
        return read_log(self._inspect(self.id(container), "{{.HostConfig.LogConfig.Path}}"))

    def await_output(self, container: str, text: bytes, seconds: float = 20) -> None:
        """Waits until standard output holds `text`."""
        until = time.monotonic() + seconds
        while text not in (seen := self.output(container))[0]:
            if time.monotonic() > until or not self.running(container):
                raise PodError(f"{container} never wrote {text!r}: {seen}")
            time.sleep(0.05)

    def exec(self, container: str, argv: list[str], user: str = "0", **options):
        """Runs a command in the container, as `kubectl exec` does: outside of any sandbox in it."""
        options.setdefault("check", False)
        return self.podman.podman("exec", "--user", user, self.id(container), *argv, **options)

    def kill(self, container: str, signal_name: str) -> None:
        self.podman.podman("kill", "--signal", signal_name, self.id(container))

    def remove(self) -> None:
        self.podman.podman("pod", "kill", self.name, check=False)
        cgroups.await_empty(self._pod_id)
        self.podman.podman("pod", "rm", "--force", "--time", "0", self.name)
        self.podman.podman("volume", "prune", "--force")
        cgroups.remove([self._pod_id])

    def __enter__(self) -> "Pod":
        return self

    def __exit__(self, *_exc) -> None:
        self.remove()

    def volume(self, container: str, path: str) -> pathlib.Path:
        """Where on this machine the volume lies that `container` has at `path`."""
        for mount in json.loads(self._inspect(self.id(container), "{{json .Mounts}}")):
            if mount["Destination"] == path:
                return pathlib.Path(mount["Source"])
        raise PodError(f"{container} has no volume at {path}")

    def _open_empty_dirs(self) -> None:
        """A kubelet makes emptyDir volumes writable for everybody; podman leaves them to root."""
        spec = self.manifest["spec"]
        empty = {v["name"] for v in spec.get("volumes", []) if "emptyDir" in v}
        for container in spec.get("initContainers", []) + spec["containers"]:
            for mount in container.get("volumeMounts", []):
                if mount["name"] in empty:
                    self.volume(container["name"], mount["mountPath"]).chmod(0o777)

    def _inspect(self, what: str, field: str) -> str:
        return self.podman.podman("inspect", what, "--format", field).stdout.decode().strip()


def _take_native_sidecars(manifest: dict) -> dict[str, dict]:
    """The init containers that run on, and where their startup probes ask; taken out of the manifest."""
    found = {}
    for container in manifest["spec"].get("initContainers", []):
        probe = container.pop("startupProbe", {})
        if container.pop("restartPolicy", None) == "Always":
            found[container["name"]] = probe.get("httpGet", {})
    return found


def _with_own_volumes(manifest: dict, configmaps: list[dict]) -> tuple[dict, list[dict]]:
    """Copies with the pod's name before those of volumes and ConfigMaps: to podman they are names of
    volumes of the whole machine, which pods would share and find filled."""
    manifest, configmaps = copy.deepcopy(manifest), copy.deepcopy(list(configmaps))
    prefix = manifest["metadata"]["name"] + "-"
    spec = manifest["spec"]
    named = [m for c in spec.get("initContainers", []) + spec["containers"]
             for m in c.get("volumeMounts", [])]
    named += spec.get("volumes", [])
    named += [v["configMap"] for v in spec.get("volumes", []) if "configMap" in v]
    named += [c["metadata"] for c in configmaps]
    for item in named:
        item["name"] = prefix + item["name"]
    return manifest, configmaps
