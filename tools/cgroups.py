# SPDX-License-Identifier: Apache-2.0
"""cgroups: what podman with the cgroupfs manager leaves to others: a limit on the processes of a pod,
and the removal of its groups."""
import pathlib
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
# Of one pod, as a kubelet's podPidsLimit: a runaway must not take the machine with it.
PIDS_LIMIT = 1000


def _groups(pod_id: str) -> list[pathlib.Path]:
    """The pod's group, in each hierarchy of cgroup version 1 or in the one of version 2."""
    parents = [ROOT / "libpod_parent", *ROOT.glob("*/libpod_parent")]
    return [parent / pod_id for parent in parents if (parent / pod_id).exists()]


def limit_processes(pod_id: str) -> None:
    for group in _groups(pod_id):
        if (group / "pids.max").exists():
            (group / "pids.max").write_text(str(PIDS_LIMIT))


def await_empty(pod_id: str) -> None:
    """Waits until no process, conmon included, is in the pod's groups: podman would try for seconds to
    remove a group that is in use."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            members = [p for group in _groups(pod_id) for p in group.glob("**/cgroup.procs")]
            if not any(p.read_text() for p in members):
                return
        except OSError:  # A group went away meanwhile.
            pass
        time.sleep(0.02)


def remove(pod_ids: list[str]) -> None:
    """With cgroup version 1 podman leaves its pods' groups behind."""
    for pod_id in pod_ids:
        for pod_group in _groups(pod_id):
            for group in (*pod_group.glob("*/"), pod_group):
                try:
                    group.rmdir()
                except OSError:
                    pass
