# SPDX-License-Identifier: Apache-2.0
"""netplay: a pod's network namespace beside an outside one, and functions that run inside either.

The outside is one Ethernet away, as a node is. A packet socket on its end sees every frame that
leaves the pod: it is the judge of what got out. Names are unique and removed when the test ends.
"""
import contextlib
import ctypes
import errno
import itertools
import json
import os
import pathlib
import pickle
import signal
import socket
import struct
import subprocess
import time

_libc = ctypes.CDLL(None, use_errno=True)
_count = itertools.count()
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
IP_TRANSPARENT, IPV6_FREEBIND, SO_ORIGINAL_DST = 19, 78, 80
ND_AND_MLD = {130, 131, 132, 133, 134, 135, 136, 143}
POD4, OUT4, POD6, OUT6 = "10.9.0.2", "10.9.0.1", "fd00:9::2", "fd00:9::1"


READ_ONLY_SYSCTLS = ("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys "
                     '&& exec "$@"')
CAPABILITIES = ("+sys_admin,+net_admin,+sys_ptrace,+syslog,+setuid,+setgid,+setpcap,+kill,"
                "+dac_read_search,+chown")


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def enter(netns: str) -> None:
    fd = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {netns}")
    os.close(fd)


def become(uid: int) -> None:
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def spawn(netns: str, uid: int, function, *args) -> tuple[int, int]:
    """Runs `function` in `netns` as `uid` in a child; its pid, and a pipe with the pickled answer."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        enter(netns)
        become(uid)
        answer = function(*args)
    except OSError as error:
        answer = errno.errorcode.get(error.errno, str(error))
    except BaseException as error:  # pylint: disable=broad-except
        answer = RuntimeError(repr(error))
    with os.fdopen(writing, "wb") as pipe:
        pickle.dump(answer, pipe)
    os._exit(0)


def inside(netns: str, uid: int, function, *args):
    """What `function` returned in there, or the name of the errno value it ended with."""
    pid, reading = spawn(netns, uid, function, *args)
    with os.fdopen(reading, "rb") as pipe:
        raw = pipe.read()
    os.waitpid(pid, 0)
    answer = pickle.loads(raw)
    if isinstance(answer, RuntimeError):
        raise answer
    return answer


class Capture:
    """Frames that arrive at a device of another namespace."""

    def __init__(self, netns: str, device: str):
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter(netns)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        _libc.setns(home, CLONE_NEWNET)
        os.close(home)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUFFORCE
                                if hasattr(socket, "SO_RCVBUFFORCE") else 33, 8 << 20)
        self._socket.bind((device, ETH_P_ALL))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def packets(self, wait: float = 0.05, ignored=frozenset(ND_AND_MLD)) -> list[bytes]:
        """IP packets from the pod since the last call, without the kernel's search for neighbours: the
        `ignored` types of ICMPv6."""
        time.sleep(wait)
        seen = []
        while True:
            try:
                frame, address = self._socket.recvfrom(65536)
            except BlockingIOError:
                return seen
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
                continue  # Told once, when the pod is gone; what came before is still to be read.
            if address[2] == socket.PACKET_OUTGOING:
                continue
            kind, packet = struct.unpack("!H", frame[12:14])[0], frame[14:]
            if kind in (0x0800, 0x86dd) and not self._is_icmp6(kind, packet, ignored):
                seen.append(packet)

    @staticmethod
    def _is_icmp6(kind: int, packet: bytes, types) -> bool:
        if kind != 0x86dd:
            return False
        following, at = packet[6], 40
        if following == 0:  # MLD comes behind a router alert
            following, at = packet[40], 48
        return following == socket.IPPROTO_ICMPV6 and packet[at] in types


class Play:
    """A pod and an outside; `fence()` starts the driver in the pod."""

    def __init__(self, driver: pathlib.Path, v4: bool = True, v6: bool = True):
        self._driver_path = driver
        self._stack = contextlib.ExitStack()
        self._driver = None
        self.built = {}
        self.pod, self.outside = self._namespace("pod"), self._namespace("out")
        pod, out = (os.path.basename(path) for path in (self.pod, self.outside))
        run("ip", "-n", pod, "link", "add", "eth0", "type", "veth",
            "peer", "name", "e0", "netns", out)
        for name, device in ((pod, "lo"), (pod, "eth0"), (out, "lo"), (out, "e0")):
            run("ip", "-n", name, "link", "set", device, "up")
        if v4:
            run("ip", "-n", pod, "addr", "add", f"{POD4}/24", "dev", "eth0")
            run("ip", "-n", out, "addr", "add", f"{OUT4}/24", "dev", "e0")
            run("ip", "-n", pod, "route", "add", "default", "via", OUT4)
        if v6:
            run("ip", "-n", pod, "addr", "add", f"{POD6}/64", "dev", "eth0", "nodad")
            run("ip", "-n", out, "addr", "add", f"{OUT6}/64", "dev", "e0", "nodad")
            run("ip", "-n", pod, "route", "add", "default", "via", OUT6)
        self.capture = Capture(self.outside, "e0")
        self._stack.callback(self.capture.close)

    def _namespace(self, kind: str) -> str:
        name = f"os-{kind}-{os.getpid()}-{next(_count)}"
        run("ip", "netns", "add", name)
        self._stack.callback(run, "ip", "netns", "del", name)
        return f"/run/netns/{name}"

    def close(self) -> None:
        self.stop()
        self._stack.close()

    def start(self, *options: str, **environment: str) -> dict:
        """Builds the fence, with what a container has: /proc/sys is read-only, and there are the
        capabilities of PID 1 alone. What the driver says of it."""
        self._driver = subprocess.Popen(
            ["nsenter", f"--net={self.pod}", "unshare", "--mount", "sh", "-c", READ_ONLY_SYSCTLS,
             "sh", "setpriv", f"--bounding-set=-all,{CAPABILITIES}", "env",
             *(f"{name}={value}" for name, value in environment.items()),
             str(self._driver_path), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.built = json.loads(self._driver.stdout.readline() or '{"error": "no answer"}')
        return self.built

    def wait_gone(self, device: str) -> None:
        """A device goes a moment after the namespace at its other end."""
        while device in run("nsenter", f"--net={self.pod}", "ip", "link"):
            time.sleep(0.05)

    def sysctl(self, name: str, value: int) -> None:
        run("nsenter", f"--net={self.pod}", "sh", "-c", f"echo {value} > /proc/sys/{name}")

    def ask(self, what: str) -> dict:
        self._driver.stdin.write(what + "\n")
        self._driver.stdin.flush()
        answer = json.loads(self._driver.stdout.readline())
        if what == "build":
            self.built = answer
        return answer

    def reports(self) -> list[dict]:
        """What was dropped since the last call, our own probe's datagrams aside."""
        return [e for e in self.ask("reports")["events"] if not e["probe"]]

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._driver:
            self._driver.send_signal(number)
            self._driver.wait()
            self._driver.stdin.close()
            self._driver.stdout.close()
            self._driver = None

    @property
    def inner(self) -> str:
        return self.built["netns"]

    def serve(self, netns: str, uid: int, function, *args) -> None:
        """A server for the rest of the test: `function` gets what `listener` or `udp` make of args."""
        pid, reading = spawn(netns, uid, function, *args)
        os.close(reading)
        self._stack.callback(self._reap, pid)

    @staticmethod
    def _reap(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def socket_in(self, netns: str, *args) -> socket.socket:
        """A socket that belongs to `netns`, in this process."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter(netns)
        try:
            made = socket.socket(*args)
        finally:
            _libc.setns(home, CLONE_NEWNET)
            os.close(home)
        self._stack.callback(made.close)
        return made

    def listener(self, netns: str, address: str, port: int, kind=socket.SOCK_STREAM):
        """A server's socket, bound and open, as PID 1 makes them before it hands them on."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = self.socket_in(netns, family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        if kind == socket.SOCK_STREAM:
            made.listen()
        return made


# --- servers and clients, to be run inside ---

def answer_tcp(listening: socket.socket) -> None:
    """Tells each client who it seems to be, then counts what it sends until it ends."""
    while True:
        connection, peer = listening.accept()
        connection.sendall(peer[0].encode() + b"\n")
        connection.close()


def answer_udp(bound: socket.socket) -> None:
    while True:
        _, peer = bound.recvfrom(65536)
        bound.sendto(peer[0].encode(), peer)


def count_tcp(listening: socket.socket, into: str) -> None:
    """Writes how many bytes the one connection brought to the file `into`."""
    connection, _ = listening.accept()
    n = 0
    while data := connection.recv(65536):
        n += len(data)
    connection.close()
    pathlib.Path(into + ".new").write_text(str(n), encoding="ascii")
    os.rename(into + ".new", into)


def family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bind_foreign(s: socket.socket, source) -> None:
    """Binds to an address that is not ours. IPv6 asks no privilege for sending from it, IPv4 does."""
    if s.family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    else:
        s.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    s.bind(source)


def tcp(address: str, port: int, source=None) -> str:
    """What a server said, or raises."""
    with socket.socket(family_of(address), socket.SOCK_STREAM) as s:
        s.settimeout(1)
        if source:
            bind_foreign(s, source)
        try:
            s.connect((address, port))
            return s.recv(100).decode().strip()
        except TimeoutError:
            return "timeout"


def udp(address: str, port: int, size: int = 4, wait: float = 0.0) -> str:
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(b"x" * size, (address, port))
        if not wait:
            return "sent"
        s.settimeout(wait)
        try:
            return s.recv(100).decode()
        except TimeoutError:
            return "timeout"


def ping(address: str) -> str:
    v6 = ":" in address
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    echo = bytes([128 if v6 else 8, 0]) + bytes(6)
    if not v6:
        echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
    with socket.socket(family_of(address), socket.SOCK_RAW, protocol) as s:
        s.settimeout(1)
        s.sendto(echo, (address, 0))
        while True:
            got = s.recv(1000)
            if got[0 if v6 else 20] == (129 if v6 else 0):
                return "answered"


def raw(address: str, protocol: int, payload: bytes, options=()) -> str:
    with socket.socket(family_of(address), socket.SOCK_RAW, protocol) as s:
        for level, name, value in options:
            s.setsockopt(level, name, value)
        s.sendto(payload, (address, 0))
        return "sent"


def frame(device: str, kind: int, packet: bytes) -> str:
    """Past the packet filter of the sender's own namespace."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((device, kind))
        s.send(bytes.fromhex("026f73000001026f73000002") + struct.pack("!H", kind) + packet)
        return "sent"


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source: str, target: str, protocol: int, payload: bytes, fragment: int = 0) -> bytes:
    """An IPv4 packet; `fragment` is the field of flags and offset."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp_payload(sport: int, dport: int, data: bytes = b"exfil") -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
