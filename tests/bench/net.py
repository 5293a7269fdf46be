#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""net: what egress costs, beside floors without policy and beside other proxies, in namespaces of its own.

C is the processor time of a side's whole process tree for each unit. Within a round the sides take turns
floor, ours, peers, ours, floor; ratios are of one round, and the median and range over rounds are printed.
Every answer's status, length and bytes are compared, and the origin must have seen what was allowed, once,
and nothing of what was denied."""

import argparse
import contextlib
import json
import os
import re
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field

import peers
from world import (COLD_HOSTS, HOME, LOAD, OUT, PLAIN, TLS, Side, die_with_us, make_direct, make_origin, make_ours,
                   make_paired, make_sidecar, private, serve_names)

REST_S = 40  # by then the proxy has closed what waited in its pool, and given its memory back
CHANGE_S = 0.1  # a policy that changes does so as often
NOISE_MAX = 0.15  # two runs of the floor in a round may differ by this much

RULE = 'rules: [ { allow: { method: GET, path: "/b/**" } } ]'
POLICY = """version: 1
network_policies:
  bench:
    endpoints:
      - {{ host: tunnel.test, port: {plain}, allowed_ips: [10.99.0.0/16] }}
      - {{ host: "*.web.test", ports: [{plain}, {tls}], protocol: rest, allowed_ips: [10.99.0.0/16], {rule} }}
{more}    binaries: [ {{ path: {load} }} ]
"""


def policy(more: int = 0) -> str:
    lines = "".join(f"      - {{ host: h{i}.example.com, port: 443, protocol: rest, {RULE} }}\n" for i in range(more))
    return POLICY.format(plain=PLAIN, tls=TLS, rule=RULE, load=LOAD, more=lines)


TUNNEL = f"via=connect host=tunnel.test port={PLAIN}"
INSPECT = f"via=connect host=api.web.test port={TLS} tls=1"
FORWARD = f"via=forward host=api.web.test port={PLAIN}"
DENIED = {
    "tunnel": f"via=connect host=denied.test port={PLAIN} new=1 status=403 bytes=0",
    "inspect": f"via=connect host=api.web.test port={TLS} tls=1 new=1 path=/denied status=403",
    "forward": f"via=forward host=api.web.test port={PLAIN} new=1 path=/denied status=403",
}


@contextlib.contextmanager
def changing_policy(name: str):
    """The policy of that side is another one again and again, with as many endpoints."""
    texts, over = [policy(5000), policy(5000).replace("h0.example.com", "changed.example.com")], threading.Event()

    def change() -> None:
        while not over.wait(CHANGE_S):
            texts.reverse()
            fresh = HOME / f"{name}.fresh"
            fresh.write_text(texts[0], encoding="ascii")
            os.replace(fresh, HOME / f"{name}.yaml")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass
class Result:
    units: int = 0
    cpu_ns: int = 0
    elapsed: float = 0
    bytes: int = 0
    p50_us: list[int] = field(default_factory=list)

    @property
    def cost_us(self) -> float:
        return self.cpu_ns / 1e3 / max(self.units, 1)

    def add(self, other: "Result") -> None:
        self.units += other.units
        self.cpu_ns += other.cpu_ns
        self.elapsed += other.elapsed
        self.bytes += other.bytes
        self.p50_us += other.p50_us


class Bench:
    """The sides, made when they are first needed, and what was found."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.origin = make_origin()
        serve_names()
        self.sides: dict[str, Side | None] = {}
        self.makers = {
            "ours": lambda: make_ours("ours", policy()),
            "fresh": lambda: make_ours("fresh", policy()),
            "relaxed": lambda: make_ours("relaxed", policy(), "--binary-identity", "relaxed"),
            "silent": lambda: make_ours("silent", policy(), "--log-level", "error"),
            "sidecar": lambda: make_sidecar("sidecar", policy()),
            "sidefresh": lambda: make_sidecar("sidefresh", policy()),
            "paired": lambda: make_paired("paired", policy()),
            "rules": lambda: make_ours("rules", policy(5000)),
            "changing": lambda: make_ours("changing", policy(5000)),
            "unaware": lambda: make_ours("unaware", policy()),
            "relay": peers.relay, "bump": peers.bump, "nginx": peers.nginx_forward, "nginxtls": peers.nginx_tls,
            "haproxy": peers.haproxy, "squid": peers.squid, "direct": make_direct,
        }
        self.numbers: list[dict] = []
        self.runs = 0
        self.errors = 0
        self.passed = self.failed = 0

    def side(self, name: str) -> Side | None:
        if name not in self.sides:
            self.sides[name] = self.makers[name]()
        return self.sides[name]

    def leave_alone(self, name: str) -> None:
        """Ends the other agents: what processes of one program share, each has only a part of in its PSS."""
        for other in ("fresh", "ours", "relaxed", "silent", "rules", "changing", "unaware", "sidecar", "sidefresh",
                      "paired"):
            if other != name and self.sides.get(other) is not None:
                self.sides.pop(other).close()

    def close(self) -> None:
        for side in self.sides.values():
            if side is not None:
                side.close()
        self.origin.close()

    def seen(self) -> dict:
        self.origin.say("")
        return json.loads(self.origin.hear())

    def wrong(self, what: str) -> None:
        self.errors += 1
        print(f"  ERROR {what}", flush=True)

    def measure(self, name: str, words: str) -> Result:
        """One run; what it moved was compared by the client, what arrived is counted at the origin."""
        with changing_policy(name) if name == "changing" else contextlib.nullcontext():
            result = self.measure_run(name, words)
            if name == "changing" and not self.has_changed():
                self.wrong("the policy did not change")
        return result

    def has_changed(self) -> bool:
        """A run may be shorter than the time until the agent has seen the first change."""
        until = time.monotonic() + 10
        while b"policy.reloaded" not in self.side("changing").events.read_bytes():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def measure_run(self, name: str, words: str) -> Result:
        side = self.side(name)
        to = side.to
        if name == "direct":
            words = words.replace("via=connect", "via=direct").replace("via=forward", "via=direct")
            to = f"10.99.0.1:{TLS if 'tls=1' in words else PLAIN}"
        if name == "unaware":
            words = words.replace("via=connect", "via=transparent")
        if name == "nginxtls":
            words = words.replace("via=connect", "via=direct")
        if "via=transparent" in words:
            host, port = re.search(r"host=(\S+) port=(\d+)", words).groups()
            words = words.replace("via=transparent", "via=direct")
            to = f"{side.address_of(host)}:{port}"
        auth = f" auth={side.auth}" if side.auth else ""
        side.client.say(f"to={to} ca={side.ca}{auth} {words}")
        side.client.hear()
        self.seen()
        if side.events is not None:
            side.events.open("r+b").truncate(0)
        before = side.cpu_ns()
        side.client.say("go")
        answer = json.loads(side.client.hear())
        time.sleep(0.02)
        cpu_ns = side.cpu_ns() - before
        seen = self.seen()
        if answer["errors"] > 0:
            self.wrong(f"{name}: {answer['errors']} of {answer['units']}: {answer['error']}")
        if seen["requests"] != answer["units"] or seen["others"] > 0:
            self.wrong(f"{name}: {answer['units']} requests, and the origin saw {seen}")
        self.check_events(name, words, answer["units"])
        return Result(answer["units"], cpu_ns, answer["elapsed"], answer["bytes"], [answer["p50_us"]])

    def check_events(self, name: str, words: str, units: int) -> None:
        side = self.side(name)
        if side.events is None or name == "silent":
            return
        event = b"http.request" if "tunnel.test" not in words else b"net.connect"
        found = len(re.findall(b'"event":"' + event + b'"[^\n]*"verdict":"allow"', side.events.read_bytes()))
        # A kept tunnel has one event for all that passes through it.
        if found != units and (event == b"http.request" or "new=1" in words):
            self.wrong(f"{name}: {found} events for {units}")

    def check_denied(self, kind: str) -> None:
        """What policy refuses is answered 403, and the origin hears nothing of it."""
        side = self.side("ours")
        self.seen()
        side.client.say(f"to={side.to} ca={side.ca} {DENIED[kind]} n=8 count=64")
        side.client.hear()
        side.client.say("go")
        answer, seen = json.loads(side.client.hear()), self.seen()
        if answer["units"] < 64 or answer["errors"] > 0:
            self.wrong(f"denied {kind}: {answer}")
        if seen["requests"] + seen["others"] > 0:
            self.wrong(f"denied {kind}: the origin saw {seen}")

    def check_gate(self, value: float, gate: float | None) -> str:
        if gate is None:
            return ""
        good = value <= gate
        self.passed += good
        self.failed += not good
        return f"  {'PASS' if good else 'FAIL'} (<= {gate:g})"


