# SPDX-License-Identifier: Apache-2.0
"""fixture: the cluster that all tests share, with the webhook installed as docs/install.md says."""
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import helm  # noqa: E402
import images  # noqa: E402
import runner  # noqa: E402
from cluster import OUTSIDE_NAMES, Cluster  # noqa: E402
from daemons import Failed  # noqa: E402
from release import Release  # noqa: E402

OUT = pathlib.Path(os.environ.get("OPENSHELL_OUT", ROOT / "build/release"))
CHART, MANIFESTS = ROOT / "charts/openshell", ROOT / "deploy/webhook"
SYSTEM, NAME, RELEASE = "openshell-system", "openshell-webhook", "openshell"
FIRST = "t-first"
AGENT = "/opt/openshell/openshell-agent"
# Where a cluster of KUBECONFIG pulls the images from: PREFIX/agent, PREFIX/webhook and PREFIX/clients.
PREFIX = os.environ.get("OPENSHELL_IMAGES")
IMAGES = {name: f"{PREFIX}/{short}" if PREFIX else name for name, short in (
    (images.AGENT_IMAGE, "agent"), (images.WEBHOOK_IMAGE, "webhook"), (images.CLIENTS, "clients"))}
CLIENTS = IMAGES[images.CLIENTS]
# Both lead to the same servers; policies name the first.
OUTSIDE, OTHER = OUTSIDE_NAMES
SECONDS = 120
# One place outside, for one program and one part of its paths.
POLICY = f"""version: 1
network_policies:
  outside:
    endpoints:
    - host: {OUTSIDE}
      port: 80
      protocol: rest
      rules:
      - allow: {{ method: GET, path: /allowed/** }}
    binaries:
    - path: /usr/bin/curl
"""


