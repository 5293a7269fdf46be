# SPDX-License-Identifier: Apache-2.0
"""pod_start: how long a pod of topology sidecar takes until its container runs, on a real Kubernetes, beside a pod
without a sandbox that has as many init containers, empty ones: one that ends at once, and one that runs on behind the
same startup probe. The two take turns."""
import json
import statistics
import time

from fixture import FIRST, ClusterCase, container, pod, world

PLAIN = "t-plain"
EMPTY = [container("true") | {"name": "first"},
         container("busybox", "httpd", "-f", "-p", "15090") | {
             "name": "second", "restartPolicy": "Always",
             "startupProbe": {"tcpSocket": {"port": 15090}, "periodSeconds": 1, "failureThreshold": 60}}]
KINDS = {"sandboxed": (FIRST, {"annotations": {"openshell.io/topology": "sidecar"}}),
         "empty": (PLAIN, {"initContainers": EMPTY})}


def start(namespace: str, fields: dict) -> float:
    """Seconds from its creation until it is ready."""
    def kubectl(*argv: str, text: str | None = None) -> None:
        world.kubectl(f"--namespace={namespace}", *argv, text=text)
    began = time.monotonic()
    kubectl("create", "-f", "-", text=json.dumps(pod("timed", **fields)))
    kubectl("wait", "--for=condition=Ready", "pod/timed", "--timeout=60s")
    took = time.monotonic() - began
    kubectl("delete", "pod", "timed", "--now", "--wait=true")
    return took


def measure(rounds: int = 8) -> None:
    ClusterCase.make_namespace(PLAIN, None)
    times: dict[str, list[float]] = {name: [] for name in KINDS}
    try:
        for number in range(rounds + 1):
            for name, (namespace, fields) in KINDS.items():
                took = start(namespace, fields)
                if number > 0:  # The first brings images and caches in.
                    times[name].append(took)
    finally:
        world.kubectl("delete", "namespace", PLAIN, "--ignore-not-found", "--wait=false", check=False)
    deltas = [ours - theirs for ours, theirs in zip(times["sandboxed"], times["empty"])]
    text = "  ".join(f"{name} {statistics.median(values):.2f} s" for name, values in times.items())
    print(f"pod_start              {text}  delta {statistics.median(deltas) * 1e3:+.0f} ms "
          f"[{min(deltas) * 1e3:+.0f}..{max(deltas) * 1e3:+.0f}]")
