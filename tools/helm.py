#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""helm: the real one, built once from its Go module. As a program it passes its arguments on."""
import os
import pathlib
import sys

from built import Recipe

RECIPE = Recipe(pathlib.Path(__file__).resolve().parent / "helm", "Helm", "helm")


def program() -> pathlib.Path:
    RECIPE.ensure()
    return RECIPE.programs / "helm"


if __name__ == "__main__":
    os.execv(program(), ["helm", *sys.argv[1:]])
