# SPDX-License-Identifier: Apache-2.0
"""sidecar_attacks: programs that run in a container of a sidecar pod and try to get at the proxy, or past the
fence. Each prints what worked, a line each; the tests judge by the effect besides. None begins with an empty line,
which podman writes wrong when it reads a manifest."""

# At the proxy's processes; the first line is how many of them were found.
TOUCH = r"""import ctypes, os, resource, signal
libc = ctypes.CDLL(None, use_errno=True)

def tried(what, call):
    try:
        call()
        print(what, flush=True)
    except OSError:
        pass

def done(answer):
    if answer == -1:
        raise OSError(ctypes.get_errno(), "")

def command(pid):
    try:
        return open(f"/proc/{pid}/cmdline", "rb").read()
    except OSError:
        return b""

def vm_read(pid):
    class vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("n", ctypes.c_size_t)]
    here = ctypes.create_string_buffer(8)
    done(libc.process_vm_readv(pid, ctypes.byref(vector(ctypes.addressof(here), 8)), 1,
                               ctypes.byref(vector(0x10000, 8)), 1, 0))

def write(path):
    with open(path, "w") as file:
        file.write("0")

def steal(pid):
    done(libc.syscall(438, os.pidfd_open(pid), 0, 0))

targets = [int(p) for p in os.listdir("/proc") if p.isdigit() and command(p).startswith(b"/openshell-agent\0proxy\0")]
print(len(targets), flush=True)
for pid in targets:
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        tried(f"signal {number}", lambda: os.kill(pid, number))
        tried(f"signal {number} by pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(pid), number))
    tried("ptrace attach", lambda: done(libc.ptrace(16, pid, 0, 0)))
    tried("ptrace seize", lambda: done(libc.ptrace(0x4206, pid, 0, 0)))
    tried("process_vm_readv", lambda: vm_read(pid))
    tried("pidfd_getfd", lambda: steal(pid))
    tried("prlimit", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)))
    tried("affinity", lambda: os.sched_setaffinity(pid, {0}))
    tried("scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
    tried("priority", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    for name in ("mem", "environ", "maps", "auxv", "ns/net", "ns/mnt"):
        tried(f"open {name}", lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
    for name in ("fd", "root", "root/run/openshell-proxy", "cwd"):
        tried(f"list {name}", lambda: os.listdir(f"/proc/{pid}/{name}"))
    tried("key", lambda: open(f"/proc/{pid}/root/run/openshell-proxy/ca.pem").read())
    for name in ("oom_score_adj", "timerslack_ns", "coredump_filter", "clear_refs", "attr/current"):
        tried(f"write {name}", lambda: write(f"/proc/{pid}/{name}"))
for path in ("/run/openshell-proxy", "/run/openshell-proxy/ca.pem"):
    tried(f"open {path}", lambda: os.open(path, os.O_RDONLY))
for path in ("/etc/openshell-tls/new", "/opt/openshell/new", "/etc/openshell/policy/new"):
    tried(f"make {path}", lambda: os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
"""

