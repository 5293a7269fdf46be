# SPDX-License-Identifier: Apache-2.0
"""Sidecar, played by podman: the proxy in a container of its own, workloads without any privilege."""

import json
import os
import signal
import time
import unittest

from fixture import AGENT_PATH, SandboxCase
from images import DEBIAN
from internet import HERE

from netplay import run
from rig import children, status
from sidecar_pod import OTHER, PROXY, SANDBOX, SIDECAR, SidecarRig, workload
from test_reload import MOUNT, PATIENCE_S, Volume

POLICY = """
version: 1
network_policies:
  api:
    endpoints: [{host: api.test, port: 443, protocol: rest, access: full}]
    binaries: [{path: /usr/bin/curl}]
"""
SLEEP = ["sleep", "600"]
SERVER = ("import socket; s = socket.create_server(('127.0.0.1', 7070)); "
          "[s.accept()[0].sendall(b'hello') for _ in iter(int, 1)]")
URL = "https://api.test/"
CURL = "curl -sS --max-time 10 -o /dev/null -w '%{http_code}' https://api.test/"


class Sidecar(SandboxCase):
    """One pod for all tests of the class that leave it as it was."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to run containers")
        try:
            cls.rig = SidecarRig(cls(), POLICY, [workload("app", SLEEP, DEBIAN),
                                                 workload("second", ["python3", "-c", SERVER], DEBIAN, uid=OTHER)],
                                 cls.addClassCleanup)
            cls.rig.start()
        except BaseException:
            cls.doClassCleanups()
            raise

    def curl(self, *options: str, container="app", user=SANDBOX) -> tuple[int, bytes, bytes]:
        done = self.rig.run(container, "curl", "-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}",
                            *options, URL, user=user)
        return done.returncode, done.stdout, done.stderr

    def test_an_allowed_program_gets_through_by_proxy_and_without(self):
        self.assertEqual(self.curl()[:2], (0, b"200"), self.rig.pod.output(SIDECAR))
        self.assertEqual(self.curl("--noproxy", "*")[:2], (0, b"200"), self.rig.pod.output(SIDECAR))
        self.assertEqual(self.curl(container="second", user=OTHER)[:2], (0, b"200"))

    def test_another_program_is_refused_by_name(self):
        program = ("import urllib.request as r; print(r.urlopen('https://api.test/', timeout=10).status)")
        done = self.rig.run("app", "python3", "-c", program)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("python3", {e.get("binary", "").rpartition("/")[2][:7]
                                  for e in self.rig.events(SIDECAR, "net.connect") if e["verdict"] == "deny"})

    def test_the_workload_has_no_privilege_and_is_confined(self):
        launcher = self.rig.pod.pid("app")
        for pid in (launcher, *children(launcher)):
            said = status(pid)
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(said[name], "0" * 16)
            self.assertEqual(said["NoNewPrivs"], "1")
            self.assertEqual(said["Uid"], " ".join([str(SANDBOX)] * 4))
        self.assertGreater(int(status(children(launcher)[0])["Seccomp_filters"]),
                           int(status(launcher)["Seccomp_filters"]))

    def test_the_proxys_parts_have_what_they_need_and_no_more(self):
        parent = self.rig.pod.pid(SIDECAR)
        held = {tuple(status(pid)[name] for name in ("Uid", "CapEff")) for pid in (parent, *children(parent))}
        self.assertEqual(held, {
            ("0 0 0 0", f"{1 << 5:016x}"),  # parent: KILL
            ("0 0 0 0", f"{1 << 2 | 1 << 19:016x}"),  # helper: DAC_READ_SEARCH, SYS_PTRACE
            (" ".join([str(PROXY)] * 4), "0" * 16)})

    def test_nothing_leaves_but_by_the_proxy(self):
        self.rig.left()
        for command in (
                "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('%s', 443))" % HERE,
                "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('169.254.169.254', 80))",
                "import socket; s = socket.create_connection(('%s', 80), 3); s.sendall(b'exfil')" % HERE,
                "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
                "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
                "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132).connect(('%s', 9))" % HERE,
                "import socket; s = socket.socket(); s.setsockopt(1, 36, 0x5000002)",
                "import os; os.setuid(%d)" % PROXY, "import os; os.setresuid(0, 0, 0)",
                "import os; os.unshare(0x10000000)"):
            with self.subTest(command):
                self.rig.run("app", "python3", "-c", command)
                self.assertEqual(self.rig.left(), [])

    def test_the_proxy_cannot_be_touched_nor_its_key_read(self):
        for command in ("for p in /proc/[0-9]*; do kill -9 ${p#/proc/}; done",
                        "cat /proc/[0-9]*/root/run/openshell-proxy/ca.pem", "cat /run/openshell-proxy/ca.pem"):
            done = self.rig.run("second", "sh", "-c", command, user=OTHER)
            self.assertNotIn(b"PRIVATE", done.stdout)
        self.assertTrue(self.rig.pod.running(SIDECAR))
        self.assertTrue(self.rig.pod.running("app"))
        self.assertEqual(self.curl()[:2], (0, b"200"))

    def test_the_proxys_private_ports_are_not_reached(self):
        for port in (15001, 15008, 15053, 15090):
            done = self.rig.run("app", "python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)")
            self.assertIn(b"Connection refused", done.stderr)

    def status(self, container: str = "app", user: int = SANDBOX):
        return self.rig.pod.exec(container, [AGENT_PATH, "status"], user=f"{user}:{user}")

    def test_status_tells_each_container_what_is_enforced(self):
        self.assertEqual(self.curl()[:2], (0, b"200"))
        for container, user in (("app", SANDBOX), ("second", OTHER)):
            done = self.status(container, user)
            told = json.loads(done.stdout)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual((told["topology"], told["process_enforcement"]), ("sidecar", "network-only"))
            live = told["live"]
            self.assertEqual((live["confined"], live["problem"], live["uid"], live["no_new_privs"],
                              live["capabilities_bounding"]), (True, "", user, True, "0" * 16))
            self.assertEqual(told["policy"]["sha256"],
                             self.rig.events(container, "sandbox.ready")[0]["policy_sha256"])
            self.assertGreater(told["landlock"]["abi"], 0)
            network = told["network"]
            self.assertEqual((network["egress"], network["fence"]["holds"], network["worker"]["ready"]),
                             ("proxy", True, True))

    def test_the_page_that_status_reads_is_the_proxys_alone_to_write(self):
        done = self.rig.run("app", "sh", "-c", "echo forged > /etc/openshell-tls/worker.live")
        self.assertNotEqual(done.returncode, 0)
        page = os.stat(self.rig.pod.volume(SIDECAR, "/etc/openshell-tls") / "worker.live")
        self.assertEqual((page.st_uid, page.st_mode & 0o777), (PROXY, 0o644))

    def test_containers_share_localhost(self):
        call = "import socket; print(socket.create_connection(('127.0.0.1', 7070), 3).recv(9))"
        self.assertEqual(self.rig.run("app", "python3", "-c", call).stdout, b"b'hello'\n")

    def looked_up(self) -> str:
        look_up = "import socket; print(socket.gethostbyname('api.test'))"
        return self.rig.run("app", "python3", "-c", look_up).stdout.decode().strip()

    def test_a_killed_proxy_lets_nothing_out_and_comes_back_with_its_authority(self):
        tls = self.rig.pod.volume(SIDECAR, "/etc/openshell-tls") / "openshell-ca.pem"
        authority = tls.read_text()
        self.assertEqual(self.curl()[:2], (0, b"200"))
        kept = self.looked_up()
        self.rig.pod.kill(SIDECAR, "KILL")
        self.rig.pod.wait(SIDECAR)
        self.rig.left()
        for _ in range(5):
            self.assertNotEqual(self.curl("--max-time", "2")[0], 0)
            self.assertNotEqual(self.curl("--max-time", "2", "--noproxy", "*")[0], 0)
        self.assertEqual(self.rig.left(), [])
        self.assertTrue(self.rig.pod.running("app"))
        while (done := self.status()).returncode == 0:  # For as long as its last page may be true.
            time.sleep(0.5)
        self.assertEqual((json.loads(done.stdout)["network"]["worker"]["ready"], done.returncode), (False, 1))
        self.assertIn(b"the proxy worker does not serve", done.stderr)
        self.rig.restart_proxy()
        self.assertEqual(tls.read_text(), authority)
        self.assertEqual(self.curl()[:2], (0, b"200"), self.rig.pod.output(SIDECAR))
        # An address that a program kept from before stands for no name any more, and so never for another.
        self.assertNotEqual(self.looked_up(), kept)
        self.assertNotEqual(self.curl("--noproxy", "*", "--resolve", f"api.test:443:{kept}")[0], 0)


class Reloaded(SandboxCase):
    # One connection past the proxy's port, which each answer shows to be the same.
    HELD = ("import http.client, time\n"
            "c = http.client.HTTPConnection('api.test', 80, timeout=10)\n"
            "c.connect()\n"
            "c.auto_open = 0\n"
            "while True:\n"
            "    c.request('GET', '/held')\n"
            "    r = c.getresponse()\n"
            "    r.read()\n"
            "    print(r.status, flush=True)\n"
            "    time.sleep(0.2)\n")

    @staticmethod
    def policy(*more: str) -> str:
        endpoints = "".join(f"      - {{host: {host}, port: 80, protocol: rest, access: read-only}}\n"
                            for host in ("api.test", *more))
        return (f"version: 1\nnetwork_policies:\n  some:\n    endpoints:\n{endpoints}"
                "    binaries: [{path: '/**'}]\n")

    def await_that(self, condition, what: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.05)

    def test_a_new_policy_holds_for_each_container_and_what_it_allows_stays_open(self):
        rig = SidecarRig(self, self.policy(), [workload("app", ["python3", "-c", self.HELD], DEBIAN),
                                               workload("second", SLEEP, DEBIAN, uid=OTHER)], self.addCleanup)
        rig.start()
        volume = Volume(rig.pod.volume(SIDECAR, MOUNT))

        def code(host: str) -> bytes:
            return rig.run("second", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10",
                           f"http://{host}/", user=OTHER).stdout

        def answers() -> list[bytes]:
            return rig.pod.output("app")[0].split()
        self.await_that(answers, "no answer")
        self.assertEqual(code("other.test"), b"403")
        for number, (text, want) in enumerate(((self.policy("other.test"), b"200"), (self.policy(), b"403")), 1):
            volume.swap(text)
            self.await_that(lambda: len(rig.events(SIDECAR, "policy.reloaded")) == number, "the policy is not taken")
            self.assertEqual(code("other.test"), want)
        before = len(answers())
        self.await_that(lambda: len(answers()) > before, "the connection did not stay")
        self.assertEqual(set(answers()), {b"200"})
        told = json.loads(rig.pod.exec("app", [AGENT_PATH, "status"], user=f"{SANDBOX}:{SANDBOX}").stdout)
        self.assertEqual(told["policy"]["sha256"], rig.events(SIDECAR, "policy.reloaded")[-1]["policy_sha256"])


class Ends(SandboxCase):
    """Pods whose end is looked at."""

    def rig_of(self, *workloads: dict, identity: str = "relaxed") -> SidecarRig:
        rig = SidecarRig(self, POLICY, list(workloads), self.addCleanup, identity)
        rig.start()
        return rig

    def test_a_fence_that_is_taken_away_ends_the_proxy_and_each_workload_with_the_reason(self):
        rig = self.rig_of(workload("app", SLEEP, DEBIAN), workload("second", SLEEP, DEBIAN, uid=OTHER),
                          identity="required")
        run("nsenter", f"--net={rig.network}", "nft", "flush", "ruleset")
        for name in ("app", "second", SIDECAR):
            outcome = rig.pod.wait(name)
            self.assertEqual(outcome.code, 125, name)
            self.assertIn("a datagram over IPv4 left", rig.events(name, "sandbox.failed")[0]["reason"])

    def test_nobody_comes_in_where_the_fence_is_gone_and_status_says_so(self):
        rig = self.rig_of(workload("app", SLEEP, DEBIAN))
        os.kill(rig.pod.pid("app"), signal.SIGSTOP)  # Else its own look may come first.
        self.addCleanup(os.kill, rig.pod.pid("app"), signal.SIGCONT)
        run("nsenter", f"--net={rig.network}", "nft", "delete", "table", "inet", "openshell")
        done = rig.run("app", "echo", "ran")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertTrue(done.stderr)
        told = rig.pod.exec("app", [AGENT_PATH, "status"], user=f"{SANDBOX}:{SANDBOX}")
        self.assertEqual((told.returncode, json.loads(told.stdout)["network"]["fence"]["holds"]), (1, False))
        self.assertIn(b"there is no fence", told.stderr)

    def test_the_container_ends_as_its_workload_does(self):
        rig = self.rig_of(workload("app", ["sh", "-c", f"{CURL}; exit 7"], DEBIAN))
        outcome = rig.pod.wait("app")
        self.assertEqual((outcome.code, outcome.stdout), (7, b"200"), (outcome.stderr, rig.pod.output(SIDECAR)))

    def test_it_does_not_start_where_the_fence_is_not(self):
        rig = SidecarRig(self, POLICY, [workload("app", ["echo", "ran"], DEBIAN)], self.addCleanup, "relaxed")
        rig.start_before_containers()
        run("nsenter", f"--net={rig.network}", "nft", "delete", "table", "inet", "openshell")
        rig.pod.start_container("app")
        outcome = rig.pod.wait("app")
        self.assertEqual((outcome.code, outcome.stdout), (125, b""))
        self.assertIn(b"a datagram over IPv4 left", outcome.stderr)

    def test_root_and_the_proxys_identity_are_refused(self):
        def others(pod: dict) -> None:
            for container, uid in zip(pod["spec"]["containers"], (PROXY, 0)):
                container["securityContext"] |= {"runAsUser": uid, "runAsGroup": uid, "runAsNonRoot": False}
        rig = SidecarRig(self, POLICY, [workload(name, ["echo", "ran"], DEBIAN) for name in ("app", "root")],
                         self.addCleanup, "relaxed", change=others)
        rig.start()
        for name, why in (("app", b"which is the proxy's"), ("root", b"started as root")):
            outcome = rig.pod.wait(name)
            self.assertEqual((outcome.code, outcome.stdout), (125, b""))
            self.assertIn(why, outcome.stderr)
