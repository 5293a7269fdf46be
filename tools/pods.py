# SPDX-License-Identifier: Apache-2.0
"""pods: plays Kubernetes pods with a podman of our own.

Storage, configuration and run-time state live in one private directory, so neither the user's own
containers nor /etc are touched, and closing removes all that was made. A pod starts the way a kubelet
starts it: sandbox, init containers in order, containers. Its network namespace has a loopback only,
until somebody plugs something in.

What each container wrote is read from its log file, which keeps the two streams apart byte for byte.
"""
import copy
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

import yaml

PAUSE_IMAGE = "localhost/openshell-test/pause"
# Of one pod, as a kubelet's podPidsLimit: a runaway must not take the machine with it.
PIDS_LIMIT = 1000
CGROUP_ROOT = pathlib.Path("/sys/fs/cgroup")


class PodError(Exception):
    """Podman or the pod did not do what was asked; the text says what they answered."""


def cache_dir() -> pathlib.Path:
    """Where slow things are kept between runs; the Makefile exports the same place."""
    named = os.environ.get("OPENSHELL_CACHE")
    if named:
        return pathlib.Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "openshell"


def exit_on_sigterm() -> None:
    """Lets SIGTERM and SIGHUP unwind like Ctrl-C, so that `with` blocks clean up."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


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


def _limit(kind: int, at_most: int) -> int:
    _, hard = resource.getrlimit(kind)
    return at_most if hard == resource.RLIM_INFINITY else min(hard, at_most)


def _containers_conf(state: pathlib.Path) -> str:
    # Podman lowers its own process limit to pid_max, and where CAP_SYS_RESOURCE is missing a
    # container cannot be given more than podman has.
    processes = _limit(resource.RLIMIT_NPROC, int(pathlib.Path("/proc/sys/kernel/pid_max").read_text()))
    files = _limit(resource.RLIMIT_NOFILE, 1024 * 1024)
    return f"""[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
tmp_dir = "{state}/tmp"
lock_type = "file"
infra_image = "{PAUSE_IMAGE}"
[network]
network_backend = "netavark"
network_config_dir = "{state}/networks"
"""


def storage_conf(root: pathlib.Path, run: pathlib.Path, stores: list[pathlib.Path] = ()) -> str:
    """The storage.conf of a store at `root` which also sees the images of `stores`, read-only."""
    shared = ", ".join(f'"{store}"' for store in stores)
    return f"""[storage]
driver = "{storage_driver(root.parent)}"
graphroot = "{root}"
runroot = "{run}"
[storage.options]
additionalimagestores = [{shared}]
"""


def storage_driver(where: pathlib.Path) -> str:
    """overlay where a file system under `where` can carry one, else vfs, which always works."""
    with tempfile.TemporaryDirectory(dir=where, prefix="overlay-") as scratch:
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(f"{scratch}/{name}")
        options = f"lowerdir={scratch}/lower,upperdir={scratch}/upper,workdir={scratch}/work"
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, f"{scratch}/merged"]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            return "vfs"
        subprocess.run(["umount", f"{scratch}/merged"], check=True)
        return "overlay"


class Podman:
    """A private podman. Use it in a `with` block; leaving it removes everything that it made."""

    def __init__(self, stores: list[pathlib.Path] = ()):
        self.state, self._lock = _new_state(cache_dir() / "run")
        (self.state / "containers.conf").write_text(_containers_conf(self.state))
        (self.state / "storage.conf").write_text(
            storage_conf(self.state / "graph", self.state / "run", stores))

    def __enter__(self) -> "Podman":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def close(self) -> None:
        _remove_state(self.state)
        os.close(self._lock)

    def tool(self, *argv, check: bool = True, **options) -> subprocess.CompletedProcess:
        """Runs podman or buildah on this store. Output is captured as bytes unless redirected."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        done = subprocess.run(argv, env=_environment(self.state), **options)
        if check and done.returncode != 0:
            text = (done.stderr or b"").decode(errors="replace").strip()
            raise PodError(f"{' '.join(argv[:3])} … exited {done.returncode}: {text}")
        return done

    def podman(self, *args, **options) -> subprocess.CompletedProcess:
        return self.tool("podman", *args, **options)

    def has_image(self, name: str) -> bool:
        return self.podman("image", "exists", name, check=False).returncode == 0

    def play(self, pod: dict, configmaps: list[dict] = ()) -> "Pod":
        """Creates a pod; nothing runs until `start`."""
        return Pod(self, pod, configmaps)


class Pod:
    """One pod and its containers, named as in its manifest."""

    def __init__(self, podman: Podman, manifest: dict, configmaps: list[dict]):
        self.podman = podman
        manifest, configmaps = _with_own_volumes(manifest, configmaps)
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

    def start(self, before_init=None) -> None:
        """Runs the pod as a kubelet does. `before_init(pid)` may furnish its network namespace, of
        which process `pid` is a member. An init container that fails raises PodError."""
        self._prepare(before_init)
        for name in self.names:
            self.podman.podman("start", self.id(name))

    def start_with_input(self, container: str, data: bytes, seconds: float = 60) -> Outcome:
        """Runs the pod up to the end of `container`, whose standard input is `data`."""
        self._prepare(None)
        twin = self._twin(next(c for c in self.manifest["spec"]["containers"] if c["name"] == container))
        self.podman.podman("start", "--attach", "--interactive", self.id(twin), input=data,
                           check=False, timeout=seconds)
        return self.wait(twin, seconds)

    def _prepare(self, before_init) -> None:
        self.podman.podman("start", self.infra)
        _limit_processes(self._pod_id)
        if before_init:
            before_init(int(self._inspect(self.infra, "{{.State.Pid}}")))
        for name in self.init_names:
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
        self.podman.podman("start", self.id(name))
        outcome = self.wait(name)
        if outcome.code != 0:
            raise PodError(f"init container {name} exited {outcome.code}: {outcome.stderr.decode()}")

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
        _await_empty(self._pod_id)
        self.podman.podman("pod", "rm", "--force", "--time", "0", self.name)
        self.podman.podman("volume", "prune", "--force")
        _remove_cgroups([self._pod_id])

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
        for container in spec["containers"]:
            for mount in container.get("volumeMounts", []):
                if mount["name"] in empty:
                    self.volume(container["name"], mount["mountPath"]).chmod(0o777)

    def _inspect(self, what: str, field: str) -> str:
        return self.podman.podman("inspect", what, "--format", field).stdout.decode().strip()


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


# --- private state and its removal ---------------------------------------------------------------
def _environment(state: pathlib.Path) -> dict[str, str]:
    return {**os.environ, "CONTAINERS_CONF": f"{state}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{state}/storage.conf", "TMPDIR": str(state)}


def _new_state(runs: pathlib.Path) -> tuple[pathlib.Path, int]:
    runs.mkdir(parents=True, exist_ok=True)
    turn = os.open(runs, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # One at a time, so that no directory is swept between its creation and its lock.
        fcntl.flock(turn, fcntl.LOCK_EX)
        _sweep(runs)
        state = pathlib.Path(tempfile.mkdtemp(dir=runs))
        return state, _hold(state)
    finally:
        os.close(turn)


def _hold(state: pathlib.Path) -> int:
    """Marks a state directory as in use for as long as this process lives."""
    lock = os.open(state / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _sweep(runs: pathlib.Path) -> None:
    """Removes what runs left behind that were killed."""
    for state in runs.iterdir():
        try:
            lock = _hold(state)
        except OSError:
            continue
        _remove_state(state)
        os.close(lock)


def _remove_state(state: pathlib.Path) -> None:
    quiet = {"env": _environment(state), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if (state / "storage.conf").exists():
        ids = subprocess.run(["podman", "pod", "ps", "-q", "--no-trunc"], capture_output=True,
                             env=_environment(state)).stdout.decode().split()
        subprocess.run(["podman", "pod", "rm", "--all", "--force", "--time", "0"], **quiet)
        subprocess.run(["podman", "rm", "--all", "--force", "--time", "0"], **quiet)
        subprocess.run(["buildah", "rm", "--all"], **quiet)
        _remove_cgroups(ids)
    mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    for place in reversed([m for m in mounts if m.startswith(f"{state}/")]):
        subprocess.run(["umount", "--lazy", place], **quiet)
    shutil.rmtree(state, ignore_errors=True)


def _pod_cgroups(pod_id: str) -> list[pathlib.Path]:
    """The pod's group, in each hierarchy of cgroup version 1 or in the one of version 2."""
    parents = [CGROUP_ROOT / "libpod_parent", *CGROUP_ROOT.glob("*/libpod_parent")]
    return [parent / pod_id for parent in parents if (parent / pod_id).exists()]


def _limit_processes(pod_id: str) -> None:
    for group in _pod_cgroups(pod_id):
        if (group / "pids.max").exists():
            (group / "pids.max").write_text(str(PIDS_LIMIT))


def _await_empty(pod_id: str) -> None:
    """Waits until no process, conmon included, is in the pod's groups: podman would try for seconds to
    remove a group that is in use."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        members = [p for group in _pod_cgroups(pod_id) for p in group.glob("**/cgroup.procs")]
        try:
            if not any(p.read_text() for p in members):
                return
        except OSError:  # A group went away meanwhile.
            pass
        time.sleep(0.02)


def _remove_cgroups(pod_ids: list[str]) -> None:
    """With cgroup version 1 podman leaves its pods' groups behind."""
    for pod_id in pod_ids:
        for pod_group in _pod_cgroups(pod_id):
            for group in (*pod_group.glob("*/"), pod_group):
                try:
                    group.rmdir()
                except OSError:
                    pass
