# SPDX-License-Identifier: Apache-2.0
"""Init containers of the user's: each in a sandbox of its own, one after the other in the pod's one network,
with the policy's way out; then the workload."""
import json
import socket
import time

from fixture import SandboxCase
from images import DEBIAN
from internet import HERE
from netplay import inside
from rig import Rig
from test_combined import POLICY

# What each init container tries, as `NAME=WHAT CAME OF IT` lines.
TRY = f"""\
out() {{ printf '%s=%s\\n' "$1" "$2"; }}
out uid "$(id -u)"
out allowed "$(curl -sS --max-time 10 http://api.test/$0 2>&1)"
out refused "$(curl -sS --max-time 10 http://other.test/ -o /dev/null -w '%{{http_code}}' 2>&1)"
out direct "$(curl -sS --max-time 5 --noproxy '*' http://{HERE}/ -o /dev/null -w '%{{http_code}}' 2>&1)"
echo bad >/etc/hostname 2>/dev/null; out write $?
"""


DATA = {"name": "data", "mountPath": "/data"}


def init_container(name: str, script: str = TRY, **fields) -> dict:
    return {"name": name, "image": DEBIAN, "command": ["bash", "-c", script, name], **fields}


def send(address: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (address, 9))
    return "sent"


def device_names() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def tried(rig: Rig, container: str) -> dict[str, str]:
    lines = rig.pod.output(container)[0].decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


class InitContainers(SandboxCase):
    def test_each_runs_fenced_with_the_policys_way_out_and_then_the_workload_does(self):
        rig = Rig(self, POLICY, ["bash", "-c", "cat /data/left; " + TRY, "workload"], self.addCleanup,
                  init_containers=[
                      init_container("first", "echo first > /data/left; " + TRY, volumeMounts=[dict(DATA)]),
                      init_container("second", securityContext={"runAsUser": 2000})],
                  volumeMounts=[dict(DATA)], volumes=[{"name": "data", "emptyDir": {}}])
        rig.pod.wait("app")
        left = rig.left()
        for name, path, uid in (("first", "/first", "1000"), ("second", "/second", "2000"),
                                ("app", "/workload", "1000")):
            with self.subTest(container=name):
                seen = tried(rig, name) if name != "app" else dict(
                    line.split("=", 1) for line in rig.pod.output(name)[0].decode().splitlines()[1:])
                self.assertEqual(json.loads(seen["allowed"])["token"], rig.net.token)
                self.assertEqual((seen["uid"], seen["refused"], seen["direct"]), (uid, "403", "403"))
                self.assertNotEqual(seen["write"], "0")
        self.assertEqual(rig.pod.output("app")[0].splitlines()[0], b"first")
        self.assertEqual([r["path"] for r in rig.net.arrived() if "path" in r],
                         ["/first", "/second", "/workload"])
        self.assertEqual(set(left) - {f"udp {HERE} 53"}, {f"tcp {HERE} 80"})
        self.assert_only_the_fence_is_left(rig)

    def assert_only_the_fence_is_left(self, rig: Rig) -> None:
        """After a run its link is gone, and what is still in the pod gets nothing out."""
        self.await_no_link(rig.network)
        self.assertEqual([inside(rig.network, uid, send, HERE) for uid in (0, 1000)], ["EPERM"] * 2)
        self.assertEqual(rig.left(), [])

    def await_no_link(self, network: str) -> None:
        """The kernel takes a namespace apart a moment after its last process."""
        until = time.monotonic() + 5
        while "openshell0" in (names := inside(network, 0, device_names)):
            self.assertLess(time.monotonic(), until, names)
            time.sleep(0.05)
