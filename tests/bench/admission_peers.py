# SPDX-License-Identifier: Apache-2.0
"""admission_peers: webhooks in Go beside ours on the same API server, each asked for pods of one namespace.

    plain   nobody is asked
    once    an empty webhook: it decodes the review and allows. It is asked once
    empty   the same, asked as ours is: when the pod may be changed, and once more when it may not
    patch   a webhook that makes the same patch as ours and checks nothing, asked like that
    ours    the chart as it is installed by default

The peers run in pods with the replicas, the limits and the security context of ours."""
import base64
import functools
import json
import pathlib
import subprocess

from daemons import Failed, wait_for
from fixture import CHART, CLIENTS, NAME, RELEASE, SYSTEM, ClusterCase, container, pod, world
from pki import Authority

PEER, PORT = "bench-peer", 8443
SIDES = ("plain", "once", "empty", "patch", "ours")
MUTATING = (("once", "/allow"), ("empty", "/allow"), ("patch", "/mutate"))
VALIDATING = (("empty", "/allow"), ("patch", "/allow"))
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}


def namespace_of(side: str) -> str:
    return f"b-{side}"


def bench_pod() -> dict:
    """As a workload is, with settings, limits and a volume. Nobody schedules it."""
    app = container("/bin/sh", "-c", "work") | {
        "env": [{"name": f"SETTING_{i}", "value": f"value number {i}"} for i in range(16)],
        "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    # The peer's patch takes these two fields for there.
    made = pod("x", schedulerName="nobody", automountServiceAccountToken=True,
               volumes=[{"name": "data", "emptyDir": {}}])
    made["spec"]["containers"] = [app]
    made["metadata"] = {"generateName": "agent-6c8b9d7f5-", "labels": {"app": "agent"},
                        "annotations": {"bench.example/team": "agents"}}
    return made


def install(folder: pathlib.Path, binary: pathlib.Path) -> None:
    """`binary` is go_webhook, on the node."""
    authority = Authority(folder, "ca")
    authority.issue("peer", f"/CN={PEER}", "serverAuth", f"DNS:{PEER}.{PEER}.svc")
    ClusterCase.make_namespace(PEER, None)
    for side in SIDES:
        ClusterCase.make_namespace(namespace_of(side), "enabled" if side == "ours" else None)
    # What the peer's patch writes has our keys, which is refused where our webhook is not asked.
    world.helm("upgrade", RELEASE, CHART, "--reuse-values", "--set",
               f"admissionPolicies.excludedNamespaces={{{namespace_of('patch')}}}")
    _apply(_peer(folder, binary))
    world.kubectl("rollout", "status", f"deployment/{PEER}", f"--namespace={PEER}", "--timeout=60s")
    bundle = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
    _apply([_configuration("MutatingWebhookConfiguration", MUTATING, bundle),
            _configuration("ValidatingWebhookConfiguration", VALIDATING, bundle)])
    for side in SIDES:
        try:
            wait_for(f"pods to be admitted in {namespace_of(side)}", 60, functools.partial(_admits, side))
        except Failed as error:
            raise Failed(f"{error}\n{_create(side).stderr}") from None


def remove() -> None:
    for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
        world.kubectl("delete", kind, PEER, "--ignore-not-found")
    world.kubectl("delete", "namespace", PEER, *map(namespace_of, SIDES), "--ignore-not-found", "--wait=false")


def _apply(objects: list[dict]) -> None:
    world.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def _create(side: str) -> subprocess.CompletedProcess:
    return world.kubectl("create", f"--namespace={namespace_of(side)}", "--dry-run=server", "--output=json", "-f", "-",
                         text=json.dumps(bench_pod()), check=False)


def _admits(side: str) -> bool:
    """Whether the side's webhook, and no other, is asked."""
    done = _create(side)
    return done.returncode == 0 and ("initContainers" in json.loads(done.stdout)["spec"]) == (side in ("patch", "ours"))


def _configuration(kind: str, asked: tuple, bundle: str) -> dict:
    more = {"reinvocationPolicy": "IfNeeded"} if kind.startswith("Mutating") else {}
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": PEER}, "webhooks": [
        {"name": f"{side}.bench.example", "failurePolicy": "Fail", "timeoutSeconds": 5, "sideEffects": "None",
         "admissionReviewVersions": ["v1"], "rules": [RULE], **more,
         "clientConfig": {"caBundle": bundle, "service": {"name": PEER, "namespace": PEER, "path": path}},
         "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace_of(side)}}}
        for side, path in asked]}


def _peer(folder: pathlib.Path, binary: pathlib.Path) -> list[dict]:
    ours = json.loads(world.kubectl("get", "deployment", NAME, f"--namespace={SYSTEM}", "--output=json").stdout)["spec"]
    like = ours["template"]["spec"]
    labels, where = {"app": PEER}, {"name": PEER, "namespace": PEER}
    peer = {"name": "peer", "image": CLIENTS, "imagePullPolicy": "IfNotPresent",
            "command": ["/peer", f"--listen=:{PORT}", "--tls-cert=/certificate/tls.crt",
                        "--tls-key=/certificate/tls.key", "--agent-image=registry.example/openshell/agent:1.0.0"],
            "resources": like["containers"][0]["resources"],
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            "volumeMounts": [{"name": "program", "mountPath": "/peer", "readOnly": True},
                             {"name": "certificate", "mountPath": "/certificate", "readOnly": True}]}
    spec = {"securityContext": like["securityContext"], "containers": [peer], "volumes": [
        {"name": "program", "hostPath": {"path": str(binary), "type": "File"}},
        {"name": "certificate", "secret": {"secretName": PEER}}]}
    return [
        {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": where,
         "stringData": {"tls.crt": (folder / "peer.crt").read_text(), "tls.key": (folder / "peer.key").read_text()}},
        {"apiVersion": "v1", "kind": "Service", "metadata": where,
         "spec": {"selector": labels, "ports": [{"port": 443, "targetPort": PORT}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": where,
         "spec": {"replicas": ours["replicas"], "selector": {"matchLabels": labels},
                  "template": {"metadata": {"labels": labels}, "spec": spec}}}]
