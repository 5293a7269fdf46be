# SPDX-License-Identifier: Apache-2.0
"""The README's way from a fresh cluster to a sandboxed Deployment that serves, and what is said where a step of it
goes wrong."""
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile

import helm
from fixture import AGENT, CHART, CLIENTS, NAME, RELEASE, ROOT, SYSTEM, ClusterCase, await_that, pod, world

EXAMPLE = "examples/quickstart.yaml"
# What the reader puts another word for.
REGISTRY, IMAGE = "--set images.registry=registry.example", "busybox:1.36"


def readme_commands() -> list[str]:
    """The indented lines behind the README's words."""
    text = (ROOT / "README.md").read_text()
    block = re.search(r"^On a cluster,.*\n\n((?:    .*\n)+)", text, re.MULTILINE)
    return [line.strip() for line in block[1].splitlines()]


class Readme(ClusterCase):
    label = None

    def run_as_a_reader(self, command: str, example: pathlib.Path) -> subprocess.CompletedProcess:
        """In the folder of the project, with a registry and an image that this cluster has."""
        command = command.replace(REGISTRY, shlex.join(world.image_values())).replace(EXAMPLE, str(example))
        environment = world.environment()
        environment["PATH"] = f"{pathlib.Path(helm.program()).parent}{os.pathsep}{environment['PATH']}"
        return subprocess.run(["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)

    def test_three_commands_lead_from_a_fresh_cluster_to_a_sandboxed_deployment_that_serves(self):
        commands = readme_commands()
        self.assertEqual(len(commands), 3)
        self.assertIn(REGISTRY, commands[0])
        self.addCleanup(world.restore)
        self.addCleanup(world.kubectl, "delete", "namespace", "quickstart", "--ignore-not-found", "--wait=false")
        world.helm("uninstall", RELEASE, "--wait", "--timeout=2m")
        world.kubectl("delete", "namespace", SYSTEM, "--timeout=2m")
        with tempfile.TemporaryDirectory() as folder:
            example = pathlib.Path(folder, "example.yaml")
            # An image without a tag would be pulled each time, and this one is on the node.
            example.write_text((ROOT / EXAMPLE).read_text().replace(
                f"image: {IMAGE}", f"image: {CLIENTS}\n        imagePullPolicy: IfNotPresent"))
            for command in commands:
                done = self.run_as_a_reader(command, example)
                self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
        served = "/api/v1/namespaces/quickstart/services/hello:80/proxy/"
        await_that("the Service answers", lambda: world.kubectl(
            "get", "--raw", served, check=False).stdout == "served from a sandbox\n")
        status = json.loads(world.kubectl("exec", "--namespace=quickstart", "deployment/hello", "--", AGENT, "status").stdout)
        self.assertEqual(status["topology"], "combined")


class Mistakes(ClusterCase):
    """Those whose message no other file looks at."""

    def test_without_the_webhook_the_refusal_names_the_service_that_does_not_answer(self):
        self.addCleanup(world.restore)
        world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", "--replicas=0")
        await_that("no replica is left", lambda: not world.kubectl(
            "get", "pods", f"--namespace={SYSTEM}", "--output=name").stdout)
        done = self.apply(pod("web"), check=False)
        self.assertNotEqual(done.returncode, 0)
        for part in ("failed calling webhook", f"{NAME}.{SYSTEM}.svc"):
            self.assertIn(part, done.stderr)

    def test_where_the_agents_image_is_not_found_the_pod_names_it_and_is_not_started(self):
        self.addCleanup(world.restore)
        world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set", "images.agent.tag=nowhere", "--wait",
                   "--timeout=2m")
        await_that("the new image is asked for", lambda: ":nowhere" in self.kubectl(
            "create", "--dry-run=server", "--output=json", "-f", "-", text=json.dumps(pod("x")), check=False).stdout)
        self.apply(pod("lost"))
        def waiting() -> dict:
            states = self.get("pod", "lost")["status"].get("initContainerStatuses", [{}])
            return states[0].get("state", {}).get("waiting", {})
        await_that("it is said", lambda: waiting().get("reason") in ("ErrImagePull", "ImagePullBackOff"))
        self.assertIn(":nowhere", self.kubectl("describe", "pod/lost").stdout)
        self.kubectl("delete", "pod", "lost", "--now")

    def test_where_the_webhooks_image_is_not_found_what_runs_goes_on_and_helm_says_so(self):
        self.addCleanup(world.restore)
        done = world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set", "images.webhook.tag=nowhere",
                          "--wait", "--timeout=10s", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.apply(pod("goes-on"))
        self.await_ready("pod/goes-on")

    def test_a_policy_that_is_named_and_absent_is_named_in_the_log(self):
        self.apply(pod("absent", "echo", "ran", annotations={"openshell.io/policy": "nowhere"}, restartPolicy="Never"))
        await_that("it ends", lambda: self.get("pod", "absent")["status"]["phase"] == "Failed")
        log = self.kubectl("logs", "absent").stdout
        refused = [json.loads(line) for line in log.splitlines() if '"sandbox.refused"' in line]
        self.assertEqual(len(refused), 1, log)
        self.assertIn("policy", refused[0]["reason"])