# --- pairs ------------------------------------------------------------------------------------------


@dataclass
class Scenario:
    """`ours` beside `beside`, the first of which is there to be compared with."""

    name: str
    words: str
    beside: list[str]
    gate: float | None
    ours: str = "ours"
    unit: str = "us"
    per: float = 1  # units of the scenario for each printed one
    what: str = "cost"
    kind: str = ""
    squid: float = 0  # as many times what ours is it should be


def value_of(scenario: Scenario, result: Result) -> float:
    if scenario.what == "wall":
        return result.elapsed * 1e3
    if scenario.what == "p50":
        return statistics.median(result.p50_us)
    return result.cost_us / scenario.per


def one_round(bench: Bench, scenario: Scenario) -> tuple[dict[str, Result], bool]:
    """Floor, ours, peers, ours, floor: what drifts falls on both sides alike."""
    floor, others = scenario.beside[0], scenario.beside[1:]
    results: dict[str, Result] = {}
    floors = []
    order = [floor, scenario.ours, *others, *reversed(others), scenario.ours, floor]
    for name in order:
        # Hosts that nobody has seen before.
        words = scenario.words.replace("ROUND", f"{bench.runs}x")
        bench.runs += 1
        got = bench.measure(name, words)
        if name == floor:
            floors.append(value_of(scenario, got))
        results.setdefault(name, Result()).add(got)
    return results, abs(floors[0] - floors[1]) <= NOISE_MAX * min(floors)


