# SPDX-License-Identifier: Apache-2.0
"""The cluster itself: what the other tests take for granted of one."""
import json
import unittest

from fixture import ClusterCase, await_that, container, deployment, world


class Cluster(unittest.TestCase):
    def test_client_and_server_are_the_release_that_was_asked_for(self):
        versions = json.loads(world.kubectl("version", "--output=json").stdout)
        asked = f"v{world.cluster.release.name}." if world.cluster else ""
        for side in ("clientVersion", "serverVersion"):
            self.assertTrue(versions[side]["gitVersion"].startswith(asked or "v1."), versions)


class Policies(ClusterCase):
    label = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        server = container("sh", "-c", "mkdir /tmp/www; echo hello > /tmp/www/index.html; "
                           "exec busybox httpd -f -p 8080 -h /tmp/www", ports=[{"name": "web", "containerPort": 8080}])
        case.apply(deployment("server", server), deployment("friend", container()), deployment("stranger", container()),
                   {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"},
                    "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": "web"}]}})
        for name in ("server", "friend", "stranger"):
            case.await_ready(f"deployment/{name}")

    def reaches(self, who: str, url: str) -> bool:
        return self.kubectl("exec", f"deployment/{who}", "--", "curl", "-sS", "-m", "2", "-o", "/dev/null", url,
                            check=False).returncode == 0

    def test_a_network_policy_is_enforced_in_both_directions(self):
        url = f"http://server.{self.namespace}/"
        for who in ("friend", "stranger"):
            await_that(f"{who} reaches the server", lambda who=who: self.reaches(who, url))
        friends = [{"podSelector": {"matchLabels": {"app": "friend"}}}]
        self.apply({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "in"},
                    "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"],
                             "ingress": [{"from": friends, "ports": [{"port": "web"}]}]}})
        await_that("the stranger is shut out", lambda: not self.reaches("stranger", url))
        self.assertTrue(self.reaches("friend", url))
        self.apply({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "out"},
                    "spec": {"podSelector": {"matchLabels": {"app": "friend"}}, "policyTypes": ["Egress"]}})
        await_that("the friend is shut in", lambda: not self.reaches("friend", url))
        self.kubectl("delete", "networkpolicy", "in", "out")
        for who in ("friend", "stranger"):
            await_that(f"{who} reaches the server again", lambda who=who: self.reaches(who, url))
