# SPDX-License-Identifier: Apache-2.0
"""The fence of a pod in which workload and proxy share the network: real packets; a capture is the judge."""
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

import fixture
from netplay import (OUT4, OUT6, POD4, POD6, SO_ORIGINAL_DST, Play, answer_tcp, answer_udp, bind_foreign, count_tcp,
                     family_of, inside, ping, raw, run, tcp, udp)

GOLDEN = pathlib.Path(__file__).resolve().parent / "fence"
PROXY, WORKLOAD, OTHER, ROOT = 1337, 1000, 2000, 0
LISTENERS, DNS, METRICS, EXPLICIT = 15001, 15053, 15090, 3128
NEIGHBOURS = {133, 134, 135, 136}
CAPABILITIES = "+net_admin,+net_raw,+chown,+fowner"
SCTP_INIT = bytes.fromhex("1234005000000000" "00000000" "01000014" "00000001" "00010000" "00010001" "00000001")


def original_of(listening: socket.socket, level: int) -> None:
    """Tells each client where the kernel says that it was going."""
    while True:
        connection, _ = listening.accept()
        size = 28 if level == socket.IPPROTO_IPV6 else 16
        raw_address = connection.getsockopt(level, SO_ORIGINAL_DST, size)
        at = (socket.inet_ntop(socket.AF_INET6, raw_address[8:24]) if size == 28
              else socket.inet_ntop(socket.AF_INET, raw_address[4:8]))
        connection.sendall(f"{at} {int.from_bytes(raw_address[2:4], 'big')}\n".encode())
        connection.close()


def as_if_established(local: str, remote: str) -> str:
    """A "connection" from an address that is not ours to one that is, so that the answer would leave."""
    with socket.socket(family_of(local), socket.SOCK_DGRAM) as here, \
            socket.socket(family_of(local), socket.SOCK_DGRAM) as there:
        here.bind((local, 7000))
        bind_foreign(there, (remote, 9000))
        there.sendto(b"question", (local, 7000))
        here.recv(100)
        here.sendto(b"answer", (remote, 9000))
    return "sent"