def run_rounds(bench: Bench, scenario: Scenario) -> tuple[list[dict[str, Result]], int]:
    rounds = [one_round(bench, scenario) for _ in range(bench.options.rounds)]
    quiet = [results for results, is_quiet in rounds if is_quiet]
    if not quiet:
        return [results for results, _ in rounds], len(rounds)
    return quiet, len(rounds) - len(quiet)


def print_scenario(bench: Bench, scenario: Scenario) -> bool:
    rounds, noisy = run_rounds(bench, scenario)
    values = {name: [value_of(scenario, r[name]) for r in rounds] for name in rounds[0]}
    # Where several may be compared with, the best of them counts.
    floors = [min(values[name][i] for name in scenario.beside[:1]) for i in range(len(rounds))]
    ratios = [ours / max(floor, 1e-9) for ours, floor in zip(values[scenario.ours], floors)]
    ratio = statistics.median(ratios)
    text = "  ".join(f"{name} {statistics.median(v):.1f} {scenario.unit}" for name, v in values.items())
    verdict = bench.check_gate(ratio, scenario.gate)
    note = f"  ({noisy} of {noisy + len(rounds)} rounds noisy)" if noisy and noisy != len(rounds) else ""
    note = "  (every round noisy)" if noisy == len(rounds) else note
    print(f"{scenario.name:<22} {text}  ratio {ratio:.2f} [{min(ratios):.2f}..{max(ratios):.2f}]{verdict}{note}",
          flush=True)
    if scenario.squid and "squid" in values:
        times = [theirs / ours for theirs, ours in zip(values["squid"], values[scenario.ours])]
        verdict = bench.check_gate(-statistics.median(times), -scenario.squid)
        print(f"{'':<22} squid {statistics.median(times):.1f} x [{min(times):.1f}..{max(times):.1f}]"
              f"{verdict.replace('<= -', '>= ')}", flush=True)
    bench.numbers.append({"name": scenario.name, "values": values, "ratios": ratios, "gate": scenario.gate,
                          "noisy": noisy})
    return scenario.gate is None or ratio <= scenario.gate


def pair(bench: Bench, scenario: Scenario) -> None:
    scenario.beside = [name for name in scenario.beside if bench.side(name) is not None]
    if not scenario.beside:
        print(f"{scenario.name:<22} skipped: nothing to measure beside is installed")
        return
    # A gate that is missed is tried once more, and both results stand.
    if not print_scenario(bench, scenario) and bench.options.rounds > 1:
        print_scenario(bench, scenario)
    if scenario.kind:
        bench.check_denied(scenario.kind)


