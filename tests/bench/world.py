# SPDX-License-Identifier: Apache-2.0
"""world: namespaces of their own for the network benchmark: one pod for each side, and the origin.

Each side is in a pod that the agent's own fence was built around: the client in the inner namespace, the
proxy with the fence's UID on the pod's end of the link, a link from the pod to the world, and the origin
there. Ours is the agent's `run` as it is; floors and peers stand where the worker stands. A sidecar's pod has the
three commands of its containers instead, and the client under `launch`; of a pair each pod has its own."""

import base64
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "release"
AGENT, LOAD, DRIVER = OUT / "openshell-agent", OUT / "bench_load", OUT / "driver_fence"
ORIGIN, PLAIN, TLS, PROXY_UID, PROXY_PORT = "10.99.0.1", 8080, 8443, 1337, 3128
HOME = Path("/run/bench")
ROOTS, TRUST = HOME / "origin.pem", Path("/etc/ssl/certs/ca-certificates.crt")
COLD_HOSTS = 1000
CLIENT_CORE, SIDE_CORE = 0, 1 % (os.cpu_count() or 1)

_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)}: {done.stderr.strip()}")


def private() -> None:
    """Namespaces of our own: nothing that follows is seen outside, and all of it goes with us."""
    CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
    if _libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise SystemExit(f"bench: unshare: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/run")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/opt")
    for name in ("netns", "bench", "etc/upper", "etc/work", "openshell"):
        Path("/run", name).mkdir(parents=True)
    HOME.chmod(0o777)
    run("mount", "-t", "overlay", "none", "-o", "lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work",
        "/etc")
    Path("/etc/hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")
    Path("/etc/resolv.conf").write_text(f"nameserver {ORIGIN}\n", encoding="ascii")
    Path("/opt/openshell").mkdir()
    Path("/opt/openshell/ca-bundle.pem").write_bytes(TRUST.read_bytes())
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{ORIGIN}/32", "dev", "lo")


