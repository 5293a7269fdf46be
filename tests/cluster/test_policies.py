# SPDX-License-Identifier: Apache-2.0
"""What the API server itself refuses, by the chart's ValidatingAdmissionPolicies. Most of it is tested while the
webhook's configuration is deleted: then they are all that is left."""
import copy
import json
import unittest

import images
import runner
from fixture import CHART, IMAGES, NAME, RELEASE, ROOT, SYSTEM, ClusterCase, await_that, container, deployment, pod, world

PAIR = ROOT / "tests/golden/pair/minimal/objects.json"
CONFIGURATIONS = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
CHOICE = {"openshell.io/topology": "combined"}
UID = "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01"
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
    "a probe of readiness that runs outside": lambda p: app(p).update(readinessProbe={"exec": {"command": ["true"]}}),
    "a probe of its start that runs outside": lambda p: app(p).update(startupProbe={"exec": {"command": ["true"]}}),
    "a hook that runs outside": lambda p: app(p).update(lifecycle={"preStop": {"exec": {"command": ["true"]}}}),
    "a hook of its start that runs outside": lambda p: app(p).update(lifecycle={"postStart": {"exec": {"command": ["true"]}}}),
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
# What is no one's to do who has no privilege: in topologies sidecar and proxy-pod.
TAMPERED_USERS = {
    "the workload is root": lambda p: app(p)["securityContext"].update(runAsUser=0, runAsNonRoot=False),
    "the workload's user is the image's": lambda p: app(p)["securityContext"].pop("runAsUser"),
    "the workload may gain privileges": lambda p: app(p)["securityContext"].pop("allowPrivilegeEscalation"),
    "the workload keeps capabilities": lambda p: app(p)["securityContext"].pop("capabilities"),
    "the workload has a capability": lambda p: app(p)["securityContext"]["capabilities"].update(add=["NET_RAW"]),
    "the workload writes whom it trusts": lambda p: mount_of(p, "openshell-supervisor-tls").pop("readOnly"),
    "the workload starts as in another topology": lambda p: app(p)["command"].__setitem__(1, "run"),
}
# Of topology sidecar, whose fence tells users from each other.
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
    "the workload sees the proxy's keys": lambda p: app(p)["volumeMounts"].append(
        {"name": "openshell-proxy-state", "mountPath": "/run/openshell-proxy", "readOnly": True}),
}
# Of topology proxy-pod, which others fence before it starts.
TAMPERED_PAIRED = {
    "the gate is gone": lambda p: p["spec"].pop("schedulingGates"),
    "another gate": lambda p: p["spec"]["schedulingGates"][0].update(name="openshell.io/other"),
    "the role is gone": lambda p: p["metadata"]["labels"].pop("openshell.io/sandbox-role"),
    "an id before it has one": lambda p: p["metadata"]["labels"].update({"openshell.io/sandbox-id": UID}),
    "a proxy of its own": lambda p: p["metadata"]["annotations"].update({"openshell.io/proxy-url": "http://192.0.2.1"}),
    "an authority of its own": lambda p: p["metadata"]["annotations"].update({"openshell.io/proxy-ca": "x"}),
    "names are resolved": lambda p: p["spec"].update(dnsPolicy="ClusterFirst", dnsConfig=None),
    "another name server": lambda p: p["spec"]["dnsConfig"].update(nameservers=["192.0.2.53"]),
    "nobody checks the fence": lambda p: p["spec"]["initContainers"][0].update(
        command=["/openshell-agent", "install", "/opt/openshell"]),
    "another proxy is checked": lambda p: p["spec"]["initContainers"][0]["command"].__setitem__(3, "http://192.0.2.1:1"),
    "the check runs on beside the others": lambda p: p["spec"]["initContainers"][0].update(restartPolicy="Always"),
    "the check has a privilege": lambda p: p["spec"]["initContainers"][0]["securityContext"]["capabilities"].update(
        add=["NET_RAW"]),
    "the proxy's address is the author's": lambda p: app(p)["env"].__setitem__(
        0, {"name": "OPENSHELL_PROXY_URL", "value": "http://192.0.2.1:1"}),
    "the fence is not looked at later": lambda p: [app(p)["command"].pop(app(p)["command"].index("--past")) for _ in "1"],
    "another's authority": lambda p: [v for v in p["spec"]["volumes"] if v["name"] == "openshell-proxy-ca"][0].update(
        {"downwardAPI": None, "emptyDir": {}}),
}


