# SPDX-License-Identifier: Apache-2.0
"""The fence around a sandbox's network: real namespaces, real packets; a capture is the judge."""
import os
import pathlib
import signal
import socket
import struct
import tempfile
import time
import unittest

import fixture
from netplay import (OUT4, OUT6, POD4, POD6, SO_ORIGINAL_DST, Play, answer_tcp,
                     answer_udp, bind_foreign, count_tcp, family_of, frame, inside, ipv4, ping, raw, run, tcp, udp,
                     udp_payload)

DRIVER = fixture.OUT / "driver_fence"
HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "fence"
PROXY, WORKLOAD, ROOT, OTHER = 1337, 1000, 0, 2000
PROXY_PORT, TRANSPARENT, DNS = 3128, 15001, 15053
MARK_INBOUND, MARK_PROXY = 0x05000001, 0x05000002
SO_MARK, IP_HDRINCL, IP_OPTIONS = 36, 3, 4
MORE_FRAGMENTS = 0x2000
SCTP_INIT = bytes.fromhex("1234005000000000" "00000000" "01000014" "00000001" "00010000"
                          "00010001" "00000001")


class FenceCase(unittest.TestCase):
    options: tuple = ()
    families: dict = {}

    def setUp(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to make network namespaces")
        self.play = Play(DRIVER, **self.families)
        self.addCleanup(self.play.close)
        for address in (OUT4, OUT6):
            if self.families.get("v4" if "." in address else "v6", True):
                for kind, answer in ((socket.SOCK_STREAM, answer_tcp),
                                     (socket.SOCK_DGRAM, answer_udp)):
                    for port in (53, 80):
                        self.play.serve(self.play.outside, ROOT, answer,
                                        self.play.listener(self.play.outside, address, port, kind))
        self.built = self.play.start(*self.options)
        self.assertNotIn("error", self.built)
        self.play.reports()
        self.play.capture.packets()

    def assert_nothing_left(self, wait: float = 0.05):
        left = self.play.capture.packets(wait)
        self.assertEqual([p.hex() for p in left], [], "packets left the pod")

    def inner(self, function, *args, uid: int = WORKLOAD):
        return inside(self.play.inner, uid, function, *args)

    def pod(self, function, *args, uid: int = OTHER):
        return inside(self.play.pod, uid, function, *args)

    def outside(self, function, *args):
        return inside(self.play.outside, ROOT, function, *args)


class Rules(FenceCase):
    options = ("--inbound", "8080", "--inbound", "5353/udp")

    def compare(self, netns: str, name: str):
        """What nft makes of the loaded rules is what the file says. GOLDEN_UPDATE=1 rewrites it."""
        text = run("nsenter", f"--net={netns}", "nft", "-s", "list", "ruleset")
        if os.environ.get("GOLDEN_UPDATE"):
            (GOLDEN / name).write_text(text, encoding="ascii")
        self.assertEqual(text, (GOLDEN / name).read_text(encoding="ascii"))

    def test_nft_reads_the_rules_as_they_were_meant(self):
        self.compare(self.play.pod, "pod.nft")
        self.compare(self.play.inner, "inner.nft")

    def test_building_again_replaces_ours_and_leaves_the_rules_of_others(self):
        other = "table inet other { chain c { type filter hook input priority 5; }; }"
        run("nsenter", f"--net={self.play.pod}", "nft", other)
        before = run("nsenter", f"--net={self.play.pod}", "nft", "-s", "list", "ruleset")
        self.assertNotIn("error", self.play.ask("build"))
        after = run("nsenter", f"--net={self.play.pod}", "nft", "-s", "list", "ruleset")
        self.assertEqual(sorted(before.split("\n")), sorted(after.split("\n")))
        self.assertIn("table inet other", after)

    def test_a_killed_run_is_replaced_by_the_next(self):
        self.play.stop(signal.SIGKILL)
        self.assertEqual(inside(self.play.pod, OTHER, udp, OUT4, 80), "EPERM")
        self.assertNotIn("error", self.play.start(*self.options))
        self.assertEqual(self.inner(udp, OUT4, 80), "EPERM")

    def test_rules_taken_away_are_noticed(self):
        self.assertEqual(self.play.ask("probe"), {"holds": True})
        for netns in (self.play.inner, self.play.pod):
            run("nsenter", f"--net={netns}", "nft", "delete", "table", "inet", "openshell")
            self.assertIn("datagram over IPv4 left", self.play.ask("probe")["error"])
            self.play.ask("build")
            self.assertEqual(self.play.ask("probe"), {"holds": True})


class Outbound(FenceCase):
    """The workload against everything it could send to."""
    options = ("--inbound", "8080")

    def test_the_proxy_is_reached_in_both_families(self):
        for pod, mine in (self.built["v4"], self.built["v6"]):
            with self.subTest(proxy=pod):
                self.play.serve(self.play.pod, PROXY, answer_tcp,
                                self.play.listener(self.play.pod, pod, PROXY_PORT))
                self.assertEqual(self.inner(tcp, pod, PROXY_PORT), mine)

    def test_tcp_to_anything_else_is_refused_at_once(self):
        self.play.listener(self.play.pod, "0.0.0.0", 15090)
        self.play.listener(self.play.pod, "::", 15090)
        targets = [(OUT4, 80), (OUT6, 80), (OUT4, 53), ("169.254.169.254", 80), (POD4, 15090),
                   (POD6, 15090), (POD4, PROXY_PORT)]
        targets += [(self.built[v][0], port) for v in ("v4", "v6") for port in (15090, 8080, 22)]
        for address, port in targets:
            with self.subTest(to=f"{address} {port}"):
                began = time.monotonic()
                self.assertEqual(self.inner(tcp, address, port), "ECONNREFUSED")
                self.assertLess(time.monotonic() - began, 0.9)
        self.assert_nothing_left()

    def test_datagrams_to_anything_are_refused(self):
        for address in (OUT4, OUT6, POD4, POD6, "169.254.169.254", "224.0.0.251", "10.200.0.3",
                        self.built["v4"][0], self.built["v6"][0]):
            for port in (53, 80, 443, PROXY_PORT):
                with self.subTest(to=f"{address} {port}"):
                    self.assertEqual(self.inner(udp, address, port), "EPERM")
        with self.subTest(to="a datagram in fragments"):
            self.assertEqual(self.inner(udp, OUT4, 80, 8000), "EPERM")
        self.assert_nothing_left()

    def test_every_other_protocol_is_refused_even_to_root(self):
        cases = {
            "icmp": (OUT4, socket.IPPROTO_ICMP, b"\x08\x00\xf7\xff\x00\x00\x00\x00", ()),
            "icmpv6": (OUT6, socket.IPPROTO_ICMPV6, b"\x80" + bytes(7), ()),
            "neighbour solicitation": (OUT6, socket.IPPROTO_ICMPV6, b"\x87" + bytes(23), ()),
            "sctp": (OUT4, socket.IPPROTO_SCTP, SCTP_INIT, ()),
            "sctp over v6": (OUT6, socket.IPPROTO_SCTP, SCTP_INIT, ()),
            "udp-lite": (OUT4, 136, udp_payload(53, 53), ()),
            "dccp": (OUT4, 33, bytes(16), ()),
            "gre": (OUT4, 47, bytes(8), ()),
            "ip in ip": (OUT4, 4, ipv4(POD4, OUT4, 17, udp_payload(9, 53)), ()),
            "an unassigned protocol": (OUT4, 253, b"exfil", ()),
            "record route": (OUT4, 253, b"exfil",
                             ((socket.SOL_IP, IP_OPTIONS, b"\x07\x07\x04\0\0\0\0\0"),)),
            "our own marks": (OUT4, 17, udp_payload(9, 53),
                              ((socket.SOL_SOCKET, SO_MARK, MARK_PROXY),)),
            "tcp by hand": (OUT4, 6, struct.pack("!HHIIBBHHH", 99, 80, 1, 0, 0x50, 2, 9, 0, 0), ()),
            "the middle of a connection": (
                OUT4, 6, struct.pack("!HHIIBBHHH", 99, 80, 1, 1, 0x50, 0x18, 9, 0, 0) + b"x", ()),
        }
        for name, (address, protocol, payload, options) in cases.items():
            with self.subTest(name):
                self.assertEqual(self.inner(raw, address, protocol, payload, options, uid=ROOT),
                                 "EPERM")
        self.assert_nothing_left()

    def test_fragments_made_by_hand_do_not_hide_what_they_carry(self):
        header = ((socket.SOL_IP, IP_HDRINCL, 1),)
        mine = self.built["v4"][1]
        data = udp_payload(9, 53, bytes(16))
        for source in (mine, OUT4):
            for name, part, field in (("first", data[:16], MORE_FRAGMENTS), ("last", data[16:], 2),
                                      ("alone", data[8:], 5)):
                with self.subTest(source=source, part=name):
                    packet = ipv4(source, OUT4, 17, part, field)
                    self.inner(raw, OUT4, 255, packet, header, uid=ROOT)
        self.assert_nothing_left()

    def test_frames_past_the_inner_filter_end_in_the_pod(self):
        mine, proxy = self.built["v4"][1], self.built["v4"][0]
        syn = struct.pack("!HHIIBBHHH", 99, 80, 1, 0, 0x50, 2, 9, 0, 0)
        answer = struct.pack("!HHIIBBHHH", 8080, 99, 1, 2, 0x50, 0x12, 9, 0, 0)
        for name, packet in {
            "udp": ipv4(mine, OUT4, 17, udp_payload(9, 53)),
            "spoofed": ipv4(POD4, OUT4, 17, udp_payload(9, 53)),
            "tcp": ipv4(mine, OUT4, 6, syn),
            "an answer nobody waits for": ipv4(mine, OUT4, 6, answer),
            "to the proxy from another's address": ipv4(OUT4, proxy, 6, struct.pack(
                "!HHIIBBHHH", 80, PROXY_PORT, 1, 0, 0x50, 2, 9, 0, 0)),
            "to the pod's address": ipv4(mine, POD4, 17, udp_payload(9, 15090)),
            "icmp": ipv4(mine, OUT4, 1, b"\x08\x00\xf7\xff\x00\x00\x00\x00"),
            "fragment": ipv4(mine, OUT4, 17, udp_payload(9, 53), MORE_FRAGMENTS),
        }.items():
            with self.subTest(name):
                self.assertEqual(self.inner(frame, "eth0", 0x0800, packet, uid=ROOT), "sent")
        self.play.listener(self.play.pod, proxy, PROXY_PORT)
        self.assert_nothing_left(0.3)

    def test_a_connection_that_only_looks_established_takes_nothing_out(self):
        """Who sends from another's address to his own may answer: that must not be a way out."""
        for who, where, uid, mine, ghost in (
                ("workload", self.play.inner, WORKLOAD, self.built["v6"][1], OUT6),
                ("root", self.play.inner, ROOT, self.built["v4"][1], OUT4),
                ("another in the pod", self.play.pod, OTHER, POD6, OUT6),
                ("root in the pod", self.play.pod, ROOT, POD4, OUT4)):
            with self.subTest(who):
                self.assertEqual(inside(where, uid, answer_a_ghost, mine, ghost), "EPERM")
                self.assertEqual(inside(where, uid, connect_from_a_ghost, mine, ghost), "timeout")
        self.assert_nothing_left(0.3)

    def test_the_proxys_answer_goes_to_nobody_elses_address(self):
        for pod, ghost in ((self.built["v6"][0], OUT6), (self.built["v4"][0], OUT4)):
            self.play.serve(self.play.pod, PROXY, answer_tcp,
                            self.play.listener(self.play.pod, pod, PROXY_PORT))
            for where in (self.play.inner, self.play.pod):
                with self.subTest(proxy=pod, where=where):
                    self.assertIn(inside(where, ROOT, tcp, pod, PROXY_PORT, (ghost, 8888)),
                                  ("timeout", "ECONNREFUSED"))
        self.assert_nothing_left(0.3)

    def test_what_was_tried_is_reported_with_who_tried(self):
        self.inner(udp, OUT4, 443)
        self.inner(tcp, OUT6, 80)
        self.pod(udp, OUT4, 53)
        got = {(e["prefix"], e["dst"], e["protocol"], e["dport"], e["uid"])
               for e in self.play.reports()}
        self.assertEqual(got, {("openshell-workload", OUT4, 17, 443, WORKLOAD),
                               ("openshell-workload", OUT6, 6, 80, WORKLOAD),
                               ("openshell-pod", OUT4, 17, 53, OTHER)})

    def test_reports_of_a_flood_are_a_sample(self):
        self.inner(flood, OUT4, 500)
        self.assertIn(len(self.play.reports()), range(10, 40))


def answer_a_ghost(mine: str, ghost: str) -> str:
    """Makes a datagram of `ghost`'s arrive at our own address, and answers it."""
    with socket.socket(family_of(mine), socket.SOCK_DGRAM) as server, \
            socket.socket(family_of(mine), socket.SOCK_DGRAM) as other:
        server.bind((mine, 8080))
        server.settimeout(1)
        bind_foreign(other, (ghost, 5300))
        other.sendto(b"hello", (mine, 8080))
        _, peer = server.recvfrom(100)
        if peer[:2] != (ghost, 5300):
            return f"from {peer}"
        server.sendto(b"exfil", peer)
        return "sent"


def connect_from_a_ghost(mine: str, ghost: str) -> str:
    with socket.socket(family_of(mine)) as listening:
        listening.bind((mine, 8081))
        listening.listen()
        return tcp(mine, 8081, (ghost, 8888))


def flood(address: str, n: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(n):
            try:
                s.sendto(b"x", (address, 53))
            except PermissionError:
                pass


class Pod(FenceCase):
    """The proxy's UID is the way out of the pod; nobody else's is."""

    def test_the_proxy_reaches_the_outside(self):
        for address, mine in ((OUT4, POD4), (OUT6, POD6)):
            with self.subTest(to=address):
                self.assertEqual(self.pod(tcp, address, 80, uid=PROXY), mine)
                self.assertEqual(self.pod(udp, address, 53, 4, 1.0, uid=PROXY), mine)

    def test_nobody_else_does(self):
        for uid in (ROOT, WORKLOAD, OTHER):
            for address in (OUT4, OUT6):
                with self.subTest(uid=uid, to=address):
                    self.assertEqual(self.pod(tcp, address, 80, uid=uid), "ECONNREFUSED")
                    self.assertEqual(self.pod(udp, address, 53, uid=uid), "EPERM")
        for name, options in (("mark", ((socket.SOL_SOCKET, SO_MARK, MARK_PROXY),)),
                              ("inbound mark", ((socket.SOL_SOCKET, SO_MARK, MARK_INBOUND),))):
            with self.subTest(name):
                self.assertEqual(self.pod(raw, OUT4, 17, udp_payload(9, 53), options, uid=ROOT),
                                 "EPERM")
        self.assert_nothing_left()

    def test_what_the_proxy_left_to_send_when_it_closed_still_goes(self):
        size = 4 << 20
        with tempfile.TemporaryDirectory() as into:
            path = f"{into}/n"
            self.play.serve(self.play.outside, ROOT, count_tcp,
                            self.play.listener(self.play.outside, OUT4, 81), path)
            self.pod(send_and_leave, OUT4, 81, size, uid=PROXY)
            deadline = time.monotonic() + 5
            while not os.path.exists(path) and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertEqual(pathlib.Path(path).read_text(encoding="ascii"), str(size))

    def test_a_port_that_is_not_served_refuses_at_once(self):
        for address in (POD4, POD6):
            with self.subTest(to=address):
                self.assertEqual(self.outside(tcp, address, 4444), "ECONNREFUSED")

    def test_our_own_port_answers_and_the_link_does_not(self):
        for address in (POD4, POD6):
            self.play.serve(self.play.pod, PROXY, answer_tcp,
                            self.play.listener(self.play.pod, address, 15090))
            self.assertIn(self.outside(tcp, address, 15090), (OUT4, OUT6))
        end = self.built["v4"][0]
        self.play.serve(self.play.pod, PROXY, answer_tcp,
                        self.play.listener(self.play.pod, end, PROXY_PORT))
        run("nsenter", f"--net={self.play.outside}", "ip", "route", "add", f"{end}/32", "via", POD4)
        self.assertEqual(self.outside(tcp, end, PROXY_PORT), "timeout")

    def test_neighbours_are_still_found_over_ipv6(self):
        run("nsenter", f"--net={self.play.outside}", "ip", "-6", "neigh", "flush", "dev", "e0")
        run("nsenter", f"--net={self.play.pod}", "ip", "-6", "neigh", "flush", "dev", "eth0")
        self.assertEqual(self.pod(tcp, OUT6, 80, uid=PROXY), POD6)
        self.assertEqual(self.outside(ping, POD6), "answered")
        self.assertEqual(self.outside(ping, POD4), "answered")


def send_and_leave(address: str, port: int, size: int) -> str:
    s = socket.socket(family_of(address))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size * 2)
    s.connect((address, port))
    s.sendall(bytes(size))
    s.close()
    return "sent"


class Inbound(FenceCase):
    """Declared ports reach the workload on the pod's address."""
    options = ("--inbound", "80", "--inbound", "5353/udp")

    def serve_inside(self, address: str, port: int, kind=socket.SOCK_STREAM):
        answer = answer_tcp if kind == socket.SOCK_STREAM else answer_udp
        self.play.serve(self.play.inner, WORKLOAD, answer,
                        self.play.listener(self.play.inner, address, port, kind))

    def test_the_kernel_passes_ipv4_on_with_the_clients_address(self):
        self.assertEqual(self.built["dnat_v4"], 1)
        self.serve_inside("0.0.0.0", 80)
        self.serve_inside("0.0.0.0", 5353, socket.SOCK_DGRAM)
        self.assertEqual(self.outside(tcp, POD4, 80), OUT4)
        self.assertEqual(self.outside(udp, POD4, 5353, 4, 1.0), OUT4)

    def test_the_workload_may_bind_a_low_port(self):
        self.assertEqual(self.built["first_port"], 0)
        self.assertEqual(self.inner(bind_port, 80), "bound")

    def test_ports_that_were_not_declared_stay_closed(self):
        self.serve_inside("0.0.0.0", 81)
        self.serve_inside("0.0.0.0", 53, socket.SOCK_DGRAM)
        self.assertEqual(self.outside(tcp, POD4, 81), "ECONNREFUSED")
        self.assertEqual(self.outside(udp, POD4, 53, 4, 0.3), "timeout")
        self.assertEqual(self.outside(udp, POD4, 80, 4, 0.3), "timeout")

    def test_listeners_take_what_the_kernel_cannot_pass_on(self):
        self.serve_inside("0.0.0.0", 80)
        self.serve_inside("::", 80)
        found = {(x["family"], x["port"]): x for x in self.built["listeners"]}
        self.assertEqual(set(found), {(4, 80), (6, 80)})
        cases = ((found[6, 80], self.outside, POD6, self.built["v6"]),
                 (found[4, 80], self.pod, "127.0.0.1", self.built["v4"]))
        for x, who, address, ends in cases:
            with self.subTest(to=address):
                self.assertEqual(x["to"], ends[1])
                self.play.serve(self.play.pod, PROXY, splice_one, self.taken(x["fd"]), x["to"], 80)
                self.assertEqual(who(tcp, address, 80), ends[0])

    def taken(self, fd: int) -> socket.socket:
        """The driver's own listener."""
        pid = int(self.play.inner.split("/")[2])
        made = socket.socket(fileno=pidfd_getfd(pid, fd))
        made.setblocking(True)
        self.addCleanup(made.close)
        return made

    def test_an_answer_too_big_for_the_way_is_told_so(self):
        """The server inside learns the path's MTU from the ICMP errors about its answers."""
        run("nsenter", f"--net={self.play.pod}", "ip", "route", "change", "default", "via", OUT4,
            "mtu", "lock", "1300")
        run("nsenter", f"--net={self.play.pod}", "ip", "route", "replace", f"{OUT4}/32", "dev",
            "eth0", "mtu", "lock", "1300")
        self.play.serve(self.play.inner, WORKLOAD, pour_tcp,
                        self.play.listener(self.play.inner, "0.0.0.0", 80), 200000)
        self.assertEqual(self.outside(drain, POD4, 80), 200000)

    def test_a_port_declared_twice_is_let_in_once(self):
        self.play.stop()
        built = self.play.start("--inbound", "80", "--inbound", "80", "--inbound", "80/udp")
        self.assertEqual([x["port"] for x in built["listeners"]], [80, 80])

    def test_a_connection_from_outside_opens_no_other_way(self):
        self.serve_inside("0.0.0.0", 80)
        self.assertEqual(self.outside(tcp, POD4, 80), OUT4)
        self.play.capture.packets()
        self.assertEqual(self.inner(udp, OUT4, 53), "EPERM")
        self.assertEqual(self.inner(tcp, OUT4, 80), "ECONNREFUSED")
        self.assert_nothing_left()


def bind_port(port: int) -> str:
    with socket.socket() as s:
        s.bind(("0.0.0.0", port))
    return "bound"


def splice_one(listening: socket.socket, to: str, port: int) -> None:
    """What the proxy does with such a listener, once."""
    connection, _ = listening.accept()
    connection.sendall(tcp(to, port).encode())
    connection.close()
    time.sleep(5)


def pour_tcp(listening: socket.socket, n: int) -> None:
    connection, _ = listening.accept()
    connection.sendall(bytes(n))
    connection.close()
    time.sleep(5)


def drain(address: str, port: int) -> int:
    with socket.create_connection((address, port), 2) as s:
        n = 0
        while data := s.recv(65536):
            n += len(data)
        return n


def pidfd_getfd(pid: int, fd: int) -> int:
    import ctypes  # pylint: disable=import-outside-toplevel
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        taken = libc.syscall(438, pidfd, fd, 0)
    finally:
        os.close(pidfd)
    if taken == -1:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return taken


class Redirect(FenceCase):
    """All TCP and all DNS of the workload end at listeners inside, for the proxy to answer."""
    options = ("--transparent", str(TRANSPARENT), "--dns", str(DNS))

    def setUp(self):
        super().setUp()
        for address in ("127.0.0.1", "::1"):
            self.play.serve(self.play.inner, PROXY, say_original,
                            self.play.listener(self.play.inner, address, TRANSPARENT))
            for kind, answer in ((socket.SOCK_DGRAM, answer_udp), (socket.SOCK_STREAM, answer_tcp)):
                self.play.serve(self.play.inner, PROXY, answer,
                                self.play.listener(self.play.inner, address, DNS, kind))

    def test_tcp_arrives_with_where_it_was_going(self):
        for address, port in (("198.18.0.7", 443), (OUT4, 80), ("2001:db8::7", 443), (OUT6, 80)):
            with self.subTest(to=f"{address} {port}"):
                self.assertEqual(self.inner(tcp, address, port), f"{address} {port}")
        self.assert_nothing_left()

    def test_dns_is_answered_inside(self):
        for i, address in ((0, OUT4), (1, OUT6)):
            mine = self.built["v6" if i else "v4"][1]
            with self.subTest(to=address):
                self.assertEqual(self.inner(udp, address, 53, 4, 1.0), mine)
                self.assertEqual(self.inner(tcp, address, 53), mine)
        self.assert_nothing_left()

    def test_other_datagrams_are_refused(self):
        self.assertEqual(self.inner(udp, OUT4, 443), "EPERM")
        self.assertEqual(self.inner(udp, OUT6, 443), "EPERM")
        self.assert_nothing_left()

    def test_the_listeners_are_not_to_be_called_by_name(self):
        for address in ("127.0.0.1", "::1", self.built["v4"][1]):
            with self.subTest(to=address):
                self.assertEqual(self.inner(tcp, address, TRANSPARENT), "ECONNREFUSED")
                self.assertEqual(self.inner(udp, address, DNS), "EPERM")

    def test_the_proxy_and_loopback_are_left_alone(self):
        proxy, mine = self.built["v4"]
        self.play.serve(self.play.pod, PROXY, answer_tcp,
                        self.play.listener(self.play.pod, proxy, PROXY_PORT))
        self.assertEqual(self.inner(tcp, proxy, PROXY_PORT), mine)
        self.play.serve(self.play.inner, WORKLOAD, answer_tcp,
                        self.play.listener(self.play.inner, "127.0.0.1", 8080))
        self.assertEqual(self.inner(tcp, "127.0.0.1", 8080), "127.0.0.1")

    def test_an_address_of_another_does_not_carry_the_answer_out(self):
        for port in (TRANSPARENT, 8888):
            self.inner(tcp, "198.18.0.7", 443, (OUT4, port), uid=ROOT)
            self.inner(tcp, "2001:db8::7", 443, (OUT6, port))
        self.assert_nothing_left(0.3)


def say_original(listening: socket.socket) -> None:
    """Answers with the address that the client had asked for."""
    while True:
        connection, _ = listening.accept()
        if listening.family == socket.AF_INET:
            port, packed = struct.unpack("!2xH4s8x",
                                         connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16))
        else:
            port, packed = struct.unpack("!2xH4x16s4x", connection.getsockopt(
                socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28))
        connection.sendall(f"{socket.inet_ntop(listening.family, packed)} {port}".encode())
        connection.close()


