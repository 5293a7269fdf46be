# SPDX-License-Identifier: Apache-2.0
"""pod_create: how long the API server takes to create a pod, seen by 1, 50 and 200 clients that ask as fast as they
are answered, beside webhooks in Go (admission_peers). The sides take turns, each round in another order; a ratio is
of one round, and the median over the rounds is compared with the gate. Beside the time stands what API server and
webhook spent of the processors for one pod.

Creates are dry runs: all of admission, and nothing that etcd, controllers and what earlier pods left behind blur. One
row is of real ones, which are deleted after each turn."""
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import components
import golang
from admission_peers import SIDES, bench_pod, install, namespace_of, remove
from fixture import world

# Clients, and seconds of a turn: each client is to be answered several times.
CROWDS = {1: 1, 50: 1, 200: 3}
REAL_CROWD = 50
GATE = 1.1
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
# By their names as the kernel cuts them, and by a part of their control group: others may run the same elsewhere.
PROGRAMS = {"server": (("kube-apiserver",), ""), "webhook": (("peer", "openshell-webho"), "/kubepods/")}


def spent_ms() -> dict[str, float]:
    """Processor time that the API server, and all webhooks together, have used."""
    spent = dict.fromkeys(PROGRAMS, 0.0)
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
            group = (folder / "cgroup").read_text()
        except OSError:  # It has ended.
            continue
        for who, (names, place) in PROGRAMS.items():
            if name in names and place in group:
                fields = rest.split()
                spent[who] += (int(fields[11]) + int(fields[12])) * TICK_MS
    return spent


class Creator:
    """go_create, which keeps its connections from turn to turn."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path):
        pki = world.cluster.at.pki
        body = folder / "pod.json"
        body.write_text(json.dumps(bench_pod()))
        self._process = subprocess.Popen(
            [binary, "-server", components.SERVER, "-ca", pki / "ca.crt", "-cert", pki / "admin.crt",
             "-key", pki / "admin.key", "-body", body], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, side: str, clients: int, real: bool) -> dict:
        before = spent_ms()
        result = self._ask(side, clients, real)
        after = spent_ms()
        # Each client has asked once before its time was taken.
        return result | {who: (after[who] - before[who]) / (result["requests"] + clients) for who in PROGRAMS}

    def _ask(self, side: str, clients: int, real: bool) -> dict:
        path = f"/api/v1/namespaces/{namespace_of(side)}/pods"
        self._process.stdin.write(f"{path}{'' if real else '?dryRun=All'} {clients} {CROWDS[clients]}\n")
        self._process.stdin.flush()
        result = json.loads(self._process.stdout.readline())
        if "refused" in result:
            raise SystemExit(f"bench: {side}: {result['refused']}")
        return result

    @staticmethod
    def tidy(side: str) -> None:
        world.kubectl("delete", "--raw", f"/api/v1/namespaces/{namespace_of(side)}/pods")

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def measure(rounds: int = 5) -> None:
    if not world.cluster:
        print("pod_create               skipped: the peers' program is on no node of another's cluster")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        programs = [golang.build(program, folder) for program in ("go_webhook", "go_create")]
        if None in programs:
            print("pod_create               skipped: no Go toolchain")
            return
        install(folder / "keys", programs[0])
        creator = Creator(programs[1], folder)
        try:
            for clients in CROWDS:
                _crowd(creator, rounds, clients, real=False)
            _crowd(creator, rounds, REAL_CROWD, real=True)
        finally:
            creator.close()
            remove()


def _crowd(creator: Creator, rounds: int, clients: int, real: bool) -> None:
    took: dict[str, list[dict]] = {side: [] for side in SIDES}
    for number in range(rounds + 1):
        first = number % len(SIDES)
        for side in SIDES[first:] + SIDES[:first]:
            result = creator.turn(side, clients, real)
            if real:
                creator.tidy(side)
            if number > 0:  # The first opens the connections, the API server's to the webhooks as well.
                took[side].append(result)
    what = f"{clients} client{'s' if clients > 1 else ''}{', real' if real else ''}"
    for side, results in took.items():
        def median(key: str, of: list[dict] = results) -> float:
            return statistics.median(result[key] for result in of)
        print(f"pod_create  {what:<18} {side:<6} p50 {median('p50_ms'):7.2f} ms  p99 {median('p99_ms'):7.2f} ms  "
              f"{median('requests') / median('seconds'):6.0f}/s  CPU: API server {median('server'):5.2f} ms, "
              f"webhook {median('webhook'):5.2f} ms", flush=True)
    for peer in ("plain", "once", "empty", "patch"):
        ratios = [ours["p50_ms"] / theirs["p50_ms"] for ours, theirs in zip(took["ours"], took[peer])]
        ratio = statistics.median(ratios)
        verdict = f"  {'PASS' if ratio <= GATE else 'FAIL'} (<= {GATE})" if peer in ("once", "empty") else ""
        print(f"pod_create  {what:<18} ours beside {peer:<6} p50 x {ratio:.2f} "
              f"[{min(ratios):.2f}..{max(ratios):.2f}]{verdict}", flush=True)
