# SPDX-License-Identifier: Apache-2.0
"""runner: runs the tests of a folder and counts them. Each test is a sentence.

The last line is `N passed, N failed, N skipped`. With CI=true a skip that this machine could have run is a
failure."""
import os
import pathlib
import time
import unittest

DETAIL_LINES = 12
IN_CI = os.environ.get("CI") == "true"
MACHINE_LACKS = "this machine lacks "


def machine_lacks(what: str) -> unittest.SkipTest:
    """A skip that no installation on this machine could avoid (an old kernel, for example)."""
    return unittest.SkipTest(MACHINE_LACKS + what)


def _sentence(test) -> str:
    """`workloads: the exit status passes through`, from the names of file and method."""
    test = getattr(test, "test_case", test)
    words = getattr(test, "_testMethodName", str(test)).removeprefix("test_").replace("_", " ")
    return f"{type(test).__module__.removeprefix('test_')}: {words}"


class Result(unittest.TestResult):
    """Prints each test as it ends, and each part of a test that has parts instead of its whole."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self._parts = 0
        self._started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self._parts, self._started = 0, time.monotonic()

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        self._parts += 1
        name = f"{_sentence(test)} {subtest._subDescription()}"
        if err:
            self._line("FAIL", name, self._exc_info_to_string(err, test))
        else:
            self.passed += 1
            self._line("ok", name)

    def addSuccess(self, test):
        super().addSuccess(test)
        if self._parts == 0:
            self.passed += 1
            self._line("ok", f"{_sentence(test)} ({time.monotonic() - self._started:.1f} s)")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._line("FAIL", _sentence(test), self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._line("FAIL", _sentence(test), self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("skip", f"{_sentence(test)}: {reason}")

    def _line(self, verdict, text, detail=""):
        print(f"{verdict:5} {text}", flush=True)
        for line in detail.splitlines()[-DETAIL_LINES:]:
            print(f"      {line}", flush=True)


def _unnecessary(skips) -> list:
    """The skips that this machine could have run."""
    return [skip for skip in skips if not skip[1].startswith(MACHINE_LACKS)]


def _chosen(suite, wanted):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _chosen(test, wanted)
        elif not wanted or any(w in _sentence(test) or w in test.id() for w in wanted):
            yield test


def run(folder: pathlib.Path, wanted: list[str], close) -> int:
    """Runs the tests in `folder`, or those whose file or sentence contains one of `wanted`; calls `close`
    behind the last. The result is the exit status: 1 if something failed or nothing ran."""
    suite = unittest.defaultTestLoader.discover(folder, "test_*.py", top_level_dir=folder)
    result = Result()
    try:
        # A suite, so that fixtures of classes run.
        unittest.TestSuite(_chosen(suite, wanted)).run(result)
    finally:
        close()
    failed = len(result.failures) + len(result.errors)
    if IN_CI and (avoidable := _unnecessary(result.skipped)):
        print(f"{len(avoidable)} skipped although this is CI, which has to run them")
        failed += len(avoidable)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or result.passed == 0 else 0