class Addresses(FenceCase):
    """The link's addresses give way to what the pod can reach."""

    def test_a_route_of_the_pod_is_not_hidden(self):
        self.assertEqual(self.built["v4"], ["10.200.0.1", "10.200.0.2"])
        run("nsenter", f"--net={self.play.pod}", "ip", "route", "add", "10.200.0.0/16", "via", OUT4)
        run("nsenter", f"--net={self.play.pod}", "ip", "route", "add", "fd6f:7065:6e73:1::/64",
            "via", OUT6)
        self.built = self.play.ask("build")
        self.assertEqual(self.built["v4"], ["192.0.0.1", "192.0.0.2"])
        self.assertEqual(self.built["v6"], ["fd6f:7065:6e73:2::1", "fd6f:7065:6e73:2::2"])

    def test_an_address_to_avoid_takes_its_network_with_it(self):
        self.play.stop()
        built = self.play.start("--avoid", "10.200.37.4", "--avoid", "fd6f:7065:6e73:1::53")
        self.assertEqual(built["v4"][0], "192.0.0.1")
        self.assertEqual(built["v6"][0], "fd6f:7065:6e73:2::1")

    def test_somebody_elses_device_of_our_name_is_left_alone(self):
        self.play.stop(signal.SIGKILL)
        self.play.wait_gone("openshell0")
        run("nsenter", f"--net={self.play.pod}", "ip", "link", "add", "openshell0", "type", "bridge")
        self.assertIn("not ours", self.play.start()["error"])

    def test_a_small_mtu_is_taken_over(self):
        run("nsenter", f"--net={self.play.pod}", "ip", "link", "set", "eth0", "mtu", "1400")
        self.play.ask("build")
        self.assertIn("mtu 1400", run("nsenter", f"--net={self.play.inner}", "ip", "link"))


