# SPDX-License-Identifier: Apache-2.0
"""A policy that changes while its pod runs: what it says holds a second later, in a real pod.

The policy's volume is written as a kubelet writes it (a link that is replaced) or in place."""
import json
import os
import pathlib
import re
import threading
import time
import unittest

from fixture import AGENT_PATH, SandboxCase
from internet import BARE_PORT
from proxy_world import Origin, Proxy, polite, read_response, wait_for
from rig import Rig

MOUNT = "/etc/openshell/policy"
# A user may write a change, look away and come back; a machine under load must not fail the test.
PATIENCE_S = 20


def policy(*endpoints: str, more: str = "") -> str:
    lines = "".join(f"      - {{{e}}}\n" for e in endpoints)
    return (f"version: 1\n{more}network_policies:\n  curl:\n    endpoints:\n{lines}"
            "    binaries: [{path: /usr/bin/curl}]\n")


API = "host: api.test, port: 80, protocol: rest, access: read-only"
OTHER = "host: other.test, port: 80, protocol: rest, access: read-only"
RAW = f"host: raw.test, port: {BARE_PORT}"
NOTHING = "version: 1\n"


class Volume:
    """The volume of a ConfigMap, written as a kubelet writes it."""

    def __init__(self, path: pathlib.Path):
        self.path, self._count = path, 0

    def swap(self, text: str) -> None:
        """Replaces `..data`; the file itself is a link that never changes."""
        self._count += 1
        fresh = self.path / f"..2026_{self._count}"
        fresh.mkdir()
        (fresh / "policy.yaml").write_text(text)
        self._link("..data", fresh.name)
        if not (self.path / "policy.yaml").is_symlink():
            self._link("policy.yaml", "..data/policy.yaml")

    def _link(self, name: str, to: str) -> None:
        os.symlink(to, self.path / (name + "_tmp"))
        os.rename(self.path / (name + "_tmp"), self.path / name)


class Reload(SandboxCase):
    def rig_with(self, text: str, command=("sleep", "600")) -> Rig:
        rig = Rig(self, text, list(command), self.addCleanup)
        self.volume = Volume(rig.pod.volume("app", MOUNT))
        return rig

    def status_policy(self, rig: Rig) -> dict:
        return json.loads(rig.pod.exec("app", [AGENT_PATH, "status"]).stdout)["policy"]

    def await_event(self, rig: Rig, name: str, n: int = 1) -> dict:
        """The nth event of that name."""
        until = time.monotonic() + PATIENCE_S
        while len(found := rig.events(name)) < n:
            self.assertLess(time.monotonic(), until, f"no {name}: {rig.pod.output('app')[1][-2000:]}")
            time.sleep(0.05)
        return found[n - 1]

    def code(self, rig: Rig, host: str) -> str:
        return rig.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10",
                       f"http://{host}/x").stdout.decode()

    def test_what_a_new_policy_says_holds(self):
        rig = self.rig_with(policy(API))
        self.assertEqual((self.code(rig, "api.test"), self.code(rig, "other.test")), ("200", "403"))
        self.volume.swap(policy(OTHER))
        told = self.await_event(rig, "policy.reloaded")
        self.assertEqual((told["generation"], told["endpoints"]), (2, 1))
        self.assertEqual((self.code(rig, "api.test"), self.code(rig, "other.test")), ("403", "200"))
        seen = self.status_policy(rig)
        self.assertEqual((seen["generation"], seen["sha256"], seen["problem"], seen["at_next_start"]),
                         (2, told["policy_sha256"], None, []))
        self.volume.swap(policy(API))
        self.await_event(rig, "policy.reloaded", 2)
        self.assertEqual((self.code(rig, "api.test"), self.code(rig, "other.test")), ("200", "403"))

    def test_a_file_that_is_written_in_place_is_noticed(self):
        rig = self.rig_with(policy(API))
        (self.volume.path / "policy.yaml").write_text(policy(OTHER))
        self.await_event(rig, "policy.reloaded")
        self.assertEqual((self.code(rig, "api.test"), self.code(rig, "other.test")), ("403", "200"))

    def test_an_invalid_policy_changes_nothing_and_is_told(self):
        rig = self.rig_with(policy(API))
        self.volume.swap(policy(API).replace("access: read-only", "access: wide"))
        told = self.await_event(rig, "policy.reload_failed")
        self.assertEqual((told["line"], told["generation"]), (5, 1))
        self.assertIn("wide", told["reason"])
        self.assertEqual(self.code(rig, "api.test"), "200")
        problem = self.status_policy(rig)["problem"]
        self.assertEqual((problem["line"], problem["column"], problem["reason"]),
                         (told["line"], told["column"], told["reason"]))
        self.volume.swap(policy(API))
        self.await_event(rig, "policy.restored")
        self.assertIsNone(self.status_policy(rig)["problem"])

    def test_a_file_that_is_gone_changes_nothing_and_is_told(self):
        rig = self.rig_with(policy(API))
        (self.volume.path / "policy.yaml").unlink()
        self.assertIn("gone", self.await_event(rig, "policy.reload_failed")["reason"])
        self.assertEqual(self.code(rig, "api.test"), "200")
        self.volume.swap(policy(OTHER))
        self.await_event(rig, "policy.reloaded")
        self.assertEqual(self.code(rig, "other.test"), "200")

    def test_a_policy_without_endpoints_may_get_some(self):
        rig = self.rig_with(NOTHING)
        self.assertEqual(self.code(rig, "api.test"), "403")
        self.volume.swap(policy(API))
        self.await_event(rig, "policy.reloaded")
        self.assertEqual(self.code(rig, "api.test"), "200")
        self.volume.swap(NOTHING)
        self.await_event(rig, "policy.reloaded", 2)
        self.assertEqual(self.code(rig, "api.test"), "403")

    def test_what_processes_are_confined_by_waits_for_the_next_start(self):
        rig = self.rig_with(policy(API))
        self.volume.swap(policy(OTHER, more="process: {run_as_user: 4000}\nfilesystem_policy: {read_only: [/usr]}\n"))
        told = self.await_event(rig, "policy.takes_effect_at_next_start")
        self.assertEqual(told["sections"], "filesystem_policy, process")
        self.assertEqual(self.status_policy(rig)["at_next_start"], ["filesystem_policy", "process"])
        self.assertEqual(rig.run("id", "-u").stdout, b"1000\n")
        self.assertEqual(self.code(rig, "other.test"), "200")

    def test_explain_asks_the_policy_that_is_in_force(self):
        rig = self.rig_with(policy(API))

        def explain(host: str) -> dict:
            done = rig.pod.exec("app", [AGENT_PATH, "policy", "explain", "--live", "--json", "--host", host, "--port", "80",
                                        "--binary", "/usr/bin/curl", "--method", "GET", "--path", "/x"])
            return json.loads(done.stdout)
        self.assertEqual(explain("api.test")["verdict"], "allow")
        missing = explain("other.test")
        self.assertEqual(missing["verdict"], "deny")
        self.volume.swap(policy(API) + missing["suggestion"])
        self.await_event(rig, "policy.reloaded")
        self.assertEqual((self.code(rig, "other.test"), explain("other.test")["verdict"]), ("200", "allow"))


