# SPDX-License-Identifier: Apache-2.0
"""fake_api: an API server for what a real one does too rarely to be tested with: the opted-in namespaces in
lists and watches, and any other object by its path."""
import copy
import http.server
import json
import pathlib
import queue
import ssl
import tempfile
import threading
import time
import urllib.parse

END = None
# Instead of a fault: this one is answered as it should be.
PASS = object()


def namespace(name: str, **annotations) -> dict:
    return {"metadata": {"name": name, "labels": {"openshell.io/injection": "enabled", "other": "x"},
                         "annotations": {f"openshell.io/{k}": v for k, v in annotations.items()}}}


def status(code: int, message: str) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": message}).encode()


def merged(old, patch):
    """RFC 7386, and lists of named things by their names, as server-side apply and strategic patches do."""
    if isinstance(patch, dict):
        kept = {k: v for k, v in (old if isinstance(old, dict) else {}).items() if patch.get(k, v) is not None}
        return {**kept, **{k: merged(kept.get(k), v) for k, v in patch.items() if v is not None}}
    if isinstance(patch, list) and isinstance(old, list) and all("name" in item for item in old + patch):
        by_name = {item["name"]: item for item in old}
        for item in patch:
            if item.get("$patch") == "delete":
                by_name.pop(item["name"], None)
            else:
                by_name[item["name"]] = merged(by_name.get(item["name"]), item)
        return list(by_name.values())
    return patch


def is_followed(folder: str, query: dict, path: str, item: dict) -> bool:
    """Whether an object belongs to what a list or a watch of all namespaces selects."""
    group, plural = folder.rsplit("/", 1)
    parts = path.split("/")
    if not path.startswith(f"{group}/namespaces/") or parts[-2] != plural:
        return False
    labels = item["metadata"].get("labels", {})
    wanted = dict(one.split("=") for one in query.get("labelSelector", "").split(",") if one)
    phase = item.get("status", {}).get("phase", "")
    return (all(labels.get(key) == value for key, value in wanted.items()) and
            f"status.phase!={phase}" not in query.get("fieldSelector", "").split(","))