# At the fence, from outside of any confinement but the container's own. HERE and the like are put in.
LEAVE = r"""import os, socket, struct

def tried(what, call):
    try:
        call()
        print(what, flush=True)
    except OSError:
        pass

def datagram(family, address, port=443, protocol=0, kind=socket.SOCK_DGRAM):
    with socket.socket(family, kind, protocol) as s:
        s.settimeout(2)
        s.sendto(struct.pack("!BBHHH", 8, 0, 0xf7fe, 0, 1) if protocol in (1, 58) else b"x" * 16, (address, port))

def stream(family, address, port, protocol=0):
    # The proxy takes TCP over and refuses it: it counts only if a server's byte comes back.
    with socket.socket(family, socket.SOCK_STREAM, protocol) as s:
        s.settimeout(2)
        s.connect((address, port))
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        if b"@TOKEN@" not in s.recv(4096):
            raise OSError("nothing of the outside's")

def marked(mark):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, 36, mark)
        s.sendto(b"x", ("@HERE@", 443))

def flush():
    # NFT_MSG_DELTABLE in a batch, for every family.
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:
        s.bind((0, 0))
        def message(kind, flags, family, body=b"", resource=0):
            payload = struct.pack("!BBH", family, 0, resource) + body
            return struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload
        name = struct.pack("=HH", 14, 1) + b"openshell\0\0\0"
        s.send(message(16, 1, 0, resource=10) + message(10 << 8 | 2, 5, 1, name) + message(17, 1, 0, resource=10))
        error = struct.unpack_from("=i", s.recv(4096), 16)[0]
        if error:
            raise OSError(-error, "")

def link_down():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.bind((0, 0))
        s.send(struct.pack("=IHHIIBBHiII", 32, 16, 5, 1, 0, 0, 0, 0, 2, 0, 1))
        error = struct.unpack_from("=i", s.recv(4096), 16)[0]
        if error:
            raise OSError(-error, "")

def packet():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("eth0", 0x800))
        s.send(b"\xff" * 12 + b"\x08\x00" + b"x" * 46)

def bound_to_device():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        s.sendto(b"x", ("@HERE@", 443))

def reuse_ports():
    # One of them the proxy has just sent a question from, which the kernel remembers. What is redirected to the proxy
    # counts as sent, so that the capture alone tells.
    for port in range(32768, 61000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("@POD@", port))
                s.sendto(b"reused", ("@HERE@", 53))
            except OSError:
                pass

V4, V6 = socket.AF_INET, socket.AF_INET6
tried("become the proxy", lambda: os.setresuid(@PROXY@, @PROXY@, @PROXY@))
tried("become the proxy's group", lambda: os.setresgid(@PROXY@, @PROXY@, @PROXY@))
if os.getuid() != 0:
    tried("become root", lambda: os.setresuid(0, 0, 0))
tried("flush the rules", flush)
tried("change a link", link_down)
tried("packet socket", packet)
for family, address in ((V4, "@HERE@"), (V6, "2001:db8:1::1"), (V4, "169.254.169.254"), (V4, "255.255.255.255"),
                        (V4, "224.0.0.1"), (V6, "ff02::1%eth0")):
    tried(f"udp {address}", lambda: datagram(family, address))
    tried(f"udplite {address}", lambda: datagram(family, address, protocol=136))
    tried(f"ping {address}", lambda: datagram(family, address, 0, 1 if family == V4 else 58))
    tried(f"raw {address}", lambda: datagram(family, address, 0, 255, socket.SOCK_RAW))
    tried(f"sctp {address}", lambda: stream(family, address, 9, 132))
    tried(f"mptcp {address}", lambda: stream(family, address, 80, 262))
    tried(f"tcp {address}", lambda: stream(family, address, 80))
for mark in (0x1, 0x5000001, 0x5000002):
    tried(f"mark {mark:x}", lambda: marked(mark))
for port in (*range(15001, 15009), 15053, 15090):
    for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "@POD@", "@POD6@", "::1", "::ffff:127.0.0.1", "::ffff:@POD@"):
        tried(f"tcp {address} {port}", lambda: socket.create_connection((address, port), 2).close())
for address in ("127.0.0.1", "127.1.2.3", "@POD@"):
    tried(f"udp {address} 15053", lambda: datagram(V4, address, 15053))
tried("udp bound to a device", bound_to_device)
reuse_ports()
"""

# Everything that a program can send without asking, from its first moment on and until it is ended.
FLOOD = r"""import socket, time
sockets = [(socket.socket(f, socket.SOCK_DGRAM), a) for f, a in
           ((socket.AF_INET, "@HERE@"), (socket.AF_INET, "169.254.169.254"), (socket.AF_INET6, "2001:db8:1::1"))]
until = time.monotonic() + float(@SECONDS@)
while time.monotonic() < until:
    for s, address in sockets:
        try:
            s.sendto(b"x", (address, 443))
            print("sent", address, flush=True)
        except OSError:
            pass
    for port in (80, 443, 5432):
        try:
            with socket.socket() as t:
                t.setblocking(False)
                t.connect_ex(("@HERE@", port))
        except OSError:
            pass
"""
