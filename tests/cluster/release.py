# SPDX-License-Identifier: Apache-2.0
"""release: the programs of a Kubernetes release, built once and kept in the cache."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

from podman import cache_dir

RECIPES = pathlib.Path(__file__).resolve().parent / "kubernetes"
DEFAULT = "1.34"


class Release:
    """One of the folders of `RECIPES`, by name."""

    def __init__(self, name: str = os.environ.get("K8S", DEFAULT)):
        known = sorted(path.name for path in RECIPES.iterdir())
        if name not in known:
            raise SystemExit(f"K8S={name}: there are recipes for {', '.join(known)}")
        self.name, self.minor = name, int(name.partition(".")[2])
        recipe = b"".join(path.read_bytes() for path in sorted((RECIPES / name).iterdir()))
        self.programs = cache_dir() / "kubernetes" / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}"

    def since(self, minor: int) -> bool:
        return self.minor >= minor

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
            print(f"  BUILD Kubernetes {self.name} (kept in the cache from now on)", flush=True)
            for killed in self.programs.parent.glob("new*"):
                shutil.rmtree(killed)
            fresh = self.programs.parent / "new"
            fresh.mkdir()
            if subprocess.run([RECIPES / self.name / "build.sh", fresh]).returncode != 0:
                raise SystemExit(f"Kubernetes {self.name} could not be built")
            fresh.rename(self.programs)
