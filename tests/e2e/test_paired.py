# SPDX-License-Identifier: Apache-2.0
"""A proxy in a pod of its own, and a workload whose pod others fence: two network namespaces, with a packet filter
outside of the workload's in the place of NetworkPolicies. All of ours runs without privilege."""
import base64
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from fixture import OUT
from netplay import OUT4, POD4, Play, answer_tcp, become, enter, inside, run, tcp
from proxy_world import make_certificate, wait_for

_libc = ctypes.CDLL(None)
PR_CAPBSET_DROP = 24
LAST_CAPABILITY = int(pathlib.Path("/proc/sys/kernel/cap_last_cap").read_text())
PROXY_UID, SANDBOX_UID = 1337, 1000
PROXY, API, WEB = (OUT4, 3128), (OUT4, 6443), ("10.9.2.2", 80)
# What the platform wants closed as well.
MORE = (OUT4, 8080)
CREDENTIALS = "0b1c2d3e:s3cret-token"
URL = f"http://{CREDENTIALS}@{PROXY[0]}:{PROXY[1]}"
PAST = f"{API[0]}:{API[1]}"
POLICY = """
version: 1
network_policies:
  web:
    endpoints: [{host: 10.9.2.2, port: 80, protocol: rest, access: read-only, allowed_ips: [10.9.2.0/24]}]
"""
FILTER = """
table inet policies {{
  chain input {{
    type filter hook input priority 0; policy accept;
    iifname != "e0" accept
    ct state established accept
    meta l4proto ipv6-icmp accept
    ip daddr {proxy} tcp dport 3128 accept
    {verdict}
  }}
  chain forward {{ type filter hook forward priority 0; policy drop; }}
}}
"""


def make_authority(folder: pathlib.Path) -> None:
    """As the controller's Secret has it."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / "openshell-ca-key.pem", "-out", folder / "openshell-ca.pem", "-days", "30",
                    "-subj", "/CN=test", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext",
                    "keyUsage=critical,keyCertSign,cRLSign"], check=True, capture_output=True)
    (folder / "credentials").write_text(CREDENTIALS)


class Root:
    """A root folder as an image has it: our static program and what it reads."""

    def __init__(self, stack: contextlib.ExitStack, uid: int):
        self.uid = uid
        self.path = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.path.chmod(0o755)
        for folder in ("proc", "dev", "bin", "pairing", "opt/openshell", "etc/openshell-tls", "tmp"):
            (self.path / folder).mkdir(parents=True)
        for folder in ("opt/openshell", "etc/openshell-tls", "tmp"):
            (self.path / folder).chmod(0o777)
        shutil.copy(OUT / "openshell-agent", self.path)
        shutil.copy("/bin/busybox", self.path / "bin")
        os.symlink("busybox", self.path / "bin/sh")
        certificate, _ = make_certificate(self.path / "tmp", "origin.test")
        shutil.copy(certificate, self.path / "ca-bundle.pem")
        (self.path / "policy.yaml").write_text(POLICY)
        for mounted in ("proc", "dev"):
            run("mount", "--bind", f"/{mounted}", str(self.path / mounted))
            stack.callback(run, "umount", "--lazy", str(self.path / mounted))

    def start(self, netns: str, *command: str, **options) -> subprocess.Popen:
        """As a container that drops all capabilities."""
        def into():
            enter(netns)
            os.chroot(self.path)
            os.chdir("/")
            for capability in range(LAST_CAPABILITY + 1):
                _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
            become(self.uid)

        return subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=into, **options)


class Pods(Play):
    """The workload's pod, and an outside where proxy and API server are; the web is behind it."""

    def __init__(self):
        super().__init__(OUT / "driver_fence", v6=False)
        self.roots = contextlib.ExitStack()
        self._stack.callback(self.roots.close)
        self.web = self._namespace("web")
        web, out = os.path.basename(self.web), os.path.basename(self.outside)
        run("ip", "-n", web, "link", "add", "eth0", "type", "veth", "peer", "name", "w0", "netns", out)
        for name, device, address in ((web, "eth0", "10.9.2.2/24"), (out, "w0", "10.9.2.1/24")):
            run("ip", "-n", name, "link", "set", device, "up")
            run("ip", "-n", name, "addr", "add", address, "dev", device)
        for place in (API, MORE):
            self.serve(self.outside, 0, answer_tcp, self.listener(self.outside, *place))
        self.serve(self.web, 0, answer_http, self.listener(self.web, *WEB))

    def another(self) -> str:
        """A pod 10.9.3.1 beside, which reaches the web too."""
        made = self._namespace("another")
        name, web = os.path.basename(made), os.path.basename(self.web)
        run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "a0", "netns", web)
        run("ip", "-n", name, "link", "set", "lo", "up")
        for where, device, address in ((name, "eth0", "10.9.3.1/24"), (web, "a0", "10.9.3.2/24")):
            run("ip", "-n", where, "link", "set", device, "up")
            run("ip", "-n", where, "addr", "add", address, "dev", device)
        run("ip", "-n", name, "route", "add", "10.9.2.0/24", "via", "10.9.3.2")
        return made

    def policies(self, verdict: str | None) -> None:
        """None: none are enforced."""
        run("nsenter", f"--net={self.outside}", "nft", "flush ruleset")
        if verdict:
            subprocess.run(["nsenter", f"--net={self.outside}", "nft", "-f", "-"], check=True,
                           input=FILTER.format(proxy=PROXY[0], verdict=verdict), text=True)


