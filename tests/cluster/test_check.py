# SPDX-License-Identifier: Apache-2.0
"""`check`, asked where the webhook runs, of a cluster that is ready and of a namespace that is not."""
import json

from fixture import NAME, SYSTEM, ClusterCase, await_that, config_map, container, deployment, world


class Check(ClusterCase):
    label = None

    def check(self, *objects: dict) -> tuple[int, str]:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        done = world.kubectl("exec", "-i", f"--namespace={SYSTEM}", f"deployment/{NAME}", "--", "/openshell-webhook",
                             "check", "-n", self.namespace, "-f", "-", text=text, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_each_row_is_right_before_and_after_the_namespace_is_made_ready(self):
        policy = config_map("openshell-default-policy", "version: 1\n")
        code, said = self.check(policy, deployment("web", container()))
        self.assertEqual(code, 1, said)
        self.assertIn("MISSING  label", said)
        for what in ("Kubernetes", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "namespace",
                     "policy", "certificate"):
            self.assertIn(f"ok       {what}", said)
        for kind in ("Mutating", "Validating"):
            self.assertIn(f"{kind}WebhookConfiguration trusts what the Service serves, which expires on ", said)
        self.assertRegex(said, r"(ok|note)  +replicas +. of . are ready")
        world.kubectl("label", "namespace", self.namespace, "openshell.io/injection=enabled")
        await_that("it is ready", lambda: self.check(policy, deployment("web", container()))[0] == 0)
        code, said = self.check(policy, deployment("web", container(), hostPID=True))
        self.assertEqual(code, 1, said)
        self.assertIn("would be refused: [OSW015]", said)