def scenarios(options: argparse.Namespace) -> list[Scenario]:
    timed = f"warm={min(options.seconds / 3, 0.5):.2f} seconds={options.seconds}"
    big = f"n=1 path=/b/{1 << 28} bytes={1 << 28} count=2" if not options.quick else \
        f"n=1 path=/b/{1 << 25} bytes={1 << 25} count=2"
    many = f"n=32 {timed}"
    cold = f"n=8 new=1 numbered=1 count={COLD_HOSTS if not options.quick else 50}"
    burst = f"n=15 new=1 count={460 if not options.quick else 60} path=/b/10240 bytes=10240"
    return [
        Scenario("tunnel_ka", f"{TUNNEL} {many}", ["relay"], 1.10, kind="tunnel"),
        Scenario("tunnel_new", f"{TUNNEL} {many} new=1", ["relay"], 1.65),
        Scenario("tunnel_new_no_identity", f"{TUNNEL} {many} new=1", ["relay"], 1.25, ours="relaxed"),
        Scenario("tunnel_256M", f"{TUNNEL} {big}", ["relay"], 1.15, unit="ms", per=1000),
        Scenario("inspect_ka", f"{INSPECT} {many}", ["bump", "nginxtls", "squid"], 1.15, kind="inspect",
                 squid=2),
        Scenario("inspect_new", f"{INSPECT} {many} new=1", ["nginxtls", "bump", "squid"], 1.15, squid=7),
        Scenario("inspect_256M", f"{INSPECT} {big}", ["bump", "nginxtls"], None, unit="ms", per=1000),
        Scenario("inspect_first_visit", f"{INSPECT.replace('api.web.test', 'coldROUND')} {cold}", ["bump"], 0.9),
        Scenario("inspect_burst_wall", f"{INSPECT} {burst}", ["direct", "bump"], 1.4, unit="ms", what="wall"),
        Scenario("forward_ka", f"{FORWARD} {many}", ["nginx", "haproxy", "squid"], 1.15, kind="forward", squid=2.2),
        Scenario("forward_new", f"{FORWARD} {many} new=1", ["nginx", "haproxy", "squid"], 1.15, squid=3.5),
        Scenario("forward_new_no_identity", f"{FORWARD} {many} new=1", ["nginx", "haproxy"], 1.15, ours="relaxed"),
        Scenario("transparent_ka", f"{TUNNEL} {many}", ["relay"], 1.10, ours="unaware"),
        Scenario("transparent_new", f"{TUNNEL} {many} new=1", ["relay"], 1.65, ours="unaware"),
        Scenario("transparent_inspect_ka", f"{INSPECT} {many}", ["ours"], 1.05, ours="unaware"),
        Scenario("transparent_inspect_new", f"{INSPECT} {many} new=1", ["ours"], 1.05, ours="unaware"),
        Scenario("sidecar_tunnel_ka", f"{TUNNEL} {many}", ["ours"], 1.05, ours="sidecar"),
        Scenario("sidecar_tunnel_new", f"{TUNNEL} {many} new=1", ["ours"], 1.05, ours="sidecar"),
        Scenario("sidecar_inspect_ka", f"{INSPECT} {many}", ["ours"], 1.05, ours="sidecar"),
        Scenario("sidecar_inspect_new", f"{INSPECT} {many} new=1", ["ours"], 1.05, ours="sidecar"),
        Scenario("sidecar_forward_ka", f"{FORWARD} {many}", ["ours"], 1.05, ours="sidecar"),
        # The same without HTTPS_PROXY: names from the sandbox's DNS, connections taken over by the fence.
        *(Scenario(f"sidecar_transparent_{kind}", f"{words.replace('via=connect', 'via=transparent')} {many}{more}",
                   ["ours"], 1.05, ours="sidecar")
          for kind, words, more in (("tunnel_ka", TUNNEL, ""), ("tunnel_new", TUNNEL, " new=1"),
                                    ("inspect_ka", INSPECT, ""), ("inspect_new", INSPECT, " new=1"))),
        # A network's hop more than combined, and no identity, so beside combined's without one.
        *(Scenario(f"paired_{kind}", f"{words} {many}{more}", ["relaxed", "ours"], 1.10, ours="paired")
          for kind, words, more in (("tunnel_ka", TUNNEL, ""), ("tunnel_new", TUNNEL, " new=1"),
                                    ("inspect_ka", INSPECT, ""), ("forward_ka", FORWARD, ""))),
        Scenario("paired_answer", f"{TUNNEL} n=1 {timed}", ["relaxed", "ours"], 1.10, ours="paired", what="p50"),
        Scenario("rules_5000", f"{FORWARD} {many}", ["ours"], None, ours="rules"),
        Scenario("rules_changing", f"{FORWARD} {many}", ["rules"], None, ours="changing"),
        Scenario("no_identity", f"{FORWARD} {many} new=1", ["ours"], None, ours="relaxed"),
        Scenario("no_events", f"{FORWARD} {many}", ["ours"], None, ours="silent"),
    ]


# --- what is not a pair -----------------------------------------------------------------------------


def hold(bench: Bench, name: str, words: str, n: int) -> float:
    """KiB of user memory that each of `n` idle connections takes."""
    side = bench.side(name)
    empty = side.pss_kib()[0]
    side.client.say(f"to={side.to} ca={side.ca} {words} n={n} hold=1")
    side.client.hear()
    # What waits for long is of interest, not what pauses between two requests.
    if not bench.options.quick:
        time.sleep(REST_S)
    full = side.pss_kib()[0]
    side.client.say("go")
    answer = json.loads(side.client.hear())
    if answer["errors"] > 0:
        bench.wrong(f"{name}: {answer['errors']} of {n} held: {answer['error']}")
    time.sleep(0.2)
    return (full - empty) / n


