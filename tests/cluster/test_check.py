# SPDX-License-Identifier: Apache-2.0
"""`check`, asked where the webhook runs, of a cluster that is ready and of a namespace that is not."""
import json
import pathlib
import subprocess
import tempfile

import components
import images
from fixture import NAME, OUT, SYSTEM, ClusterCase, await_that, config_map, container, deployment, world
from runner import machine_lacks


class Check(ClusterCase):
    label = None

    def check(self, *objects: dict) -> tuple[int, str]:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        done = world.kubectl("exec", "-i", f"--namespace={SYSTEM}", f"deployment/{NAME}", "--", "/openshell-webhook",
                             "check", "-n", self.namespace, "-f", "-", text=text, check=False)
        return done.returncode, done.stdout + done.stderr

    def probe(self, folder: str) -> str:
        """From outside of the cluster, with the account in `folder`."""
        done = subprocess.run([OUT / "openshell-webhook", "check", "--probe-network", "--kubernetes", components.SERVER,
                               "--service-account", folder, "--agent-image", images.AGENT_IMAGE], capture_output=True, text=True)
        self.assertNotIn("openshell-probe", world.kubectl("get", "pods,networkpolicies", f"--namespace={SYSTEM}",
                                                          "--output=name").stdout)
        return done.stdout + done.stderr

    def test_whether_the_network_enforces_policies_is_found_out(self):
        cluster = self.own_cluster()
        if not world.since(24):
            raise machine_lacks("a Kubernetes whose kubectl makes tokens: K8S names an older one")
        self.addCleanup(world.kubectl, "delete", "serviceaccount/probe", "rolebinding/probe", f"--namespace={SYSTEM}")
        world.kubectl("create", "serviceaccount", "probe", f"--namespace={SYSTEM}")
        world.kubectl("create", "rolebinding", "probe", "--clusterrole=edit", f"--serviceaccount={SYSTEM}:probe",
                      f"--namespace={SYSTEM}")
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "token").write_text(world.kubectl("create", "token", "probe", f"--namespace={SYSTEM}").stdout)
            pathlib.Path(folder, "ca.crt").write_bytes((cluster.at.pki / "ca.crt").read_bytes())
            self.assertRegex(self.probe(folder), r"ok +enforcement +a pod that a NetworkPolicy closes did not reach")
            cluster.enforce_nothing()
            try:
                self.assertRegex(self.probe(folder), r"MISSING +enforcement .*they are not enforced")
            finally:
                cluster.enforce()

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