class UnderLoad(unittest.TestCase):
    """The worker alone, with a new policy every 100 ms while requests go through it."""

    ROUNDS, CLIENTS = 40, 6

    def policy(self, number: int, port: int) -> str:
        """Allows requests below /NUMBER/, a tunnel that always stays, and much that nobody asks for."""
        filler = "".join(f"      - {{host: h{i}.filler.test, port: 443, protocol: rest, access: read-only}}\n"
                         for i in range(300))
        return (f"version: 1\nnetwork_policies:\n  p:\n    endpoints:\n"
                f"      - {{host: web.test, port: {port}, protocol: rest, rules: "
                f"[{{allow: {{method: GET, path: /{number}/**}}}}]}}\n"
                f"      - {{host: raw.test, port: {port}}}\n{filler}")

    def load(self, proxy: Proxy, port: int) -> None:
        """Asks for what the policy of the moment allows, and for what the ones beside it do."""
        while not self.over.is_set():
            try:
                with proxy.connect() as sock:
                    for step in (0, -1, 0, 1):
                        sock.sendall(f"GET http://web.test:{port}/{self.number + step}/x HTTP/1.1\r\n"
                                     f"Host: web.test:{port}\r\n\r\n".encode())
                        if read_response(sock)[0] != 200:
                            break
            except OSError:
                pass

    def start(self) -> tuple[Origin, Proxy]:
        origin = Origin(polite)
        self.addCleanup(origin.close)
        proxy = Proxy(self.policy(0, origin.port), "--host", "web.test=127.0.0.1", "--host", "raw.test=127.0.0.1")
        self.addCleanup(proxy.stop)
        self.number, self.over = 0, threading.Event()
        self.addCleanup(self.over.set)
        return origin, proxy

    def next_policies(self, proxy: Proxy, port: int, n: int) -> None:
        for _ in range(n):
            time.sleep(0.1)
            self.number += 1
            proxy.set_policy(self.policy(self.number, port))

    @staticmethod
    def memory_kib(proxy: Proxy) -> int:
        status = pathlib.Path(f"/proc/{proxy.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1])

    def test_nothing_gets_out_that_the_policy_of_the_moment_refuses_and_memory_returns(self):
        origin, proxy = self.start()
        port = origin.port
        tunnel = proxy.tunnel(f"raw.test:{port}")
        self.addCleanup(tunnel.close)
        clients = [threading.Thread(target=self.load, args=(proxy, port)) for _ in range(self.CLIENTS)]
        for client in clients:
            client.start()
        self.next_policies(proxy, port, self.ROUNDS // 4)
        before = self.memory_kib(proxy)
        self.next_policies(proxy, port, self.ROUNDS)
        self.over.set()
        for client in clients:
            client.join()
        # What stays allowed by every policy stays open through all of them.
        tunnel.sendall(b"GET /still HTTP/1.1\r\n\r\n")
        self.assertEqual(read_response(tunnel)[2], b"GET /still 0\n")
        self.check_order(proxy)
        wait_for(lambda: self.memory_kib(proxy) < before + 1024, "the memory to return")

    def check_order(self, proxy: Proxy) -> None:
        """The proxy writes its events one after the other: what was allowed after a change is the new policy's."""
        number, allowed, denied = 0, 0, 0
        for event in proxy.events():
            if event["event"] == "policy.reloaded":
                number += 1
            elif event["event"] == "http.request" and event["verdict"] == "allow":
                self.assertEqual(event["path"], f"/{number}/x")
                allowed += 1
            elif event["event"] == "http.request":
                denied += 1
        self.assertEqual(number, self.number)
        self.assertGreater(min(allowed, denied), self.ROUNDS)
