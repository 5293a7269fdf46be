# SPDX-License-Identifier: Apache-2.0
"""What people see who apply things to an opted-in namespace: defaults, warnings, limits, and where a refusal is
told when nobody looks on."""
import json

from fixture import ClusterCase, await_that, container, deployment, pod, world
from runner import machine_lacks

INIT, PROXY = "openshell-supervisor-install", "openshell-supervisor-network"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
SMALL = {"cpu": "50m", "memory": "64Mi"}


class ApplyCase(ClusterCase):
    def create(self, manifest: dict, *options: str, check: bool = True):
        return self.kubectl("create", "-f", "-", *options, text=json.dumps(manifest), check=check)

    def dry(self, manifest: dict) -> dict:
        return json.loads(self.create(manifest, "--dry-run=server", "--output=json").stdout)

    def label_namespace(self, label: str) -> None:
        world.kubectl("label", "namespace", self.namespace, "--overwrite", label)

    def refusal(self, manifest: dict) -> str:
        """Why it is refused; "" where it is not."""
        return self.create(manifest, "--dry-run=server", check=False).stderr

    def init_names(self, manifest: dict) -> list[str]:
        return [c["name"] for c in self.dry(manifest)["spec"].get("initContainers", [])]


class Defaults(ApplyCase):
    def test_the_namespaces_topology_holds_for_pods_that_choose_none(self):
        if not json.loads(world.kubectl("version", "--output=json").stdout)["serverVersion"]["minor"] >= "29":
            raise machine_lacks("a Kubernetes with native sidecars")
        self.assertEqual(self.init_names(pod("x")), [INIT])
        self.label_namespace("openshell.io/topology=sidecar")
        await_that("the label counts", lambda: PROXY in self.init_names(pod("x")))
        chosen = pod("x", annotations={"openshell.io/topology": "combined"})
        self.assertEqual(self.init_names(chosen), [INIT])
        self.label_namespace("openshell.io/allowed=sidecar")
        await_that("the label counts", lambda: "[OSW005]" in self.refusal(chosen))
        self.assertIn("choose an allowed one", self.refusal(chosen))


class PodSecurity(ApplyCase):
    def test_a_level_that_combined_cannot_keep_is_told_with_what_would_do(self):
        self.label_namespace("pod-security.kubernetes.io/enforce=baseline")
        await_that("the label counts", lambda: "[OSW045]" in self.refusal(pod("x")))
        self.assertIn("use a namespace that enforces privileged", self.refusal(pod("x")))
        refused = self.apply(deployment("x", container()), check=False)
        self.assertIn("[OSW045]", refused.stderr)


class Apply(ApplyCase):
    def test_a_warning_reaches_kubectl(self):
        done = self.create(pod("x", annotations={"openshell.io/proxy-affinity": "preferred"}), "--dry-run=server")
        self.assertIn("Warning: proxy-affinity has no effect in topology combined", done.stderr)

    def test_applying_a_deployment_on_the_server_again_changes_nothing(self):
        made = deployment("again", container())
        made["spec"]["replicas"] = 0
        manifest = json.dumps(made)
        for _ in range(3):
            self.kubectl("apply", "--server-side", "--field-manager=argocd", "-f", "-", text=manifest)
        self.assertEqual(self.get("deployment", "again")["metadata"]["generation"], 1)
        diff = self.kubectl("diff", "--server-side", "--field-manager=argocd", "-f", "-", text=manifest, check=False)
        self.assertEqual((diff.returncode, diff.stdout), (0, ""))

    def test_a_token_that_is_kept_is_in_the_users_containers_and_never_in_ours(self):
        made = self.dry(pod("x", annotations={"openshell.io/keep-service-account-token": "true"}))
        accounts = {volume["name"] for volume in made["spec"]["volumes"] if "projected" in volume}
        self.assertEqual(len(accounts), 1)
        for one in made["spec"]["containers"] + made["spec"]["initContainers"]:
            mounts = {m["name"] for m in one["volumeMounts"] if m["mountPath"] == TOKEN}
            self.assertEqual(mounts & accounts, set() if one["name"] == INIT else accounts, one["name"])

    def test_a_pod_whose_limits_are_its_requests_is_still_guaranteed(self):
        amounts = {"requests": SMALL, "limits": SMALL}
        made = self.dry({**pod("x"), "spec": {"containers": [container(resources=amounts)]}})
        self.assertEqual(made["status"]["qosClass"], "Guaranteed")

    def test_a_liveness_probe_of_a_sick_workload_restarts_it(self):
        probe = {"exec": {"command": ["test", "!", "-e", "/tmp/sick"]}, "periodSeconds": 1, "failureThreshold": 1,
                 "initialDelaySeconds": 2}
        self.apply({**pod("sick"), "spec": {"terminationGracePeriodSeconds": 1,
                                            "containers": [container(livenessProbe=probe)]}})
        self.await_ready("pod/sick")
        self.assertEqual(self.inside("sick", "touch /tmp/sick").returncode, 0)
        await_that("it is restarted", lambda: self.get(
            "pod", "sick")["status"]["containerStatuses"][0]["restartCount"] > 0)
        self.kubectl("delete", "pod", "sick", "--wait=false")


class Limits(ApplyCase):
    def test_a_limit_that_is_too_small_for_our_container_is_told(self):
        self.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"},
                    "spec": {"limits": [{"type": "Container", "max": {"cpu": "50m"}, "default": {"cpu": "50m"}}]}})
        await_that("it counts", lambda: "maximum cpu usage per Container is 50m, but limit is 100m" in
                   self.refusal(pod("x")))


class Owners(ApplyCase):
    """Where no one looks on, Kubernetes itself tells a refusal on what made the pod."""

    label = None

    def told(self, kind: str, name: str) -> str:
        """Messages of the Events of an object."""
        events = json.loads(self.kubectl("get", "events", "--output=json", "--field-selector", ",".join(
            (f"involvedObject.kind={kind}", "reason=FailedCreate"))).stdout)["items"]
        return "\n".join(e["message"] for e in events if e["involvedObject"]["name"].startswith(name))

    def test_a_refusal_is_an_event_of_what_made_the_pod_and_a_condition_of_the_deployment(self):
        bad = {"hostPID": True}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "bad"}, "spec": {
            "suspend": True, "template": {"spec": {"restartPolicy": "Never", "containers": [container()], **bad}}}}
        scaled = deployment("bad", container(), **bad)
        scaled["spec"]["replicas"] = 0
        self.apply(scaled, job)
        self.label_namespace("openshell.io/injection=enabled")
        await_that("the namespace is guarded", lambda: "[OSW015]" in self.refusal(pod("x", **bad)))
        self.kubectl("scale", "deployment/bad", "--replicas=1")
        await_that("the ReplicaSet tells it", lambda: "[OSW015]" in self.told("ReplicaSet", "bad-"))
        await_that("the Deployment tells it", lambda: any(
            "[OSW015]" in condition["message"] and condition["type"] == "ReplicaFailure"
            for condition in self.get("deployment", "bad")["status"]["conditions"]))
        self.kubectl("patch", "job/bad", "--type=merge", "--patch", '{"spec": {"suspend": false}}')
        if self.get("job", "bad")["spec"].get("suspend") is not None:
            await_that("the Job tells it", lambda: "[OSW015]" in self.told("Job", "bad"))
