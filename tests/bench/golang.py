# SPDX-License-Identifier: Apache-2.0
"""golang: the benchmark's programs in Go, built from the standard library alone, so without a network."""
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


def build(name: str, folder: pathlib.Path) -> pathlib.Path | None:
    """FOLDER/NAME from the folder of that name here, static; None where there is no Go toolchain."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not pathlib.Path(go).exists():
        return None
    environment = {**os.environ, "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    subprocess.run([go, "build", "-o", folder / name, "."], cwd=HERE / name, check=True, env=environment)
    return folder / name
