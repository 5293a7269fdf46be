# SPDX-License-Identifier: Apache-2.0
"""podman: a podman of our own.

Storage, configuration and run-time state live in one private directory, so neither the user's own
containers nor /etc are touched, and closing removes all that was made. What a killed run left behind
is removed by the next one.
"""
import fcntl
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile

import cgroups

PAUSE_IMAGE = "localhost/openshell-test/pause"


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

    def __init__(self):
        self.state, self._lock = _new_state(cache_dir() / "run")
        self._stores: list[pathlib.Path] = []
        (self.state / "containers.conf").write_text(_containers_conf(self.state))
        self._write_storage_conf()

    def __enter__(self) -> "Podman":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def close(self) -> None:
        _remove_state(self.state)
        os.close(self._lock)

    def see_store(self, store: pathlib.Path) -> None:
        """From now on the images of `store` are there too, read-only."""
        if store not in self._stores:
            self._stores.append(store)
            self._write_storage_conf()

    def _write_storage_conf(self) -> None:
        (self.state / "storage.conf").write_text(
            storage_conf(self.state / "graph", self.state / "run", self._stores))

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
        cgroups.remove(ids)
    mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    for place in reversed([m for m in mounts if m.startswith(f"{state}/")]):
        subprocess.run(["umount", "--lazy", place], **quiet)
    shutil.rmtree(state, ignore_errors=True)