class WithoutIPv6(FenceCase):
    families = {"v6": False}
    options = ("--inbound", "8080")

    def test_the_link_has_none_and_nothing_leaves_by_it(self):
        self.assertNotIn("v6", self.built)
        self.assertEqual(self.inner(udp, "2001:db8::7", 80), "ENETUNREACH")
        self.assertEqual([x["family"] for x in self.built["listeners"]], [4])
        self.assertEqual(self.play.ask("probe"), {"holds": True})


class WithoutIPv4(FenceCase):
    families = {"v4": False}
    options = ("--inbound", "8080")

    def test_the_proxy_is_still_reached_over_ipv4_and_inbound_by_listeners(self):
        proxy, mine = self.built["v4"]
        self.play.serve(self.play.pod, PROXY, answer_tcp,
                        self.play.listener(self.play.pod, proxy, PROXY_PORT))
        self.assertEqual(self.inner(tcp, proxy, PROXY_PORT), mine)
        self.assertEqual((self.built["dnat_v4"], self.built["dnat_v6"]), (0, 0))
        self.assertEqual(self.play.ask("probe"), {"holds": True})


class RefusedIPv6(FenceCase):
    """Where new devices of the pod have IPv6 turned off."""
    options = ("--inbound", "8080")

    def test_ipv6_clients_are_passed_on_over_ipv4(self):
        self.play.sysctl("net/ipv6/conf/default/disable_ipv6", 1)
        self.built = self.play.ask("build")
        self.assertNotIn("v6", self.built)
        self.assertEqual([(x["family"], x["to"]) for x in self.built["listeners"]],
                         [(4, self.built["v4"][1]), (6, self.built["v4"][1])])
        self.assertEqual(self.inner(udp, OUT6, 80), "ENETUNREACH")


