# SPDX-License-Identifier: Apache-2.0
"""admission: plays the API server's part towards the webhook, and the kubelet's towards podman.

`pod_of` makes the pod that a Deployment's ReplicaSet would submit, `review` wraps it as the API server
would, `Webhook` starts the real program and calls it over verified TLS, `apply` applies its answer with
a JSON Patch library that is not ours, and `for_podman` turns the result into what podman can play.
"""
import base64
import copy
import hashlib
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import time
import uuid

import jsonpatch
import yaml

PODMAN_ANNOTATION_MAX = 63
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def load(path: pathlib.Path) -> list[dict]:
    """The objects of a manifest."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def pod_of(deployment: dict) -> dict:
    """A pod as the ReplicaSet controller creates it, with the API server's defaults."""
    template = copy.deepcopy(deployment["spec"]["template"])
    name = deployment["metadata"]["name"]
    tag = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    metadata = template.setdefault("metadata", {})
    metadata["generateName"] = f"{name}-{tag}-"
    metadata["namespace"] = deployment["metadata"].get("namespace", "default")
    metadata["creationTimestamp"] = None
    metadata.setdefault("labels", {})["pod-template-hash"] = tag
    metadata["ownerReferences"] = [{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-{tag}",
        "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}-{tag}")),
        "controller": True, "blockOwnerDeletion": True}]
    return defaulted({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


def defaulted(pod: dict) -> dict:
    """Adds what the API server adds before webhooks see a pod: defaults and a ServiceAccount token."""
    spec = pod["spec"]
    for key, value in {
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst", "serviceAccountName": "default", "serviceAccount": "default",
            "securityContext": {}, "schedulerName": "default-scheduler", "priority": 0,
            "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority",
            "tolerations": [{"key": f"node.kubernetes.io/{state}", "operator": "Exists",
                             "effect": "NoExecute", "tolerationSeconds": 300}
                            for state in ("not-ready", "unreachable")]}.items():
        spec.setdefault(key, value)
    for volume in spec.setdefault("volumes", []):
        for source in ("configMap", "secret"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)
    with_token = spec.get("automountServiceAccountToken", True)
    for container in spec.get("initContainers", []) + spec["containers"]:
        _default_container(container)
        if with_token:
            container.setdefault("volumeMounts", []).append(
                {"name": "kube-api-access-x7k2p", "readOnly": True, "mountPath": TOKEN_PATH})
    if with_token:
        spec["volumes"].append(_token_volume())
    return pod


def _default_container(container: dict) -> None:
    tag = container["image"].rsplit("/", 1)[-1].partition(":")[2]
    for key, value in {
            "resources": {}, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "Always" if tag in ("", "latest") else "IfNotPresent"}.items():
        container.setdefault(key, value)
    for port in container.get("ports", []):
        port.setdefault("protocol", "TCP")


def _token_volume() -> dict:
    return {"name": "kube-api-access-x7k2p", "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {
            "apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}}


def review(pod: dict) -> dict:
    """The AdmissionReview for the creation of `pod`."""
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": str(uuid.uuid4()), "kind": kind, "resource": resource,
        "requestKind": kind, "requestResource": resource,
        "namespace": pod["metadata"]["namespace"], "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
                     "groups": ["system:serviceaccounts", "system:authenticated"]},
        "object": pod, "oldObject": None, "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}}


def apply(pod: dict, response: dict) -> dict:
    """The pod after the response's patch."""
    if not response.get("allowed"):
        raise ValueError(f"denied: {response.get('status', {}).get('message')}")
    if "patch" not in response:
        return copy.deepcopy(pod)
    return jsonpatch.apply_patch(pod, operations(response))


def operations(response: dict) -> list[dict]:
    """The response's patch, decoded."""
    return json.loads(base64.b64decode(response["patch"]))


class Webhook:
    """A running openshell-webhook with a certificate that nobody else has."""

    def __init__(self, program: pathlib.Path, state: pathlib.Path, agent_image: str,
                 namespaces: list[dict], options: tuple[str, ...] = ()):
        self.log = state / "webhook.log"
        self._certificate = state / "tls.crt"
        self.port = _free_port()
        key = state / "tls.key"
        _make_certificate(self._certificate, key)
        (state / "namespaces.yaml").write_text(yaml.safe_dump_all(namespaces))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", "--listen", f"127.0.0.1:{self.port}",
                 "--tls-cert", self._certificate, "--tls-key", key,
                 "--namespaces", state / "namespaces.yaml", "--agent-image", agent_image,
                 "--kubernetes-version", "1.34", "--image-lookup", "off", "--drain-seconds", "0", *options],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self._await_ready()

    def _await_ready(self) -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if self.request("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"openshell-webhook did not become ready:\n{self.log.read_text()}")

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request, with the server's certificate verified."""
        context = ssl.create_default_context(cafile=self._certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=10)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def mutate(self, pod: dict) -> dict:
        """What the webhook says to the creation of `pod`: the `response` of its AdmissionReview."""
        asked = review(pod)
        status, body = self.request("POST", "/mutate", json.dumps(asked).encode())
        if status != 200:
            raise RuntimeError(f"/mutate answered {status}: {body.decode(errors='replace')}")
        response = json.loads(body)["response"]
        if response["uid"] != asked["request"]["uid"]:
            raise RuntimeError("the response's uid is not the request's")
        return response

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def for_podman(pod: dict, name: str) -> tuple[dict, list[str]]:
    """A copy of `pod` that podman can play, and what had to be left out for that."""
    pod, left_out = copy.deepcopy(pod), []
    annotations = pod["metadata"].get("annotations", {})
    for key in [k for k, value in annotations.items() if len(value) > PODMAN_ANNOTATION_MAX]:
        left_out.append(f"annotation {key}: podman takes only short values")
        del annotations[key]
    pod["metadata"] = {"name": name, "labels": pod["metadata"].get("labels", {}),
                       "annotations": annotations}
    spec = pod["spec"]
    spec["restartPolicy"] = "Never"
    projected = {v["name"] for v in spec.get("volumes", []) if "projected" in v}
    if projected:
        left_out.append("the ServiceAccount token volume: no API server issues one here")
        spec["volumes"] = [v for v in spec["volumes"] if v["name"] not in projected]
    for container in spec.get("initContainers", []) + spec["containers"]:
        container["imagePullPolicy"] = "Never"
        mounts = container.get("volumeMounts", [])
        container["volumeMounts"] = [m for m in mounts if m["name"] not in projected]
        # A declaration to Kubernetes; podman would publish them on this machine.
        container.pop("ports", None)
        probes = ["livenessProbe", "readinessProbe", "startupProbe"]
        if container.get("restartPolicy") == "Always":
            probes.remove("startupProbe")  # Pod plays it.
        for probe in probes:
            if container.pop(probe, None):
                left_out.append(f"{probe} of container {container['name']}: no kubelet runs it here")
    return pod, left_out


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _make_certificate(certificate: pathlib.Path, key: pathlib.Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "1", "-subj", "/CN=openshell-webhook", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate], check=True, capture_output=True)
