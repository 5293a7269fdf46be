# SPDX-License-Identifier: Apache-2.0
"""release: the programs of a Kubernetes release, built once and kept in the cache."""
import os
import pathlib

from built import Recipe

RECIPES = pathlib.Path(__file__).resolve().parent / "kubernetes"
DEFAULT = "1.34"


class Release(Recipe):
    """One of the folders of `RECIPES`, by name."""

    def __init__(self, name: str = os.environ.get("K8S", DEFAULT)):
        known = sorted(path.name for path in RECIPES.iterdir())
        if name not in known:
            raise SystemExit(f"K8S={name}: there are recipes for {', '.join(known)}")
        super().__init__(RECIPES / name, f"Kubernetes {name}", "kubernetes")
        self.name, self.minor = name, int(name.partition(".")[2])

    def since(self, minor: int) -> bool:
        return self.minor >= minor
