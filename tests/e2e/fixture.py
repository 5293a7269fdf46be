# SPDX-License-Identifier: Apache-2.0
"""fixture: the world that all end-to-end tests share: a private podman, images, a real webhook.

It is built on first use and torn down by the runner. A test asks for a pod in plain form; `sandboxed`
sends it through the webhook as the API server would and plays what came back.
"""
import contextlib
import json
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import admission  # noqa: E402
import images  # noqa: E402
from podman import Podman  # noqa: E402
from pods import Outcome, Pod  # noqa: E402

OUT = pathlib.Path(os.environ.get("OPENSHELL_OUT", ROOT / "build/release"))
AGENT = OUT / "openshell-agent"
AGENT_PATH = "/opt/openshell/openshell-agent"
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace",
             "metadata": {"name": "team-a", "labels": {"openshell.io/injection": "enabled"}}}
POLICY_NAME = "test-policy"


class World:
    """Podman, images and webhook, each from the moment that it is needed."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self._podman = self._webhook = None
        self._count = 0

    @property
    def podman(self) -> Podman:
        if not self._podman:
            podman = self._stack.enter_context(Podman())
            images.ensure(podman, OUT, images.PAUSE_IMAGE, images.AGENT_IMAGE)
            self._podman = podman
        return self._podman

    @property
    def webhook(self) -> admission.Webhook:
        if not self._webhook:
            self._webhook = admission.Webhook(
                OUT / "openshell-webhook", self.podman.state, images.AGENT_IMAGE, [NAMESPACE])
            self._stack.callback(self._webhook.stop)
        return self._webhook

    def pod_name(self) -> str:
        self._count += 1
        return f"pod{self._count}"

    def close(self) -> None:
        self._stack.close()
        self.__init__()


world = World()


def pod(image: str, command: list[str], volumes: list[dict] = (), annotations: dict = (),
        **fields) -> dict:
    """A pod as a user would write it, with one container `app`; `fields` are the container's."""
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "team-a", "annotations": dict(annotations)},
            "spec": {"containers": [{"name": "app", "image": image, "command": command, **fields}],
                     "volumes": list(volumes)}}


def config_map(policy: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": POLICY_NAME},
            "data": {"policy.yaml": policy}}


class SandboxCase(unittest.TestCase):
    """Base of the tests that run containers."""

    maxDiff = 4000

    def setUp(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to run containers")

    def plain(self, manifest: dict) -> Pod:
        """The pod as it was written, without a sandbox; not started."""
        return self.play(manifest, None)

    def sandboxed(self, manifest: dict, policy: str | None = None) -> Pod:
        """The pod as the webhook makes it, with `policy` as its named policy; not started."""
        return self.play(self.rendered(manifest, policy), policy)

    def rendered(self, manifest: dict, policy: str | None = None) -> dict:
        annotations = manifest["metadata"]["annotations"]
        annotations.setdefault("openshell.io/topology", "combined")
        if policy is not None:
            annotations["openshell.io/policy"] = POLICY_NAME
        submitted = admission.defaulted(manifest)
        return admission.apply(submitted, world.webhook.mutate(submitted))

    def run_sandboxed(self, manifest: dict, policy: str | None = None) -> Outcome:
        """Plays the pod to its end."""
        made = self.sandboxed(manifest, policy)
        made.start()
        return made.wait("app")

    def run_plain(self, manifest: dict) -> Outcome:
        made = self.plain(manifest)
        made.start()
        return made.wait("app")

    def play(self, manifest: dict, policy: str | None, more: list[dict] = ()) -> Pod:
        """The pod as it is, with `more` ConfigMaps than the policy's; removed when the test ends."""
        made = self.played(manifest, policy, more)
        self.addCleanup(made.remove)
        return made

    @staticmethod
    def played(manifest: dict, policy: str | None, more: list[dict] = ()) -> Pod:
        """The pod as it is, for the caller to remove."""
        for container in manifest["spec"].get("initContainers", []) + manifest["spec"]["containers"]:
            images.ensure(world.podman, OUT, container["image"])
        playable, _ = admission.for_podman(manifest, world.pod_name())
        return Pod(world.podman, playable,
                   [*([config_map(policy)] if policy is not None else []), *more])


def events(stderr: bytes) -> tuple[list[dict], bytes]:
    """Splits standard error into the agent's events and what the workload wrote.

    The run id of the first line, which no workload knew beforehand, tells ours from forged ones. Beside the
    workload an event begins with a newline, as that may have left its line unfinished."""
    first = stderr.split(b"\n", 1)[0]
    run = json.loads(first)["run"].encode() if first.startswith(b"{") else b"none"
    ours = re.compile(rb'\n?(\{"time":[^{\n]*"run":"' + run + rb'"[^\n]*\})\n')
    return [json.loads(line) for line in ours.findall(stderr)], ours.sub(b"", stderr)
