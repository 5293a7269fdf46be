# SPDX-License-Identifier: Apache-2.0
"""Code that has taken over the proxy worker has the worker's sockets, and nothing else.

tests/drivers/taken_worker.c confines itself as the worker does and then tries."""
import errno
import os
import signal
import subprocess
import unittest

import fixture

DRIVER = fixture.OUT / "driver_taken_worker"
# Landlock is tried on a file there before it is relied on.
PLACE = 'mount -t tmpfs none /run && mkdir -m 700 /run/openshell && exec "$0"'
KILLED = f"killed {int(signal.SIGSYS)}"
# What the worker's own work takes reaches the kernel, which refuses it for want of a capability.
REFUSED = {"raw_socket": errno.EPERM, "mark": errno.EPERM, "low_port": errno.EACCES,
           "inherited_descriptor": errno.EBADF}


class TakenWorker(unittest.TestCase):
    def test_it_gets_no_file_no_process_no_privilege_and_no_socket_but_over_ip(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to become the worker's user")
        done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", PLACE, DRIVER],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        answers = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        self.assertEqual(answers.pop("tcp_socket"), "did 0")
        self.assertGreater(len(answers), 15)
        for name, answer in answers.items():
            with self.subTest(tries=name):
                self.assertEqual(answer, f"failed {REFUSED[name]}" if name in REFUSED else KILLED)


if __name__ == "__main__":
    unittest.main()
