# SPDX-License-Identifier: Apache-2.0
"""What agent pods of topology proxy-pod send, from their first packet to their last, where the network enforces its
policies late. STARTS says how many pods are started, GRACE for how many seconds the first of them go on when they
are deleted."""
import json
import os
import time

import machine
from fixture import await_that, container, pod, world
from test_proxy_pod import ALLOWED, CHOICE, PairCase
from wire import Packet, Wire

STARTS, GRACE = int(os.environ.get("STARTS", "3")), int(os.environ.get("GRACE", "3"))
AT_ONCE, LATE_S = 8, 1
API, PROXY_PORT, MARK = (machine.FIRST_SERVICE, 443), 3128, (machine.OUTSIDE_ADDRESS, 7002)
# Tries all that a pod can think of, ten times a second, and does not end when it is asked to.
DIALLER = f"""
import os, select, signal, socket, time, urllib.request
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked = udp()
asked.connect({MARK!r})
own = asked.getsockname()[0]
net, last = own.rsplit(".", 1)
beside = [net + "." + str(int(last) + i) for i in (-2, -1, 1, 2) if 1 < int(last) + i < 255]
tcp = [({machine.OUTSIDE_ADDRESS!r}, 80), {API!r}, ({machine.NODE_ADDRESS!r}, 6443), ({machine.NODE_ADDRESS!r}, 10250),
       ({machine.DNS!r}, 53)] + [(a, p) for a in beside for p in (8080, 15090)]
datagrams = [{MARK!r}, ({machine.DNS!r}, 53), ({machine.NODE_ADDRESS!r}, 53)] + [(a, 53) for a in beside]
sender, served = udp(), False
while True:
    for place in datagrams:
        try:
            sender.sendto(b"x" * 20, place)
        except OSError:
            pass
    tries = {{}}
    for place in tcp:
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(place)
        tries[s] = place
    time.sleep(0.1)
    for s in select.select([], list(tries), [], 0)[1]:
        if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            print("reached", tries[s], flush=True)
    for s in tries:
        s.close()
    if not served:
        print("served", urllib.request.urlopen({ALLOWED + "/x"!r}, timeout=10).status, flush=True)
        served = True
"""


class Agent:
    """One pod and what was seen of it."""

    def __init__(self, item: dict, proxy: str):
        self.name, self.address = item["metadata"]["name"], item["status"]["podIP"]
        url = item["metadata"]["annotations"]["openshell.io/proxy-url"]
        self._proxies = {(url.rpartition("@")[2].split(":")[0], PROXY_PORT), (proxy, PROXY_PORT)}
        self.found_open = self.answered = 0

    def marks(self, packets: list[Packet]) -> list[float]:
        """When its workload said that it runs."""
        return [p.at for p in packets if p.source == self.address and (p.target, p.target_port) == MARK
                and p.on_pods_link and not p.leaves]

    def wrong(self, packets: list[Packet]) -> list[str]:
        began = self.marks(packets)[0]
        return [f"{self.name} {verdict}: {p}" for p in packets if (verdict := self._judge(p, p.at < began))]

    def _judge(self, p: Packet, before: bool) -> str:
        """Of a packet from the pod or to it, `before` its workload began; "" where it is as it should be."""
        source, target = (p.source, p.source_port), (p.target, p.target_port)
        if p.source == self.address and p.on_pods_link and not p.leaves:
            return "sends" if before and not (p.protocol == "tcp" and target in self._proxies | {API}) else ""
        if p.source == self.address and p.leaves:
            return "" if p.protocol == "tcp" and target in self._proxies else "gets past the network"
        if p.target == self.address and p.on_pods_link and p.leaves and not p.refuses:
            self.answered += source in self._proxies
            self.found_open += before and source == API
            return "" if source in self._proxies or (before and source == API) else "is answered"
        return ""


class Capture(PairCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(world.cluster.enforce)
        world.cluster.enforce(LATE_S)

    def agents(self, wave: int) -> list[Agent]:
        items = json.loads(self.kubectl("get", "pods", "--output=json").stdout)["items"]
        proxies = {i["metadata"]["labels"].get("openshell.io/sandbox-id"): i["status"].get("podIP") for i in items
                   if i["metadata"]["labels"].get("openshell.io/sandbox-role") == "supervisor"}
        return [Agent(i, proxies[i["metadata"]["uid"]]) for i in items if i["metadata"]["labels"].get("wave") == str(wave)]

    def start(self, wave: int, count: int) -> None:
        app = container("python3", "-c", DIALLER)
        made = [pod(f"w{wave}-{i}", annotations=CHOICE, terminationGracePeriodSeconds=GRACE, containers=[app])
                for i in range(count)]
        for one in made:
            one["metadata"]["labels"]["wave"] = str(wave)
        self.apply(*made)
        waited = self.kubectl("wait", "--for=condition=Ready", "pod", f"--selector=wave={wave}", "--timeout=300s",
                              check=False)
        self.assertEqual(waited.returncode, 0, waited.stderr + self.kubectl("get", "events").stdout[-2000:])

    def played(self, wire: Wire, wave: int, count: int) -> list[Agent]:
        """That many pods, from their making to their end."""
        wire.forget()
        self.start(wave, count)
        agents = self.agents(wave)
        await_that("all dial", lambda: all(a.marks(wire.seen()) for a in agents))
        await_that("all are served", lambda: all("served 200" in self.kubectl("logs", a.name).stdout for a in agents))
        reached = [line for a in agents for line in self.kubectl("logs", a.name).stdout.splitlines() if "reached" in line]
        self.assertEqual(reached, [])
        deleted, grace = time.monotonic(), GRACE if wave == 0 else 1
        self.kubectl("delete", "pod", f"--selector=wave={wave}", f"--grace-period={grace}")
        packets = wire.seen()
        self.assertEqual(wire.lost(), 0)
        for agent in agents:
            self.assertEqual(agent.wrong(packets)[:5], [])
            self.assertGreater(agent.answered, 0)
            self.assertGreater(agent.marks(packets)[-1], deleted + grace - 1, "it ended before its time")
        return agents

    def test_from_its_first_packet_to_its_last_nothing_leaves_an_agent_pod_but_to_its_own_proxy(self):
        played, left = [], STARTS
        with Wire() as wire:
            while left:
                count = min(AT_ONCE, left)
                played += self.played(wire, len(played) // AT_ONCE, count)
                left -= count
        late = sum(a.found_open > 0 for a in played)
        print(f"      {len(played)} starts, {late} of them before the network was closed", flush=True)
        self.assertGreater(late, 0)