class Refused(FenceCase):
    """Where a node refuses what others take. A library stands before the call and says no."""
    options = ("--inbound", "80")

    def start_refused(self, what: str, *options: str) -> dict:
        self.play.stop()
        with tempfile.TemporaryDirectory() as folder:
            run("cc", "-shared", "-fPIC", "-I/usr/include/libnl3", "-o", f"{folder}/refuse.so",
                str(GOLDEN / f"refuse_{what}.c"))
            self.built = self.play.start(*options, LD_PRELOAD=f"{folder}/refuse.so")
        return self.built

    def test_without_forwarding_inbound_goes_by_listeners(self):
        built = self.start_refused("forwarding", *self.options)
        self.assertEqual(built["dnat_v4"], 0)
        self.assertEqual([x["family"] for x in built["listeners"]], [4, 6])
        self.assertEqual(self.outside(connects, POD4, 80), "connected")
        self.assertEqual(self.outside(connects, POD4, 81), "ECONNREFUSED")

    def test_without_forwarding_a_datagram_port_is_an_error(self):
        self.assertIn("UDP port 53 cannot be let in",
                      self.start_refused("forwarding", "--inbound", "53/udp")["error"])

    def test_without_sysctls_a_low_port_is_closed_to_ipv6_alone(self):
        built = self.start_refused("procfs", *self.options)
        self.assertEqual((built["first_port"], built["closed_v6"]), (1024, 1))
        self.assertEqual((built["dnat_v4"], built["listeners"]), (1, []))
        self.assertEqual(self.start_refused("procfs", "--inbound", "8080")["closed_v6"], 0)


