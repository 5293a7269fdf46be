# SPDX-License-Identifier: Apache-2.0
"""Two ways by which an image makes a static program load code, each shown to be open for a careless
program before the agent is shown not to fall for it."""
import re
import subprocess
import unittest

from fixture import AGENT, OUT, SandboxCase, pod, world
import images
from images import HOSTILE

MARK = b"EVIL CODE RAN"
MOST_BYTES = 7_000_000
UNSTRIPPED = OUT / "openshell-agent.full"


def inspect(*argv) -> str:
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True).stdout


class Traps(SandboxCase):
    def hostile(self, *command: str, flags: list[str] = ()) -> subprocess.CompletedProcess:
        """Runs a command in the hostile image as root, without any sandbox."""
        images.ensure(world.podman, OUT, HOSTILE)
        return world.podman.podman("run", "--rm", "--network", "none", "--volume", f"{AGENT}:/agent:ro",
                                   *flags, HOSTILE, *command, check=False)

    def test_the_trap_of_name_services_is_open(self):
        self.assertIn(MARK + b" in /careless", self.hostile("/careless", "names").stderr)

    def test_the_trap_of_the_cryptographic_library_is_open(self):
        self.assertIn(MARK + b" in /careless", self.hostile("/careless", "crypto").stderr)

    def test_the_trap_of_the_dynamic_linker_is_open(self):
        self.assertIn(MARK + b" in /usr/bin/true", self.hostile("/usr/bin/true").stderr)

    def test_no_command_of_the_agent_falls_into_one(self):
        policy = OUT / "trap-policy.yaml"
        policy.write_text("version: 1\n")
        flags = ["--volume", f"{policy}:/policy.yaml:ro", "--env", "OPENSSL_CONF=/usr/lib/ssl/openssl.cnf",
                 "--env", "LD_PRELOAD=/usr/lib/evil.so",
                 # Kills a static program that heeds it at its first allocation.
                 "--env", "GLIBC_TUNABLES=glibc.malloc.top_pad=0xfffffffffffff"]
        commands = {
            "version": (0, ["version"]), "policy check": (0, ["policy", "check", "/policy.yaml"]),
            # Outside of its own image there are no roots to install.
            "install": (1, ["install", "/tmp"]), "status": (1, ["status"]),
            "run": (125, ["run", "--policy", "/policy.yaml", "--", "/probe", "exit", "0"]),
            "help": (0, ["help"]),
        }
        for name, (code, arguments) in commands.items():
            with self.subTest(command=name):
                done = self.hostile("/agent", *arguments, flags=flags)
                self.assertNotIn(MARK, done.stderr)
                self.assertEqual(done.returncode, code, done.stderr)

    def test_no_code_of_the_image_runs_before_the_workload_does(self):
        outcome = self.run_sandboxed(pod(HOSTILE, ["/probe", "cat", "/tmp/evil"], env=[
            {"name": "LD_PRELOAD", "value": "/usr/lib/evil.so"},
            {"name": "NLCB", "value": "debug"},
            {"name": "OPENSSL_CONF", "value": "/usr/lib/ssl/openssl.cnf"}]), "version: 1\n")
        self.assertNotIn(b"NETLINK", outcome.stderr)
        # The probe is static too; it ends with 1 as there is no mark to show.
        self.assertEqual((outcome.code, outcome.stdout), (1, b""), outcome.stderr)
        self.assertNotIn(MARK, outcome.stderr)

    def test_what_the_image_preloads_runs_confined_like_the_workload(self):
        outcome = self.run_sandboxed(pod(HOSTILE, ["/usr/bin/true"]))
        self.assertEqual(outcome.code, 0)
        self.assertIn(MARK + b" in /usr/bin/true as uid 1000", outcome.stderr)


class Linking(unittest.TestCase):
    """What the finished binary says of itself."""

    def test_it_is_one_static_position_independent_program(self):
        header = inspect("readelf", "--file-header", AGENT)
        segments = inspect("readelf", "--program-headers", "--wide", AGENT)
        dynamic = inspect("readelf", "--dynamic", AGENT)
        self.assertRegex(header, r"Type:\s+DYN")
        self.assertNotIn("INTERP", segments)
        self.assertNotIn("(NEEDED)", dynamic)
        self.assertRegex(dynamic, r"FLAGS_1\).*PIE")

    def test_relocations_are_read_only_and_none_is_in_code(self):
        segments = inspect("readelf", "--program-headers", "--wide", AGENT)
        dynamic = inspect("readelf", "--dynamic", AGENT)
        self.assertIn("GNU_RELRO", segments)
        self.assertRegex(dynamic, r"BIND_NOW|FLAGS_1\).*NOW")
        self.assertNotIn("TEXTREL", dynamic)

    def test_no_page_is_writable_and_executable(self):
        segments = inspect("readelf", "--program-headers", "--wide", AGENT)
        self.assertRegex(segments, r"GNU_STACK.*\bRW\b")
        self.assertIsNone(re.search(r"LOAD.*\bRWE\b", segments))

    def test_name_services_are_not_linked(self):
        symbols = inspect("nm", UNSTRIPPED)
        self.assertIn("main", symbols)
        self.assertEqual(re.findall(r"\S*_nss_\S*", symbols), [])

    def test_it_is_smaller_than_7_mb(self):
        self.assertLess(AGENT.stat().st_size, MOST_BYTES)