def answer_http(listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")


def ask(place: tuple[str, int], head: str) -> bytes:
    with socket.create_connection(place, timeout=5) as s:
        s.sendall(head.replace("\n", "\r\n").encode())
        answer = b""
        while data := s.recv(65536):
            answer += data
    return answer


class Paired(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to make network namespaces")

    def setUp(self):
        self.pods = Pods()
        self.addCleanup(self.pods.close)
        self.pods.policies("drop")
        self.proxy_root = Root(self.pods.roots, PROXY_UID)
        pairing = self.proxy_root.path / "pairing"
        make_authority(pairing)
        for file in pairing.iterdir():
            file.chmod(0o440)
            os.chown(file, 0, PROXY_UID)
        self.root = Root(self.pods.roots, SANDBOX_UID)
        shutil.copy(pairing / "openshell-ca.pem", self.root.path / "ca.pem")
        (self.root.path / "ca.pem").chmod(0o644)

    def start_proxy(self, *options: str, identity: str = "relaxed", netns: str | None = None) -> subprocess.Popen:
        log = tempfile.TemporaryFile()
        self.addCleanup(log.close)
        process = self.proxy_root.start(
            netns or self.pods.outside, "/openshell-agent", "proxy", "--policy", "/policy.yaml", "--binary-identity", identity,
            "--pairing-dir", "/pairing", *options, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.proxy_log = log
        return process

    def serving_proxy(self, **how: str) -> subprocess.Popen:
        process = self.start_proxy(**how)
        wait_for(lambda: process.poll() is not None or "proxy.listening" in [e["event"] for e in self.proxy_events()],
                 "the proxy")
        self.assertIsNone(process.poll(), self.proxy_events())
        return process

    def proxy_events(self) -> list[dict]:
        self.proxy_log.seek(0)
        return [json.loads(line) for line in self.proxy_log.read().splitlines() if line]

    def refused_proxy(self, **how: str) -> str:
        self.assertEqual(self.start_proxy(**how).wait(20), 125)
        return self.proxy_events()[-1]["reason"]

    def get(self, *fields: str) -> bytes:
        head = "\n".join(["GET http://10.9.2.2/ HTTP/1.1", "Host: 10.9.2.2", *fields, "", ""])
        return inside(self.pods.pod, SANDBOX_UID, ask, PROXY, head)

    def fence_check(self, *options: str, past: str = PAST) -> tuple[int, list[dict]]:
        process = self.root.start(self.pods.pod, "/openshell-agent", "fence-check", "--proxy", URL, "--past", past,
                                  "--install", "/opt/openshell", "--tls-dir", "/etc/openshell-tls", "--ca", "/ca.pem",
                                  *options, stderr=subprocess.PIPE)
        _, log = process.communicate(timeout=60)
        self.assertNotIn(b"s3cret", log)
        return process.returncode, [json.loads(line) for line in log.splitlines()]

    def launch(self, *command: str, past: str = PAST) -> subprocess.Popen:
        process = self.root.start(self.pods.pod, "/openshell-agent", "launch", "--policy", "/policy.yaml", "--proxy", URL,
                                  "--past", past, "--", "/bin/busybox", *command, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    # --- the proxy ---

    def test_the_proxy_serves_who_names_its_credentials_and_nobody_else(self):
        self.serving_proxy()
        right = base64.b64encode(CREDENTIALS.encode()).decode()
        wrong = base64.b64encode(b"0b1c2d3e:another").decode()
        self.assertTrue(self.get(f"Proxy-Authorization: Basic {right}", "Connection: close").startswith(b"HTTP/1.1 200"))
        for fields in ((), (f"Proxy-Authorization: Basic {wrong}",), (f"Authorization: Basic {right}",),
                       (f"Proxy-Authorization: Basic {right}", f"Proxy-Authorization: Basic {right}")):
            with self.subTest(fields=fields):
                answer = self.get(*fields)
                self.assertTrue(answer.startswith(b"HTTP/1.1 407 "), answer)
                self.assertIn(b'\r\nProxy-Authenticate: Basic realm="openshell"\r\n', answer)
        connect = inside(self.pods.pod, SANDBOX_UID, ask, PROXY, "CONNECT 10.9.2.2:80 HTTP/1.1\nHost: 10.9.2.2:80\n\n")
        self.assertTrue(connect.startswith(b"HTTP/1.1 407 "), connect)
        self.assertNotIn("s3cret", json.dumps(self.proxy_events()))
        self.assertNotIn(right, json.dumps(self.proxy_events()))

    def test_the_proxy_decides_by_policy(self):
        self.serving_proxy()
        right = base64.b64encode(CREDENTIALS.encode()).decode()
        head = f"POST http://10.9.2.2/ HTTP/1.1\nHost: 10.9.2.2\nProxy-Authorization: Basic {right}\n\n"
        self.assertTrue(inside(self.pods.pod, SANDBOX_UID, ask, PROXY, head).startswith(b"HTTP/1.1 403"))

    def test_a_policy_that_tells_programs_apart_is_refused_unless_identity_is_relaxed(self):
        policy = self.proxy_root.path / "policy.yaml"
        apart = POLICY + "    binaries: [{path: /usr/bin/curl}]\n"
        right = base64.b64encode(CREDENTIALS.encode()).decode()
        policy.write_text(apart)
        self.assertIn("binary-identity: relaxed", self.refused_proxy(identity="required"))
        relaxed = self.serving_proxy()
        relaxed.kill()
        relaxed.wait()
        policy.write_text(POLICY)
        self.serving_proxy(identity="required")
        self.assertTrue(self.get(f"Proxy-Authorization: Basic {right}", "Connection: close").startswith(b"HTTP/1.1 200"))
        fresh = policy.with_name("fresh")
        fresh.write_text(apart)
        fresh.rename(policy)
        wait_for(lambda: "policy.reload_failed" in [e["event"] for e in self.proxy_events()], "the new policy's refusal")
        self.assertIn("`binaries`", next(e["reason"] for e in self.proxy_events() if e["event"] == "policy.reload_failed"))
        self.assertTrue(self.get(f"Proxy-Authorization: Basic {right}", "Connection: close").startswith(b"HTTP/1.1 200"))

    def test_the_proxy_is_ready_on_its_health_port(self):
        self.serving_proxy()
        answer = inside(self.pods.outside, 0, ask, (OUT4, 15090), "GET /readyz HTTP/1.1\nHost: x\nConnection: close\n\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)

    def test_a_proxy_that_is_told_to_stop_lets_what_is_under_way_end_while_the_next_one_serves(self):
        policy = "  bare:\n    endpoints: [{host: 10.9.2.2, port: 81, allowed_ips: [10.9.2.0/24]}]\n"
        (self.proxy_root.path / "policy.yaml").write_text(POLICY + policy)
        far = self.pods.listener(self.pods.web, WEB[0], 81)
        old = self.serving_proxy()
        near = self.pods.socket_in(self.pods.pod, socket.AF_INET, socket.SOCK_STREAM)
        near.settimeout(10)
        near.connect(PROXY)
        right = base64.b64encode(CREDENTIALS.encode()).decode()
        near.sendall(f"CONNECT 10.9.2.2:81 HTTP/1.1\r\nHost: 10.9.2.2:81\r\nProxy-Authorization: Basic {right}\r\n\r\n".encode())
        accepted, _ = far.accept()
        self.addCleanup(accepted.close)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += near.recv(1)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        old.terminate()
        wait_for(lambda: "proxy.draining" in [e["event"] for e in self.proxy_events()], "the drain")
        self.assertEqual(inside(self.pods.pod, SANDBOX_UID, ask, PROXY, "GET / HTTP/1.1\n\n"), "ECONNREFUSED")
        # At another address, as a pod's; in a cluster the Service leads to the one that is ready.
        new = self.pods.another()
        self.serving_proxy(netns=new)
        head = ("GET http://10.9.2.2/ HTTP/1.1\nHost: 10.9.2.2\nConnection: close\n"
                f"Proxy-Authorization: Basic {right}\n\n")
        self.assertTrue(inside(new, SANDBOX_UID, ask, ("10.9.3.1", 3128), head).startswith(b"HTTP/1.1 200"))
        for sender, receiver in ((near, accepted), (accepted, near)):
            sender.sendall(b"still here")
            self.assertEqual(receiver.recv(10, socket.MSG_WAITALL), b"still here")
        self.assertIsNone(old.poll())
        near.close()
        self.assertEqual(accepted.recv(1), b"")
        accepted.close()
        self.assertEqual(old.wait(20), 0)

    def test_the_proxy_refuses_a_pairing_that_others_may_read_or_that_is_not_whole(self):
        pairing = self.proxy_root.path / "pairing"
        for file, mode, reason in (("credentials", 0o444, "open to others"), ("openshell-ca-key.pem", 0o444, "open to others")):
            with self.subTest(file=file):
                (pairing / file).chmod(mode)
                self.assertIn(reason, self.refused_proxy())
                (pairing / file).chmod(0o440)
        (pairing / "credentials").write_text("no colon")
        self.assertIn("USER:PASSWORD", self.refused_proxy())
        (pairing / "credentials").unlink()
        self.assertIn("No such file", self.refused_proxy())

    # --- the fence ---

    def test_a_closed_pod_is_let_start_with_the_agent_and_its_trust(self):
        self.serving_proxy()
        self.pods.capture.packets()
        status, events = self.fence_check()
        self.assertEqual((status, events[-1]["event"], events[-1].get("past")), (0, "fence.ready", PAST), events)
        self.assertTrue(os.access(self.root.path / "opt/openshell/openshell-agent", os.X_OK))
        bundle = (self.root.path / "etc/openshell-tls/ca-bundle.pem").read_text()
        self.assertIn((self.root.path / "ca.pem").read_text(), bundle)
        self.assertEqual(bundle.count("BEGIN CERTIFICATE"), 2)

    def test_a_filter_that_answers_closes_as_well_as_one_that_drops(self):
        self.serving_proxy()
        for verdict in ("reject with tcp reset", "reject with icmpx port-unreachable", "reject with icmpx admin-prohibited"):
            with self.subTest(verdict=verdict):
                self.pods.policies("meta l4proto tcp " + verdict)
                self.assertEqual(self.fence_check()[0], 0)

    def test_a_pod_that_reaches_past_its_proxy_is_refused(self):
        self.serving_proxy()
        self.pods.policies(None)
        status, events = self.fence_check("--wait", "2")
        self.assertEqual((status, events[-1]["event"]), (124, "sandbox.refused"))
        self.assertIn("does not enforce NetworkPolicies", events[-1]["reason"])
        self.assertIn(PAST, events[-1]["reason"])

    def test_a_pod_that_reaches_one_of_several_places_is_refused_and_told_which(self):
        self.serving_proxy()
        self.pods.policies(f"ip daddr {MORE[0]} tcp dport {MORE[1]} accept\n    drop")
        self.assertEqual(self.fence_check()[0], 0)
        status, events = self.fence_check("--wait", "2", past=f"{PAST},10.9.2.9:1,{MORE[0]}:{MORE[1]}")
        self.assertEqual(status, 124)
        self.assertIn(f"a connection to {MORE[0]}:{MORE[1]}, past the proxy, came about", events[-1]["reason"])
        process = self.launch("sleep", "600", past=f"{PAST},{MORE[0]}:{MORE[1]}")
        self.assertEqual(process.wait(20), 125)
        self.assertIn(f"a connection to {MORE[0]}:{MORE[1]}, ".encode(), process.stderr.read())
        self.pods.policies("drop")
        self.assertEqual(self.fence_check(past=f"{PAST},10.9.2.9:1,{MORE[0]}:{MORE[1]}")[0], 0)

    def test_without_a_proxy_silence_is_enough_where_that_is_asked_for(self):
        def alone(*options: str) -> tuple[int, bytes]:
            process = self.root.start(self.pods.pod, "/openshell-agent", "fence-check", "--past", PAST, "--wait", "4", *options,
                                      stderr=subprocess.PIPE)
            _, log = process.communicate(timeout=30)
            return process.returncode, log

        self.assertEqual(alone("--alone")[0], 0)
        self.pods.policies(None)
        self.assertEqual(alone("--alone")[0], 124)
        for options in ((), ("--alone", "--proxy", URL)):
            status, log = alone(*options)
            self.assertEqual(status, 125)
            self.assertIn(b"one of --proxy and --alone", log)

    def test_a_pod_whose_proxy_does_not_answer_is_refused(self):
        status, events = self.fence_check("--wait", "2")
        self.assertEqual((status, events[-1]["event"]), (125, "sandbox.refused"))
        self.assertIn(f"{PROXY[0]}:{PROXY[1]} does not answer", events[-1]["reason"])

    def test_an_enforcer_that_is_late_is_waited_for(self):
        self.serving_proxy()
        self.pods.policies(None)
        process = self.root.start(self.pods.pod, "/openshell-agent", "fence-check", "--proxy", URL, "--past", PAST,
                                  stderr=subprocess.PIPE)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(1)
        self.pods.policies("drop")
        _, log = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, log)

    # --- the launcher ---

    def test_a_workload_runs_with_its_proxy_and_without_privilege(self):
        self.serving_proxy()
        process = self.launch("sh", "-c", "echo $HTTP_PROXY; busybox grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; "
                              "busybox wget -q -O - http://10.9.2.2/; exit 3")
        out, log = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 3, (out, log))
        self.assertEqual(out.split(), [URL.encode(), b"CapEff:", b"0" * 16, b"NoNewPrivs:", b"1", b"Seccomp:", b"2", b"ok"], log)
        self.assertNotIn(b"s3cret", log)

    def test_a_pod_that_opens_later_loses_its_workload(self):
        self.serving_proxy()
        self.pods.policies(None)
        process = self.launch("sleep", "600")
        self.assertEqual(process.wait(20), 125)
        self.assertIn(b"does not enforce NetworkPolicies", process.stderr.read())

    def test_a_proxy_that_is_away_leaves_the_workload_alone_and_is_told_once(self):
        process = self.launch("sleep", "4")
        out, log = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, (out, log))
        events = [json.loads(line) for line in log.splitlines() if line]
        self.assertEqual([e["event"] for e in events].count("fence.unproved"), 1, events)

    def test_signals_reach_the_workload_during_a_round(self):
        process = self.launch("sleep", "600")
        self.assertIn(b"sandbox.ready", process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 128 + signal.SIGTERM)

    def test_nothing_but_the_proxy_was_reached(self):
        self.serving_proxy()
        self.assertEqual(self.fence_check()[0], 0)
        self.assertEqual(inside(self.pods.pod, SANDBOX_UID, tcp, *API), "timeout")
        seen = {(p[16:20], int.from_bytes(p[22:24], "big")) for p in self.pods.capture.packets() if p[0] >> 4 == 4}
        self.assertEqual(seen, {(socket.inet_aton(PROXY[0]), PROXY[1]), (socket.inet_aton(API[0]), API[1])}, POD4)


if __name__ == "__main__":
    unittest.main()
