# SPDX-License-Identifier: Apache-2.0
"""What documentation says of the tests is true of the files.

Needs neither root nor containers."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = list(range(1, 90))


class Conformance(unittest.TestCase):
    def setUp(self):
        self.rows = [line.split("|")[1:-1] for line in (ROOT / "docs/conformance.md").read_text().splitlines()
                     if re.match(r"\| \d+ \|", line)]

    def test_each_number_has_its_row_with_a_state(self):
        self.assertEqual([int(row[0]) for row in self.rows], ROWS)
        self.assertEqual({row[2].strip() for row in self.rows}, {"yes", "part", "no"})

    def test_each_file_that_is_named_exists(self):
        named = {path for row in self.rows for path in re.findall(r"`([a-z0-9]+/[^` ]+)`", row[3])}
        self.assertGreater(len(named), 50)
        self.assertEqual([path for path in sorted(named) if not (ROOT / "tests" / path).exists()], [])

    def test_what_is_said_to_be_shown_names_a_test(self):
        for row in self.rows:
            if row[2].strip() == "yes":
                self.assertRegex(row[3], r"`(unit|e2e|cluster|golden|fuzz)/", row[0])


if __name__ == "__main__":
    unittest.main()
