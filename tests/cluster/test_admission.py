# SPDX-License-Identifier: Apache-2.0
"""What the API server and the webhook do together: whom it asks, what it refuses, and what happens when the
webhook is away."""
import json

from fixture import NAME, SECONDS, SYSTEM, Admissions, ClusterCase, await_that, container, deployment, pod, world

INIT = "openshell-supervisor-install"


def init_names(manifest: dict) -> list[str]:
    return [c["name"] for c in manifest["spec"].get("initContainers", [])]


class Denied(ClusterCase):
    def test_a_pod_that_cannot_be_sandboxed_is_refused_with_number_and_remedy(self):
        for code, spec in (("OSW014", {"hostNetwork": True}), ("OSW007", {})):
            with self.subTest(code=code):
                annotations = {} if spec else {"openshell.io/topolgy": "combined"}
                done = self.apply(pod("bad", annotations=annotations, **spec), check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"[{code}]", done.stderr)
                self.assertNotEqual(self.kubectl("get", "pod", "bad", check=False).returncode, 0)


class Logged(ClusterCase):
    def said_of(self, name: str) -> dict[str, str]:
        """Our annotations of a pod's creation in the API server's audit log."""
        written, _, _ = self.own_cluster().at.audit.read_text().rpartition("\n")
        events = [json.loads(line) for line in written.splitlines()]
        return next(({key: value for key, value in event.get("annotations", {}).items() if "openshell.io/" in key}
                     for event in events if event["objectRef"].get("name") == name and
                     event["objectRef"]["namespace"] == self.namespace), {})

    def test_the_api_servers_audit_log_has_the_topology_and_the_codes_of_a_refusal(self):
        self.own_cluster()
        self.apply(pod("taken"))
        self.apply(pod("refused", hostNetwork=True, hostPID=True), check=False)
        of_pods = "pods.openshell.io/"
        for name, key, want in (("taken", "topology", "combined"), ("refused", "refused", "OSW014,OSW015")):
            await_that(f"{name} is logged", lambda n=name: self.said_of(n))
            self.assertEqual(self.said_of(name).get(of_pods + key), want, self.said_of(name))


class Chosen(ClusterCase):
    label = "annotated"

    def test_a_dry_run_gets_the_same_pod_and_makes_nothing(self):
        wanted = {"openshell.io/topology": "combined"}
        dry = json.loads(self.kubectl("apply", "--dry-run=server", "--output=json", "-f", "-",
                                      text=json.dumps(pod("dry", annotations=wanted))).stdout)
        self.assertEqual(init_names(dry), [INIT])
        self.assertNotEqual(self.kubectl("get", "pod", "dry", check=False).returncode, 0)
        self.apply(pod("dry", annotations=wanted))
        made = self.get("pod", "dry")
        self.assertEqual(made["spec"]["containers"][0]["command"], dry["spec"]["containers"][0]["command"])

    def test_a_pod_without_the_annotation_is_left_alone(self):
        self.apply(pod("plain"))
        self.assertEqual(init_names(self.get("pod", "plain")), [])

    def test_a_large_pod_is_taken(self):
        annotations = {"openshell.io/topology": "combined", **{f"example.com/{i}": "x" * 200 for i in range(1000)}}
        # `apply` would store all of them once more, in an annotation.
        self.kubectl("create", "-f", "-", text=json.dumps(pod("large", annotations=annotations)))
        self.assertEqual(init_names(self.get("pod", "large")), [INIT])

    def test_a_quota_counts_what_we_add(self):
        self.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
                    "spec": {"hard": {"limits.memory": "1Gi", "limits.cpu": "4"}}})
        self.addCleanup(self.kubectl, "delete", "quota", "q")
        await_that("the quota is counted", lambda: "hard" in self.get("quota", "q").get("status", {}))
        limits = {"limits": {"cpu": "100m", "memory": "64Mi"}}
        manifest = pod("counted", annotations={"openshell.io/topology": "combined"})
        manifest["spec"]["containers"][0]["resources"] = limits
        self.apply(manifest)
        self.await_ready("pod/counted")


