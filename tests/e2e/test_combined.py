# SPDX-License-Identifier: Apache-2.0
"""What leaves a sandbox with egress is what its policy allows, and nothing else.

Real pods on a wire of their own. At its other end there are servers that write down what arrived, and
a packet socket that sees every frame: what was not decided must not be among them."""
import ipaddress
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

from fixture import AGENT_PATH, SandboxCase
from internet import BARE_PORT, HERE, METADATA, PUBLIC
from network import PORT, inside
from rig import PROXY, SANDBOX, Rig, status

POD, POD6, HERE6 = "198.51.100.2", "2001:db8:1::2", "2001:db8:1::1"
POLICY = f"""version: 1
network_policies:
  api:
    endpoints:
      - {{host: api.test, port: 80, protocol: rest, access: read-only}}
      - {{host: api.test, port: 443, protocol: rest, rules: [{{allow: {{method: GET, path: /repos/**}}}}]}}
      - {{host: raw.test, port: {BARE_PORT}}}
      - {{host: liar.test, port: 443, protocol: rest, access: full}}
      - {{host: sealed.test, port: 443, tls: skip}}
      - {{host: "*.wild.test", port: 80, protocol: rest, access: read-only}}
    binaries: [{{path: /usr/bin/curl}}]
  python:
    endpoints:
      - {{host: python.test, port: 80, protocol: rest, access: full}}
      - {{host: python.test, port: 443, protocol: rest, access: full}}
    binaries: [{{path: /usr/bin/python3*}}]
"""
# In the sandbox: answers on TCP 8080 and UDP 5353 as declared, and on 8081, which is not.
SERVER = """\
import socket, threading
def tcp(port, family=socket.AF_INET6):
    s = socket.create_server(("::", port), family=family, dualstack_ipv6=True)
    while True:
        c, peer = s.accept(); c.sendall(b"inside %d %s" % (port, peer[0].encode())); c.close()
def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", port))
    while True:
        _, peer = s.recvfrom(100); s.sendto(b"inside %d" % port, peer)
for f, p in ((tcp, 8080), (tcp, 8081), (udp, 5353)):
    threading.Thread(target=f, args=(p,), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""
PYTHON_GET = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"


class Shared(SandboxCase):
    """Tests that use one pod, as none of them changes it."""

    policy: str | None = POLICY
    command = ["python3", "-c", SERVER]
    fields = {"ports": [{"containerPort": 8080}, {"containerPort": 5353, "protocol": "UDP"}]}
    rig: Rig

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rig = Rig(cls(), cls.policy, cls.command, cls.addClassCleanup, **cls.fields)
        cls.rig.pod.await_output("app", b"ready\n")

    def setUp(self):
        self.rig.net.arrived()
        self.rig.left()

    def assert_nothing_left(self):
        self.assertEqual((self.rig.left(), self.rig.net.arrived()), ([], []))

    def requests(self) -> list[tuple]:
        """Method, scheme and path of what reached the web servers."""
        return [(r["method"], r["scheme"], r["path"]) for r in self.rig.net.arrived() if "method" in r]


class Allowed(Shared):
    def test_a_request_that_the_policy_allows_is_answered(self):
        for url, path in (("http://api.test/x?y=1", "/x?y=1"), ("https://api.test/repos/a", "/repos/a")):
            with self.subTest(url=url):
                code, out, complaint = self.rig.curl(url)
                self.assertEqual(code, 0, complaint)
                self.assertEqual(json.loads(out)["token"], self.rig.net.token)
                self.assertEqual(self.requests(), [("GET", url.partition(":")[0], path)])

    def test_only_the_proxys_own_packets_are_on_the_wire(self):
        self.assertEqual(self.rig.curl("https://api.test/repos/a")[0], 0)
        self.assertEqual(set(self.rig.left()) - {f"udp {HERE} 53"}, {f"tcp {HERE} 443"})

    def test_python_finds_proxy_and_authority_in_its_environment(self):
        for url in ("http://python.test/a", "https://python.test/b"):
            with self.subTest(url=url):
                done = self.rig.run("python3", "-c", PYTHON_GET, url)
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                self.assertEqual(json.loads(done.stdout)["token"], self.rig.net.token)

    def test_an_endpoint_without_a_protocol_carries_any_bytes(self):
        done = self.rig.run("curl", "-sS", "--max-time", "10", "-p", "--http0.9", f"http://raw.test:{BARE_PORT}/")
        self.assertEqual(done.stdout.decode().strip(), self.rig.net.token, done.stderr)

    def test_tls_that_is_skipped_is_the_servers_own_all_the_way(self):
        for host, issuer in (("api.test", "OpenShell"), ("sealed.test", "private root")):
            with self.subTest(host=host):
                code, _, complaint = self.rig.curl(f"https://{host}/repos/a", "-v")
                self.assertEqual(code, 0, complaint)
                self.assertRegex(complaint.decode(), f"issuer: .*CN={issuer}")

    def test_a_wildcard_reaches_a_public_address(self):
        code, out, complaint = self.rig.curl("http://public.wild.test/")
        self.assertEqual(code, 0, complaint)
        self.assertEqual(json.loads(out)["token"], self.rig.net.token)

    def test_decisions_are_events(self):
        self.rig.curl("https://api.test/repos/told")
        told = [e for e in self.rig.events("http.request") if e.get("path") == "/repos/told"]
        self.assertEqual(len(told), 1)
        wanted = {"verdict": "allow", "host": "api.test", "port": 443, "method": "GET", "policy": "api",
                  "binary": "/usr/bin/curl", "status": 200}
        self.assertEqual({k: told[0].get(k) for k in wanted}, wanted)


class Bursts(Shared):
    CONNECTIONS = 1000
    # All are connected before the first asks; each prints what it is told.
    BURST = """\