class FakeApi:
    """Serves lists page by page and watches of namespaces, lists of `pods`, and `objects`, by path. `faults` are
    taken one by one instead of a right answer: each is called with the request's handler; `object_faults` has
    (method, part of the path, fault). `asked` has what was requested of namespaces, `wrote` what was of pods and
    objects, as (method, path, query, content type, body)."""

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
        self.pods: list[dict] = []
        self.objects: dict[str, dict] = {}
        self.object_faults, self.wrote = [], []
        # Folders whose objects are listed and watched in all namespaces, by metadata alone.
        self.followed: set[str] = set()
        self._followers: list[tuple[str, dict, queue.Queue]] = []
        # Seconds by which its clock is ahead, as it says in the answer to a request for a path.
        self.ahead = lambda path: 0
        self._lock = threading.RLock()
        self._bells: list[tuple[str, queue.Queue]] = []
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
        for _, bell in list(self._bells):
            bell.put(END)
        for _, _, follower in list(self._followers):
            follower.put(END)

    def watching(self) -> int:
        return len(self._watches)

    def queries(self, watch: bool) -> list[dict]:
        """Of the lists, or of the watches, in their order."""
        return [query for query in self.asked if ("watch" in query) == watch]

    # --- called by handlers -----------------------------------------------------------------------
    def take_object_fault(self, method: str, path: str):
        with self._lock:
            for fault in self.object_faults:
                if fault[0] == method and fault[1] in path:
                    self.object_faults.remove(fault)
                    return fault[2] if fault[2] is not PASS else None
        return None

    def put(self, path: str, item: dict | None) -> dict:
        """What is stored under a path; None removes it."""
        with self._lock:
            self.version += 1
            kind = "MODIFIED" if path in self.objects else "ADDED"
            old = self.objects.get(path)
            if item is None:
                kind, item = "DELETED", self.objects.pop(path)
            else:
                item = copy.deepcopy(item)
                item.setdefault("metadata", {})["resourceVersion"] = str(self.version)
                self.objects[path] = item
            self._tell_followers(path, old, None if kind == "DELETED" else item)
            for watched, bell in self._bells:
                # Of a folder of no namespace: in each of them.
                if watched in (path, f"/api/v1/{path.partition('/namespaces/')[2].partition('/')[2]}"):
                    bell.put(json.dumps({"type": kind, "object": item}).encode() + b"\n")
            return item

    def _tell_followers(self, path: str, old: dict | None, item: dict | None) -> None:
        for folder, query, follower in self._followers:
            before, after = (state is not None and is_followed(folder, query, path, state) for state in (old, item))
            if before or after:
                kind = "DELETED" if not after else "MODIFIED" if before else "ADDED"
                told = {"kind": "PartialObjectMetadata", "metadata": {
                    **((item or old)["metadata"]), "resourceVersion": str(self.version)}}
                follower.put(json.dumps({"type": kind, "object": told}).encode() + b"\n")

    def follow(self, folder: str, query: dict, send) -> None:
        """The events behind a list."""
        mine: queue.Queue = queue.Queue()
        with self._lock:
            for path, item in self.objects.items():
                if is_followed(folder, query, path, item) and int(
                        item["metadata"]["resourceVersion"]) > int(query["resourceVersion"]):
                    mine.put(json.dumps({"type": "ADDED", "object": {"metadata": item["metadata"]}}).encode() + b"\n")
            one = (folder, query, mine)
            self._followers.append(one)
        try:
            while (text := mine.get()) is not END:
                send(text)
        finally:
            with self._lock:
                self._followers.remove(one)

    def followed_page(self, folder: str, query: dict) -> bytes:
        with self._lock:
            items = [{"metadata": item["metadata"]} for path, item in self.objects.items()
                     if is_followed(folder, query, path, item)]
        return self._page("PartialObjectMetadataList", items, query)

    def watch_object(self, path: str, send) -> None:
        """What is there, then each change."""
        mine: queue.Queue = queue.Queue()
        with self._lock:
            if path in self.objects:
                mine.put(json.dumps({"type": "ADDED", "object": self.objects[path]}).encode() + b"\n")
            self._bells.append((path, mine))
        try:
            while (text := mine.get()) is not END:
                send(text)
        finally:
            with self._lock:
                self._bells.remove((path, mine))

    def do(self, method: str, path: str, body: dict | None, kind: str = "",
           is_forced: bool = True) -> tuple[int, dict]:
        """What a right server answers: (status, object)."""
        with self._lock:
            if method == "POST":
                path = f"{path}/{body['metadata']['name']}"
                if path in self.objects:
                    return 409, {"kind": "Status", "reason": "AlreadyExists", "message": "it already exists"}
                body = self.complete(path, copy.deepcopy(body))
                return 201, self.put(path, body)
            old = self.objects.get(path)
            uid = (old or {}).get("metadata", {}).get("uid")
            wanted = ((body or {}).get("preconditions") or (body or {}).get("metadata") or {}).get("uid", uid)
            if kind == "application/apply-patch+yaml" and old is None and wanted is None:
                return 201, self.put(path, {**body, "metadata": {**body["metadata"], "uid": f"u-{self.version}"}})
            if wanted != uid or not is_forced:
                return 409, {"kind": "Status", "reason": "Conflict", "message": "another owns it"}
            if old is None:
                return 404, {"kind": "Status", "reason": "NotFound", "message": "not found"}
            if method == "GET":
                return 200, old
            if method == "DELETE":
                return 200, self.put(path, None)
            if method == "PATCH":
                return 200, self.put(path, merged(old, body))
            if body["metadata"].get("resourceVersion") not in (None, old["metadata"]["resourceVersion"]):
                return 409, {"kind": "Status", "reason": "Conflict", "message": "it has been changed"}
            return 200, self.put(path, body)

    def config_maps_page(self, query: dict) -> bytes:
        """Those of a name, of all namespaces, that have a label."""
        name = query["fieldSelector"].removeprefix("metadata.name=")
        key, _, value = query["labelSelector"].partition("=")
        with self._lock:
            found = [{**item, "metadata": {**item["metadata"], "namespace": path.split("/")[4]}}
                     for path, item in self.objects.items() if path.endswith(f"/configmaps/{name}") and
                     item["metadata"].get("labels", {}).get(key) == value]
        return self._page("ConfigMapList", found, query)

    def complete(self, path: str, item: dict) -> dict:
        """What a server adds to an object that is created."""
        item["metadata"].setdefault("uid", f"u-{len(self.wrote)}-{path.rsplit('/', 1)[1]}")
        return item

    def page(self, query: dict) -> bytes:
        return self._page("NamespaceList", self.namespaces.values(), query)

    def pods_page(self, path: str, query: dict) -> bytes:
        one = path.removeprefix("/api/v1/namespaces/").removesuffix("/pods")
        return self._page("PodList", [pod for pod in self.pods if path == "/api/v1/pods" or
                                      pod["metadata"]["namespace"] == one], query)

    def policies_page(self, path: str, query: dict) -> bytes:
        with self._lock:
            return self._page("NetworkPolicyList", [item for at, item in self.objects.items()
                                                    if at.startswith(f"{path}/")], query)

    def _page(self, kind: str, items, query: dict) -> bytes:
        items = sorted(items, key=lambda item: (item["metadata"]["name"], item["metadata"].get("namespace", "")))
        begin, limit = int(query.get("continue", "0")), int(query["limit"])
        meta = {"resourceVersion": str(self.version)}
        if begin + limit < len(items):
            meta["continue"] = str(begin + limit)
        # Without spaces, as the real one writes it.
        return json.dumps({"kind": kind, "apiVersion": "v1", "metadata": meta, "items": items[begin:begin + limit]},
                          separators=(",", ":")).encode()

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
        if path == "/version":
            return self.answer(200, json.dumps({"major": "1", "minor": "34+"}).encode())
        if path in api.followed:
            return self.serve_followed(path, query)
        if path.endswith("/networkpolicies") and path not in api.objects:
            return self.serve_page(path, query)
        if path.endswith("/pods") and "limit" in query:
            return self.serve_page(path, query)
        if path == "/api/v1/configmaps" and "limit" in query:
            return self.answer(200, api.config_maps_page(query))
        if path != "/api/v1/namespaces":
            return self.serve_object(path, query)
        if one := query.get("fieldSelector", "").removeprefix("metadata.name="):
            found = [item for name, item in api.namespaces.items() if name == one]
            return self.answer(200, json.dumps({"kind": "NamespaceList", "items": found}).encode())
        if query.pop("labelSelector", None) != "openshell.io/injection":
            return self.answer(404, status(404, "no such thing"))
        if not self.is_known():
            return None
        api.asked.append(query)
        faults = api.watch_faults if "watch" in query else api.list_faults
        if faults:
            return faults.pop(0)(self)
        if "watch" not in query:
            return self.answer(200, api.page(query))
        self.begin_stream()
        api.watch(self.send_piece)
        self.send_piece(b"")

    def do_write(self) -> None:
        path, _, text = self.path.partition("?")
        self.serve_object(path, dict(urllib.parse.parse_qsl(text)))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_write

    def is_known(self) -> bool:
        if self.headers["Authorization"] == f"Bearer {self.server.api.token}":
            return True
        self.answer(401, status(401, "Unauthorized"))
        return False

    def serve_followed(self, path: str, query: dict) -> None:
        api = self.server.api
        if not self.is_known():
            return
        method = "WATCH" if "watch" in query else "LIST"
        api.wrote.append((method, path, query, self.headers["Accept"], None))
        if fault := api.take_object_fault(method, path):
            fault(self)
            return
        if method == "LIST":
            self.answer(200, api.followed_page(path, query))
            return
        self.begin_stream()
        api.follow(path, query, self.send_piece)
        self.send_piece(b"")

    def serve_page(self, path: str, query: dict) -> None:
        api = self.server.api
        if not self.is_known():
            return
        api.wrote.append((self.command, path, query, None, None))
        if fault := api.take_object_fault(self.command, path):
            fault(self)
            return
        self.answer(200, api.pods_page(path, query) if path.endswith("/pods") else api.policies_page(path, query))

    def serve_object(self, path: str, query: dict) -> None:
        api = self.server.api
        text = self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = json.loads(text) if text else None
        if not self.is_known():
            return
        if "watch" in query:
            self.begin_stream()
            api.watch_object(f"{path}/{query['fieldSelector'].removeprefix('metadata.name=')}", self.send_piece)
            self.send_piece(b"")
            return
        api.wrote.append((self.command, path, query, self.headers["Content-Type"], body))
        if fault := api.take_object_fault(self.command, path):
            fault(self)
            return
        code, item = api.do(self.command, path, body, kind := self.headers["Content-Type"] or "",
                            "apply" not in kind or "force" in query)
        self.answer(code, json.dumps(item).encode())

    def answer(self, code: int, body: bytes, **headers) -> None:
        self.send_response(code)
        for name, value in {**{k.replace("_", "-"): v for k, v in headers.items()}, "Content-Length": str(len(body))}.items():
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

    def date_time_string(self, timestamp=None) -> str:
        now = timestamp if timestamp is not None else time.time()
        return super().date_time_string(now + self.server.api.ahead(self.path))

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_args) -> None:
        pass