class Namespaces(ClusterCase):
    label = None

    def reviews(self) -> int:
        """Of all replicas, since they started."""
        total = 0
        for line in world.kubectl("get", "pods", f"--namespace={SYSTEM}", "--output=name").stdout.split():
            name = line.removeprefix("pod/")
            path = f"/api/v1/namespaces/{SYSTEM}/pods/{name}:8080/proxy/metrics"
            text = world.kubectl("get", "--raw", path).stdout
            total += sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                         if line.startswith("openshell_webhook_answers_total{"))
        return total

    def test_without_the_label_the_webhook_is_never_asked(self):
        before = self.reviews()
        self.apply(pod("plain"))
        self.await_ready("pod/plain")
        self.assertEqual(self.reviews(), before)

    def test_a_namespace_and_its_pods_can_be_applied_together(self):
        for i in range(5):
            name = f"t-together-{i}"
            self.addCleanup(world.kubectl, "delete", "namespace", name, "--wait=false")
            labelled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": name, "labels": {"openshell.io/injection": "enabled"}}}
            made = deployment("web", container())
            made["metadata"]["namespace"] = name
            world.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List",
                                                               "items": [labelled, made]}))
            world.kubectl("rollout", "status", "deployment/web", f"--namespace={name}", f"--timeout={SECONDS}s")
            # Who comes before the namespace is known is refused (OSW001) and tries again, and none runs open.
            pods = json.loads(world.kubectl("get", "pods", f"--namespace={name}", "--output=json").stdout)["items"]
            self.assertEqual([init_names(one) for one in pods], [[INIT]])

    def test_a_label_that_is_set_counts_at_once(self):
        self.addCleanup(world.kubectl, "label", "namespace", self.namespace, "openshell.io/injection-")
        dry_run = ("create", "--dry-run=server", "--output=json", "-f", "-")
        for value in ("enabled", "annotated", "enabled"):
            world.kubectl("label", "namespace", self.namespace, f"openshell.io/injection={value}", "--overwrite")
            wanted = [INIT] if value == "enabled" else []
            await_that("the label counts", lambda: init_names(json.loads(
                self.kubectl(*dry_run, text=json.dumps(pod("x"))).stdout)) == wanted, 10)
        if world.since(30):
            return  # there the API server takes no wrong value (test_policies)
        world.kubectl("label", "namespace", self.namespace, "openshell.io/injection=yes", "--overwrite")
        await_that("a wrong value denies", lambda: "[OSW002]" in self.kubectl(
            *dry_run, text=json.dumps(pod("x")), check=False).stderr, 10)

    def test_in_all_of_the_cluster_it_may_do_what_is_told_of_it_and_read_no_secret(self):
        who = f"--as=system:serviceaccount:{SYSTEM}:{NAME}"
        lines = world.kubectl("auth", "can-i", "--list", "--no-headers", who).stdout.splitlines()
        granted = [line.split() for line in lines if not line.lstrip().startswith("[") and "selfsubject" not in line]
        names, kept = "[openshell-webhook]", "[get list watch create update delete]".split()
        self.assertEqual(sorted(granted), [
            ["configmaps", "[]", "[openshell-default-policy]", "[get", "list", "delete]"],
            ["deployments.apps", "[]", "[]", *kept],
            ["events", "[]", "[]", "[create]"],
            ["mutatingwebhookconfigurations.admissionregistration.k8s.io", "[]", names, "[get", "watch", "patch]"],
            ["namespaces", "[]", "[]", "[list", "watch]"],
            ["networkpolicies.networking.k8s.io", "[]", "[]", *kept],
            ["pods", "[]", "[]", "[get", "list", "watch", "patch]"],
            ["secrets", "[]", "[]", "[create", "patch", "delete]"],
            ["services", "[]", "[]", *kept],
            ["validatingwebhookconfigurations.admissionregistration.k8s.io", "[]", names, "[get", "watch", "patch]"]])

    def test_in_its_own_namespace_it_may_do_what_its_certificate_and_its_master_key_take(self):
        who = (f"--as=system:serviceaccount:{SYSTEM}:{NAME}", f"--namespace={SYSTEM}")
        for verb, what, may in (
                ("create", "secrets", "yes"), ("get", f"secrets/{NAME}-certificate", "yes"),
                ("update", f"secrets/{NAME}-certificate", "yes"), ("get", "secrets/other", "no"),
                ("get", f"secrets/{NAME}-pairing", "yes"), ("update", f"secrets/{NAME}-pairing", "no"),
                ("list", "secrets", "no"), ("watch", "secrets", "no"),
                ("update", f"leases.coordination.k8s.io/{NAME}", "yes"), ("update", "leases.coordination.k8s.io/x", "no"),
                ("get", f"services/{NAME}", "yes"), ("create", "events", "yes"),
                ("delete", "pods", "no"), ("create", "pods", "no"), ("update", "pods/finalizers", "no")):
            with self.subTest(verb=verb, what=what):
                self.assertEqual(world.kubectl("auth", "can-i", verb, what, *who, check=False).stdout.strip(), may)


class Faults(ClusterCase):
    def dry(self, check: bool = True):
        return self.kubectl("create", "--dry-run=server", "--output=json", "-f", "-",
                            text=json.dumps(pod("x")), check=check)

    def scale(self, replicas: int) -> None:
        world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", f"--replicas={replicas}")

    def pods(self) -> list:
        return json.loads(world.kubectl("get", "pods", f"--namespace={SYSTEM}", "--output=json").stdout)["items"]

    def test_while_the_webhook_is_away_pods_are_refused_here_and_made_elsewhere(self):
        self.addCleanup(world.await_webhook)
        self.addCleanup(self.scale, 2)
        self.scale(0)
        await_that("no replica is left", lambda: not self.pods())
        done = self.dry(check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("failed calling webhook", done.stderr)
        world.kubectl("create", "--namespace=default", "--dry-run=server", "-f", "-", text=json.dumps(pod("x")))
        self.scale(1)
        await_that("pods are made again", lambda: self.dry(check=False).returncode == 0)

    def test_a_rolling_restart_fails_no_admission(self):
        with Admissions(self.namespace) as admissions:
            world.kubectl("rollout", "restart", f"deployment/{NAME}", f"--namespace={SYSTEM}")
            world.await_webhook()
            await_that("the old ones are gone", lambda: len(self.pods()) == 2)
        self.assertEqual((admissions.refused, admissions.unreached, admissions.unsandboxed), ([], 0, []))
        self.assertGreater(admissions.admitted, 5)

    def test_after_the_api_server_restarted_namespaces_are_followed_again(self):
        cluster = self.own_cluster()
        cluster.stop_apiserver()
        cluster.start_apiserver()
        await_that("the API server answers", cluster.apiserver_answers)
        self.make_namespace("t-after-restart", "enabled")
        self.addCleanup(world.kubectl, "delete", "namespace", "t-after-restart", "--wait=false")
        await_that("its namespace is known", lambda: world.kubectl(
            "create", "--namespace=t-after-restart", "--dry-run=server", "-f", "-", text=json.dumps(pod("x")),
            check=False).returncode == 0)
        world.await_webhook()
