# SPDX-License-Identifier: Apache-2.0
"""The same programs pass, or are refused at once, where nothing tells them of a proxy.

Programs whose protocols no HTTP proxy carries are here as well: psql, redis-cli and ssh."""
import pathlib

import test_clients
from test_transparent import PLAIN

STAND_INS = pathlib.Path(__file__).resolve().parent / "stand_ins.py"
PSQL = "/usr/lib/postgresql/15/bin/psql"


def psql(host: str) -> list[str]:
    return [PSQL, f"host={host} port=6432 user=u dbname=d connect_timeout=10"]


def redis(host: str) -> list[str]:
    return ["redis-cli", "-h", host, "PING"]


def ssh(host: str) -> list[str]:
    return ["ssh", "-v", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", host, "true"]


# Each with its file, its port, and what it shows when it was served beyond the token of the server.
TALKERS = {"psql": (psql, PSQL, 6432, "FATAL:"),
           "redis-cli": (redis, "/usr/bin/redis-cli", 6379, ""),
           "ssh": (ssh, "/usr/bin/ssh", 22, "SSH2_MSG_KEXINIT received")}
NAMES = {f"{name}.test": test_clients.NAMES["plain.test"] for name in TALKERS}
POLICY = test_clients.POLICY + "".join(f"""\
  {name}:
    endpoints: [{{host: {name}.test, port: {port}}}]
    binaries: [{{path: {binary}}}]
""" for name, (_, binary, port, _) in TALKERS.items()) + f"""\
  nobody:
    endpoints: [{{host: theirs.test, ports: {[port for _, _, port, _ in TALKERS.values()]}}}]
    binaries: [{{path: /usr/bin/nobody}}]
"""
# How each tells that there is no such name, and that it was denied access within TLS.
NO_NAME = {"curl": "Could not resolve host", "wget": "unable to resolve host address", "go": "no such host",
           "python": "Name or service not known", "node": "ENOTFOUND",
           "java client": "UnresolvedAddressException", "java connection": "UnknownHostException"}
ALERT = r"(?i)access[ _](was )?denied"
# The first is psql's word for it.
RESET = r"server closed the connection unexpectedly|(?i:connection reset by peer)"


class Direct(test_clients.Clients):
    """Without the proxy's variables."""

    policy, names = POLICY, {**test_clients.NAMES, **NAMES}
    prefix = tuple(PLAIN)
    elsewhere = {"git": NO_NAME["curl"], "pip": NO_NAME["python"], "npm": NO_NAME["node"]}
    axios_alone = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        net = cls.rig.net
        net.start(["nsenter", f"--net=/proc/{net.pid}/ns/net", "--", str(STAND_INS), net.token])

    def assert_nothing_left(self) -> None:
        """To the servers of TALKERS; a connection that waited for reuse may end meanwhile."""
        ports = {str(port) for _, _, port, _ in TALKERS.values()}
        self.assertEqual([p for p in self.rig.left() if p.split()[-1] in ports], [])
        self.assertEqual(self.rig.net.arrived(), [])

    def shown(self, *argv: str) -> str:
        done = self.run_inside(*argv)
        return (done.stdout + done.stderr).decode(errors="replace")

    def test_another_host_is_refused(self):
        def check(said, name):
            wanted = NO_NAME.get(name) or NO_NAME[name.split()[0]]
            for url in ("https://other.test/ok", "http://other.test/ok"):
                self.assertIn(wanted, said("GET", url))
            self.assertEqual(self.rig.net.arrived(), [])
        self.by_each(check)

    def test_what_another_program_may_is_refused(self):
        def check(said, _name):
            self.assertRegex(said("GET", "https://theirs.test/ok"), ALERT)
            self.assertIn('"error":"policy_denied"', said("GET", "http://theirs.test/ok"))
            self.assertEqual(self.rig.net.arrived(), [])
        self.by_each(check)

    def test_only_git_may_talk_to_the_repository(self):
        self.assertRegex(self.said(test_clients.curl, "GET", "https://git.test/project.git/HEAD"), ALERT)
        self.assertEqual(self.rig.net.arrived(), [])

    def test_git_shows_that_only_another_program_may(self):
        self.assertRegex(self.shown("git", "clone", "https://theirs.test/project.git", "/tmp/theirs"), ALERT)
        self.assertEqual(self.rig.net.arrived(), [])

    # --- protocols that are not HTTP

    def test_what_is_not_http_passes_an_endpoint_without_a_protocol(self):
        for name, (command, _, _, besides) in TALKERS.items():
            with self.subTest(client=name):
                shown = self.shown(*command(f"{name}.test"))
                self.assertIn(self.rig.net.token, shown)
                self.assertIn(besides, shown)
        self.rig.left()

    def test_what_is_not_http_finds_no_other_host(self):
        for name, (command, *_) in TALKERS.items():
            with self.subTest(client=name):
                self.assertIn("Name or service not known", self.shown(*command("other.test")))
                self.assert_nothing_left()

    def test_what_is_not_http_is_reset_where_another_program_may(self):
        for name, (command, *_) in TALKERS.items():
            with self.subTest(client=name):
                self.assertRegex(self.shown(*command("theirs.test")), RESET)
                self.assert_nothing_left()
