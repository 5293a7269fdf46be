# SPDX-License-Identifier: Apache-2.0
"""daemons: programs that outlive the command that started them, each with a log.

A process id is written down with the time at which that process began, so that a number that the kernel
gave to somebody else in the meantime is never ended."""
import os
import pathlib
import signal
import subprocess
import time

STOP_S = 15


class Failed(Exception):
    """Something did not come up; the text has the end of its log."""


def wait_for(what: str, seconds: float, done, pause: float = 0.1) -> None:
    """Until done() is true."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise Failed(f"timed out after {seconds} s waiting for {what}")
        time.sleep(pause)


def _began(pid: int) -> str | None:
    """When the process began, in ticks since boot; None where it is gone or a zombie."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[19] if fields[0] != "Z" else None


class Daemons:
    """What was started from `folder`, by name."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder

    def log(self, name: str) -> pathlib.Path:
        return self._folder / f"{name}.log"

    def start(self, name: str, *argv, env: dict[str, str] | None = None) -> None:
        """Does nothing where it runs already."""
        if self._pid(name):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, env={**os.environ, **(env or {})})
        (self._folder / f"{name}.pid").write_text(f"{process.pid} {_began(process.pid)}")
        time.sleep(0.05)
        if process.poll() is not None:
            raise Failed(f"{name} did not start:\n{self.tail(name)}")

    def tail(self, name: str) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-5:])

    def alive(self, name: str) -> bool:
        return self._pid(name) is not None

    def stop(self, name: str) -> None:
        """Asks it to end, then makes it."""
        pid = self._pid(name)
        if pid:
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + STOP_S
            while self._pid(name) and time.monotonic() < until:
                time.sleep(0.05)
            if self._pid(name):
                os.kill(pid, signal.SIGKILL)
        (self._folder / f"{name}.pid").unlink(missing_ok=True)

    def names(self) -> list[str]:
        return [path.stem for path in self._folder.glob("*.pid")]

    def _pid(self, name: str) -> int | None:
        try:
            pid, began = (self._folder / f"{name}.pid").read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if _began(int(pid)) == began else None
