# SPDX-License-Identifier: Apache-2.0
"""The network's own proxy asks for credentials: every topology's proxy has them, and no workload reads them."""
import runner
from fixture import CHART, RELEASE, ClusterCase, config_map, pod, world

FILE = "/etc/openshell/auth/credentials"


class UpstreamCredentials(ClusterCase):
    label = "enabled"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(world.restore)
        world.helm("upgrade", RELEASE, CHART, *world.image_values(), "--set", "upstreamProxy.url=http://192.0.2.1:3128",
                   "--set", "upstreamProxy.authSecret.name=way-out,upstreamProxy.authAllowInsecure=true")
        world.await_webhook()
        world.await_admission()
        world.kubectl("create", "secret", "generic", "way-out", f"--namespace={cls.namespace}",
                      "--from-literal=credentials=fleet:s3cret")

    def setUp(self):
        self.apply(config_map("openshell-default-policy", "version: 1\nfilesystem_policy:\n  read_only: [/]\n"))

    def of(self, topology: str) -> dict:
        name = f"in-{topology}"
        self.apply(pod(name, annotations={"openshell.io/topology": topology}))
        self.await_ready(f"pod/{name}")
        return self.get("pod", name)

    def test_in_combined_the_file_is_roots_and_the_workload_is_not(self):
        self.of("combined")
        done = self.inside("in-combined", f"ls -l {FILE}; cat {FILE}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Permission denied", done.stderr)
        self.assertNotIn("s3cret", done.stdout)

    def absent_in(self, topology: str, minor: int) -> None:
        if not world.since(minor):
            raise runner.machine_lacks(f"Kubernetes 1.{minor}, which {topology} takes")
        self.of(topology)
        self.assertIn("No such file", self.inside(f"in-{topology}", f"cat {FILE}").stderr)

    def test_in_sidecar_the_workload_has_no_such_file(self):
        self.absent_in("sidecar", 29)

    def test_in_proxy_pod_the_workload_has_no_such_file(self):
        self.absent_in("proxy-pod", 30)

    def test_a_pod_whose_group_could_read_them_is_refused(self):
        done = self.apply(pod("grouped", securityContext={"fsGroup": 2000}), check=False)
        self.assertIn("[OSW121]", done.stderr)
