# SPDX-License-Identifier: Apache-2.0
"""pair_bind: how long a pod of topology proxy-pod waits behind its gate, on a real API server, with a kubelet that says at
once that a proxy is ready; beside a client that makes as many objects of the same kinds, and waits until such a
Deployment is available, which takes Kubernetes' own controllers the most of the time."""
import concurrent.futures
import http.client
import json
import statistics
import threading
import time

from fixture import FIRST, NAME, SYSTEM, ClusterCase, await_that, metrics_of, pod, world

PLAIN, NODE = "t-plain-pairs", "told"
GATE = "openshell.io/proxy-ready"
CHOICE = {"openshell.io/topology": "proxy-pod"}
CLIENTS = 4  # as many as the controller has workers
READY = {"status": {"phase": "Running", "conditions": [{"type": kind, "status": "True"} for kind in (
    "Ready", "ContainersReady", "Initialized", "PodScheduled")]}}


class Api:
    """Through kubectl proxy; a connection of its own for each thread."""

    def __init__(self):
        self._proxy = world.popen("proxy", "--port=0")
        self._port = int(self._proxy.stdout.readline().rsplit(":", 1)[1])
        self._local = threading.local()

    def close(self) -> None:
        self._proxy.terminate()
        self._proxy.communicate()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)

    def ask(self, method: str, path: str, body: dict | None = None, kind: str = "application/json") -> dict:
        if not hasattr(self._local, "kept"):
            self._local.kept = self.connection()
        self._local.kept.request(method, path, json.dumps(body) if body else None, {"Content-Type": kind})
        answer = self._local.kept.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def watch(self, path: str):
        connection = self.connection()
        connection.request("GET", path)
        for line in connection.getresponse():
            yield json.loads(line)["object"]


def be_node(api: Api, over: threading.Event) -> None:
    """Without word of it a node is not counted on for long."""
    amounts = {"cpu": "1k", "memory": "1Ti", "pods": "5k"}
    while True:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        api.ask("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": {
            "allocatable": amounts, "capacity": amounts, "conditions": [
                {"type": "Ready", "status": "True", "reason": "Told", "message": "", "lastHeartbeatTime": now}]}},
            "application/strategic-merge-patch+json")
        if over.wait(5):
            return


def be_kubelet(api: Api, namespace: str, label: str) -> None:
    """Every pod with that label that is bound to the node is ready."""
    for seen in api.watch(f"/api/v1/namespaces/{namespace}/pods?watch=1&labelSelector={label}&fieldSelector=spec.nodeName%3D{NODE}"):
        if seen.get("status", {}).get("phase") == "Pending":
            api.ask("PATCH", f"/api/v1/namespaces/{namespace}/pods/{seen['metadata']['name']}/status", READY,
                    "application/strategic-merge-patch+json")


def note_available(api: Api, times: dict[str, float]) -> None:
    for seen in api.watch(f"/apis/apps/v1/namespaces/{PLAIN}/deployments?watch=1"):
        if seen.get("status", {}).get("availableReplicas"):
            times.setdefault(seen["metadata"]["name"], time.monotonic())


def note_binding(api: Api, times: dict[str, float]) -> None:
    for seen in api.watch(f"/api/v1/namespaces/{FIRST}/pods?watch=1&labelSelector=timed%3Dyes"):
        if GATE not in [gate["name"] for gate in seen["spec"].get("schedulingGates", [])]:
            times.setdefault(seen["metadata"]["name"], time.monotonic())


def agent(name: str) -> dict:
    made = pod(name, annotations=CHOICE, nodeSelector={"kubernetes.io/hostname": NODE})
    made["metadata"]["labels"]["timed"] = "yes"
    return made


def patience(names: list[str]) -> float:
    """Seconds: Kubernetes' controllers ask so often in a second and no more."""
    return 120 + len(names)


