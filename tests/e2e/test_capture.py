# SPDX-License-Identifier: Apache-2.0
"""Nothing leaves a pod undecided: each packet on its wire is explained by an event that allows it.

The wire is watched from before the pod's first container until after its last."""
import os
import signal
import time

from fixture import SandboxCase, events, pod
from images import DEBIAN
from judge import unexplained
from internet import HERE, Internet
from netplay import Capture
from proxy_world import wait_for
from rig import NAMES, UNVOUCHED, Rig
from test_attacks import environment
from test_reload import MOUNT, NOTHING, Volume

POLICY = """version: 1
network_policies:
  api:
    endpoints: [{host: api.test, port: 80, protocol: rest, access: read-only}]
    binaries: [{path: /usr/bin/curl}]
"""
# From its first instruction on it asks for what it may have, and for what it may not.
BUSY = ("while :; do curl -s -m 2 http://api.test/x -o /dev/null; curl -s -m 2 http://other.test/; "
        f"curl -s -m 1 --noproxy '*' http://{HERE}/; done & ")
# As many of that at a time, where a process ends in the middle of it.
LOAD = 8
# To no network at all and back. The last one is the first again.
CHANGES = 6
MOUNTS = {"volumes": [{"name": "tmp", "emptyDir": {}}],
          "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}


class EveryPacket(SandboxCase):
    def assert_explained(self, rig: Rig, *beside: str, loops: int = 1) -> None:
        """`beside`: containers that ran besides the workload's, in which so many `loops` were busy."""
        packets = rig.capture.packets(0.3)
        self.assertGreater(len(packets), 10, "what is allowed is seen")
        told = [event for container in ("app", *beside) for event in events(rig.pod.output(container)[1])[0]]
        # Each loop has one request at a time, which is told when it has been answered.
        self.assertEqual(unexplained(packets, told, NAMES, under_way=loops + len(beside)), [])
        self.assertEqual({r.get("host") for r in rig.net.arrived()}, {"api.test"})

    def rig(self, command: str, **more) -> Rig:
        net = Internet(NAMES, UNVOUCHED)
        return Rig(self, POLICY, ["bash", "-c", command], self.addCleanup, net=net,
                   env=environment(net, ""), **MOUNTS, **more)

    def test_while_everything_is_tried_is_explained(self):
        rig = self.rig(BUSY + "/attack all; code=$?; kill $!; exit $code")
        outcome = rig.pod.wait("app", 300)
        self.assertEqual(outcome.code, 0, outcome.stdout)
        self.assertIn(b"tcp4_beside_the_proxy: held (nothing but refusals)", outcome.stdout)
        self.assert_explained(rig)

    def test_while_the_first_process_is_stopped_is_explained(self):
        rig = self.rig(BUSY + "echo ready; wait")
        rig.pod.await_output("app", b"ready\n")
        init = rig.processes()["init"]
        os.kill(init, signal.SIGSTOP)
        time.sleep(2)
        self.assert_explained(rig)
        os.kill(init, signal.SIGCONT)

    def test_after_the_worker_or_the_helper_was_killed_under_load_is_explained(self):
        for part in ("worker", "helper"):
            with self.subTest(process=part):
                rig = self.rig(BUSY * LOAD + "echo ready; wait")
                wait_for(lambda r=rig: len(r.events("http.request")) > 10 * LOAD, "the load", 60)
                os.kill(rig.processes()[part], signal.SIGKILL)
                self.assertEqual(rig.pod.wait("app", 20).code, 125)
                self.assert_explained(rig, loops=LOAD)
                # Nothing is retried, and nothing was waiting to go out without them.
                self.assertEqual([packet.hex() for packet in rig.capture.packets(1)], [])

    def test_while_the_policy_changes_again_and_again_is_explained(self):
        rig = self.rig(BUSY + "echo ready; wait")
        rig.pod.await_output("app", b"ready\n")
        volume = Volume(rig.pod.volume("app", MOUNT))
        for turn in range(1, CHANGES + 1):
            volume.swap(NOTHING if turn % 2 else POLICY)
            wait_for(lambda n=turn: len(rig.events("policy.reloaded")) >= n, "the new policy", 20)
        self.assert_explained(rig)
        volume.swap(NOTHING)
        wait_for(lambda: len(rig.events("policy.reloaded")) > CHANGES, "the last policy", 20)
        rig.capture.packets(0.5)
        self.assertEqual([packet.hex() for packet in rig.capture.packets(2)], [])

    def test_of_init_containers_and_what_follows_them_is_explained(self):
        first = {"name": "first", "image": DEBIAN, "command": ["bash", "-c", BUSY + "sleep 3; kill $!"]}
        rig = self.rig(BUSY + "sleep 3; kill $!", init_containers=[first])
        self.assertEqual(rig.pod.wait("app", 30).code, 0)
        self.assert_explained(rig, "first")

    def test_of_a_pod_without_a_sandbox_is_not(self):
        with Internet(NAMES, UNVOUCHED) as net:
            made = self.plain(net.given_to_plain(pod(
                DEBIAN, ["bash", "-c", f"curl -s -m 2 http://{HERE}/; /attack udp4_fragments tcp4_origin "
                         "udp6_origin; exit 0"], env=environment(net, ""))))
            captures = []

            def connect(pid: int) -> None:
                net.plug(pid)
                captures.append(Capture(f"/proc/{net.pid}/ns/net", "pod"))
            made.start(connect)
            made.wait("app")
            odd = unexplained(captures[0].packets(0.3), [], NAMES)
            captures[0].close()
        for what in (f"protocol 6 to {HERE} 80", f"protocol 6 to {HERE} 8080", "protocol 17 to 192.0.2.1 443",
                     "protocol -1 to 192.0.2.1", "protocol 17 to 2001:db8:1::1"):
            self.assertTrue([line for line in odd if line.startswith(what)], what)
