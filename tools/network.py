# SPDX-License-Identifier: Apache-2.0
"""network: an outside world for pods, in a network namespace of its own.

An origin listens there. `plug` gives a pod an eth0 that leads to it, with default routes, as a CNI
plugin would; nothing of this machine's own network is touched or reachable."""
import pathlib
import secrets
import subprocess

ORIGIN = pathlib.Path(__file__).resolve().parent / "origin.py"
PORT = 8080
POD_ADDRESS = "198.51.100.2"
LOOPBACK_PORT = 9090
ABSTRACT = "openshell-test-abstract"


class Outside:
    """The origin and its network; `token` is what it answers."""

    host = f"198.51.100.1:{PORT}"
    host6 = f"[2001:db8:1::1]:{PORT}"

    def __init__(self):
        self.token = secrets.token_hex(8)
        self._processes: list[subprocess.Popen] = []
        self._origin = self._start_origin(["unshare", "--net", "--"], PORT)

    @property
    def pid(self) -> int:
        """A process of the outside's network namespace."""
        return self._origin.pid

    def __enter__(self) -> "Outside":
        return self

    def __exit__(self, *_exc) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def plug(self, pid: int) -> None:
        """Connects the network namespace of process `pid`, one at a time."""
        origin = str(self.pid)
        inside(origin, "ip", "link", "add", "pod", "type", "veth", "peer", "name", "eth0",
               "netns", str(pid))
        for where, device, v4, v6 in ((origin, "pod", "198.51.100.1/24", "2001:db8:1::1/64"),
                                      (str(pid), "eth0", f"{POD_ADDRESS}/24", "2001:db8:1::2/64")):
            inside(where, "ip", "link", "set", "lo", "up")
            inside(where, "ip", "link", "set", device, "up")
            inside(where, "ip", "address", "add", v4, "dev", device)
            inside(where, "ip", "-6", "address", "add", v6, "dev", device, "nodad")
        inside(str(pid), "ip", "route", "add", "default", "via", "198.51.100.1")
        inside(str(pid), "ip", "-6", "route", "add", "default", "via", "2001:db8:1::1")

    def probe(self, port: int, path: str) -> bool:
        """Whether the pod on the wire answers a GET, as a kubelet's probe finds."""
        done = subprocess.run(["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", "curl", "-sf", "-m", "1", "-o",
                               "/dev/null", "--noproxy", "*", f"http://{POD_ADDRESS}:{port}{path}"], check=False)
        return done.returncode == 0

    def listen_inside(self, pid: int, *paths: str) -> None:
        """Another origin in the namespace of `pid`: on its loopback, an abstract socket, `paths`."""
        self._start_origin(["nsenter", f"--net=/proc/{pid}/ns/net", "--"], LOOPBACK_PORT,
                           f"@{ABSTRACT}", *paths)

    def _start_origin(self, prefix: list[str], port: int, *paths: str) -> subprocess.Popen:
        return self.start([*prefix, str(ORIGIN), str(port), self.token, *paths])

    def start(self, command: list[str]) -> subprocess.Popen:
        """A server that says "ready" and lives until we leave."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self._processes.append(process)
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{command} did not start")
        return process


def inside(pid: str, *command: str) -> None:
    done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "--", *command],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
