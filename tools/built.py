# SPDX-License-Identifier: Apache-2.0
"""built: programs that are built once from a recipe and kept in the cache.

A recipe is a folder with `build.sh DIRECTORY` and what that reads; a change of it makes another. What is said meanwhile goes to standard error."""
import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import sys

from podman import cache_dir


class Recipe:
    """`what` is for people; `kept` is a folder of the cache, for all versions of the same."""

    def __init__(self, folder: pathlib.Path, what: str, kept: str):
        self._folder, self._what = folder, what
        text = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
        self.programs = cache_dir() / kept / f"{folder.name}-{hashlib.sha256(text).hexdigest()[:12]}"

    def ensure(self) -> None:
        """Builds what is missing; minutes, the first time."""
        if self.programs.exists():
            return
        self.programs.parent.mkdir(parents=True, exist_ok=True)
        with open(self.programs.parent / "lock", "w") as lock:
            # One at a time; who waited finds the work done.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.programs.exists():
                return
            print(f"  BUILD {self._what} (kept in the cache from now on)", file=sys.stderr, flush=True)
            for killed in self.programs.parent.glob("new*"):
                shutil.rmtree(killed)
            fresh = self.programs.parent / "new"
            fresh.mkdir()
            if subprocess.run([self._folder / "build.sh", fresh], stdout=sys.stderr).returncode != 0:
                raise SystemExit(f"{self._what} could not be built")
            fresh.rename(self.programs)
