# SPDX-License-Identifier: Apache-2.0
"""registry: docker-registry as Debian has it, for tests."""
import pathlib
import socket
import subprocess
import time

SECONDS = 30


class Registry:
    """Serves what is pushed to it at `name`, from a folder of its own, until `stop`. `keys`: a certificate and its key,
    without which it has no TLS; `more`: further lines of its configuration."""

    def __init__(self, folder: pathlib.Path, address: str, keys: tuple[pathlib.Path, pathlib.Path] | None = None,
                 more: str = ""):
        with socket.create_server((address, 0)) as free:
            self.port = free.getsockname()[1]
        self.name = f"{address}:{self.port}"
        tls = f", tls: {{certificate: {keys[0]}, key: {keys[1]}}}" if keys else ""
        config = folder / "config.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
                          f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
                          f"http: {{addr: '{self.name}'{tls}}}\n{more}")
        self._process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        until = time.monotonic() + SECONDS
        while not self._listens():
            if time.monotonic() > until:
                self.stop()
                raise AssertionError("docker-registry does not listen")
            time.sleep(0.05)

    def _listens(self) -> bool:
        address, _, port = self.name.rpartition(":")
        try:
            socket.create_connection((address, int(port))).close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)
