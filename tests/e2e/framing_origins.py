# SPDX-License-Identifier: Apache-2.0
"""framing_origins: real servers on loopback, as lenient as they can be set, that write down the requests they see.

Each answers every request with 200 and has a port for TCP and one for TLS. `seen()` is what it saw, as
`METHOD TARGET`."""
import contextlib
import http.server
import pathlib
import socket
import ssl
import subprocess
import threading

from proxy_world import wait_for

NGINX = """
daemon off; user root; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format seen escape=none '$request'; access_log {folder}/seen seen;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
    server {{
        listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {cert}; ssl_certificate_key {key};
        location / {{ return 200 "ok\\n"; }}
    }}
}}
"""

HAPROXY = """
global
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "%HM %HU"
    option accept-invalid-http-request
    timeout client 10s
    timeout server 10s
    timeout connect 10s
frontend all
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{tls_port} ssl crt {folder}/both.pem
    http-request return status 200 content-type text/plain string "ok"
"""

NODE = """
const fs = require("fs"), [port, tlsPort, cert, key, seen] = process.argv.slice(1);
const note = (text) => fs.appendFileSync(seen, text + "\\n");
const serve = (request, response) => {
    note(request.method + " " + request.url);
    request.resume().on("end", () => response.end("ok\\n"));
};
const options = {insecureHTTPParser: true, cert: fs.readFileSync(cert), key: fs.readFileSync(key)};
require("http").createServer(options, serve).listen(port, "127.0.0.1");
require("https").createServer(options, serve).listen(tlsPort, "127.0.0.1");
"""


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        return a.getsockname()[1], b.getsockname()[1]


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Program:
    """A server that is a process of its own, in a folder of its own."""

    def __init__(self, folder: pathlib.Path, cert: pathlib.Path, key: pathlib.Path):
        self.port, self.tls_port = free_ports()
        self.log = folder / "seen"
        self.log.touch()
        with self.log.open("ab") as seen, (folder / "errors").open("wb") as errors:
            self.process = subprocess.Popen(self.command(folder, cert, key), stdout=seen, stderr=errors,
                                            stdin=subprocess.DEVNULL)
        try:
            wait_for(lambda: accepts(self.port) and accepts(self.tls_port), f"{self.name}'s ports", 30)
        except AssertionError as error:
            self.close()
            raise AssertionError((folder / "errors").read_text()) from error

    def seen(self) -> list[str]:
        return [" ".join(line.split(" ")[:2]) for line in
                self.log.read_text("utf-8", "backslashreplace").splitlines() if line.startswith(("GET /", "POST /"))
                or " /" in line]

    def close(self):
        self.process.terminate()
        self.process.wait()


class Nginx(Program):
    name = "nginx"

    def command(self, folder, cert, key):
        (folder / "conf").write_text(NGINX.format(folder=folder, cert=cert, key=key, port=self.port,
                                                  tls_port=self.tls_port))
        return ["nginx", "-c", folder / "conf", "-e", folder / "error.log"]


class Haproxy(Program):
    name = "haproxy"

    def command(self, folder, cert, key):
        (folder / "both.pem").write_bytes(cert.read_bytes() + key.read_bytes())
        (folder / "conf").write_text(HAPROXY.format(folder=folder, port=self.port, tls_port=self.tls_port))
        return ["haproxy", "-db", "-f", folder / "conf"]


class Node(Program):
    name = "node"

    def command(self, folder, cert, key):
        return ["node", "-e", NODE, str(self.port), str(self.tls_port), cert, key, folder / "seen"]


class Python:
    """http.server, taught to read chunks."""

    name = "python"

    def __init__(self, folder: pathlib.Path, cert: pathlib.Path, key: pathlib.Path):
        del folder
        requests = self._requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.serve
                raise AttributeError(name)

            def serve(self):
                requests.append(f"{self.command} {self.path}")
                if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        self.rfile.read(size + 2)
                    while self.rfile.readline().strip():
                        pass
                else:
                    self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Length", "0" if self.command == "HEAD" else "3")
                self.end_headers()
                self.wfile.write(b"ok\n")

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert, key)
        self._servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
        self._servers[1].socket = tls.wrap_socket(self._servers[1].socket, server_side=True,
                                                  do_handshake_on_connect=False)
        self.port, self.tls_port = (server.server_address[1] for server in self._servers)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def seen(self) -> list[str]:
        return list(self._requests)

    def close(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()


ORIGINS = (Nginx, Haproxy, Node, Python)
