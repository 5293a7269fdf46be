# SPDX-License-Identifier: Apache-2.0
"""The agent needs nothing of the image: it runs in a root directory that is empty but for itself."""
import os
import shutil
import subprocess
import tempfile
import unittest

from fixture import AGENT


class EmptyRoot(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to change the root directory")
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(AGENT, f"{self.root}/openshell-agent")

    def agent(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess:
        def enter():
            os.chroot(self.root)
            os.chdir("/")
        return subprocess.run(["/openshell-agent", *args], input=stdin, capture_output=True,
                              preexec_fn=enter, env={}, timeout=20)

    def test_it_tells_its_version(self):
        done = self.agent("version")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.decode(), r"^openshell-agent \d+\.\d+\.\d+\n$")

    def test_it_accepts_a_good_policy_and_refuses_a_bad_one(self):
        good = self.agent("policy", "check", "-", stdin=b"version: 1\n")
        self.assertEqual(good.returncode, 0, good.stderr)
        bad = self.agent("policy", "check", "-", stdin=b"version: 1\nnonsense: true\n")
        self.assertEqual(bad.returncode, 1, bad.stderr)
        self.assertIn(b"nonsense", bad.stdout + bad.stderr)

    def test_it_builds_no_sandbox_there_and_says_why(self):
        done = self.agent("run", "--", "/openshell-agent", "version")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertEqual(done.stderr.count(b"\n"), 1)
