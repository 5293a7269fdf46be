# SPDX-License-Identifier: Apache-2.0
"""A hostile workload gets neither out of its sandbox nor at it, in any image.

tests/peers/attack performs each attack and judges it by its effect. The same attacks on the network
from a pod that is not sandboxed have to succeed, else it would be the test that holds them."""
import re

from fixture import SandboxCase, pod
from images import BUSYBOX, DEBIAN, SCRATCH
from netplay import Capture
from network import ABSTRACT, LOOPBACK_PORT, Outside
from pods import Outcome, Pod
from runner import machine_lacks

# What has to get out of a pod without a sandbox.
CONTROLS = ["tcp4_origin", "tcp6_origin", "tcp4_pod_loopback", "udp4_origin", "udp6_origin",
            "udp4_dns", "udp6_dns", "udp4_fragments", "udp4_from_an_orphan", "abstract_connect", "path_sockets",
            "setuid_program", "filecap_program", "forbidden_write", "unreadable_read"]
# Doors of the machine that a container need not have.
DOORS = re.compile(r"(dev|sys|sysctl|cgroup)_|sysrq_trigger|proc_kcore|tls_folder_create|policy_retarget")
UNREADABLE = "/unreadable:/unreadable/file"
SOCKET = "/run/openshell/test.sock"
LINE = re.compile(r"^([^:]+): (held|GOT OUT|not tried) \((.*)\)$")
EVERYTHING = "version: 1\n"
# The program that attacks is the one that may use the way out, for another place than it aims at.
WITH_A_WAY_OUT = """version: 1
network_policies:
  elsewhere:
    endpoints: [{host: elsewhere.test, port: 80, protocol: rest, access: full}]
    binaries: [{path: "/**"}]
"""
RESTRICTED = """version: 1
filesystem_policy:
  read_only: [/attack, /attack-suid, /attack-filecap, /opt, /proc, /sys, /etc, /forbidden]
  read_write: [/tmp, /dev/null]
"""


def environment(outside: Outside, unreadable: str) -> list[dict]:
    values = {
        "ATTACK_HOST": outside.host, "ATTACK_HOST6": outside.host6, "ATTACK_TOKEN": outside.token,
        "ATTACK_LOOPBACK": str(LOOPBACK_PORT), "ATTACK_ABSTRACT": ABSTRACT, "ATTACK_SOCKETS": SOCKET,
        "ATTACK_FORBIDDEN": "/forbidden:/forbidden/file",
        "ATTACK_UNREADABLE": unreadable,
        "ATTACK_METADATA": "/forbidden/roots",
    }
    return [{"name": name, "value": value} for name, value in values.items()]


class Attacks(SandboxCase):
    def attack(self, made: Pod, outside: Outside) -> tuple[Outcome, list[bytes]]:
        """How it ended, and the packets that left the pod."""
        captures = []

        def connect(pid: int) -> None:
            outside.plug(pid)
            outside.listen_inside(pid, str(made.volume("app", "/run/openshell") / "test.sock"))
            captures.append(Capture(f"/proc/{outside.pid}/ns/net", "pod"))
        made.start(connect)
        outcome = made.wait("app", 300)
        packets = captures[0].packets()
        captures[0].close()
        return outcome, packets

    def manifest(self, image: str, outside: Outside, names: list[str], mounts: dict[str, str],
                 unreadable: str = "") -> dict:
        return pod(image, ["/attack", *names], env=environment(outside, unreadable),
                   volumes=[{"name": name, "emptyDir": {}} for name in mounts],
                   volumeMounts=[{"name": name, "mountPath": path} for name, path in mounts.items()])

    def verdicts(self, outcome: Outcome) -> dict[str, tuple[str, str]]:
        lines = outcome.stdout.decode().splitlines()
        self.assertEqual([line for line in lines if not LINE.match(line)], [], outcome.stderr)
        return {line[1]: (line[2], line[3]) for line in map(LINE.match, lines)}

    def test_from_a_pod_without_a_sandbox_they_get_out(self):
        with Outside() as outside:
            manifest = self.manifest(SCRATCH, outside, CONTROLS, {
                "tmp": "/tmp", "run": "/run/openshell"}, UNREADABLE)
            manifest["spec"]["containers"][0]["securityContext"] = {"runAsUser": 1000}
            outcome, packets = self.attack(self.plain(manifest), outside)
        verdicts = self.verdicts(outcome)
        self.assertEqual(set(verdicts), set(CONTROLS))
        for name, (verdict, why) in verdicts.items():
            with self.subTest(attack=name):
                self.assertEqual(verdict, "GOT OUT", why)
        self.assertGreater(len(packets), 10, "the capture sees what leaves")

    def test_from_a_scratch_image_nothing_gets_out(self):
        self.all_hold(SCRATCH)

    def test_from_a_busybox_image_nothing_gets_out(self):
        self.all_hold(BUSYBOX)

    def test_from_a_debian_image_nothing_gets_out(self):
        self.all_hold(DEBIAN)

    def test_under_a_policy_for_files_nothing_gets_out_nor_is_read(self):
        self.all_hold(SCRATCH, RESTRICTED, UNREADABLE)

    def test_beside_a_way_out_by_policy_nothing_else_gets_out(self):
        outcome = self.all_hold(DEBIAN, WITH_A_WAY_OUT)
        self.assertIn(b'"egress":"http://', outcome.stderr)

    def test_on_a_kernel_with_the_first_landlock_nothing_gets_out(self):
        self.all_hold(SCRATCH, RESTRICTED, UNREADABLE, ["/old_landlock", "1", "--"])

    def all_hold(self, image: str, policy: str = EVERYTHING, unreadable: str = "",
                 around_agent: list[str] = ()) -> Outcome:
        with Outside() as outside:
            manifest = self.rendered(
                self.manifest(image, outside, ["all"], {"tmp": "/tmp"}, unreadable), policy)
            manifest["spec"]["containers"][0]["command"][:0] = around_agent
            outcome, packets = self.attack(self.play(manifest, policy), outside)
        with self.subTest(attack="by the capture"):
            self.assertEqual([p.hex() for p in packets], [])
        verdicts = self.verdicts(outcome)
        if not unreadable:  # The policy lets everything be read: nothing for these to try.
            verdicts = {n: v for n, v in verdicts.items() if not n.startswith("unreadable_")}
        absent = {n for n, v in verdicts.items() if v[0] == "not tried" and DOORS.match(n)}
        for name in verdicts.keys() - absent:
            with self.subTest(attack=name):
                self.assertEqual(verdicts[name][0], "held", verdicts[name][1])
        self.assertEqual(outcome.code, 0)
        self.assertGreater(len(verdicts), 200)
        with self.subTest(attack="on what is not here"):
            if absent:
                raise machine_lacks(f"what {len(absent)} attacks aim at: {', '.join(sorted(absent))}")
        return outcome
