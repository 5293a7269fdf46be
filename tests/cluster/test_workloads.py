# SPDX-License-Identifier: Apache-2.0
"""Workloads of every kind, written by people who know nothing of the sandbox, run in it as they do without."""
import json
import pathlib
import tempfile

from fixture import AGENT, CLIENTS, ClusterCase, await_that, config_map, container, pod, world
from runner import machine_lacks

HEALTH = pathlib.Path(__file__).parent / "addons/health.py"
FILES = """version: 1
filesystem_policy:
  read_only: [/bin, /usr, /lib, /lib64, /etc, /proc, /dev/urandom]
  read_write: [/data, /tmp, /dev/null]
"""
WITH_FILES = {"openshell.io/policy": "files"}
DATA = {"name": "data", "mountPath": "/data"}


class Workloads(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        case.apply(config_map("files", FILES), case.cron_job("each-minute"))

    @staticmethod
    def cron_job(name: str) -> dict:
        template = {"spec": {"restartPolicy": "Never", "containers": [container("sh", "-c", "id -u; echo done")]}}
        return {"apiVersion": "batch/v1" if world.since(21) else "batch/v1beta1", "kind": "CronJob",
                "metadata": {"name": name},
                "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}}

    def sandboxed(self, name: str) -> None:
        status = json.loads(self.kubectl("exec", name, "--", AGENT, "status").stdout)
        self.assertEqual(status["topology"], "combined")

    # --- probes and hooks -------------------------------------------------------------------------
    def test_a_grpc_probe_passes(self):
        if not world.since(24):
            raise machine_lacks("grpc probes: K8S names a release before 1.24")
        probe = {"grpc": {"port": 9000}, "periodSeconds": 1}
        server = container("python3", "-c", HEALTH.read_text(), readinessProbe=probe,
                           livenessProbe={**probe, "initialDelaySeconds": 2})
        self.apply({**pod("grpc"), "spec": {"containers": [server]}})
        self.await_ready("pod/grpc")
        self.sandboxed("grpc")
        # Ready is what the kubelet heard from this server: without it nothing is.
        closed = container(readinessProbe=probe)
        self.apply({**pod("silent"), "spec": {"terminationGracePeriodSeconds": 1, "containers": [closed]}})
        await_that("it is missed", lambda: "Readiness probe failed" in self.kubectl("describe", "pod/silent").stdout)
        self.kubectl("delete", "pod", "grpc", "silent", "--wait=false")

    def test_tcp_and_exec_probes_and_a_hook_after_the_start_pass(self):
        serving = container("sh", "-c", "busybox httpd -f -p 8080 -h /tmp", ports=[{"name": "web", "containerPort": 8080}],
                            readinessProbe={"tcpSocket": {"port": "web"}, "periodSeconds": 1},
                            startupProbe={"exec": {"command": ["test", "-e", "/tmp/hooked"]}, "periodSeconds": 1},
                            lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "id -u > /tmp/hooked"]}}})
        self.apply({**pod("probed"), "spec": {"terminationGracePeriodSeconds": 1, "containers": [serving]}})
        self.await_ready("pod/probed")
        self.assertEqual(self.inside("probed", "cat /tmp/hooked").stdout, "1000\n")
        self.kubectl("delete", "pod", "probed", "--wait=false")

    def test_an_http_hook_before_the_end_reaches_the_workload(self):
        serving = container("python3", "-u", "-m", "http.server", "8080", "--directory", "/tmp",
                            ports=[{"name": "web", "containerPort": 8080}],
                            readinessProbe={"httpGet": {"port": "web"}, "periodSeconds": 1},
                            lifecycle={"preStop": {"httpGet": {"port": "web", "path": "/stopping"}}})
        self.apply({**pod("hooked"), "spec": {"terminationGracePeriodSeconds": 5, "containers": [serving]}})
        self.await_ready("pod/hooked")
        follow = world.popen("logs", "--follow", f"--namespace={self.namespace}", "hooked")
        self.kubectl("delete", "pod", "hooked", "--timeout=60s")
        self.assertIn("GET /stopping", follow.communicate(timeout=60)[0])

    # --- kinds ------------------------------------------------------------------------------------
    def test_a_stateful_set_finds_its_volume_again(self):
        self.own_cluster()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o777)
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "t-workloads"}, "spec": {
            "capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "t-workloads",
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": folder.name}}}
        world.kubectl("apply", "-f", "-", text=json.dumps(volume))
        self.addCleanup(world.kubectl, "delete", "persistentvolume", "t-workloads", "--wait=false")
        claim = {"metadata": {"name": "data"}, "spec": {"storageClassName": "t-workloads", "accessModes": ["ReadWriteOnce"],
                                                        "resources": {"requests": {"storage": "1Mi"}}}}
        app = container("sh", "-c", "id -u >> /data/starts; exec sleep infinity", volumeMounts=[DATA])
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kept"},
                    "spec": {"clusterIP": "None", "selector": {"app": "kept"}}},
                   {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "kept"}, "spec": {
                       "serviceName": "kept", "selector": {"matchLabels": {"app": "kept"}},
                       "volumeClaimTemplates": [claim], "template": {
                           "metadata": {"labels": {"app": "kept"}, "annotations": WITH_FILES},
                           "spec": {"terminationGracePeriodSeconds": 1, "containers": [app]}}}})
        self.kubectl("rollout", "status", "statefulset/kept", "--timeout=60s")
        self.kubectl("delete", "pod", "kept-0", "--timeout=60s")
        starts = pathlib.Path(folder.name, "starts")
        await_that("it starts again", lambda: starts.read_text() == "1000\n1000\n")
        self.kubectl("delete", "statefulset/kept", "--wait=false")
        self.kubectl("delete", "pod", "kept-0", "--timeout=60s", "--ignore-not-found")

    def test_init_containers_of_the_user_prepare_what_the_workload_finds(self):
        early = [{**container("sh", "-c", f"echo {name} >> /data/order; id -u >> /data/order", volumeMounts=[DATA]),
                  "name": name} for name in ("first", "second")]
        app = container("sh", "-c", "cat /data/order", volumeMounts=[DATA])
        self.apply({**pod("prepared", annotations=WITH_FILES), "spec": {
            "restartPolicy": "Never", "initContainers": early, "containers": [app],
            "volumes": [{"name": "data", "emptyDir": {}}]}})
        await_that("it ends", lambda: self.get("pod", "prepared")["status"]["phase"] == "Succeeded")
        self.assertIn("first\n1000\nsecond\n1000\n", self.kubectl("logs", "prepared").stdout)

    def test_pull_secrets_stay_the_pods(self):
        names = [{"name": "one"}, {"name": "two"}]
        made = json.loads(self.kubectl("create", "--dry-run=server", "--output=json", "-f", "-", text=json.dumps(
            pod("x", imagePullSecrets=names))).stdout)
        self.assertEqual(made["spec"]["imagePullSecrets"], names)
        self.assertEqual(made["spec"]["containers"][0]["image"], CLIENTS)

    def test_what_a_cron_job_starts_completes(self):
        # The last of this file, so that its minute passes meanwhile.
        def completed() -> list[str]:
            jobs = json.loads(self.kubectl("get", "jobs", "--output=json").stdout)["items"]
            return [j["metadata"]["name"] for j in jobs if j.get("status", {}).get("succeeded")]
        await_that("a Job completes", completed)
        # With the CronJob its Jobs would go.
        log = self.kubectl("logs", f"job/{completed()[0]}").stdout
        self.assertIn("1000\ndone\n", log)
