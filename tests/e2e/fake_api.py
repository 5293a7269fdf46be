# SPDX-License-Identifier: Apache-2.0
"""fake_api: the namespaces of an API server, for what a real one does too rarely to be tested with."""
import http.server
import json
import pathlib
import queue
import ssl
import tempfile
import threading
import urllib.parse

END = None


def namespace(name: str, **annotations) -> dict:
    return {"metadata": {"name": name, "labels": {"openshell.io/injection": "enabled", "other": "x"},
                         "annotations": {f"openshell.io/{k}": v for k, v in annotations.items()}}}


def status(code: int, message: str) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": message}).encode()


class FakeApi:
    """Serves lists page by page and watches. `faults` are taken one by one instead of a right answer: each
    is called with the request's handler. `asked` has what was requested."""

    def __init__(self, make_certificate):
        self._folder = tempfile.TemporaryDirectory()
        self.account = pathlib.Path(self._folder.name)
        make_certificate(self.account, "api")
        (self.account / "ca.crt").write_bytes((self.account / "tls.crt").read_bytes())
        (self.account / "token").write_text("token-1\n")
        self.token = "token-1"
        self.namespaces = {"team": namespace("team")}
        self.version = 100
        self.list_faults, self.watch_faults, self.asked = [], [], []
        self._watches: list[queue.Queue] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.account / "tls.crt", self.account / "tls.key")
        self._server = _Server(self, context)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def source(self) -> list:
        """How the webhook is told of it."""
        return ["--kubernetes", f"https://localhost:{self._server.server_address[1]}",
                "--service-account", str(self.account)]

    def stop(self) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def change(self, kind: str, item: dict) -> None:
        """ADDED, MODIFIED or DELETED: in what is listed, and told to who watches."""
        self.version += 1
        name = item["metadata"]["name"]
        if kind == "DELETED":
            self.namespaces.pop(name, None)
        else:
            self.namespaces[name] = item
        told = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}}
        self.say(json.dumps({"type": kind, "object": told}).encode() + b"\n")

    def say(self, text: bytes) -> None:
        """Any bytes, to who watches."""
        for watch in self._watches:
            watch.put(text)

    def cut(self) -> None:
        """Ends every watch, as a server does from time to time."""
        self.say(END)

    def watching(self) -> int:
        return len(self._watches)

    def queries(self, watch: bool) -> list[dict]:
        """Of the lists, or of the watches, in their order."""
        return [query for query in self.asked if ("watch" in query) == watch]

    # --- called by handlers -----------------------------------------------------------------------
    def page(self, query: dict) -> bytes:
        items = sorted(self.namespaces.values(), key=lambda item: item["metadata"]["name"])
        begin, limit = int(query.get("continue", "0")), int(query["limit"])
        meta = {"resourceVersion": str(self.version)}
        if begin + limit < len(items):
            meta["continue"] = str(begin + limit)
        return json.dumps({"kind": "NamespaceList", "metadata": meta,
                           "items": items[begin:begin + limit]}).encode()

    def watch(self, send) -> None:
        mine: queue.Queue = queue.Queue()
        self._watches.append(mine)
        try:
            while (text := mine.get()) is not END:
                send(text)
        finally:
            self._watches.remove(mine)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: FakeApi, context: ssl.SSLContext):
        self.api = api
        super().__init__(("127.0.0.1", 0), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, _request, _address) -> None:
        """Clients that leave are part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        api = self.server.api
        path, _, text = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(text))
        if path != "/api/v1/namespaces" or query.pop("labelSelector", None) != "openshell.io/injection":
            return self.answer(404, status(404, "no such thing"))
        if self.headers["Authorization"] != f"Bearer {api.token}":
            return self.answer(401, status(401, "Unauthorized"))
        api.asked.append(query)
        faults = api.watch_faults if "watch" in query else api.list_faults
        if faults:
            return faults.pop(0)(self)
        if "watch" not in query:
            return self.answer(200, api.page(query))
        self.begin_stream()
        api.watch(self.send_piece)
        self.send_piece(b"")

    def answer(self, code: int, body: bytes, **headers) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def send_piece(self, text: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_args) -> None:
        pass