class Alone(PolicyCase):
    """The webhook's configuration is gone, as if somebody had deleted it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_namespace("t-alone-chosen", "annotated")
        cls.addClassCleanup(world.kubectl, "delete", "namespace", "t-alone-chosen", "--wait=false", check=False)
        cls.combined, cls.sidecar, cls.paired = (cls().rewritten(t) for t in ("combined", "sidecar", "proxy-pod"))
        world.kubectl("delete", CONFIGURATIONS, NAME)
        cls.addClassCleanup(world.restore)

    def rewritten(self, topology: str) -> dict:
        wanted = pod("made", annotations={"openshell.io/topology": topology})
        app(wanted).update(livenessProbe={"exec": {"command": ["true"]}},
                           volumeMounts=[{"name": "data", "mountPath": "/data"}])
        wanted["spec"].update(volumes=[{"name": "data", "emptyDir": {}}], initContainers=[{**container(), "name": "first"}])
        return bare(json.loads(self.create(wanted).stdout))

    def test_a_pod_as_the_webhook_writes_it_is_taken(self):
        for made in (self.combined, self.sidecar, self.paired):
            done = self.create(made)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_shape_of_one_topology_is_none_of_another(self):
        for made, topology in ((self.combined, "sidecar"), (self.sidecar, "combined"), (self.paired, "sidecar"),
                               (self.paired, "combined"), (self.combined, "proxy-pod"), (self.sidecar, "proxy-pod")):
            made = copy.deepcopy(made)
            made["metadata"]["annotations"]["openshell.io/topology"] = topology
            self.refused(self.create(made), "OSW081")

    def test_a_pod_that_nobody_rewrote_is_refused_with_the_next_step(self):
        for manifest in (pod("x"), pod("x", annotations=CHOICE)):
            self.refused(self.create(manifest), "OSW081", "helm upgrade")

    def test_a_pod_that_would_start_something_outside_its_sandbox_is_refused(self):
        cases = [("combined", self.combined, TAMPERED),
                 ("sidecar", self.sidecar, TAMPERED | TAMPERED_USERS | TAMPERED_SIDECAR),
                 ("proxy-pod", self.paired, TAMPERED | TAMPERED_USERS | TAMPERED_PAIRED)]
        for topology, what, made, change in (
                (topology, what, made, change) for topology, made, of in cases for what, change in of.items()):
            with self.subTest(topology=topology, what=what):
                tampered = copy.deepcopy(made)
                change(tampered)
                done = self.create(tampered)
                self.assertIn("[OSW081]", done.stderr)

    def test_who_asks_for_what_the_namespace_does_not_have_is_refused(self):
        for topology, code in (("none", "OSW005"), ("proxy-pod", "OSW081"), ("combind", "OSW005"), ("mirror", "OSW005"),
                               ("plain", "OSW011"), ("supervisor", "OSW081")):
            with self.subTest(topology=topology):
                self.refused(self.create(pod("x", annotations={"openshell.io/topology": topology})), code)

    def test_nobody_asks_for_the_key_of_a_proxy(self):
        reference = {"name": f"os-ca-{UID}"}
        for what, spec, of in (
                ("a volume", {"volumes": [{"name": "k", "secret": {"secretName": reference["name"]}}]}, {}),
                ("a driver's volume", {"volumes": [{"name": "k", "csi": {
                    "driver": "example.com", "nodePublishSecretRef": reference}}]}, {}),
                ("among others", {"volumes": [{"name": "k", "projected": {"sources": [{"secret": reference}]}}]}, {}),
                ("to pull", {"imagePullSecrets": [reference]}, {}),
                ("all variables", {}, {"envFrom": [{"secretRef": reference}]}),
                ("a variable", {}, {"env": [{"name": "K", "valueFrom": {"secretKeyRef": {**reference, "key": "k"}}}]})):
            with self.subTest(what=what):
                asking = pod("x", **spec)
                app(asking).update(of)
                done = world.kubectl("create", "--dry-run=server", "--namespace=t-alone-chosen", "-f", "-", check=False,
                                     text=json.dumps(asking))
                self.refused(done, "OSW102")

    def test_what_a_node_shows_of_its_own_pods_is_taken_from_the_node_alone(self):
        node = world.kubectl("get", "nodes", "--output=jsonpath={.items[0].metadata.name} {.items[0].metadata.uid}")
        name, uid = node.stdout.split()
        shown = pod("x", annotations={"kubernetes.io/config.mirror": "x"}, nodeName=name, automountServiceAccountToken=False)
        shown["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid, "controller": True}]
        done = self.create(shown, f"--as=system:node:{name}", "--as-group=system:nodes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.refused(self.create(shown), "OSW081")

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
        case.apply(pod("waits", annotations={"openshell.io/topology": "proxy-pod"}))
        case.await_ready("pod/runs")
        world.kubectl("delete", CONFIGURATIONS, NAME)
        cls.addClassCleanup(world.restore)

    def change(self, patch: dict, *argv, name: str = "runs"):
        return self.kubectl("patch", "pod", name, "--type=strategic", f"--patch={json.dumps(patch)}",
                            "--dry-run=server", *argv, check=False)

    def test_keys_of_ours_are_fixed(self):
        for where, key, value in (("annotations", "status", "{}"), ("annotations", "status", None),
                                  ("annotations", "topology", "none"), ("labels", "sandbox-role", "supervisor")):
            with self.subTest(key=key, value=value):
                patch = {"metadata": {where: {f"openshell.io/{key}": value}}}
                self.refused(self.change(patch), "OSW051")
                # Which is how a kubelet, and whoever has all rights in a namespace, may write it, too.
                self.refused(self.change(patch, "--subresource=status"), "OSW051")

    def test_a_binding_to_a_node_brings_no_key_of_ours(self):
        def bind(resource: str, **metadata):
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "waits", **metadata},
                       "target": {"kind": "Node", "name": "nowhere"}}
            path = f"/api/v1/namespaces/{self.namespace}/{resource}?dryRun=All"
            return self.kubectl("create", "--raw", path, "-f", "-", text=json.dumps(binding), check=False)
        for resource in ("bindings", "pods/waits/binding"):
            for where in ("labels", "annotations"):
                with self.subTest(resource=resource, where=where):
                    self.refused(bind(resource, **{where: {"openshell.io/sandbox-role": "x"}}), "OSW051")
            self.assertNotIn("OSW", bind(resource, labels={"mine": "1"}).stderr)

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
        done = self.change({"status": {"conditions": [{"type": "example.com/seen", "status": "True"}]}}, "--subresource=status")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_our_account_may_write_our_keys_into_a_pod_that_waits(self):
        patch = {"metadata": {"annotations": {"openshell.io/proxy-url": "http://192.0.2.1"}},
                 "spec": {"schedulingGates": [{"name": "openshell.io/proxy-ready", "$patch": "delete"}]}}
        self.refused(self.change(patch, name="waits"), "OSW051")
        done = self.change(patch, f"--as={ACCOUNT}", name="waits")
        self.assertEqual(done.returncode, 0, done.stderr)


class Companions(PolicyCase):
    """What a pair has, as the controller writes it, while nothing but these policies guards it."""

    PLAIN = {"openshell.io/sandbox-role": "supervisor", "openshell.io/sandbox-id": UID}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        world.kubectl("create", "rolebinding", "tenant", "--clusterrole=edit", "--user=tenant", f"--namespace={cls.namespace}")
        world.kubectl("delete", CONFIGURATIONS, NAME)
        cls.addClassCleanup(world.restore)
        # The controller would sweep what belongs to no pod.
        ours = (f"--namespace={SYSTEM}",)
        world.kubectl("scale", f"deployment/{NAME}", "--replicas=0", *ours)
        await_that("no replica is left", lambda: not world.kubectl(
            "get", "pods", "--selector=app.kubernetes.io/name=openshell-webhook", "--output=name", *ours).stdout)
        case = cls()
        await_that("the tenant has its rights", lambda: case.by_tenant(
            "create", "configmap", "x", "--dry-run=server").returncode == 0)
        for companion in cls.pair():
            case.write(companion, "--dry-run=none")

    @classmethod
    def pair(cls) -> list[dict]:
        """The golden one, in this namespace and of our image; it belongs to nobody, as its pod is not here."""
        objects = json.loads(PAIR.read_text())
        for made in objects:
            made["metadata"].pop("ownerReferences")
            made["metadata"]["namespace"] = cls.namespace
            made.pop("data", None)
        (proxy,) = objects[-1]["spec"]["template"]["spec"]["containers"]
        proxy["image"] = IMAGES[images.AGENT_IMAGE]
        return objects + [{
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "openshell-agent-closed", "namespace": cls.namespace},
            "spec": {"podSelector": {"matchLabels": {"openshell.io/sandbox-role": "agent"}},
                     "policyTypes": ["Ingress", "Egress"]}}]

    def by_tenant(self, *argv, **options):
        return self.kubectl(*argv, "--as=tenant", check=False, **options)

    def write(self, made: dict, *argv, check: bool = True):
        """As the controller does it, which may patch Secrets alone; tried only, unless `argv` says another."""
        verbs = [("apply", "--server-side")] if made["kind"] == "Secret" else [("replace",), ("create",)]
        for verb in verbs:
            done = self.kubectl(*verb, "--dry-run=server", "-f", "-", f"--as={ACCOUNT}", *argv, text=json.dumps(made),
                                check=False)
            if "NotFound" not in done.stderr:
                break
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def all(self):
        for made in self.pair():
            with self.subTest(name=made["metadata"]["name"]):
                yield made

    def test_the_controllers_of_kubernetes_make_the_proxy_of_it_and_roll_it_over(self):
        def revisions() -> list:
            found = json.loads(self.kubectl("get", "replicasets", f"--selector=openshell.io/sandbox-id={UID}",
                                            "--output=json").stdout)["items"]
            return sorted(s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for s in found)
        selector = f"--selector=openshell.io/sandbox-role=supervisor,openshell.io/sandbox-id={UID}"
        await_that("there is a proxy", lambda: self.kubectl("get", "pods", selector, "--output=name").stdout)
        deployment = self.pair()[4]
        deployment["spec"]["template"]["metadata"]["annotations"]["mine"] = "1"
        self.write(deployment, "--dry-run=none")
        await_that("there is another revision", lambda: revisions() == ["1", "2"])
        await_that("the Deployment tells of it", lambda: self.get("deployment", f"os-sup-{UID}")["metadata"]["annotations"][
            "deployment.kubernetes.io/revision"] == "2")

    def test_a_tenant_makes_none(self):
        for made in self.all():
            if "openshell-agent" not in made["metadata"]["name"]:
                made = json.loads(json.dumps(made).replace(UID, UID.replace("0d6a", "1111")))
            else:
                made["metadata"]["namespace"] = "default"
            done = world.kubectl("create", "--dry-run=server", "-f", "-", "--as=tenant", "--as-group=system:masters",
                                 text=json.dumps(made), check=False)
            self.refused(done, "OSW082", made["kind"])

    def test_a_tenant_changes_none(self):
        patch = json.dumps({"metadata": {"labels": {"mine": "1"}}})
        for made in self.all():
            what = (made["kind"], made["metadata"]["name"])
            self.refused(self.by_tenant("patch", *what, f"--patch={patch}"), "OSW082", *what)
        self.refused(self.by_tenant("scale", "deployment", f"os-sup-{UID}", "--replicas=2"), "OSW082")

    def test_a_tenant_deletes_none_and_who_may_do_anything_does(self):
        for made in self.all():
            what = (made["kind"], made["metadata"]["name"])
            self.refused(self.by_tenant("delete", *what), "OSW082", *what)
            self.assertEqual(self.kubectl("delete", *what, "--dry-run=server", check=False).returncode, 0)

    def test_a_tenant_makes_nothing_that_makes_proxies(self):
        for made in (deployment("mine", container()), {**deployment("mine", container()), "kind": "ReplicaSet"}):
            made["spec"]["template"]["metadata"]["labels"].update(self.PLAIN)
            if made["kind"] == "ReplicaSet":
                made["spec"] = {k: made["spec"][k] for k in ("selector", "template")}
            self.refused(self.by_tenant("create", "--dry-run=server", "-f", "-", text=json.dumps(made)), "OSW082")

    def test_a_tenant_makes_no_proxy(self):
        spec = self.pair()[4]["spec"]["template"]["spec"]
        for owners in ([], [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"os-sup-{UID}-1", "uid": UID,
                             "controller": True}]):
            made = {"apiVersion": "v1", "kind": "Pod", "spec": spec,
                    "metadata": {"name": "x", "labels": self.PLAIN, "ownerReferences": owners}}
            self.refused(self.by_tenant("create", "--dry-run=server", "-f", "-", text=json.dumps(made)), "OSW081",
                         "sandbox-role")

    def test_what_only_begins_alike_is_left_alone(self):
        for name in ("os-ca-mine", f"os-other-{UID}", f"my-os-ca-{UID}"):
            done = self.by_tenant("create", "secret", "generic", name, "--dry-run=server")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_companions_go_with_their_owner_and_with_their_namespace(self):
        name = "t-companions-gone"
        self.make_namespace(name, "enabled")
        self.addCleanup(world.kubectl, "delete", "namespace", name, "--ignore-not-found", "--wait=false")
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": name}}
        world.kubectl("create", "-f", "-", text=json.dumps(owner))
        uid = world.kubectl("get", "configmap", "owner", f"--namespace={name}", "--output=jsonpath={.metadata.uid}").stdout
        for made in self.pair():
            made["metadata"].update(namespace=name, ownerReferences=[
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}])
            if made["kind"] == "Service":
                del made["spec"]["clusterIP"]
            if made["metadata"]["name"] == "openshell-agent-closed":
                del made["metadata"]["ownerReferences"]
            world.kubectl("create", "-f", "-", f"--as={ACCOUNT}", text=json.dumps(made))

        def left() -> list:
            kinds = "deployments,replicasets,services,secrets,networkpolicies"
            return world.kubectl("get", kinds, f"--namespace={name}", "--output=name").stdout.split()
        world.kubectl("delete", "configmap", "owner", f"--namespace={name}")
        await_that("what belongs to the owner is gone",
                   lambda: left() == ["networkpolicy.networking.k8s.io/openshell-agent-closed"])
        world.kubectl("delete", "namespace", name, "--timeout=60s")


class Account(PolicyCase):
    """The webhook's own account, in other hands."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        case.kubectl("create", "secret", "generic", "theirs")
        case.apply(pod("theirs"))
        world.kubectl("delete", CONFIGURATIONS, NAME)
        cls.addClassCleanup(world.restore)

    def tried(self, verb: str, kind: str, name: str, spec: dict, namespace: str | None = None):
        made = {"apiVersion": {"Deployment": "apps/v1", "NetworkPolicy": "networking.k8s.io/v1"}.get(kind, "v1"), "kind": kind,
                "metadata": {"name": name, "namespace": namespace or self.namespace}, **spec}
        argv = ("create",) if verb == "create" else ("apply", "--server-side", "--force-conflicts")
        return world.kubectl(*argv, "--dry-run=server", "-f", "-", f"--as={ACCOUNT}", text=json.dumps(made), check=False)

    def test_it_writes_nothing_but_companions(self):
        everything = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
        proxies = {"openshell.io/sandbox-role": "supervisor", "openshell.io/sandbox-id": UID}
        root = deployment("x", container())["spec"]
        for what, kind, name, spec in (
                ("a Deployment", "Deployment", "mine", {"spec": root}),
                ("one that is called like a proxy", "Deployment", f"os-sup-{UID}", {"spec": root}),
                ("a Secret", "Secret", "mine", {}),
                ("a ServiceAccount's token", "Secret", f"os-ca-{UID}", {
                    "type": "kubernetes.io/service-account-token"}),
                ("a Service", "Service", "mine", {"spec": {"ports": [{"port": 1}], "selector": proxies}}),
                ("a Service that leads elsewhere", "Service", f"os-svc-{UID}", {
                    "spec": {"ports": [{"port": 1}], "selector": {"app": "x"}}}),
                ("a Service that takes others' addresses", "Service", f"os-svc-{UID}", {
                    "spec": {"ports": [{"port": 1}], "selector": proxies, "externalIPs": ["192.0.2.1"]}}),
                ("a NetworkPolicy", "NetworkPolicy", "mine", {"spec": everything}),
                ("one for other pods", "NetworkPolicy", f"os-eg-{UID}", {"spec": everything})):
            with self.subTest(what=what):
                if kind == "Secret" and "type" in spec:
                    done = world.kubectl("create", "--dry-run=server", "-f", "-", f"--as={ACCOUNT}", check=False, text=json.dumps(
                        {"apiVersion": "v1", "kind": kind, **spec, "metadata": {
                            "name": name, "namespace": self.namespace,
                            "annotations": {"kubernetes.io/service-account.name": "default"}}}))
                else:
                    done = self.tried("create", kind, name, spec)
                self.refused(done, "OSW082")

    def test_it_starts_no_proxy_where_nobody_judges_it(self):
        self.make_namespace("t-account-open", None)
        self.addCleanup(world.kubectl, "delete", "namespace", "t-account-open", "--wait=false")
        spec = json.loads(PAIR.read_text())[4]["spec"]
        done = self.tried("create", "Deployment", f"os-sup-{UID}", {"spec": spec})
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.tried("create", "Deployment", f"os-sup-{UID}", {"spec": spec}, "t-account-open")
        self.assertRegex(done.stderr, r"\[OSW08[02]\]")

    def test_it_changes_and_deletes_nothing_of_others(self):
        who = ("--dry-run=server", f"--as={ACCOUNT}")
        patch = json.dumps({"metadata": {"labels": {"mine": "1"}}})
        self.refused(self.tried("apply", "Secret", "theirs", {"stringData": {"x": "y"}}), "OSW082")
        self.refused(self.kubectl("patch", "pod", "theirs", f"--patch={patch}", *who, check=False), "OSW082")
        self.refused(self.kubectl("delete", "secret", "theirs", *who, check=False), "OSW082")

    def test_it_makes_the_master_key_once(self):
        made = self.tried("create", "Secret", f"{NAME}-pairing", {"stringData": {"x": "y"}}, SYSTEM)
        self.assertIn(made.returncode, (0, 1))
        self.assertNotIn("OSW082", made.stderr)
        self.refused(self.tried("create", "Secret", "other", {}, SYSTEM), "OSW082")
        if world.kubectl("get", "secret", f"{NAME}-pairing", f"--namespace={SYSTEM}", check=False).returncode != 0:
            world.kubectl("create", "secret", "generic", f"{NAME}-pairing", f"--namespace={SYSTEM}")
            self.addCleanup(world.kubectl, "delete", "secret", f"{NAME}-pairing", f"--namespace={SYSTEM}")
        self.refused(self.tried("apply", "Secret", f"{NAME}-pairing", {"stringData": {"x": "y"}}, SYSTEM), "OSW082")


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
        self.assertEqual(len(ours), 7)
        for item in ours:
            self.assertEqual(item["status"].get("typeChecking", {}).get("expressionWarnings", []), [])