def make_pod(name: str, number: int) -> None:
    run("ip", "netns", "add", name)
    # Connections that are over take their port with them for a minute: with tens of thousands of those, what is
    # measured would be the kernel's search for a free one. Not where the machine lets nobody say so.
    run("ip", "netns", "exec", name, "sh", "-c", "echo 1024 >/proc/sys/net/ipv4/tcp_max_tw_buckets || true")
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "address", "add", f"10.77.{number}.1/24", "dev", name)
    run("ip", "link", "set", name, "up")
    for words in (("address", "add", f"10.77.{number}.2/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                  ("link", "set", "lo", "up"), ("route", "add", "default", "via", f"10.77.{number}.1")):
        run("ip", "-n", name, *words)


def in_pod(name: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{name}"]


AS_PROXY = ["setpriv", f"--reuid={PROXY_UID}", f"--regid={PROXY_UID}", "--clear-groups"]


def pin(pid: int, core: int) -> None:
    os.sched_setaffinity(pid, {core})


def descendants(pid: int) -> list[int]:
    """Those that live; one may end while it is looked at."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    except FileNotFoundError:
        pass
    return found


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""


class Lines:
    """A program that answers lines with lines."""

    def __init__(self, command: list[str], core: int, **options):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, **options)
        pin(self.process.pid, core)

    def say(self, text: str) -> None:
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        text = self.process.stdout.readline()
        if text == "":
            raise SystemExit(f"bench: {self.process.args[-1]} ended")
        return text.strip()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Side:
    """One proxy with the client in front of it."""

    def __init__(self, name: str, client: Lines, pids: list[int], to: str, ca: str):
        self.name, self.client, self.pids, self.to, self.ca = name, client, pids, to, ca
        self.auth = ""  # how the client names itself to a proxy that asks, in base64
        self.events: Path | None = None
        self.load = 0  # the client's process, whose network is the workload's
        self.owned: list = []
        self.start_ms: list[float] = []  # of a sidecar's: fencing the pod, then the proxy until it serves

    def address_of(self, host: str) -> str:
        """What the workload is told of a name, by the sandbox: an address of no one's that stands for it."""
        ask = ("import socket, struct, sys\n"
               "name = b''.join(bytes([len(p)]) + p.encode() for p in sys.argv[1].split('.'))\n"
               "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
               "s.settimeout(5)\n"
               "s.connect((sys.argv[2], 53))\n"
               "s.send(struct.pack('>HHHHHH', 1, 0x100, 1, 0, 0, 0) + name + b'\\0' + struct.pack('>HH', 1, 1))\n"
               "print(socket.inet_ntoa(s.recv(512)[-4:]))")
        done = subprocess.run(["nsenter", f"--net=/proc/{self.load}/ns/net", "python3", "-c", ask, host, ORIGIN],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: {self.name}: {host}: {done.stderr[-300:]}")
        return done.stdout.strip()

    def cpu_ns(self) -> int:
        """Of all its processes, threads that ended included."""
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self.pids)

    def pss_kib(self) -> tuple[int, int]:
        total = anonymous = 0
        for pid in self.pids:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
                elif line.startswith("Pss_Anon:"):
                    anonymous += int(line.split()[1])
        return total, anonymous

    def close(self) -> None:
        # What is killed cannot end its children, so they are ended too; first itself, which would make others.
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for one in self.owned:
            one.kill()
            one.wait()
        self.client.close()


class Fenced:
    """A pod with the agent's fence, and nothing in the worker's place yet."""

    count = 0

    def __init__(self, name: str):
        Fenced.count += 1
        make_pod(name, Fenced.count)
        self.name = name
        self.driver = Lines([*in_pod(name), DRIVER], CLIENT_CORE)
        self.built = json.loads(self.driver.hear())
        if "error" in self.built:
            raise SystemExit(f"bench: {name}: {self.built['error']}")
        self.address = self.built["v4"][0]

    def side(self, command: list, ca: str = "", ready: float = 10) -> Side:
        log = open(HOME / f"{self.name}.log", "wb")
        proxy = subprocess.Popen([*in_pod(self.name), *AS_PROXY, *map(str, command)], stdout=log, stderr=log)
        pin(proxy.pid, SIDE_CORE)
        client = Lines(["nsenter", f"--net={self.built['netns']}", LOAD], CLIENT_CORE)
        wait_for_port(self.built["netns"], self.address, ready, self.name)
        pids = [proxy.pid, *descendants(proxy.pid)]
        for pid in pids:
            pin(pid, SIDE_CORE)
        side = Side(self.name, client, pids, f"{self.address}:{PROXY_PORT}", ca)
        side.owned = [proxy, self.driver.process]
        return side


def wait_for_port(netns: str, address: str, seconds: float, name: str) -> None:
    probe = ("import socket,sys,time\nend=time.monotonic()+float(sys.argv[3])\nwhile True:\n"
             " try: socket.create_connection((sys.argv[1],int(sys.argv[2])),1).close(); break\n"
             " except OSError:\n  if time.monotonic()>end: sys.exit(1)\n  time.sleep(.05)\n")
    done = subprocess.run(["nsenter", f"--net={netns}", "python3", "-c", probe, address, str(PROXY_PORT),
                           str(seconds)], check=False)
    if done.returncode != 0:
        log = (HOME / f"{name}.log").read_text(errors="replace")
        raise SystemExit(f"bench: {name} does not listen: {log[-500:]}")


def make_ours(name: str, policy: str, *options: str) -> Side:
    """The agent's `run`: PID 1, identity helper and confined worker, the client as its workload."""
    Fenced.count += 1
    make_pod(name, Fenced.count)
    (HOME / f"{name}.yaml").write_text(policy, encoding="ascii")
    events = HOME / f"{name}.events"
    script = ("mount -t tmpfs none /run/openshell && mkdir -p /etc/openshell-tls && "
              "mount -t tmpfs -o mode=755 none /etc/openshell-tls && exec \"$@\"")
    command = [*in_pod(name), "unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc",
               "sh", "-c", script, "sh", AGENT, "run", "--policy", HOME / f"{name}.yaml",
               "--upstream-ca", ROOTS, *options, "--", LOAD]
    client = Lines(command, CLIENT_CORE, stderr=open(events, "ab"))
    agent, load = wait_for_workload(client.process.pid, events)
    pids = [agent, *(pid for pid in descendants(agent) if pid != load)]
    for pid in pids:
        pin(pid, SIDE_CORE)
    env = dict(word.split("=", 1) for word in
               Path(f"/proc/{load}/environ").read_text().split("\0") if "=" in word)
    # Of the authority alone: the whole store takes the client longer to read than a scenario runs.
    certificate = HOME / f"{name}.pem"
    certificate.write_bytes(Path(f"/proc/{agent}/root/etc/openshell-tls/openshell-ca.pem").read_bytes())
    side = Side(name, client, pids, env["HTTPS_PROXY"].split("//")[1].rstrip("/"), str(certificate))
    side.events, side.load = events, load
    return side


def wait_for_workload(parent: int, events: Path) -> tuple[int, int]:
    for _ in range(400):
        for pid in descendants(parent):
            if name_of(pid) == "bench_load":
                return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]), pid
        time.sleep(0.025)
    raise SystemExit(f"bench: the agent did not start: {events.read_text()[-800:]}")


# A root directory of its own for the containers, which share it: the agent's image has its trust store at the top.
OWN_ROOT = """set -e
mkdir "$ROOT" "$ROOT.upper" "$ROOT.work"
mount -t overlay none -o "lowerdir=/,upperdir=$ROOT.upper,workdir=$ROOT.work" "$ROOT"
for place in dev etc opt run; do mount --rbind "/$place" "$ROOT/$place"; done
mkdir -p "$ROOT$OUT" && mount --bind "$OUT" "$ROOT$OUT"
mount -t proc none "$ROOT/proc"
cp "$TRUST" "$ROOT/ca-bundle.pem"
exec chroot "$ROOT" sh -c "$CONTAINERS"
"""
SIDECAR_CONTAINERS = """set -e
for place in /run/openshell-proxy /etc/openshell-tls; do
  mkdir -p "$place" && mount -t tmpfs -o mode=755 none "$place"
done
began=$(date +%s%N)
"$AGENT" net-init --install /opt/openshell --proxy-uid 1337 \
  --proxy-dir /run/openshell-proxy --tls-dir /etc/openshell-tls
fenced=$(date +%s%N)
setpriv --inh-caps=-all --bounding-set=-all,+sys_ptrace,+dac_read_search,+setuid,+setgid,+setpcap,+kill \
  "$AGENT" proxy --policy "$POLICY" --proxy-uid 1337 --state-dir /run/openshell-proxy --tls-dir /etc/openshell-tls \
  --binary-identity required --upstream-ca "$ROOTS" 2>"$EVENTS" &
until [ -s /etc/openshell-tls/ca-bundle.pem ]; do kill -0 $!; done
echo $((fenced - began)) $(($(date +%s%N) - fenced)) >"$TIMES"
exec setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
  "$AGENT" launch --policy "$POLICY" --proxy-uid 1337 --log-level error -- "$LOAD"
"""


PAIR_PROXY = """set -e
mkdir -p "$PAIRING" && mount -t tmpfs -o mode=755 none "$PAIRING"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=bench \
  -keyout "$PAIRING/openshell-ca-key.pem" -out "$PAIRING/openshell-ca.pem" \
  -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
printf %s "$CREDENTIALS" >"$PAIRING/credentials"
chown 0:1337 "$PAIRING"/* && chmod 440 "$PAIRING"/*
install -m 644 "$PAIRING/openshell-ca.pem" "$CERTIFICATE"
exec setpriv --reuid=1337 --regid=1337 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
  "$AGENT" proxy --policy "$POLICY" --proxy-uid 1337 --pairing-dir "$PAIRING" --binary-identity relaxed \
  --upstream-ca "$ROOTS" 2>"$EVENTS"
"""
PAIR_WORKLOAD = """set -e
mkdir -p /etc/openshell-tls && mount -t tmpfs -o mode=777 none /etc/openshell-tls
as_user="setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"
$as_user "$AGENT" fence-check --proxy "$URL" --past "$PAST" --tls-dir /etc/openshell-tls --ca "$CERTIFICATE"
exec $as_user "$AGENT" launch --policy "$POLICY" --proxy "$URL" --past "$PAST" --log-level error -- "$LOAD"
"""
# What no pod of a pair reaches, by a route that says so.
CLOSED = "192.0.2.1"


def in_own_root(name: str, root: str, containers: str, **environment) -> tuple[list[str], dict[str, str]]:
    """A command line that runs `containers` in pod `name`, and its environment."""
    environment |= {"ROOT": HOME / f"{root}.root", "OUT": OUT, "TRUST": TRUST, "CONTAINERS": containers, "AGENT": AGENT,
                    "ROOTS": ROOTS, "LOAD": LOAD}
    command = [*in_pod(name), "unshare", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c", OWN_ROOT]
    return command, os.environ | {k: str(v) for k, v in environment.items()}


def agents_below(pid: int) -> list[int]:
    """Pinned to where what is measured runs."""
    pids = [one for one in descendants(pid) if name_of(one) == "openshell-agent"]
    for one in pids:
        pin(one, SIDE_CORE)
    return pids


def make_sidecar(name: str, policy: str) -> Side:
    """The same pod as a sidecar's: proxy and workload in the pod's own namespace, told apart by the fence."""
    Fenced.count += 1
    make_pod(name, Fenced.count)
    policy_file, events = HOME / f"{name}.yaml", HOME / f"{name}.events"
    policy_file.write_text(policy, encoding="ascii")
    events.touch()
    times = HOME / f"{name}.times"
    command, environment = in_own_root(name, name, SIDECAR_CONTAINERS, TIMES=times, POLICY=policy_file, EVENTS=events)
    client = Lines(command, CLIENT_CORE, env=environment, stderr=open(HOME / f"{name}.log", "ab"))
    launcher, load = wait_for_workload(client.process.pid, HOME / f"{name}.log")
    pids = agents_below(client.process.pid)
    certificate = HOME / f"{name}.pem"
    certificate.write_bytes(Path(f"/proc/{launcher}/root/etc/openshell-tls/openshell-ca.pem").read_bytes())
    side = Side(name, client, pids, f"127.0.0.1:{PROXY_PORT}", str(certificate))
    side.events, side.load = events, load
    side.start_ms = [int(ns) / 1e6 for ns in times.read_text().split()]
    return side


def make_paired(name: str, policy: str) -> Side:
    """A pair of topology proxy-pod: the proxy in a pod of its own, to which the world passes on what the workload's
    pod sends."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    proxy_pod = f"{name}px"
    Fenced.count += 2
    make_pod(name, Fenced.count - 1)
    make_pod(proxy_pod, Fenced.count)
    run("ip", "-n", name, "route", "add", "prohibit", CLOSED)
    address, credentials = f"10.77.{Fenced.count}.2", "bench:secret"
    log, events, certificate = (HOME / f"{name}.{kind}" for kind in ("log", "events", "pem"))
    policy_file = HOME / f"{name}.yaml"
    policy_file.write_text(policy, encoding="ascii")
    events.touch()
    shared = {"POLICY": policy_file, "CERTIFICATE": certificate, "CREDENTIALS": credentials}
    command, environment = in_own_root(proxy_pod, proxy_pod, PAIR_PROXY, EVENTS=events, PAIRING="/run/openshell-pairing",
                                       **shared)
    proxy = subprocess.Popen(command, env=environment, stderr=open(log, "ab"))
    wait_for_port(f"/run/netns/{name}", address, 10, name)
    command, environment = in_own_root(name, name, PAIR_WORKLOAD, URL=f"http://{credentials}@{address}:{PROXY_PORT}",
                                       PAST=f"{CLOSED}:443", **shared)
    client = Lines(command, CLIENT_CORE, env=environment, stderr=open(log, "ab"))
    _, load = wait_for_workload(client.process.pid, log)
    side = Side(name, client, agents_below(proxy.pid) + agents_below(client.process.pid), f"{address}:{PROXY_PORT}",
                str(certificate))
    side.events, side.load, side.owned = events, load, [proxy]
    side.auth = base64.b64encode(credentials.encode()).decode()
    return side


def make_direct(name: str = "direct") -> Side:
    """No proxy at all: what the origin and the way to it cost."""
    Fenced.count += 1
    make_pod(name, Fenced.count)
    client = Lines([*in_pod(name), LOAD], CLIENT_CORE)
    return Side(name, client, [], "", str(ROOTS))


# --- names ------------------------------------------------------------------------------------------


def dns_answer(query: bytes) -> bytes:
    """Every name is the origin's: one IPv4 address, and none of IPv6, for five minutes."""
    end = query.index(b"\0", 12) + 5
    question, kind = query[12:end], struct.unpack(">H", query[end - 4:end - 2])[0]
    header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, kind == 1, kind != 1, 0)
    if kind == 1:
        return header + question + struct.pack(">HHHIH", 0xC00C, 1, 1, 300, 4) + socket.inet_aton(ORIGIN)
    soa = b"\x02ns\0" * 2 + struct.pack(">IIIII", 1, 300, 300, 300, 300)
    return header + question + struct.pack(">HHHIH", 0xC00C, 6, 1, 300, len(soa)) + soa


def serve_names() -> None:
    at = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    at.bind((ORIGIN, 53))

    def serve() -> None:
        while True:
            query, peer = at.recvfrom(1024)
            at.sendto(dns_answer(query), peer)

    threading.Thread(target=serve, daemon=True).start()


def make_origin() -> Lines:
    origin = Lines([OUT / "bench_origin", ORIGIN, PLAIN, TLS, ROOTS, "cold", COLD_HOSTS], CLIENT_CORE)
    origin.hear()
    return origin


def die_with_us() -> None:
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit(1)))