def bind(api: Api, times: dict[str, float], names: list[str]) -> list[float]:
    began = {}

    def create(name: str) -> None:
        began[name] = time.monotonic()
        api.ask("POST", f"/api/v1/namespaces/{FIRST}/pods", agent(name))
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(create, names))
    await_that("all are let go", lambda: all(name in times for name in names), patience(names))
    return [times[name] - began[name] for name in names]


def make_plain(api: Api, name: str) -> None:
    """Of the kinds that the controller makes, as many."""
    labels = {"app": name}
    metadata = {"name": name, "labels": labels}
    policy = ("/apis/networking.k8s.io/v1", "networkpolicies", {"spec": {"podSelector": {"matchLabels": labels}}})
    core = "/api/v1"
    objects = [policy, policy, (core, "secrets", {"stringData": {"a": "x" * 1500}}),
               (core, "services", {"spec": {"selector": labels, "ports": [{"port": 3128}]}}),
               ("/apis/apps/v1", "deployments", {"spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
                   "metadata": {"labels": {**labels, "timed": "plain"}},
                   "spec": pod("x", nodeSelector={"kubernetes.io/hostname": NODE})["spec"]}}})]
    for number, (group, plural, fields) in enumerate(objects):
        api.ask("POST", f"{group}/namespaces/{PLAIN}/{plural}", {"metadata": {**metadata, "name": f"{name}-{number}"}, **fields})


def plain(api: Api, times: dict[str, float], names: list[str]) -> list[float]:
    """From the moment when all could begin, as pods do that come at once."""
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda name: make_plain(api, name), names))
    await_that("all are available", lambda: all(f"{name}-4" in times for name in names), patience(names))
    return [times[f"{name}-4"] - began for name in names]


def writes() -> float:
    pods = world.kubectl("get", "pods", f"--namespace={SYSTEM}", "--output=name").stdout.split()
    return sum(metrics_of(name.removeprefix("pod/")).get("pair_writes_total", 0) for name in pods if NAME in name)


def told(values: list[float]) -> str:
    ordered = sorted(values)
    return f"p50 {statistics.median(ordered) * 1e3:.0f} ms p99 {ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3:.0f} ms"


def clear(count: int) -> None:
    world.kubectl("delete", "pods", f"--namespace={FIRST}", "--selector=timed=yes", "--grace-period=0", "--force", "--wait=false")
    await_that("their pairs are gone", lambda: "os-sup-" not in world.kubectl(
        "get", "deployments", f"--namespace={FIRST}", "--output=name").stdout, 120 + count)


def measure(rounds: int = 3, at_once: int = 100) -> None:
    ClusterCase.make_namespace(PLAIN, None)
    api, times = Api(), {}
    api.ask("POST", "/api/v1/nodes", {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}})
    over = threading.Event()
    for target in ((be_node, api, over), (be_kubelet, api, FIRST, "openshell.io%2Fsandbox-role%3Dsupervisor"),
                   (be_kubelet, api, PLAIN, "timed%3Dplain"), (note_binding, api, times), (note_available, api, times)):
        threading.Thread(target=target[0], args=target[1:], daemon=True).start()
    try:
        for count in (1, at_once):
            ours, theirs, wrote = [], [], writes()
            for number in range(rounds * (5 if count == 1 else 1)):
                names = [f"p{count}-{number}-{i}" for i in range(count)]
                ours += bind(api, times, names)
                theirs += plain(api, times, names)
            each = (writes() - wrote) / len(ours)
            print(f"pair_bind, {count} at once  let go {told(ours)}  as many plain objects, until available {told(theirs)}  "
                  f"ratio {statistics.median(ours) / statistics.median(theirs):.2f}  writes a pair {each:.1f} "
                  f"{'PASS' if each <= 7 else 'FAIL'} (7)")
            clear(len(ours))
    finally:
        over.set()
        api.close()
        world.kubectl("delete", "node", NODE, "--ignore-not-found", check=False)
        world.kubectl("delete", "namespace", PLAIN, "--wait=false", check=False)
