# SPDX-License-Identifier: Apache-2.0
"""The chart's default policy, in every opted-in namespace: given, used by pods, restored, and taken away."""
import json
import tempfile

from fixture import CHART, NAME, OUTSIDE, POLICY, RELEASE, SYSTEM, ClusterCase, await_that, config_map, pod, world

MAP = "openshell-default-policy"


class DefaultPolicy(ClusterCase):
    label = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = f"# Costs $(NOTHING)\n{POLICY}"
        cls.addClassCleanup(world.restore)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(cls.policy)
            file.flush()
            world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set-file", f"defaultPolicy={file.name}")
        world.await_webhook()

    def opt_in(self) -> None:
        world.kubectl("label", "namespace", self.namespace, "--overwrite", "openshell.io/injection=enabled")

    def opt_out(self) -> None:
        world.kubectl("label", "namespace", self.namespace, "openshell.io/injection-")

    def text(self) -> str | None:
        done = self.kubectl("get", "configmap", MAP, "--output=json", check=False)
        return json.loads(done.stdout)["data"].get("policy.yaml") if done.returncode == 0 else None

    def await_text(self, text: str | None) -> None:
        await_that(f"the policy is {text!r}", lambda: self.text() == text)

    def checked(self) -> str:
        return world.kubectl("exec", f"--namespace={SYSTEM}", f"deployment/{NAME}", "--", "/openshell-webhook", "check",
                             "-n", self.namespace, check=False).stdout

    def test_a_pod_that_names_no_policy_gets_it_and_it_comes_back_when_it_is_edited(self):
        self.assertIsNone(self.text())
        self.opt_in()
        self.await_text(self.policy)
        world.await_admission()
        self.apply(pod("plain"))
        self.await_ready("pod/plain")
        get = f"curl -sS -m 20 -o /dev/null -w '%{{http_code}}' http://{OUTSIDE}"
        self.assertEqual(self.inside("plain", f"{get}/allowed/x").stdout, "200")
        self.assertEqual(self.inside("plain", f"{get}/other").stdout, "403")
        self.assertRegex(self.checked(), r"ok +default policy +openshell-default-policy is the cluster's")
        self.kubectl("patch", "configmap", MAP, "--type=merge", "--patch", '{"data":{"policy.yaml":"version: 1\\n"}}')
        self.await_text(self.policy)
        self.kubectl("delete", "configmap", MAP)
        self.await_text(self.policy)
        self.opt_out()
        self.await_text(None)

    def test_one_that_somebody_else_made_stays_and_is_told_of(self):
        self.apply(config_map(MAP, "version: 1\n"))
        self.addCleanup(self.kubectl, "delete", "configmap", MAP)
        self.opt_in()
        self.addCleanup(self.opt_out)
        await_that("an Event tells of it", lambda: MAP in self.kubectl(
            "get", "events", "--field-selector=reason=DefaultPolicyForeign", "--output=name").stdout)
        self.assertEqual(self.text(), "version: 1\n")
        self.assertRegex(self.checked(), r"note +default policy +somebody else made")

    def test_without_the_value_what_it_made_goes(self):
        self.opt_in()
        self.addCleanup(self.opt_out)
        self.await_text(self.policy)
        world.restore()
        self.await_text(None)
