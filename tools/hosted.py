# SPDX-License-Identifier: Apache-2.0
"""hosted: what a hosting service serves below a folder: files, package indices, git repositories."""
import os
import pathlib
import subprocess
import urllib.parse

KINDS = {".html": "text/html", ".json": "application/json", ".tgz": "application/octet-stream"}
GIT_BACKEND = "/usr/lib/git-core/git-http-backend"


def answer(root: pathlib.Path, method: str, target: str, headers, body: bytes):
    """Status, media type and content; None for a host without a folder in `root`."""
    place = root / headers.get("Host", "").split(":")[0]
    if not headers.get("Host") or not place.is_dir():
        return None
    path, _, query = target.partition("?")
    path = urllib.parse.unquote(path)
    if ".git/" in path:
        return _git(place, method, path, query, headers, body)
    file = (place / path.strip("/")).resolve()
    if file.is_dir():
        file = file / "index.html"
    if method not in ("GET", "HEAD") or not file.is_relative_to(place.resolve()) or not file.is_file():
        return 404, "text/plain", b"no such file\n"
    return 200, KINDS.get(file.suffix, "application/octet-stream"), file.read_bytes()


def _git(place: pathlib.Path, method: str, path: str, query: str, headers, body: bytes):
    """Git's own server, asked as RFC 3875 says."""
    environment = {
        "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(place), "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
    }
    done = subprocess.run([GIT_BACKEND], input=body, env=environment, capture_output=True, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return int(fields.get("Status", "200")[:3]), fields["Content-Type"], content
