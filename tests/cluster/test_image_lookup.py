# SPDX-License-Identifier: Apache-2.0
"""Images that are looked up before they run, in the distribution's registry, as the chart configures it: on a private
address that is allowed, with roots of its own."""
import json
import pathlib
import tempfile

import images
import machine
import runner
from fixture import CHART, OUT, RELEASE, SYSTEM, ClusterCase, await_that, world
from podman import Podman
from registry import Registry

ROOTS = "registry-roots"


def without_command(name: str, image: str, **fields) -> dict:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "app", "image": image, **fields}]}}


class ImageLookup(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.cluster:
            raise runner.machine_lacks("a control plane of its own: its node must trust the test's registry")
        super().setUpClass()
        at = world.cluster.at
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        registry = Registry(pathlib.Path(folder.name), machine.NODE_ADDRESS, (at.pki / "registry.crt", at.pki / "registry.key"))
        cls.addClassCleanup(registry.stop)
        cls.registry = registry.name
        cls.push(images.ENTRY, images.COVERING)
        (at.registries / registry.name).mkdir()
        (at.registries / registry.name / "hosts.toml").write_text(
            f'server = "https://{registry.name}"\n[host."https://{registry.name}"]\n  ca = "{at.pki}/ca.crt"\n')
        world.kubectl("create", "configmap", ROOTS, f"--namespace={SYSTEM}", f"--from-file=ca.crt={at.pki}/ca.crt")
        cls.addClassCleanup(world.kubectl, "delete", "configmap", ROOTS, f"--namespace={SYSTEM}")
        cls.addClassCleanup(world.restore)
        cls.settings = ["--set", f"imageLookup.allow={{{machine.NODE_ADDRESS}/32}}", "--set",
                        f"imageLookup.ports={{443,{registry.port}}},imageLookup.rootsConfigMap={ROOTS}"]

    @classmethod
    def push(cls, *names: str) -> None:
        with Podman() as podman:
            images.ensure(podman, OUT, *names)
            for name in names:
                podman.podman("push", "--quiet", "--tls-verify=false", name, f"docker://{cls.image(name)}")

    @classmethod
    def image(cls, name: str) -> str:
        return f"{cls.registry}/{name.rpartition('/')[2]}:1"

    def look_up(self, mode: str) -> None:
        world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set", f"imageLookup.mode={mode}", *self.settings,
                   "--wait", "--timeout=2m")
        world.await_webhook()
        # Until the last replica of another mode does not answer any more.
        await_that("its replicas alone are there", lambda: len(json.loads(world.kubectl(
            "get", "pods", f"--namespace={SYSTEM}", "--output=json").stdout)["items"]) == 2)

    def await_refusal(self, one: dict, *parts: str) -> None:
        """The webhook may be too slow to learn it the first time."""
        def is_refused() -> bool:
            told = self.kubectl("create", "--dry-run=server", "-f", "-", text=json.dumps(one), check=False).stderr
            return all(part in told for part in parts)
        await_that(f"it is refused with {parts}", is_refused)

    def test_a_pod_without_a_command_starts_what_its_image_says_and_a_hostile_image_is_refused(self):
        for mode in ("when-needed", "required"):
            with self.subTest(mode=mode):
                self.look_up(mode)
                await_that("it is admitted", lambda: self.apply(
                    without_command(mode, self.image(images.ENTRY)), check=False).returncode == 0)
                self.await_ready(f"pod/{mode}")
                app = self.get("pod", mode)["spec"]["containers"][0]
                self.assertRegex(app["image"], rf"^{self.image(images.ENTRY)}@sha256:[0-9a-f]{{64}}$")
                await_that("it started", lambda: "started as entry one two" in self.kubectl("logs", mode, "-c", "app").stdout)
                self.assertEqual(self.inside(mode, "id -u").stdout.strip(), "1000")
                hostile = without_command("hostile", self.image(images.COVERING), command=["true"])
                self.await_refusal(hostile, "[OSW071]")

    def test_what_cannot_be_learnt_is_a_warning_or_a_refusal(self):
        absent = without_command("absent", f"{self.registry}/absent:1", command=["true"])
        self.look_up("when-needed")
        done = self.apply(absent)
        self.assertIn("Warning:", done.stderr)
        self.kubectl("delete", "pod", "absent")
        self.look_up("required")
        self.await_refusal(absent, "[OSW072]", "404")
