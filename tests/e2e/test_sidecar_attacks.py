# SPDX-License-Identifier: Apache-2.0
"""Hostile containers of a pod in topology sidecar: workload, second container, init container, one that runs on, and
root without the privilege that admission refuses. Nothing leaves undecided, and the proxy is not touched."""
import os
import pathlib
import re
import unittest

from fixture import SandboxCase
from images import DEBIAN
from internet import HERE
from network import POD_ADDRESS
from rig import children, status
from sidecar_attacks import FLOOD, LEAVE, TOUCH
from sidecar_pod import OTHER, PROXY, SANDBOX, SIDECAR, SidecarRig, workload
from test_attacks import DOORS, LINE
from test_sidecar import POLICY, SLEEP

NET_INIT = "openshell-network-init"
ENVIRONMENT = {"ATTACK_HOST": f"{HERE}:80", "ATTACK_HOST6": "[2001:db8:1::1]:80",
               "ATTACK_FORBIDDEN": "/forbidden:/forbidden/file", "ATTACK_METADATA": "/forbidden/roots"}
# Names that nobody has asked for yet.
ASKING = POLICY.replace("endpoints: [", "endpoints: [{host: '*.wild.test', port: 443}, ")
# What these aim at is not in such a pod: files that the policy hides, combined's sockets and folder.
AIMLESS = r"unreadable_|abstract_|path_sockets|tcp4_pod_loopback|run_folder_"


def filled(program: str, rig: SidecarRig | None = None, seconds: float = 0) -> str:
    for key, value in (("HERE", HERE), ("POD", POD_ADDRESS), ("POD6", "2001:db8:1::2"), ("PROXY", str(PROXY)), ("SECONDS", str(seconds)),
                       ("TOKEN", rig.net.token if rig else "")):
        program = program.replace(f"@{key}@", value)
    return program


def python(name: str, program: str, **fields) -> dict:
    return workload(name, ["python3", "-c", program], DEBIAN, **fields)


class EveryAttack(SandboxCase):
    def hold_everywhere(self, identity: str, aimless: str) -> None:
        def attacker(name: str, uid: int, **fields) -> dict:
            values = ENVIRONMENT | {"ATTACK_TOKEN": "of nobody"}
            return workload(name, ["/attack", "all"], DEBIAN, uid, env=[
                {"name": key, "value": value} for key, value in values.items()], **fields)
        rig = SidecarRig(self, POLICY, [attacker("app", SANDBOX), attacker("second", OTHER)], self.addCleanup, identity,
                         [attacker("first", SANDBOX), attacker("beside", SANDBOX, restartPolicy="Always")])
        rig.start()
        for name in ("first", "beside", "app", "second"):
            verdicts = [LINE.match(line) for line in rig.pod.wait(name, 300).stdout.decode().splitlines()]
            self.assertGreater(len(verdicts), 200)
            absent = [v for v in verdicts if v[2] == "not tried" and (DOORS.match(v[1]) or re.match(aimless, v[1]))]
            with self.subTest(container=name):
                self.assertEqual([v[0] for v in verdicts if v[2] != "held" and v not in absent], [])
        with self.subTest(attack="by the capture"):
            self.assertEqual(rig.left(), [])
        self.assertTrue(rig.pod.running(SIDECAR))

    def test_it_holds_in_each_container_of_the_pod(self):
        self.hold_everywhere("required", AIMLESS)

    def test_it_holds_in_each_container_where_identity_is_relaxed(self):
        self.hold_everywhere("relaxed", AIMLESS + "|others_")  # Each container sees its own processes.


