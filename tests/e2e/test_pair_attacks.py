# SPDX-License-Identifier: Apache-2.0
"""A hostile workload of topology proxy-pod, whose network others fence: it gets neither out but by its proxy, nor at
the sandbox."""
import re

import fixture
import images
from internet import HERE
from network import PORT
from test_attacks import DOORS, LINE
from test_pair import Cluster, PairCase, world_pod
from test_sidecar_attacks import AIMLESS

AIMED_AT = {"ATTACK_FORBIDDEN": "/forbidden:/forbidden/file", "ATTACK_METADATA": "/forbidden/roots",
            "ATTACK_HOST": f"{HERE}:{PORT}", "ATTACK_HOST6": f"[2001:db8:1::1]:{PORT}"}
# A datagram counts as sent once it is on the pod's wire; whether it came further is for the filter there to tell.
SENT = re.compile(r"send(to|msg)? succeeded")


class Attacks(PairCase):
    def test_every_attack_holds(self):
        cluster = Cluster(self.addCleanup)
        values = AIMED_AT | {"ATTACK_TOKEN": cluster.node.token}
        pair = cluster.pair(image=images.BUSYBOX, command=["/attack", "all"],
                            env=[{"name": name, "value": value} for name, value in values.items()])
        pair.fence()
        pair.start_proxy()
        devices = []
        pair.start_agent(watch=devices.append)
        verdicts = [LINE.match(line) for line in pair.agent.wait("app", 300).stdout.decode().splitlines()]
        self.assertGreater(len(verdicts), 200)
        absent = [v for v in verdicts if v[2] == "not tried" and (DOORS.match(v[1]) or re.match(AIMLESS + "|others_", v[1]))]
        sent = [v for v in verdicts if v[2] == "GOT OUT" and SENT.match(v[3])]
        self.assertEqual([v[0] for v in verdicts if v[2] != "held" and v not in absent + sent], [])
        self.assertEqual(cluster.node.passed(devices[0]), {"tcp"})
        self.assertEqual(cluster.node.arrived(), [])

    def test_from_a_pod_that_no_policy_selects_they_get_out(self):
        """Else it would be no fence that held them."""
        cluster = Cluster(self.addCleanup)
        values = AIMED_AT | {"ATTACK_TOKEN": cluster.node.token}
        plain = fixture.pod(images.BUSYBOX, ["/attack", "tcp4_origin", "udp4_origin", "udp6_origin"],
                            env=[{"name": name, "value": value} for name, value in values.items()])
        plain["spec"]["containers"][0]["securityContext"] = {"runAsUser": 1000}
        with world_pod(plain) as other:
            other.start(lambda pid: cluster.node.wire(pid, {"app": "other"}))
            verdicts = [LINE.match(line) for line in other.wait("app", 60).stdout.decode().splitlines()]
            self.assertEqual([v[2] for v in verdicts], ["GOT OUT"] * 3)
            self.assertGreaterEqual(cluster.node.passed(cluster.node.device()), {"tcp", "udp"})
