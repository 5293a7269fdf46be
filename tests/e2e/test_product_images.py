# SPDX-License-Identifier: Apache-2.0
"""The images that are shipped: nothing in them but the programs and what they need."""
import json

import images
from fixture import OUT, SandboxCase, world
from images import AGENT_IMAGE, WEBHOOK_IMAGE

# As a careful cluster runs it.
HARDENED = ["--rm", "--network", "none", "--read-only", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges"]


class ProductImages(SandboxCase):
    def setUp(self):
        super().setUp()
        images.ensure_product(world.podman, OUT)

    def files(self, image: str) -> list[str]:
        """The files of an image, from a container that is never started."""
        name = world.podman.podman("create", image, "none").stdout.decode().strip()
        self.addCleanup(world.podman.podman, "rm", name)
        mounted = world.podman.podman("mount", name).stdout.decode().strip()
        listing = world.podman.tool("find", mounted, "-type", "f", "-printf", "/%P\n").stdout.decode()
        return sorted(listing.split())

    def test_the_agents_image_holds_the_agent_and_a_trust_store(self):
        self.assertEqual(self.files(AGENT_IMAGE), ["/ca-bundle.pem", "/openshell-agent"])

    def test_the_agent_runs_in_its_image(self):
        done = world.podman.podman("run", *HARDENED, "--user", "1000", AGENT_IMAGE, "version")
        self.assertIn(b"openshell-agent ", done.stdout)

    def test_the_webhook_runs_without_privilege_in_its_image(self):
        done = world.podman.podman("run", *HARDENED, WEBHOOK_IMAGE, "serve", "--help", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        config = json.loads(world.podman.podman("inspect", WEBHOOK_IMAGE).stdout)[0]["Config"]
        self.assertEqual(config["User"], images.WEBHOOK_USER)

    def test_the_webhooks_image_holds_no_shell_and_no_setuid_program(self):
        files = self.files(WEBHOOK_IMAGE)
        self.assertIn("/openshell-webhook", files)
        self.assertIn("/etc/ssl/certs/ca-certificates.crt", files)
        programs = [f for f in files if "/bin/" in f or "/sbin/" in f]
        self.assertEqual(programs, [])