def memory_idle(bench: Bench) -> None:
    for name, side, gate in (("memory_idle", "fresh", 3072), ("memory_idle_sidecar", "sidefresh", 4096)):
        total, anonymous = bench.side(side).pss_kib()
        print(f"{name:<22} PSS {total} KiB{bench.check_gate(total, 8192)}, "
              f"of it anonymous {anonymous} KiB{bench.check_gate(anonymous, gate)}", flush=True)
        bench.leave_alone("")


def memory(bench: Bench) -> None:
    gates = {"tunnel": (TUNNEL, "relay", 3.3), "inspect": (INSPECT, "bump", 45)}
    bench.side("ours")
    bench.leave_alone("ours")
    if not bench.options.quick:
        time.sleep(REST_S)
        total, anonymous = bench.side("ours").pss_kib()
        print(f"{'memory_rested':<22} PSS {total} KiB, of it anonymous {anonymous} KiB, after what was measured above")
    for kind, (words, floor, gate) in gates.items():
        for n in (1000, 4000) if not bench.options.quick else (100,):
            if n == 4000 and kind == "inspect":
                continue
            ours, theirs = hold(bench, "ours", words, n), hold(bench, floor, words, n)
            name = f"memory_{kind}_{n}"
            print(f"{name:<22} ours {ours:.1f} KiB each  {floor} {theirs:.1f} KiB"
                  f"{bench.check_gate(ours, gate if n >= 1000 else None)}", flush=True)
            bench.numbers.append({"name": name, "values": {"ours": ours, floor: theirs}, "gate": gate})


def start_sidecar(bench: Bench) -> None:
    """What a pod waits for before its own containers, without what the kubelet takes."""
    times = []
    for i in range(2 * bench.options.rounds):
        side = make_sidecar(f"start{i}", policy())
        times.append(side.start_ms)
        side.close()
    for name, gate, values in zip(("start_net_init", "start_proxy"), (100, 150), zip(*times)):
        middle = statistics.median(values)
        print(f"{name:<22} {middle:.0f} ms [{min(values):.0f}..{max(values):.0f}]{bench.check_gate(middle, gate)}")
        bench.numbers.append({"name": name, "values": values, "gate": gate})


def latency(bench: Bench) -> None:
    """What a proxy adds to the median answer where one client asks one thing at a time."""
    timed = f"n=1 warm=0.1 seconds={bench.options.seconds}"
    for name, words, floor in (("latency_tunnel", TUNNEL, "relay"), ("latency_inspect", INSPECT, "bump")):
        added: dict[str, list[float]] = {"ours": [], floor: []}
        for _ in range(bench.options.rounds):
            medians = {side: statistics.median(bench.measure(side, f"{words} {timed}").p50_us)
                       for side in ("direct", floor, "ours")}
            for side, values in added.items():
                values.append(medians[side] - medians["direct"])
        ratios = [ours / max(theirs, 1) for ours, theirs in zip(added["ours"], added[floor])]
        ratio = statistics.median(ratios)
        print(f"{name:<22} adds ours {statistics.median(added['ours']):.0f} us  {floor} "
              f"{statistics.median(added[floor]):.0f} us  ratio {ratio:.2f} [{min(ratios):.2f}..{max(ratios):.2f}]"
              f"{bench.check_gate(ratio, 1.15)}", flush=True)
        bench.numbers.append({"name": name, "values": added, "ratios": ratios, "gate": 1.15})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run")
    parser.add_argument("--quick", action="store_true", help="less of everything: that it works, not how fast")
    parser.add_argument("names", nargs="*", help="scenarios, or the beginnings of their names; all by default")
    options = parser.parse_args()
    private()
    die_with_us()
    bench = Bench(options)
    try:
        wanted = options.names or [""]
        # First, while no other agent is there.
        if any("memory".startswith(w) for w in wanted):
            memory_idle(bench)
        for scenario in scenarios(options):
            if any(scenario.name.startswith(name) for name in wanted):
                pair(bench, scenario)
        for name, extra in (("start_sidecar", start_sidecar), ("memory", memory), ("latency", latency)):
            if any(name.startswith(w) for w in wanted):
                extra(bench)
    finally:
        bench.close()
    (OUT / "bench_net.json").write_text(json.dumps(bench.numbers, indent=1), encoding="ascii")
    print(f"net: {bench.passed} gates passed, {bench.failed} failed, {bench.errors} errors")
    return 0 if bench.errors == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