import os, resource, selectors, socket, sys
n = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (n + 64,) * 2)
proxy = os.environ["HTTP_PROXY"].split("//")[1].split(":")
socks = [socket.create_connection((proxy[0], int(proxy[1]))) for _ in range(n)]
for s in socks:
    s.sendall(b"GET http://nobody.test/ HTTP/1.1\\r\\nHost: nobody.test\\r\\n\\r\\n")
for s in socks:
    s.settimeout(60)
    data = b""
    while more := s.recv(65536):
        data += more
    print(data.split(b" ")[1].decode(), b"not known" in data or b"not found" in data)
"""

    def test_a_thousand_connections_at_once_are_all_identified_and_decided(self):
        done = self.rig.run("python3", "-c", self.BURST, str(self.CONNECTIONS), seconds=120)
        answers = done.stdout.decode().split("\n")[:-1]
        self.assertEqual((len(answers), set(answers)), (self.CONNECTIONS, {"403 False"}), done.stderr)


class Refused(Shared):
    def assert_denied(self, answer: tuple[int, bytes, bytes], error: str, **fields) -> dict:
        code, out, complaint = answer
        self.assertEqual(code, 0, complaint)
        body = json.loads(out)
        self.assertEqual({"error": body["error"], **{k: body[k] for k in fields}},
                         {"error": error, **fields})
        return body

    def status_of(self, *argv: str) -> str:
        return self.rig.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{http_connect}",
                            *argv).stdout.decode()

    def test_another_method_is_answered_with_403_and_the_rule_that_is_missing(self):
        for url, path in (("http://api.test/x", "/x"), ("https://api.test/repos/x", "/repos/x")):
            with self.subTest(url=url):
                body = self.assert_denied(self.rig.curl(url, "-X", "DELETE"), "policy_denied", policy="api",
                                          rule=f"DELETE {path}", method="DELETE", layer="l7", host="api.test")
                self.assertEqual(body["rule_missing"]["method"], "DELETE")
                self.assertEqual(self.status_of("-X", "DELETE", url).split()[0], "403")
                self.assertEqual(self.requests(), [])

    def test_another_path_is_refused(self):
        self.assert_denied(self.rig.curl("https://api.test/secrets"), "policy_denied", path="/secrets")
        self.assert_denied(self.rig.curl("https://api.test/repos/../secrets", "--path-as-is"),
                           "policy_denied", path="/secrets")
        self.assertEqual(self.requests(), [])

    def test_another_host_is_refused_and_its_name_is_never_looked_up(self):
        self.assert_denied(self.rig.curl("http://other.test/"), "policy_denied", host="other.test")
        self.assertEqual(self.status_of("https://other.test/"), "000 403")
        self.assert_nothing_left()

    def test_another_port_of_the_same_host_is_refused(self):
        self.assert_denied(self.rig.curl(f"http://api.test:{PORT}/"), "policy_denied", port=PORT)
        self.assert_nothing_left()

    def test_an_address_in_place_of_the_name_is_refused(self):
        self.assert_denied(self.rig.curl(f"http://{HERE}/"), "policy_denied", host=HERE)
        self.assert_denied(self.rig.curl(f"http://{HERE}/", "-H", "Host: api.test"),
                           "request_authority_mismatch")
        self.assert_nothing_left()

    def test_another_program_is_refused(self):
        self.assert_denied(self.rig.curl("http://python.test/"), "policy_denied", binary="/usr/bin/curl")
        done = self.rig.run("python3", "-c", PYTHON_GET, "http://api.test/x")
        self.assertIn(b"403", done.stderr)
        self.assert_nothing_left()

    def test_a_copy_of_an_allowed_program_is_another_program(self):
        self.rig.run("cp", "/usr/bin/curl", "/tmp/curl")
        done = self.rig.run("/tmp/curl", "-sS", "--max-time", "10", "http://api.test/x")
        self.assertEqual(json.loads(done.stdout)["binary"], "/tmp/curl", done.stderr)
        self.assert_nothing_left()

    def test_a_link_is_the_program_that_it_leads_to(self):
        self.rig.run("ln", "-sf", "/usr/bin/curl", "/tmp/link-to-curl")
        done = self.rig.run("/tmp/link-to-curl", "-sS", "--max-time", "10", "http://api.test/x")
        self.assertEqual(json.loads(done.stdout)["token"], self.rig.net.token, done.stderr)
        self.rig.net.arrived()
        self.rig.left()
        done = self.rig.run("bash", "-c", "exec -a /usr/bin/curl python3 -c \"$0\" http://api.test/x", PYTHON_GET)
        self.assertIn(b"403", done.stderr)
        self.assert_nothing_left()

    def test_names_that_lead_inwards_are_refused(self):
        for host in ("loopback", "metadata", "private", "mixed"):
            with self.subTest(host=host):
                self.assert_denied(self.rig.curl(f"http://{host}.wild.test/"), "ssrf_denied")
                self.assertEqual(self.requests(), [])
                self.assertEqual([x for x in self.rig.left() if not x.endswith(" 53")], [])

    def test_what_does_not_exist_and_what_cannot_be_verified_are_failures_with_a_reason(self):
        self.assert_denied(self.rig.curl("http://absent.wild.test/"), "name_not_resolved")
        self.assert_denied(self.rig.curl("https://liar.test/"), "upstream_tls_failed", host="liar.test")
        self.assertEqual(self.requests(), [])

    def test_a_direct_connection_is_refused_and_reported(self):
        for address in (HERE, HERE6, METADATA, PUBLIC):
            with self.subTest(to=address):
                url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
                self.assert_denied(self.rig.curl(url, "--noproxy", "*"), "policy_denied", host=address)
                self.assert_nothing_left()
                wanted = {"verdict": "deny", "host": address, "port": 80, "binary": "/usr/bin/curl"}
                self.assertIn(wanted, [{k: e.get(k) for k in wanted} for e in self.rig.events("net.connect")])

    def await_bypass(self, protocol: str, host: str, port: int) -> None:
        until = time.monotonic() + 3
        wanted = {"protocol": protocol, "host": host, "port": port, "uid": SANDBOX}
        while time.monotonic() < until:
            if any({k: e.get(k) for k in wanted} == wanted for e in self.rig.events("net.bypass")):
                return
            time.sleep(0.1)
        self.fail(f"no event tells of {wanted}: {self.rig.events('net.bypass')}")

    def test_no_datagram_leaves(self):
        send = ("import socket,sys\nfor a in sys.argv[1:]:\n"
                " s=socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET,socket.SOCK_DGRAM)\n"
                " try: s.sendto(b'x'*40,(a,5353)); print('sent')\n"
                " except OSError as e: print(e.errno)\n")
        done = self.rig.run("python3", "-c", send, HERE, HERE6, PUBLIC, METADATA, "224.0.0.1", "ff02::1")
        self.assertNotIn(b"sent", done.stdout)
        self.assertEqual(len(done.stdout.split()), 6, done.stderr)
        self.assert_nothing_left()
        self.await_bypass("udp", HERE, 5353)

    def test_neither_a_lookup_nor_a_ping_leaves(self):
        done = self.rig.run("getent", "hosts", "other.test", seconds=60)
        self.assertNotEqual(done.returncode, 0)
        ping = ("import socket\nfor f,p in ((socket.AF_INET,1),(socket.AF_INET6,58)):\n"
                " for k in (socket.SOCK_RAW,socket.SOCK_DGRAM):\n"
                "  try: socket.socket(f,k,p); print('opened')\n"
                "  except OSError: pass\n")
        self.assertEqual(self.rig.run("python3", "-c", ping).stdout, b"")
        self.assert_nothing_left()


class Inbound(Shared):
    def ask(self, address: str, port: int, kind=socket.SOCK_STREAM) -> str:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        code = ("import socket,sys\ns=socket.socket(int(sys.argv[1]),int(sys.argv[2]))\ns.settimeout(2)\n"
                "s.connect((sys.argv[3],int(sys.argv[4])))\n"
                "s.type==socket.SOCK_DGRAM and s.send(b'?')\nprint(s.recv(100).decode())\n")
        done = subprocess.run(["nsenter", f"--net=/proc/{self.rig.net.pid}/ns/net", "python3", "-c", code,
                               str(int(family)), str(int(kind)), address, str(port)],
                              capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]

    def test_a_declared_port_answers_on_the_pods_address(self):
        self.assertRegex(self.ask(POD, 8080), rf"^inside 8080 .*{HERE}$")
        self.assertEqual(self.ask(POD, 5353, socket.SOCK_DGRAM), "inside 5353")

    def test_a_declared_port_answers_on_the_pods_ipv6_address(self):
        self.assertRegex(self.ask(POD6, 8080), "^inside 8080")

    def test_an_undeclared_port_does_not(self):
        for address in (POD, POD6):
            for port in (8081, 3128, 22):
                with self.subTest(to=f"{address} {port}"):
                    self.assertIn("ConnectionRefusedError", self.ask(address, port))

    def test_the_link_is_not_reached_from_outside(self):
        proxy = json.loads(self.rig.pod.exec("app", [AGENT_PATH, "status"]).stdout)["network"]["proxy"]
        address = proxy.split("/")[2].split(":")[0]
        link = ipaddress.ip_network(f"{address}/30", strict=False)
        inside(str(self.rig.net.pid), "ip", "route", "replace", str(link), "via", POD)
        pods_end, workloads_end = map(str, link.hosts())
        # A declared port is declared on each address of the pod, this one too.
        for to, port in ((pods_end, 3128), (pods_end, 8081), (workloads_end, 3128),
                         (workloads_end, 8080), (workloads_end, 8081)):
            with self.subTest(to=f"{to} {port}"):
                answer = self.ask(to, port)
                self.assertTrue(answer.startswith(("TimeoutError", "ConnectionRefusedError")), answer)


class Processes(Shared):
    def test_each_has_its_own_identity_and_no_more_than_it_needs(self):
        kill, helper = f"{1 << 5:016x}", f"{1 << 19 | 1 << 2:016x}"
        none = "0" * 16
        parts = self.rig.processes()
        self.assertEqual(set(parts), {"init", "workload", "worker", "helper"})
        for part, uid, caps, filters in (("init", 0, kill, 1), ("workload", SANDBOX, none, 2),
                                         ("worker", PROXY, none, 2), ("helper", 0, helper, 2)):
            with self.subTest(process=part):
                seen = status(parts[part])
                self.assertEqual(seen["Uid"], " ".join([str(uid)] * 4))
                self.assertEqual(seen["Gid"], " ".join([str(uid)] * 4))
                self.assertEqual((seen["CapEff"], seen["CapPrm"]), (caps, caps))
                self.assertEqual((seen["CapInh"], seen["CapAmb"]), (none, none))
                if part != "init":
                    self.assertEqual(seen["CapBnd"], none)
                self.assertEqual((seen["NoNewPrivs"], seen["Seccomp"], seen["Seccomp_filters"]),
                                 ("1", "2", str(filters)))

    def test_the_worker_has_only_sockets_and_what_it_waits_with(self):
        worker = self.rig.processes()["worker"]
        kinds = {os.readlink(f).split(":[")[0] for f in pathlib.Path(f"/proc/{worker}/fd").iterdir()}
        kinds -= {"socket", "anon_inode:[eventpoll]", "anon_inode:[signalfd]", "pipe", "/dev/null"}
        self.assertEqual({k.partition(":")[0] if k.startswith("anon") else k for k in kinds} - {"anon_inode"}, set())

    def test_the_workload_is_in_a_network_of_its_own_and_the_others_in_the_pods(self):
        parts = self.rig.processes()
        networks = {part: os.readlink(f"/proc/{pid}/ns/net") for part, pid in parts.items()}
        self.assertNotEqual(networks["workload"], networks["init"])
        self.assertEqual(len({networks[p] for p in ("init", "worker", "helper")}), 1)

    def test_the_workload_cannot_touch_them(self):
        for part in ("1", "2", "3", "4"):
            done = self.rig.run("bash", "-c", f"kill -9 {part}")
            self.assertTrue(self.rig.pod.running("app"))
            if part != "4":
                self.assertNotEqual(done.returncode, 0)

    def test_status_tells_the_way_out(self):
        done = self.rig.pod.exec("app", [AGENT_PATH, "status"])
        network = json.loads(done.stdout)["network"]
        self.assertEqual((done.returncode, network["egress"], network["binary_identity"]), (0, "proxy", True))


class Entered(Shared):
    """What `exec` and `shell` start is confined as the workload is."""

    CONFINED = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
                "Seccomp_filters")

    def assert_confined(self, text: bytes) -> None:
        entered = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        workload = status(self.rig.processes()["workload"])
        self.assertEqual({k: " ".join(entered[k].split()) for k in self.CONFINED},
                         {k: workload[k] for k in self.CONFINED})

    def test_a_command_has_the_identity_and_filters_of_the_workload(self):
        self.assert_confined(self.rig.run("cat", "/proc/self/status").stdout)

    def test_a_shell_has_them_too(self):
        shell = self.rig.pod.exec("app", ["sh", "-c", f"echo cat /proc/self/status | {AGENT_PATH} shell"])
        self.assert_confined(shell.stdout)

    def test_it_is_in_the_workloads_namespaces(self):
        workload = self.rig.processes()["workload"]
        for kind in ("net", "mnt", "pid", "user", "ipc", "uts"):
            self.assertEqual(self.rig.run("readlink", f"/proc/self/ns/{kind}").stdout.decode().strip(),
                             os.readlink(f"/proc/{workload}/ns/{kind}"))

    def test_its_proxy_variables_are_the_workloads(self):
        entered = self.rig.run("env").stdout.splitlines()
        workload = pathlib.Path(f"/proc/{self.rig.processes()['workload']}/environ").read_bytes().split(b"\0")
        named = [{v for v in env if b"PROXY" in v.split(b"=")[0].upper() or b"_CA" in v.split(b"=")[0]}
                 for env in (entered, workload)]
        self.assertEqual(named[0], named[1])
        self.assertGreater(len(named[0]), 8)

    def test_it_may_no_more_than_the_workload(self):
        for argv in (["unshare", "-n", "true"], ["touch", "/etc/x"], ["cat", "/run/openshell/status.json"],
                     ["bash", "-c", "kill -9 1"], ["mount", "-t", "tmpfs", "x", "/mnt"]):
            with self.subTest(argv=argv):
                self.assertNotEqual(self.rig.run(*argv).returncode, 0)


class Operators(Shared):
    """What those who run the pod see of it: metrics and health on its address, and `status`."""

    METRICS = 15090

    def fetch(self, path: str, address: str = POD) -> tuple[int, str]:
        host = f"[{address}]" if ":" in address else address
        done = subprocess.run(["nsenter", f"--net=/proc/{self.rig.net.pid}/ns/net", "curl", "-q", "-sS", "-m", "5",
                               "--noproxy", "*", "-w", "%{stderr}%{http_code}", f"http://{host}:{self.METRICS}{path}"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stderr), done.stdout

    def metric(self, name: str) -> int:
        lines = self.fetch("/metrics")[1].splitlines()
        return next(int(line.split()[-1]) for line in lines if line.startswith(f"openshell_proxy_{name} "))

    def network(self) -> dict:
        return json.loads(self.rig.pod.exec("app", [AGENT_PATH, "status"]).stdout)["network"]

    def test_health_answers_on_the_pods_addresses(self):
        for address in (POD, POD6):
            self.assertEqual(self.fetch("/healthz", address), (200, "ok\n"))
            self.assertEqual(self.fetch("/readyz", address), (200, "ready\n"))
        self.assertEqual(self.fetch("/")[0], 404)

    def test_the_workload_reaches_neither(self):
        proxy = self.network()["proxy"].split("/")[2].split(":")[0]
        for address in (POD, f"[{POD6}]", proxy, "127.0.0.1"):
            done = self.rig.run("curl", "-sS", "-m", "3", "--noproxy", "*", f"http://{address}:{self.METRICS}/metrics")
            self.assertNotIn(b"openshell_", done.stdout)
            if address == "127.0.0.1":
                self.assertNotEqual(done.returncode, 0)
            else:
                self.assertIn(b"policy_denied", done.stdout)
        for address in (POD, proxy):
            done = self.rig.run("curl", "-sS", "-m", "3", f"http://{address}:{self.METRICS}/metrics")
            self.assertIn(b"policy_denied", done.stdout)

    def test_idle_connections_do_not_keep_a_probe_out(self):
        idle = subprocess.Popen(
            ["nsenter", f"--net=/proc/{self.rig.net.pid}/ns/net", "python3", "-c",
             "import socket,sys\ns=[socket.create_connection((sys.argv[1],15090)) for _ in range(64)]\n"
             "print(flush=True)\nsys.stdin.read()", POD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        idle.stdout.readline()
        self.assertEqual(self.fetch("/healthz"), (200, "ok\n"))
        idle.communicate()

    def test_what_is_decided_is_counted(self):
        names = ('decisions_total{kind="request",verdict="allow"}', 'decisions_total{kind="connect",verdict="deny"}',
                 'refusals_total{error="policy_denied"}', "connections_total", "identity_answered_total")
        before = [self.metric(n) for n in names]
        self.rig.curl("http://api.test/repos/counted")
        self.rig.curl("https://other.test/")
        after = [self.metric(n) for n in names]
        self.assertEqual([b - a for a, b in zip(before, after)], [1, 1, 1, 2, 2])
        before = self.metric('bypass_reports_total{told="yes"}')
        self.rig.run("python3", "-c", f"import socket; socket.socket(2, 2).sendto(b'x', ('{HERE}', 5353))")
        self.await_true(lambda: self.metric('bypass_reports_total{told="yes"}') > before)

    def await_true(self, condition) -> None:
        until = time.monotonic() + 5
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)

    def test_status_shows_what_the_proxy_does_and_when_the_fence_was_proved(self):
        before = self.network()
        self.assertTrue(before["fence"]["holds"] and before["worker"]["ready"], before)
        self.assertLess(before["fence"]["proved_ms_ago"], 30000)
        self.assertEqual(before["worker"]["limits"]["conns"], 4096)
        self.rig.curl("https://other.test/")
        self.await_true(lambda: self.network()["worker"]["connects"]["denied"] ==
                        before["worker"]["connects"]["denied"] + 1)
        self.assertGreater(self.network()["worker"]["refusals"]["policy_denied"], 0)

    def test_status_notices_a_worker_that_is_stuck(self):
        worker = self.rig.processes()["worker"]
        os.kill(worker, signal.SIGSTOP)
        try:
            self.await_stuck()
        finally:
            os.kill(worker, signal.SIGCONT)
        done = self.rig.pod.exec("app", [AGENT_PATH, "status", "--wait-ready", "--timeout", "20"])
        self.assertEqual(done.returncode, 0, done.stderr)

    def await_stuck(self) -> None:
        until = time.monotonic() + 20
        while (done := self.rig.pod.exec("app", [AGENT_PATH, "status"])).returncode == 0:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.5)
        self.assertIn(b"does not serve", done.stderr)
        done = self.rig.pod.exec("app", [AGENT_PATH, "status", "--wait-ready", "--timeout", "1"])
        self.assertEqual(done.returncode, 1)


class Ends(SandboxCase):
    """Tests that break their pod."""

    LOOP = ["bash", "-c", "echo ready; while :; do curl -s -m 2 http://api.test/x -o /dev/null; "
            f"curl -s -m 1 --noproxy '*' http://{HERE}/; done"]

    def test_the_end_of_the_worker_or_the_helper_is_the_end_of_the_container(self):
        for part in ("worker", "helper"):
            with self.subTest(process=part):
                rig = Rig(self, POLICY, self.LOOP, self.addCleanup)
                rig.pod.await_output("app", b"ready\n")
                time.sleep(0.5)
                self.assertNotEqual(rig.net.arrived(), [])
                os.kill(rig.processes()[part], signal.SIGKILL)
                rig.left()
                outcome = rig.pod.wait("app", 10)
                self.assertEqual(outcome.code, 125)
                self.assertIn(b'"event":"sandbox.failed"', outcome.stderr)
                # The kernel ends the connections that the worker had.
                self.assertEqual(set(rig.left()) - {f"tcp {HERE} 80"}, set())

    def test_a_stopped_worker_lets_nothing_out(self):
        rig = Rig(self, POLICY, self.LOOP, self.addCleanup)
        rig.pod.await_output("app", b"ready\n")
        worker = rig.processes()["worker"]
        os.kill(worker, signal.SIGSTOP)
        time.sleep(0.5)
        rig.left()
        rig.net.arrived()
        time.sleep(2)
        # The kernel may still end what the worker had begun.
        self.assertEqual([x for x in rig.left() if not x.startswith(f"tcp {HERE} ")], [])
        self.assertEqual(rig.net.arrived(), [])
        os.kill(worker, signal.SIGCONT)

    def test_without_a_policy_there_is_no_link_and_no_process_more(self):
        rig = Rig(self, None, ["sleep", "600"], self.addCleanup)
        self.assertEqual(set(rig.processes()), {"init", "workload"})
        network = json.loads(rig.pod.exec("app", [AGENT_PATH, "status"]).stdout)["network"]
        self.assertEqual((network["egress"], network["proxy"]), ("none", ""))
        self.assertEqual(rig.run("cat", "/proc/net/dev").stdout.decode().count(":"), 1)
        self.assertNotIn(b"PROXY", rig.run("env").stdout.upper())
