# SPDX-License-Identifier: Apache-2.0
"""Pods that come past the webhook, as Kubernetes lets them, are found by the audit that runs beside it."""
import json

from fixture import NAME, SYSTEM, ClusterCase, await_that, container, deployment, pod, world


class AuditCase(ClusterCase):
    label = None

    def label_namespace(self, *labels: str) -> None:
        world.kubectl("label", "namespace", self.namespace, "--overwrite", *labels)

    def annotate_namespace(self, annotation: str) -> None:
        world.kubectl("annotate", "namespace", self.namespace, "--overwrite", annotation)

    def opt_in(self) -> None:
        self.label_namespace("openshell.io/injection=enabled")
        await_that("the webhook is asked", lambda: "openshell-" in self.kubectl(
            "create", "--dry-run=server", "--output=json", "-f", "-", text=json.dumps(pod("x"))).stdout)

    def found(self, *options: str) -> dict[str, str]:
        """Reasons by pod, in this namespace."""
        done = world.kubectl("exec", f"--namespace={SYSTEM}", f"deployment/{NAME}", "--", "/openshell-webhook", "audit",
                             "--json", *options, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("found", lines[-1], done.stderr)
        self.assertEqual(done.returncode, 1 if lines[-1]["found"] else 0, done.stderr)
        return {line["pod"]: line["reason"] for line in lines[:-1] if line["namespace"] == self.namespace}

    def node(self) -> str:
        return world.kubectl("get", "nodes", "--output=jsonpath={.items[0].metadata.name}").stdout


class Audit(AuditCase):
    def test_pods_that_are_not_sandboxed_as_they_should_be_are_found_until_they_are_restarted(self):
        self.apply(pod("older"))
        self.opt_in()
        self.apply(pod("right"), pod("placed", nodeName=self.node()))
        self.await_ready("pod/right")
        self.await_ready("pod/placed")
        self.assertEqual(self.found(), {"older": "unsandboxed"})
        with self.subTest("its namespace says something else now"):
            self.annotate_namespace("openshell.io/policy=another")
            self.assertEqual(self.found(f"--namespace={self.namespace}"),
                             {"older": "unsandboxed", "right": "altered", "placed": "altered"})
            self.annotate_namespace("openshell.io/policy-")
        with self.subTest("its namespace is not guarded any more"):
            self.label_namespace("openshell.io/injection-")
            self.assertEqual(self.found(), {"right": "unlabelled", "placed": "unlabelled"})
            self.opt_in()
        self.kubectl("delete", "pod", "older")
        self.assertEqual(self.found(), {})


class Told(AuditCase):
    def events(self) -> dict[str, str]:
        """Messages of the audit's Events, by kind of what they are about."""
        found = json.loads(self.kubectl("get", "events", "--field-selector=reason=SandboxAudit",
                                        "--output=json").stdout)["items"]
        return {event["involvedObject"]["kind"]: event["message"] for event in found}

    def test_the_replica_that_leads_tells_them_in_events_of_the_pod_and_of_what_made_it(self):
        self.apply(deployment("older", container()))
        self.await_ready("deployment/older")
        self.opt_in()
        world.kubectl("rollout", "restart", f"deployment/{NAME}", f"--namespace={SYSTEM}")
        world.await_webhook()
        await_that("both are told", lambda: self.events().keys() == {"Pod", "ReplicaSet"})
        for message in self.events().values():
            self.assertIn("[OSW060]", message)
        described = self.kubectl("describe", "replicaset", "--selector=app=older").stdout
        self.assertIn("pods of it are unsandboxed", described)


class Static(AuditCase):
    def test_a_static_pod_is_found(self):
        at = self.own_cluster().at
        self.opt_in()
        file = at.static_pods / "static.json"
        self.addCleanup(file.unlink)
        file.write_text(json.dumps(pod("static") | {"metadata": {"name": "static", "namespace": self.namespace}}))
        mirror = f"static-{self.node()}"
        await_that("the node shows it", lambda: self.kubectl("get", "pod", mirror, check=False).returncode == 0)
        self.assertEqual(self.found().get(mirror), "static")