def forge_answer(local: str, remote: str) -> str:
    """As the workload, from the address of who was asked, which over IPv6 takes no privilege; whether it is believed."""
    os.seteuid(PROXY)
    with socket.socket(family_of(local), socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.connect((remote, 9000))
        asking.send(b"question")
        os.seteuid(ROOT)
        os.seteuid(WORKLOAD)
        with socket.socket(family_of(local), socket.SOCK_DGRAM) as forging:
            bind_foreign(forging, (remote, 9000))
            forging.sendto(b"forged", (local, asking.getsockname()[1]))
            return asking.recv(100).decode()


def join_groups(device: str) -> str:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        index = socket.if_nametoindex(device)
        for n in range(8):
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                         socket.inet_pton(socket.AF_INET6, f"ff02::dead:{n}") + index.to_bytes(4, "little"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     socket.inet_aton("239.1.2.3") + socket.inet_aton(POD4))
    return "joined"


class PodFence(unittest.TestCase):

    def setUp(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to make network namespaces")
        self.play = Play(fixture.OUT / "driver_fence")
        self.addCleanup(self.play.close)
        for address in (OUT4, OUT6):
            for kind, answer in ((socket.SOCK_STREAM, answer_tcp), (socket.SOCK_DGRAM, answer_udp)):
                for port in (53, 80, LISTENERS):
                    self.play.serve(self.play.outside, ROOT, answer,
                                    self.play.listener(self.play.outside, address, port, kind))

    def net_init(self, *options: str, capabilities: str = CAPABILITIES) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["nsenter", f"--net={self.play.pod}", "setpriv", f"--bounding-set=-all,{capabilities}",
             str(fixture.AGENT), "net-init", *options], capture_output=True, text=True, check=False)

    def fence(self, *options: str) -> None:
        done = self.net_init(*options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.play.capture.packets()

    def pod(self, function, *args, uid: int = WORKLOAD):
        return inside(self.play.pod, uid, function, *args)

    def redirecting_listeners(self) -> None:
        for address, level in (("127.0.0.1", socket.IPPROTO_IP), ("::1", socket.IPPROTO_IPV6)):
            self.play.serve(self.play.pod, PROXY, original_of,
                            self.play.listener(self.play.pod, address, LISTENERS), level)

    def assert_nothing_left(self):
        self.assertEqual([p.hex() for p in self.play.capture.packets()], [], "packets left the pod")

    def ruleset(self) -> str:
        return run("nsenter", f"--net={self.play.pod}", "nft", "-s", "list", "ruleset")

    def test_nft_reads_the_rules_as_they_were_meant(self):
        self.fence()
        if os.environ.get("GOLDEN_UPDATE"):
            (GOLDEN / "shared.nft").write_text(self.ruleset(), encoding="ascii")
        self.assertEqual(self.ruleset(), (GOLDEN / "shared.nft").read_text(encoding="ascii"))

    def test_it_may_be_repeated_and_leaves_the_rules_of_others(self):
        run("nsenter", f"--net={self.play.pod}", "nft",
            "table inet other { chain c { type filter hook input priority 5; }; }")
        self.fence()
        before = self.ruleset()
        self.fence()
        self.assertEqual(before, self.ruleset())
        self.assertIn("table inet other", before)

    def test_a_service_mesh_is_refused_by_name(self):
        run("nsenter", f"--net={self.play.pod}", "nft",
            "table ip nat { chain ISTIO_OUTPUT { }; chain OUTPUT { type nat hook output priority -100; }; }")
        done = self.net_init()
        self.assertEqual(done.returncode, 125)
        self.assertIn("Istio redirects this pod's connections already", json.loads(done.stderr)["reason"])
        self.assertNotIn("openshell", self.ruleset())

    def test_what_it_lacks_is_named(self):
        done = self.net_init(capabilities="+chown,+fowner")
        self.assertEqual(done.returncode, 125)
        self.assertIn("add the capability NET_ADMIN", json.loads(done.stderr)["reason"])
        done = self.net_init("--proxy-uid", "999")
        self.assertEqual(done.returncode, 125)
        self.assertIn("--proxy-uid: '999' is not a number in 1000", json.loads(done.stderr)["reason"])

    def test_agent_and_directories_are_there_afterwards_and_again(self):
        with tempfile.TemporaryDirectory() as temporary:
            root = pathlib.Path(temporary)
            for name in ("bin", "state", "tls"):
                (root / name).mkdir()
                (root / name).chmod(0o777)
            options = ("--proxy-dir", str(root / "state"), "--tls-dir", str(root / "tls"))
            for _ in range(2):
                self.fence(*options)
                for name, mode in (("state", 0o700), ("tls", 0o755)):
                    st = (root / name).stat()
                    self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (PROXY, PROXY, mode))
            done = self.net_init("--install", str(root / "bin"))
            if not pathlib.Path("/ca-bundle.pem").exists():
                self.assertIn("trusted roots of this image", done.stderr)
            self.assertTrue((root / "bin/openshell-agent").stat().st_mode & 0o111)

    def test_the_proxy_alone_reaches_the_outside(self):
        self.fence()
        for address, own in ((OUT4, POD4), (OUT6, POD6)):
            self.assertEqual(self.pod(tcp, address, 80, uid=PROXY), own)
            self.assertEqual(self.pod(tcp, address, LISTENERS, uid=PROXY), own)
            self.assertEqual(self.pod(udp, address, 53, 4, 1.0, uid=PROXY), own)
        self.play.capture.packets()
        for uid in (WORKLOAD, OTHER, ROOT):
            for address in (OUT4, OUT6):
                self.assertEqual(self.pod(udp, address, 80, uid=uid), "EPERM")
                # Redirected to where nobody listens.
                self.assertEqual(self.pod(tcp, address, 80, uid=uid), "ECONNREFUSED")
        self.assert_nothing_left()

    def test_every_other_protocol_is_refused_even_to_root(self):
        self.fence()
        for address, protocol, payload in (
                (OUT4, socket.IPPROTO_ICMP, b"\x08\x00\xf7\xff\0\0\0\0"), (OUT6, socket.IPPROTO_ICMPV6, b"\x80" + bytes(7)),
                (OUT6, socket.IPPROTO_ICMPV6, b"\x87" + bytes(23)), (OUT4, socket.IPPROTO_SCTP, SCTP_INIT),
                (OUT6, socket.IPPROTO_SCTP, SCTP_INIT), (OUT4, 47, bytes(8)), (OUT4, 136, bytes(8)),
                ("169.254.169.254", socket.IPPROTO_ICMP, b"\x08\x00\xf7\xff\0\0\0\0")):
            with self.subTest(to=address, protocol=protocol):
                self.assertEqual(self.pod(raw, address, protocol, payload, uid=ROOT), "EPERM")
        for address in ("169.254.169.254", "224.0.0.251", "10.9.0.255"):
            self.assertEqual(self.pod(udp, address, 80), "EPERM")
        self.assert_nothing_left()

    def test_groups_that_the_workload_joins_are_told_to_nobody(self):
        self.fence()
        self.assertEqual(self.pod(join_groups, "eth0"), "joined")
        left = self.play.capture.packets(1.5, ignored=NEIGHBOURS)
        self.assertEqual([p.hex() for p in left], [])

    def test_a_connection_that_only_looks_established_does_not_answer_outside(self):
        self.fence()
        self.assertEqual(self.pod(as_if_established, POD6, OUT6), "EPERM")
        self.assertEqual(self.pod(as_if_established, POD4, OUT4, uid=ROOT), "EPERM")
        self.assert_nothing_left()

    def test_nobody_answers_the_proxys_questions_in_place_of_who_was_asked(self):
        self.fence()
        silent = self.play.listener(self.play.outside, OUT6, 9000, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        self.assertEqual(self.pod(forge_answer, POD6, OUT6, uid=ROOT), "EPERM")

    def test_tcp_goes_to_the_proxy_which_learns_where_it_was_going(self):
        self.fence()
        self.redirecting_listeners()
        self.assertEqual(self.pod(tcp, OUT4, 80), f"{OUT4} 80")
        self.assertEqual(self.pod(tcp, OUT6, 443), f"{OUT6} 443")
        self.assertEqual(self.pod(tcp, "169.254.169.254", 80), "169.254.169.254 80")
        self.assert_nothing_left()

    def test_the_proxys_own_ports_are_not_called_by_their_address(self):
        self.fence()
        self.redirecting_listeners()
        for address in (POD4, POD6):
            self.play.serve(self.play.pod, PROXY, answer_tcp, self.play.listener(self.play.pod, address, METRICS))
        for address, port in (("127.0.0.1", LISTENERS), ("::1", LISTENERS), (POD4, METRICS), (POD6, METRICS)):
            with self.subTest(to=f"{address} {port}"):
                self.assertEqual(self.pod(tcp, address, port), "ECONNREFUSED")
        self.assertEqual(self.pod(udp, "127.0.0.1", DNS), "EPERM")

    def test_who_takes_the_proxys_ports_is_not_heard(self):
        self.fence()
        for port in (LISTENERS + 1, EXPLICIT):
            self.assertEqual(self.pod(serve_and_call, port, uid=OTHER), "not heard")
        self.assertEqual(self.pod(serve_and_call, 8080, uid=OTHER), "heard")

    def test_containers_talk_on_localhost_and_by_the_pods_address(self):
        self.fence()
        for address in ("127.0.0.1", "::1", POD4, POD6):
            self.play.serve(self.play.pod, OTHER, answer_tcp, self.play.listener(self.play.pod, address, 8080))
            self.assertEqual(self.pod(tcp, address, 8080), address)
        self.assert_nothing_left()

    def test_what_is_served_is_reached_from_outside_and_answers(self):
        self.fence()
        for address, caller in ((POD4, OUT4), (POD6, OUT6)):
            self.play.serve(self.play.pod, WORKLOAD, answer_tcp, self.play.listener(self.play.pod, address, 8080))
            self.play.serve(self.play.pod, WORKLOAD, answer_udp,
                            self.play.listener(self.play.pod, address, 8080, socket.SOCK_DGRAM))
            self.assertEqual(inside(self.play.outside, ROOT, tcp, address, 8080), caller)
            self.assertEqual(inside(self.play.outside, ROOT, udp, address, 8080, 4, 1.0), caller)
            self.assertEqual(inside(self.play.outside, ROOT, ping, address), "answered")
            self.assertEqual(inside(self.play.outside, ROOT, tcp, address, 22), "ECONNREFUSED")

    def test_the_rest_of_what_the_proxy_sent_still_goes_out_after_its_socket_was_closed(self):
        self.fence()
        with tempfile.TemporaryDirectory() as temporary:
            into = f"{temporary}/count"
            self.play.serve(self.play.outside, ROOT, count_tcp,
                            self.play.listener(self.play.outside, OUT4, 9000), into)
            self.assertEqual(self.pod(send_and_close, OUT4, 9000, uid=PROXY), 1 << 20)
            for _ in range(100):
                if pathlib.Path(into).exists():
                    break
                self.pod(udp, "127.0.0.1", 9)
            self.assertEqual(pathlib.Path(into).read_text(encoding="ascii"), str(1 << 20))


def send_and_close(address: str, port: int) -> int:
    s = socket.create_connection((address, port), timeout=5)
    s.sendall(bytes(1 << 20))
    s.close()
    return 1 << 20


def serve_and_call(port: int) -> str:
    """Serves a port and calls it, over loopback."""
    with socket.socket() as listening, socket.socket() as calling:
        listening.bind(("127.0.0.1", port))
        listening.listen()
        calling.settimeout(0.5)
        try:
            calling.connect(("127.0.0.1", port))
        except OSError:
            return "not heard"
        return "heard"
