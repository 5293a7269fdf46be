# SPDX-License-Identifier: Apache-2.0
"""Topology proxy-pod before a real API server: what admission takes of the controller, and of nobody else."""
import json

import images
from fixture import IMAGES, NAME, ROOT, SYSTEM, ClusterCase, await_that, pod, world
from runner import machine_lacks

PAIR = ROOT / "tests/golden/pair/minimal"
GOLDEN_UID, GOLDEN_NAME = "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01", "web-7d9c5b6f4-x2x7k"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:{NAME}"
ROLE, ID = "openshell.io/sandbox-role", "openshell.io/sandbox-id"
CHOICE = {"openshell.io/topology": "proxy-pod"}
# Below the webhook, so that it is the one that refuses.
MASTERS = ("--as=tenant", "--as-group=system:masters")


class Pairs(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.since(30):
            raise machine_lacks("scheduling gates: they came with Kubernetes 1.30")
        super().setUpClass()

    def agent(self, name: str) -> dict:
        """It waits for good, as its proxy finds no node."""
        self.apply(pod(name, annotations=CHOICE, nodeSelector={"no": "node"}))
        return self.get("pod", name)

    def proxy_of(self, agent: dict) -> dict:
        """Its Deployment, as the controller writes it."""
        text = (PAIR / "objects.json").read_text().replace(GOLDEN_UID, agent["metadata"]["uid"]).replace(
            GOLDEN_NAME, agent["metadata"]["name"])
        (made,) = [item for item in json.loads(text) if item["kind"] == "Deployment"]
        made["metadata"]["namespace"] = self.namespace
        made["metadata"]["ownerReferences"][0].update(name=agent["metadata"]["name"], uid=agent["metadata"]["uid"])
        spec = made["spec"]["template"]["spec"]
        spec["containers"][0]["image"] = IMAGES[images.AGENT_IMAGE]
        spec.update({key: agent["spec"][key] for key in ("tolerations", "nodeSelector")})
        return made

    def refused(self, code: str, made: dict) -> None:
        done = self.kubectl("create", "--dry-run=server", "-f", "-", *MASTERS, text=json.dumps(made), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"[{code}]", done.stderr)

    def test_a_proxy_that_the_controller_writes_is_started_by_kubernetes(self):
        agent = self.agent("served")
        done = self.kubectl("create", f"--as={ACCOUNT}", "-f", "-", text=json.dumps(self.proxy_of(agent)), check=False)
        if "AlreadyExists" not in done.stderr:  # the controller was faster
            self.assertEqual(done.returncode, 0, done.stderr)
        selector = f"--selector={ROLE}=supervisor,{ID}={agent['metadata']['uid']}"
        await_that("its pod is admitted", lambda: self.kubectl("get", "pods", selector, "--output=name").stdout)

    def test_a_limit_range_and_a_pull_secret_are_no_difference(self):
        self.make_namespace("t-pairs-limits", "enabled")
        self.addCleanup(world.kubectl, "delete", "namespace", "t-pairs-limits", "--wait=false")
        world.kubectl("apply", "--namespace=t-pairs-limits", "-f", "-", text=json.dumps(
            {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "x"}, "spec": {"limits": [
                {"type": "Container", "default": {"ephemeral-storage": "1Gi"},
                 "defaultRequest": {"ephemeral-storage": "1Mi"}}]}}))
        own, self.namespace = self.namespace, "t-pairs-limits"
        try:
            self.test_a_proxy_that_the_controller_writes_is_started_by_kubernetes()
        finally:
            self.namespace = own

    def test_nobody_else_makes_a_proxy(self):
        agent = self.agent("alone")
        deployment = self.proxy_of(agent)
        template = deployment["spec"]["template"]
        self.refused("OSW103", {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "x"},
                                "spec": template["spec"]})
        self.refused("OSW103", {**pod("x"), "metadata": {"name": "x", "labels": template["metadata"]["labels"]}})

    def test_an_agent_pod_is_bound_once_by_the_controller_alone(self):
        agent = self.agent("bound")
        uid, gates = agent["metadata"]["uid"], [{"name": "openshell.io/proxy-ready", "$patch": "delete"}]
        whole = {"metadata": {"uid": uid, "labels": {ID: uid}, "annotations": {
            "openshell.io/proxy-url": "http://192.0.2.1:3128", "openshell.io/proxy-ca": "x"}},
            "spec": {"schedulingGates": gates, "affinity": {"nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": {"matchFields": [
                    {"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}}]}}}}

        def patch(change: dict, *who: str):
            return self.kubectl("patch", "pod", "bound", f"--patch={json.dumps(change)}", *who, check=False)
        for change, who in (({"spec": {"schedulingGates": gates}}, MASTERS), (whole, MASTERS),
                            ({"spec": {"schedulingGates": gates}}, (f"--as={ACCOUNT}",)),
                            ({**whole, "metadata": {**whole["metadata"], "labels": {ID: "other"}}}, (f"--as={ACCOUNT}",))):
            self.assertIn("[OSW051]", patch(change, *who).stderr)
        done = patch(whole, f"--as={ACCOUNT}")
        self.assertEqual(done.returncode, 0, done.stderr)
        again = patch({"metadata": {"annotations": {"openshell.io/proxy-url": "http://192.0.2.2"}}}, f"--as={ACCOUNT}")
        self.assertIn("[OSW051]", again.stderr)


class Policies(ClusterCase):
    def policy(self, selector: dict, **rules) -> dict:
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "mine"},
                "spec": {"podSelector": selector, "policyTypes": [kind.capitalize() for kind in rules], **rules}}

    def test_a_policy_that_would_open_agent_pods_is_refused_with_what_to_add(self):
        apart = {"matchExpressions": [{"key": ROLE, "operator": "NotIn", "values": ["agent"]}]}
        for rules in ({"egress": [{}]}, {"ingress": [{"from": [{"podSelector": {}}]}]}):
            done = self.apply(self.policy({}, **rules), check=False)
            self.assertIn("[OSW105]", done.stderr)
            self.assertIn("{key: openshell.io/sandbox-role, operator: NotIn, values: [agent]}", done.stderr)
            self.apply(self.policy(apart, **rules))
        self.apply(self.policy({}, egress=[]))
        self.assertIn("[OSW105]", self.apply(self.policy({}, egress=[{}]), check=False).stderr)
        self.kubectl("delete", "networkpolicy", "mine")

    def test_where_no_agent_pods_may_be_and_in_other_namespaces_policies_are_let_be(self):
        self.make_namespace("t-policies-apart", None)
        self.addCleanup(world.kubectl, "delete", "namespace", "t-policies-apart", "--wait=false")
        world.kubectl("apply", "--namespace=t-policies-apart", "-f", "-", text=json.dumps(self.policy({}, egress=[{}])))
        world.kubectl("label", "namespace", "t-policies-apart", "openshell.io/injection=enabled",
                      "openshell.io/allowed=combined")
        await_that("its policies are let be", lambda: world.kubectl(
            "apply", "--namespace=t-policies-apart", "-f", "-", check=False, text=json.dumps(
                self.policy({}, ingress=[{}]))).returncode == 0)