class AtTheProxy(SandboxCase):
    """One pod for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to run containers")
        try:
            cls.rig = SidecarRig(
                cls(), ASKING, [workload("app", SLEEP, DEBIAN), workload("second", SLEEP, DEBIAN, uid=OTHER)],
                cls.addClassCleanup, init_containers=[
                    python("first", TOUCH),
                    python("beside", TOUCH + "\nimport time; time.sleep(600)", restartPolicy="Always")])
            cls.rig.start()
        except BaseException:
            cls.doClassCleanups()
            raise
        cls.before = cls.proxys_processes()

    @classmethod
    def proxys_processes(cls) -> dict[int, tuple]:
        """What somebody could have changed of them, as the machine sees it."""
        parent = cls.rig.pod.pid(SIDECAR)
        return {pid: (pathlib.Path(f"/proc/{pid}/limits").read_text(), os.sched_getaffinity(pid),
                      os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid),
                      pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text(), status(pid)["TracerPid"],
                      status(pid)["State"][0] in "RS") for pid in (parent, *children(parent))}

    def assert_untouched(self, output: bytes) -> None:
        found, *worked = output.decode().splitlines()
        self.assertEqual(found, "3", output)
        self.assertEqual(worked, [])
        self.assertEqual(self.proxys_processes(), self.before)
        self.assertEqual(len(self.before), 3)

    def test_the_workload_does_not_get_at_it(self):
        self.assert_untouched(self.rig.run("app", "python3", "-c", TOUCH).stdout)

    def test_a_second_container_does_not(self):
        self.assert_untouched(self.rig.run("second", "python3", "-c", TOUCH, user=OTHER).stdout)

    def test_an_init_container_does_not(self):
        self.assert_untouched(self.rig.pod.output("first")[0])

    def test_an_init_container_that_runs_on_does_not(self):
        self.assert_untouched(self.rig.pod.output("beside")[0])

    def leave(self, user: int):
        """Outside of the confinement, so that the fence alone holds it."""
        program = filled(LEAVE, self.rig)
        return self.rig.pod.exec("app", ["python3", "-c", program], user=f"{user}:{user}", timeout=120)

    def test_nothing_leaves_past_the_fence_whoever_sends_it(self):
        for user in (0, SANDBOX, OTHER, 65534):
            with self.subTest(user=user):
                self.rig.left()
                self.rig.run("app", "curl", "-sS", "--max-time", "10", f"https://u{user}.wild.test/")
                # From a port that is tried below, and for the next user from one that was: it does not come back here.
                self.assertIn(f"udp {HERE} 53", self.rig.left())
                done = self.leave(user)
                self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)
                self.assertEqual(self.rig.left(), [])

    def test_the_proxys_user_would_get_out_so_that_no_container_may_be_it(self):
        self.rig.left()
        done = self.leave(PROXY)
        self.assertIn(f"udp {HERE}\n", done.stdout.decode())
        self.assertIn(f"udp {HERE} 443", self.rig.left())


class Racing(SandboxCase):
    def test_nothing_leaves_from_the_first_moment_on_nor_while_the_fence_is_made_anew(self):
        flood = filled(FLOOD, seconds=600)
        rig = SidecarRig(self, POLICY, [python("app", flood), python("second", flood, uid=OTHER)], self.addCleanup,
                         init_containers=[python("first", filled(FLOOD, seconds=1))])
        rig.start()
        for _ in range(3):  # As a kubelet does when the pod's sandbox was made anew.
            rig.pod.run_init(NET_INIT)
        rig.pod.kill(SIDECAR, "KILL")
        rig.pod.wait(SIDECAR)
        rig.restart_proxy()
        self.assertEqual(rig.left(), [])
        for name in ("first", "app", "second"):
            self.assertEqual(rig.pod.output(name)[0], b"")
        self.assertTrue(rig.pod.running("app") and rig.pod.running("second"))

    def test_who_takes_the_proxys_port_while_it_is_down_is_not_heard(self):
        rig = SidecarRig(self, POLICY, [workload("app", SLEEP, DEBIAN), python("second", (
            "import socket, time\n"
            "while True:\n"
            "    try:\n"
            "        s = socket.create_server(('127.0.0.1', 3128))\n"
            "        break\n"
            "    except OSError:\n"
            "        time.sleep(0.01)\n"
            "print('taken', flush=True)\n"
            "while True:\n"
            "    c = s.accept()[0]\n"
            "    c.sendall(b'HTTP/1.1 200 forged\\r\\n\\r\\n')\n"), uid=OTHER)], self.addCleanup)
        rig.start()
        rig.pod.kill(SIDECAR, "KILL")
        rig.pod.wait(SIDECAR)
        rig.pod.await_output("second", b"taken")
        done = rig.run("app", "curl", "-sv", "--max-time", "3", "http://api.test/")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn(b"forged", done.stdout + done.stderr)