def connects(address: str, port: int) -> str:
    socket.create_connection((address, port), 1).close()
    return "connected"


class StrictSources(FenceCase):
    """With the strictest check of source addresses that a node may have."""
    options = ("--inbound", "8080")

    def test_both_ways_work(self):
        self.play.sysctl("net/ipv4/conf/all/rp_filter", 1)
        self.play.serve(self.play.inner, WORKLOAD, answer_tcp,
                        self.play.listener(self.play.inner, "0.0.0.0", 8080))
        self.assertEqual(self.outside(tcp, POD4, 8080), OUT4)
        proxy, mine = self.built["v4"]
        self.play.serve(self.play.pod, PROXY, answer_tcp,
                        self.play.listener(self.play.pod, proxy, PROXY_PORT))
        self.assertEqual(self.inner(tcp, proxy, PROXY_PORT), mine)


class ForwardingIPv6(FenceCase):
    """Where the pod forwards IPv6 already, the kernel passes it on as it does IPv4."""
    options = ("--inbound", "8080")

    def test_the_client_keeps_its_address(self):
        self.play.sysctl("net/ipv6/conf/all/forwarding", 1)
        self.built = self.play.ask("build")
        self.assertEqual(self.built["dnat_v6"], 1)
        self.play.serve(self.play.inner, WORKLOAD, answer_tcp,
                        self.play.listener(self.play.inner, "::", 8080))
        self.assertEqual(self.outside(tcp, POD6, 8080), OUT6)
        self.play.capture.packets()
        self.assertEqual(self.inner(udp, OUT6, 53), "EPERM")
        self.assert_nothing_left()