class World:
    """A cluster with the webhook, from `open` to `close`."""

    def __init__(self):
        self.cluster: Cluster | None = None

    def open(self) -> None:
        if "KUBECONFIG" not in os.environ:
            self.cluster = Cluster(Release(), OUT)
            self.cluster.up()
        try:
            self._install()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.cluster:
            self.cluster.down()
            self.cluster = None
            return
        self.helm("uninstall", RELEASE, check=False)
        self.kubectl("delete", "namespace", SYSTEM, FIRST, "--ignore-not-found")

    def _install(self) -> None:
        self.helm("install", RELEASE, CHART, "--create-namespace", *self.image_values())
        self.await_webhook()
        self.kubectl("create", "namespace", FIRST)
        self.kubectl("label", "namespace", FIRST, "openshell.io/injection=enabled")
        self.await_admission()

    def await_admission(self) -> None:
        """Until the API server reaches the webhook: ready is not reachable, as kube-proxy has yet to hear of it."""
        await_that("a pod is rewritten", lambda: "openshell-supervisor-install" in self.kubectl(
            "create", f"--namespace={FIRST}", "--dry-run=server", "--output=json", "-f", "-",
            text=json.dumps(pod("first")), check=False).stdout)

    def restore(self) -> None:
        """The release as `open` installed it, after a test that took something of it away."""
        self.helm("upgrade", "--install", RELEASE, CHART, "--create-namespace", "--reset-values", *self.image_values())
        self.await_webhook()
        self.await_admission()

    @staticmethod
    def image_values() -> list[str]:
        """How the chart is told of our two images, and of all topologies."""
        registry, tag = (PREFIX, "latest") if PREFIX else ("localhost/openshell", "dev")
        # The images that the tests run are in no registry.
        return ["--set", f"images.registry={registry},imageLookup.mode=off,proxyPod.enabled=true"] + [
            option for image in ("webhook", "agent") for option in (
                "--set", f"images.{image}.repository={image},images.{image}.tag={tag}")]

    def since(self, minor: int) -> bool:
        """Whether the API server is at least Kubernetes 1.`minor`."""
        version = json.loads(self.kubectl("version", "--output=json").stdout)["serverVersion"]
        return int(version["minor"].rstrip("+")) >= minor

    def await_webhook(self) -> None:
        self.kubectl("rollout", "status", f"deployment/{NAME}", f"--namespace={SYSTEM}", f"--timeout={SECONDS}s")

    # --- kubectl ----------------------------------------------------------------------------------
    def environment(self) -> dict[str, str]:
        if not self.cluster:
            return dict(os.environ)
        path = f"{self.cluster.release.programs}:{os.environ['PATH']}"
        return {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "PATH": path}

    def _run(self, argv: list, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run([str(a) for a in argv], input=text, capture_output=True, text=True,
                              env=self.environment())
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(map(str, argv[:6]))}: {done.stderr.strip()}")
        return done

    def kubectl(self, *argv, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
        return self._run(["kubectl", *argv], text, check)

    def helm(self, *argv, check: bool = True) -> subprocess.CompletedProcess:
        """In the namespace of the webhook."""
        return self._run([helm.program(), f"--namespace={SYSTEM}", *argv], check=check)

    def popen(self, *argv) -> subprocess.Popen:
        return subprocess.Popen(["kubectl", *argv], env=self.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def arrived(self) -> list[dict]:
        """What reached the outside's servers so far."""
        text = self.cluster.at.arrived.read_text() if self.cluster else ""
        return [json.loads(line) for line in text.splitlines()]


world = World()


class ClusterCase(unittest.TestCase):
    """Base of the tests: a namespace of its own for each class, opted in by `label`."""

    label: str | None = "enabled"
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.namespace = f"t-{cls.__name__.lower()}"
        cls.make_namespace(cls.namespace, cls.label)
        cls.addClassCleanup(world.kubectl, "delete", "namespace", cls.namespace, "--wait=false", check=False)

    @staticmethod
    def make_namespace(name: str, label: str | None, **annotations) -> None:
        labels = {"openshell.io/injection": label} if label else {}
        world.kubectl("apply", "-f", "-", text=json.dumps(
            {"apiVersion": "v1", "kind": "Namespace",
             "metadata": {"name": name, "labels": labels, "annotations": annotations}}))
        await_that(f"the account of {name}", lambda: world.kubectl(
            "get", "serviceaccount", "default", f"--namespace={name}", check=False).returncode == 0)

    def kubectl(self, *argv, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
        """In the namespace of this class."""
        return world.kubectl(f"--namespace={self.namespace}", *argv, text=text, check=check)

    def apply(self, *objects: dict, check: bool = True) -> subprocess.CompletedProcess:
        return self.kubectl("apply", "-f", "-", text=json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": list(objects)}), check=check)

    def get(self, kind: str, name: str) -> dict:
        return json.loads(self.kubectl("get", kind, name, "--output=json").stdout)

    def pod_of(self, app: str) -> str:
        """The name of the running pod with label app=APP."""
        pods = json.loads(self.kubectl("get", "pods", f"--selector=app={app}", "--output=json").stdout)["items"]
        alive = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        self.assertEqual(len(alive), 1, alive)
        return alive[0]

    def await_ready(self, what: str, seconds: int = SECONDS) -> None:
        """A Deployment or a pod, else the test fails with what is known of it."""
        waited = (self.kubectl("rollout", "status", what, f"--timeout={seconds}s", check=False)
                  if what.startswith("deployment/") else
                  self.kubectl("wait", "--for=condition=Ready", what, f"--timeout={seconds}s", check=False))
        if waited.returncode != 0:
            self.fail(waited.stderr + self.kubectl("get", "events", "--sort-by=.lastTimestamp").stdout[-3000:])

    def inside(self, pod: str, command: str, container: str = "app") -> subprocess.CompletedProcess:
        """A shell command inside the sandbox of a pod."""
        return self.kubectl("exec", pod, f"--container={container}", "--", AGENT, "exec", "--", "sh", "-c", command,
                            check=False)

    def own_cluster(self) -> Cluster:
        """Skips where a cluster was given: its parts are not ours to stop."""
        if not world.cluster:
            raise runner.machine_lacks("a control plane of its own: KUBECONFIG names another's")
        return world.cluster


class Admissions:
    """Pods that are created, PER_SECOND of them, for as long as the block lasts; no scheduler takes them. `refused`
    has what the API server said of those that it did not admit, `unreached` how often it did not answer. When
    the block ends, `unsandboxed` has the stored pods that lack our init container."""

    PER_SECOND = 20

    def __init__(self, namespace: str):
        self._path, self._stop = f"/api/v1/namespaces/{namespace}/pods", threading.Event()
        self.admitted, self.unreached, self.refused, self.unsandboxed = 0, 0, [], []
        self._lock = threading.Lock()
        self._proxy = world.popen("proxy", "--port=0")
        self._port = int(self._proxy.stdout.readline().rsplit(":", 1)[1])
        # A second apart, each: an answer that takes seconds holds up none of the others.
        self._threads = [threading.Thread(target=self._work, args=(i / self.PER_SECOND,))
                         for i in range(self.PER_SECOND)]

    def _ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        """502: no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        with contextlib.closing(connection):
            try:
                connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except (OSError, http.client.HTTPException, ValueError):
                return 502, {}

    def _work(self, after: float) -> None:
        one = pod("x", schedulerName="nobody")
        del one["metadata"]["name"]
        one["metadata"].update(generateName="x-", labels={"test": "admissions"})
        while not self._stop.wait(after):
            began = time.monotonic()
            code, item = self._ask("POST", self._path, one)
            with self._lock:
                self.admitted += code == 201
                self.unreached += code == 502
                if code not in (201, 502):
                    self.refused.append(f"{code} {item.get('message')}")
            after = max(0.0, 1 - (time.monotonic() - began))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        try:
            query = "?labelSelector=test%3Dadmissions"
            code, pods = self._ask("GET", self._path + query)
            stored = pods.get("items", [])
            if code != 200 or len(stored) < self.admitted:
                raise AssertionError(f"{self.admitted} were admitted, {len(stored)} are there ({code})")
            self.unsandboxed = [p for p in stored if [c["name"] for c in p["spec"].get("initContainers", [])] != [
                "openshell-supervisor-install"]]
            self._ask("DELETE", self._path + query, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
        finally:
            self._proxy.terminate()
            self._proxy.communicate()


def metrics_of(pod_name: str) -> dict[str, float]:
    """Of a replica of the webhook: by name with labels, as it prints them. Empty while it does not answer."""
    text = world.kubectl("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/{pod_name}:8080/proxy/metrics",
                         check=False).stdout
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name.removeprefix("openshell_webhook_"): float(value) for name, value in lines}


def await_that(what: str, holds, seconds: float = SECONDS, told=lambda: "") -> None:
    """`told` says what there is instead."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"not in {seconds} s: {what} {told()}")
        time.sleep(0.2)


def pod(name: str, *command: str, annotations: dict | None = None, **spec) -> dict:
    """A pod as a user would write it, with one container `app`."""
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}, "annotations": annotations or {}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [container(*command)], **spec}}


def container(*command: str, **fields) -> dict:
    return {"name": "app", "image": CLIENTS, "imagePullPolicy": "IfNotPresent",
            "command": list(command) or ["sleep", "infinity"], **fields}


def deployment(name: str, app: dict, annotations: dict | None = None, **spec) -> dict:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations or {}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [app], **spec}}}}


def config_map(name: str, policy: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"policy.yaml": policy}}
