# SPDX-License-Identifier: Apache-2.0
"""What the API server itself refuses, by the chart's ValidatingAdmissionPolicies. Most of it is tested while the
webhook's configuration is deleted: then they are all that is left."""
import copy
import json
import unittest

import runner
from fixture import CHART, NAME, RELEASE, SYSTEM, ClusterCase, await_that, container, deployment, pod, world

CONFIGURATIONS = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
CHOICE = {"openshell.io/topology": "combined"}
ACCOUNT = f"system:serviceaccount:{SYSTEM}:{NAME}"


class PolicyCase(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.since(30):
            raise runner.machine_lacks("ValidatingAdmissionPolicies: they came with Kubernetes 1.30")
        super().setUpClass()

    def create(self, manifest: dict, *argv):
        return self.kubectl("create", "--dry-run=server", "--output=json", *argv, "-f", "-", text=json.dumps(manifest),
                            check=False)

    def refused(self, done, code: str, *parts: str) -> None:
        self.assertNotEqual(done.returncode, 0)
        for part in (f"[{code}]", *parts):
            self.assertIn(part, done.stderr)


def bare(manifest: dict) -> dict:
    """As its author could have written it."""
    made = copy.deepcopy(manifest)
    made["metadata"] = {k: v for k, v in made["metadata"].items() if k in ("name", "labels", "annotations")}
    made.pop("status", None)
    return made


def app(manifest: dict) -> dict:
    return manifest["spec"]["containers"][0]


def mount_of(manifest: dict, name: str) -> dict:
    """Where the agent is started from, the last of the two."""
    return [m for m in app(manifest)["volumeMounts"] if m["name"] == name][-1]


# What is done to a pod that the webhook rewrote, and would let something start outside its sandbox.
TAMPERED = {
    "our init container is gone": lambda p: p["spec"].pop("initContainers"),
    "another image": lambda p: p["spec"]["initContainers"][0].update(image="evil"),
    "an image that only begins like ours": lambda p: p["spec"]["initContainers"][0].update(
        image=p["spec"]["initContainers"][0]["image"].rpartition(":")[0] + "evil:1"),
    "our init container does something else": lambda p: p["spec"]["initContainers"][0].update(
        command=["/openshell-agent", "install", "/tmp"]),
    "another init container comes first": lambda p: p["spec"]["initContainers"].insert(0, {"name": "a", "image": "i"}),
    "an init container that is not wrapped": lambda p: p["spec"]["initContainers"].append({"name": "a", "image": "i"}),
    "a container that is not wrapped": lambda p: p["spec"]["containers"].append({"name": "a", "image": "i"}),
    "the workload's own command": lambda p: app(p).update(command=["sleep", "1"]),
    "no command": lambda p: app(p).pop("command"),
    "the agent does something else": lambda p: app(p)["command"].__setitem__(1, "version"),
    "another policy": lambda p: app(p)["command"].__setitem__(3, "/tmp/policy.yaml"),
    "another volume where the agent starts": lambda p: (
        mount_of(p, "openshell-supervisor-bin").update(name="evil"),
        p["spec"]["volumes"].append({"name": "evil", "emptyDir": {}})),
    "a volume above where the agent starts": lambda p: (
        app(p)["volumeMounts"].append({"name": "evil", "mountPath": "/openshell-start/1"}),
        p["spec"]["volumes"].append({"name": "evil", "emptyDir": {}})),
    "the agent's volume can be written": lambda p: mount_of(p, "openshell-supervisor-bin").pop("readOnly"),
    "a part of the agent's volume": lambda p: mount_of(p, "openshell-supervisor-bin").update(subPath="x"),
    "the agent's volume is another's": lambda p: [v for v in p["spec"]["volumes"] if v["name"] ==
                                                  "openshell-supervisor-bin"][0].update(
        {"emptyDir": None, "hostPath": {"path": "/tmp"}}),
    "a probe that runs outside": lambda p: app(p).update(livenessProbe={"exec": {"command": ["true"]}}),
    "a hook that runs outside": lambda p: app(p).update(lifecycle={"preStop": {"exec": {"command": ["true"]}}}),
    "our init container has arguments": lambda p: p["spec"]["initContainers"][0].update(args=["--help"]),
    "the policy's volume is not mounted": lambda p: app(p)["volumeMounts"].remove(mount_of(p, "openshell-policy")),
    "the policy is the author's own": lambda p: [v for v in p["spec"]["volumes"] if v["name"] == "openshell-policy"][
        0].update({"configMap": None, "emptyDir": {}}),
    "another volume under the policy": lambda p: mount_of(p, "openshell-policy").update(name="data"),
    "a mount by a path with two spellings": lambda p: app(p)["volumeMounts"].append(
        {"name": "data", "mountPath": "/etc/./openshell/policy/x"}),
    "a mount above": lambda p: app(p)["volumeMounts"].append({"name": "data", "mountPath": "/data/../etc/openshell"}),
    "a mount as deep as the agent": lambda p: app(p)["volumeMounts"].append(
        {"name": "data", "mountPath": "/d" * 20}),
    "privileged": lambda p: app(p)["securityContext"].update(privileged=True, allowPrivilegeEscalation=True),
    "the node's network": lambda p: p["spec"].update(hostNetwork=True),
    "the node's processes": lambda p: p["spec"].update(hostPID=True, shareProcessNamespace=False),
}
# The same for topology sidecar, whose fence tells users from each other.
TAMPERED_SIDECAR = {
    "the proxy is gone": lambda p: p["spec"]["initContainers"].pop(1),
    "the proxy is another's": lambda p: p["spec"]["initContainers"][1].update(image="evil"),
    "the proxy does not run on": lambda p: [p["spec"]["initContainers"][1].pop(k) for k in (
        "restartPolicy", "startupProbe")],
    "nobody waits for the proxy": lambda p: p["spec"]["initContainers"][1].pop("startupProbe"),
    "the proxy does something else": lambda p: p["spec"]["initContainers"][1]["command"].__setitem__(1, "version"),
    "the proxy has another policy": lambda p: p["spec"]["initContainers"][1]["command"].__setitem__(3, "/tmp/p"),
    "the proxy has arguments": lambda p: p["spec"]["initContainers"][1].update(args=["--help"]),
    "the fence lets out another user": lambda p: p["spec"]["initContainers"][0]["command"].__setitem__(5, "1000"),
    "the fence has no privilege": lambda p: p["spec"]["initContainers"][0]["securityContext"]["capabilities"].pop("add"),
    "the fence runs on beside the others": lambda p: p["spec"]["initContainers"][0].update(restartPolicy="Always"),
    "the proxy before the fence": lambda p: p["spec"]["initContainers"].insert(0, p["spec"]["initContainers"].pop(1)),
    "the workload is the proxy's user": lambda p: app(p)["securityContext"].update(runAsUser=1337),
    "the workload is root": lambda p: app(p)["securityContext"].update(runAsUser=0, runAsNonRoot=False),
    "the workload's user is the image's": lambda p: app(p)["securityContext"].pop("runAsUser"),
    "the workload may gain privileges": lambda p: app(p)["securityContext"].pop("allowPrivilegeEscalation"),
    "the workload keeps capabilities": lambda p: app(p)["securityContext"].pop("capabilities"),
    "the workload has a capability": lambda p: app(p)["securityContext"]["capabilities"].update(add=["NET_RAW"]),
    "the workload sees the proxy's keys": lambda p: app(p)["volumeMounts"].append(
        {"name": "openshell-proxy-state", "mountPath": "/run/openshell-proxy", "readOnly": True}),
    "the workload writes whom it trusts": lambda p: mount_of(p, "openshell-supervisor-tls").pop("readOnly"),
    "the workload starts as in another topology": lambda p: app(p)["command"].__setitem__(1, "run"),
}


class Alone(PolicyCase):
    """The webhook's configuration is gone, as if somebody had deleted it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_namespace("t-alone-chosen", "annotated")
        cls.addClassCleanup(world.kubectl, "delete", "namespace", "t-alone-chosen", "--wait=false", check=False)
        cls.combined, cls.sidecar = cls().rewritten("combined"), cls().rewritten("sidecar")
        world.kubectl("delete", CONFIGURATIONS, NAME)
        cls.addClassCleanup(world.restore)

    def rewritten(self, topology: str) -> dict:
        wanted = pod("made", annotations={"openshell.io/topology": topology})
        app(wanted).update(livenessProbe={"exec": {"command": ["true"]}},
                           volumeMounts=[{"name": "data", "mountPath": "/data"}])
        wanted["spec"].update(volumes=[{"name": "data", "emptyDir": {}}], initContainers=[{**container(), "name": "first"}])
        return bare(json.loads(self.create(wanted).stdout))

    def test_a_pod_as_the_webhook_writes_it_is_taken(self):
        for made in (self.combined, self.sidecar):
            done = self.create(made)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_shape_of_one_topology_is_none_of_another(self):
        for made, topology in ((self.combined, "sidecar"), (self.sidecar, "combined")):
            made = copy.deepcopy(made)
            made["metadata"]["annotations"]["openshell.io/topology"] = topology
            self.refused(self.create(made), "OSW081")

    def test_a_pod_that_nobody_rewrote_is_refused_with_the_next_step(self):
        for manifest in (pod("x"), pod("x", annotations=CHOICE)):
            self.refused(self.create(manifest), "OSW081", "helm upgrade")

    def test_a_pod_that_would_start_something_outside_its_sandbox_is_refused(self):
        cases = [("combined", self.combined, TAMPERED), ("sidecar", self.sidecar, TAMPERED | TAMPERED_SIDECAR)]
        for topology, what, made, change in (
                (topology, what, made, change) for topology, made, of in cases for what, change in of.items()):
            with self.subTest(topology=topology, what=what):
                tampered = copy.deepcopy(made)
                change(tampered)
                done = self.create(tampered)
                self.assertIn("[OSW081]", done.stderr)

    def test_who_asks_for_what_the_namespace_does_not_have_is_refused(self):
        for topology, code in (("none", "OSW005"), ("proxy-pod", "OSW006"), ("combind", "OSW005")):
            with self.subTest(topology=topology):
                self.refused(self.create(pod("x", annotations={"openshell.io/topology": topology})), code)

    def test_none_runs_where_the_namespace_allows_it(self):
        world.kubectl("label", "namespace", self.namespace, "openshell.io/allowed=combined.none")
        self.addCleanup(world.kubectl, "label", "namespace", self.namespace, "openshell.io/allowed-")
        await_that("none is allowed", lambda: self.create(
            pod("x", annotations={"openshell.io/topology": "none"})).returncode == 0)
        self.refused(self.create(pod("x")), "OSW081")

    def test_where_pods_choose_one_that_does_not_is_left_alone_and_a_typing_error_is_not(self):
        here = "--namespace=t-alone-chosen"
        self.assertEqual(world.kubectl("create", "--dry-run=server", here, "-f", "-", text=json.dumps(pod("x")),
                                       check=False).returncode, 0)
        for annotations, code in ((CHOICE, "OSW081"), ({"openshell.io/topolgy": "combined"}, "OSW011")):
            self.refused(world.kubectl("create", "--dry-run=server", here, "-f", "-", check=False,
                                       text=json.dumps(pod("x", annotations=annotations))), code)

    def test_a_deployment_says_so_in_its_events(self):
        self.apply(deployment("bare", container()))
        await_that("an event with the reason", lambda: "[OSW081]" in self.kubectl("get", "events").stdout)


class Unlabelled(PolicyCase):
    label = None

    def test_a_pod_with_a_key_of_ours_is_refused_and_told_how_to_label(self):
        for where in ("annotations", "labels"):
            manifest = pod("x")
            manifest["metadata"][where]["openshell.io/topolgy"] = "combined"
            self.refused(self.create(manifest), "OSW080",
                         f"kubectl label namespace {self.namespace} openshell.io/injection=annotated")

    def test_a_template_with_a_key_of_ours_is_refused_in_every_kind(self):
        template = deployment("x", container(), annotations=CHOICE)["spec"]["template"]
        once = {"metadata": template["metadata"], "spec": {**template["spec"], "restartPolicy": "Never"}}
        chosen = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
        for kind, version, spec in (
                ("Deployment", "apps/v1", chosen), ("ReplicaSet", "apps/v1", chosen), ("DaemonSet", "apps/v1", chosen),
                ("StatefulSet", "apps/v1", {**chosen, "serviceName": "x"}),
                ("ReplicationController", "v1", {"selector": {"app": "x"}, "template": template}),
                ("Job", "batch/v1", {"template": once}),
                ("CronJob", "batch/v1", {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": once}}})):
            with self.subTest(kind=kind):
                manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}
                self.refused(self.create(manifest), "OSW080", kind)
                clean = json.loads(json.dumps(manifest).replace("openshell.io/topology", "example.com/topology"))
                self.assertEqual(self.create(clean).returncode, 0)

    def test_what_was_there_before_can_be_scaled_down_and_not_be_given_more(self):
        world.kubectl("label", "namespace", self.namespace, "openshell.io/injection=annotated")
        await_that("the label counts", lambda: self.apply(deployment("old", container(), annotations=CHOICE),
                                                          check=False).returncode == 0)
        world.kubectl("label", "namespace", self.namespace, "openshell.io/injection-")
        await_that("the label is gone", lambda: "[OSW080]" in self.create(pod("x", annotations=CHOICE)).stderr)
        patch = {"spec": {"template": {"metadata": {"annotations": {"openshell.io/policy": "p"}}}}}
        self.refused(self.kubectl("patch", "deployment", "old", f"--patch={json.dumps(patch)}", check=False), "OSW080")
        self.kubectl("scale", "deployment/old", "--replicas=0")
        self.kubectl("delete", "deployment", "old", "--timeout=60s")


class Namespaces(PolicyCase):
    def label_it(self, *argv):
        return world.kubectl("label", "namespace", self.namespace, "--overwrite", "--dry-run=server", *argv, check=False)

    def test_a_mistyped_label_is_refused_and_the_right_ones_named(self):
        self.refused(self.label_it("openshell.io/injecton=enabled"), "OSW083", "openshell.io/injection (enabled")
        for value in ("yes", "Enabled", ""):
            self.refused(self.label_it(f"openshell.io/injection={value}"), "OSW083", "enabled and annotated")
        for wrong in ("openshell.io/topology=combind", "openshell.io/allowed=combined.nothing"):
            self.refused(self.label_it(wrong), "OSW083", "proxy-pod")
        self.refused(world.kubectl("annotate", "namespace", self.namespace, "openshell.io/lock=x", check=False), "OSW083")

    def test_valid_ones_and_those_of_others_are_taken(self):
        for right in ("openshell.io/injection=annotated", "openshell.io/injection-", "openshell.io/topology=combined",
                      "openshell.io/allowed=combined.none", "example.com/openshell=x"):
            done = self.label_it(right)
            self.assertEqual(done.returncode, 0, done.stderr)


class Kept(PolicyCase):
    """A pod that runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        case.apply(pod("runs"))
        case.await_ready("pod/runs")
        world.kubectl("delete", CONFIGURATIONS, NAME)
        cls.addClassCleanup(world.restore)

    def change(self, patch: dict, *argv):
        return self.kubectl("patch", "pod", "runs", "--type=strategic", f"--patch={json.dumps(patch)}",
                            "--dry-run=server", *argv, check=False)

    def test_keys_of_ours_are_fixed(self):
        for where, key, value in (("annotations", "status", "{}"), ("annotations", "status", None),
                                  ("annotations", "topology", "none"), ("labels", "sandbox-role", "supervisor")):
            with self.subTest(key=key, value=value):
                self.refused(self.change({"metadata": {where: {f"openshell.io/{key}": value}}}), "OSW051")

    def test_the_image_of_our_container_is_fixed_and_the_workloads_is_not(self):
        ours = {"spec": {"initContainers": [{"name": "openshell-supervisor-install", "image": "evil"}]}}
        self.refused(self.change(ours), "OSW039")
        self.assertEqual(self.change({"spec": {"containers": [{"name": "app", "image": "other"}]}}).returncode, 0)

    def test_an_ephemeral_container_is_refused(self):
        done = self.kubectl("debug", "runs", "--image=x", "--container=debug", "--attach=false", check=False)
        self.assertIn("[OSW023]", done.stderr + done.stdout)
        self.assertNotIn("ephemeralContainers", self.get("pod", "runs")["spec"])

    def test_other_changes_are_taken(self):
        self.assertEqual(self.change({"metadata": {"labels": {"mine": "1"}, "finalizers": ["example.com/x"]}}).returncode, 0)

    def test_our_account_may_write_our_keys(self):
        rights = [("create", "role", "patcher", "--verb=get,patch", "--resource=pods"),
                  ("create", "rolebinding", "patcher", "--role=patcher", f"--serviceaccount={SYSTEM}:{NAME}")]
        for right in rights:
            self.kubectl(*right)
            self.addCleanup(self.kubectl, "delete", *right[1:3])
        patch = {"metadata": {"annotations": {"openshell.io/proxy-url": "http://192.0.2.1"}}}
        await_that("it has the right", lambda: self.change(patch, f"--as={ACCOUNT}").returncode == 0)
        self.refused(self.change(patch), "OSW051")


class Admins(PolicyCase):
    """Where the chart names groups that run the namespaces."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        world.helm("upgrade", RELEASE, CHART, "--reuse-values", "--set", "admins={platform,system:masters}")
        cls.addClassCleanup(world.restore)
        world.kubectl("create", "clusterrole", "t-namespaces", "--verb=get,create,patch", "--resource=namespaces")
        cls.addClassCleanup(world.kubectl, "delete", "clusterrole", "t-namespaces")
        world.kubectl("create", "clusterrolebinding", "t-namespaces", "--clusterrole=t-namespaces", "--group=tenants",
                      "--group=platform")
        cls.addClassCleanup(world.kubectl, "delete", "clusterrolebinding", "t-namespaces")

    def as_one_of(self, group: str, *argv, **options):
        return world.kubectl(*argv, "--as=somebody", f"--as-group={group}", "--dry-run=server", check=False, **options)

    def test_only_they_change_our_keys(self):
        label = ("label", "namespace", self.namespace, "--overwrite")
        await_that("the rights are known", lambda: self.as_one_of("tenants", *label, "mine=1").returncode == 0)
        await_that("the groups are known", lambda: "[OSW084]" in self.as_one_of(
            "tenants", *label, "openshell.io/injection-").stderr)
        for change in ("openshell.io/injection-", "openshell.io/injection=annotated", "openshell.io/allowed=none"):
            with self.subTest(change=change):
                self.refused(self.as_one_of("tenants", *label, change), "OSW084", "platform")
                done = self.as_one_of("platform", *label, change)
                self.assertEqual(done.returncode, 0, done.stderr)
        labelled = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "t-new", "labels": {"openshell.io/injection": "enabled"}}})
        self.refused(self.as_one_of("tenants", "create", "-f", "-", text=labelled), "OSW084")


class Checked(unittest.TestCase):
    def test_the_api_server_has_no_warning_about_an_expression(self):
        if not world.since(30):
            raise runner.machine_lacks("ValidatingAdmissionPolicies: they came with Kubernetes 1.30")
        items = json.loads(world.kubectl("get", "validatingadmissionpolicies", "--output=json").stdout)["items"]
        ours = [item for item in items if item["metadata"]["name"].startswith("openshell-")]
        self.assertEqual(len(ours), 4)
        for item in ours:
            self.assertEqual(item["status"].get("typeChecking", {}).get("expressionWarnings", []), [])
