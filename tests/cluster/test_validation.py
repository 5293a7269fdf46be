# SPDX-License-Identifier: Apache-2.0
"""What the API server refuses after asking /validate: templates of every kind, changes of pods that run, and
ephemeral containers."""
import json

from fixture import ClusterCase, await_that, config_map, container, deployment, pod, world
from runner import machine_lacks

INIT = "openshell-supervisor-install"
FORM = {"runAsUser": 2000, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
STATUS = "openshell.io/status"


def template(labels: dict | None = None, annotations: dict | None = None, **spec) -> dict:
    return {"metadata": {"labels": {"app": "bad", **(labels or {})}, "annotations": annotations or {}},
            "spec": {"containers": [container()], **spec}}


def of_kind(kind: str, made_of: dict) -> dict:
    """An object of the kind whose pods are made of that."""
    group = {"ReplicationController": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}.get(kind, "apps/v1")
    spec = {"template": made_of}
    if kind in ("Job", "CronJob"):
        made_of["spec"]["restartPolicy"] = "Never"
    else:
        spec["selector"] = {"app": "bad"} if kind == "ReplicationController" else {"matchLabels": {"app": "bad"}}
    if kind == "StatefulSet":
        spec["serviceName"] = "bad"
    if kind == "CronJob":
        spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": spec}}
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "bad"}, "spec": spec}


KINDS = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job", "CronJob")


class Templates(ClusterCase):
    def kinds(self) -> tuple:
        known = self.kubectl("api-versions").stdout.split()
        cron = "batch/v1" in known and self.kubectl(
            "get", "--raw", "/apis/batch/v1").stdout.find('"cronjobs"') != -1
        return KINDS if cron else KINDS[:-1]

    def test_a_template_of_every_kind_is_refused_as_its_pods_would_be(self):
        for kind in self.kinds():
            with self.subTest(kind=kind):
                done = self.kubectl("apply", "-f", "-", text=json.dumps(of_kind(kind, template(hostPID=True))),
                                    check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("[OSW015]", done.stderr)

    def test_a_template_of_every_kind_with_keys_that_only_we_write_is_refused(self):
        for kind in self.kinds():
            with self.subTest(kind=kind):
                # The API server's own policy has the first word on what makes proxies.
                for role, codes in (("agent", "OSW010"), ("supervisor", "OSW103|OSW082")):
                    made_of = template({"openshell.io/sandbox-role": role}, {STATUS: "{}"})
                    done = self.kubectl("apply", "-f", "-", text=json.dumps(of_kind(kind, made_of)), check=False)
                    self.assertRegex(done.stderr, rf"\[({codes})\]")

    def test_what_was_there_before_can_still_be_scaled_and_deleted(self):
        name = "t-templates-before"
        self.make_namespace(name, None)
        self.addCleanup(world.kubectl, "delete", "namespace", name, "--wait=false")
        bad = json.dumps(deployment("old", container(), hostPID=True, hostNetwork=True))
        world.kubectl("apply", f"--namespace={name}", "-f", "-", text=bad)
        world.kubectl("rollout", "status", "deployment/old", f"--namespace={name}", "--timeout=60s")
        world.kubectl("label", "namespace", name, "openshell.io/injection=enabled")
        await_that("the namespace is guarded", lambda: "[OSW" in world.kubectl(
            "create", f"--namespace={name}", "--dry-run=server", "-f", "-", text=json.dumps(
                pod("x", hostNetwork=True)), check=False).stderr)
        world.kubectl("scale", "deployment/old", f"--namespace={name}", "--replicas=0")
        world.kubectl("label", "deployment/old", f"--namespace={name}", "mine=1")
        pods = f"--namespace={name}", "pods", "--selector=app=old", "--output=name"
        await_that("its pods are gone", lambda: not world.kubectl("get", *pods).stdout)
        changed = world.kubectl("set", "image", "deployment/old", f"--namespace={name}", "app=other", check=False)
        self.assertIn("[OSW014]", changed.stderr)
        world.kubectl("delete", "deployment/old", f"--namespace={name}", "--timeout=60s")


class Running(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        case.apply(pod("run"))
        case.await_ready("pod/run")

    def refused(self, code: str, *argv) -> None:
        done = self.kubectl(*argv, check=False)
        self.assertNotEqual(done.returncode, 0, argv)
        self.assertIn(f"[{code}]", done.stderr)

    def test_the_image_of_our_container_cannot_be_changed(self):
        self.refused("OSW039", "set", "image", "pod/run", f"{INIT}=evil")

    def test_the_image_of_the_workload_can(self):
        self.kubectl("set", "image", "pod/run", f"app={self.get('pod', 'run')['spec']['containers'][0]['image']}")

    def test_our_keys_cannot_be_changed_added_or_removed(self):
        self.refused("OSW051", "annotate", "pod/run", f"{STATUS}=spoofed", "--overwrite")
        self.refused("OSW051", "annotate", "pod/run", f"{STATUS}-")
        self.refused("OSW051", "annotate", "pod/run", "openshell.io/topology=none")
        self.refused("OSW051", "label", "pod/run", "openshell.io/sandbox-role=agent")
        self.kubectl("label", "pod/run", "mine=1")

    def test_a_pod_that_is_submitted_with_our_keys_is_refused(self):
        done = self.apply(pod("spoofed", annotations={STATUS: "{}"}), check=False)
        self.assertIn("[OSW010]", done.stderr)

    def test_an_ephemeral_container_is_refused_in_whatever_form(self):
        manifest = self.get("pod", "run")
        path = f"/api/v1/namespaces/{self.namespace}/pods/run/ephemeralcontainers"
        if "pods/ephemeralcontainers" not in world.kubectl("get", "--raw", "/api/v1").stdout:
            raise machine_lacks("a release with ephemeral containers")
        for what, security in (("as it comes", {}), ("a user without any capability", FORM)):
            with self.subTest(what=what):
                manifest["spec"]["ephemeralContainers"] = [
                    {"name": "debug", "image": "x", "command": ["sleep", "600"], "securityContext": security}]
                done = self.kubectl("replace", "--raw", path, "-f", "-", text=json.dumps(manifest), check=False)
                self.assertIn("[OSW023]", done.stderr)


class PolicyMaps(ClusterCase):
    def apply_policy(self, text: str, label: str = "true") -> str:
        manifest = config_map("policy", text)
        manifest["metadata"]["labels"] = {"openshell.io/policy": label}
        return self.kubectl("apply", "-f", "-", text=json.dumps(manifest), check=False).stderr

    def test_a_broken_policy_is_refused_with_line_and_column(self):
        self.assertEqual(self.apply_policy("version: 1\n"), "")
        self.assertIn("[OSW056] policy.yaml:2:1: nonsense", self.apply_policy("version: 1\nnonsense: true\n"))
        self.assertIn("[OSW056]", self.apply_policy("version: 1\n", label="yes"))
        self.assertEqual(self.get("configmap", "policy")["data"]["policy.yaml"], "version: 1\n")
