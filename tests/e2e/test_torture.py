# SPDX-License-Identifier: Apache-2.0
"""Every call to the kernel and to the allocator fails once, at every point of plays of each kind."""
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = pathlib.Path(os.environ.get("OPENSHELL_OUT", ROOT / "build/release"))
# Of the 5,000 allocations of a handshake, one in so many: each takes a process of its own.
HANDSHAKE_STEP = 23


class Torture(unittest.TestCase):
    def points(self, *command) -> int:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        said = re.search(r"^torture: (\d+) points passed, (\d+) failed$", done.stdout, re.M)
        self.assertIsNotNone(said, done.stderr)
        self.assertEqual((done.returncode, said[2]), (0, "0"), done.stdout + done.stderr)
        return int(said[1])

    def test_no_failing_call_lets_out_what_policy_refuses_or_leaves_anything_open(self):
        plays = sorted((ROOT / "tests/fuzz/corpus/conn").iterdir())
        self.assertGreater(self.points(OUT / "driver_torture", *plays), 3000)

    def test_no_failing_allocation_makes_a_server_acceptable_that_is_not(self):
        self.assertGreater(self.points(OUT / "driver_torture_tls", HANDSHAKE_STEP), 500)
