# SPDX-License-Identifier: Apache-2.0
"""Private roots of servers, as whoever runs the cluster gives them: a ConfigMap that the webhook mounts."""
import json
import subprocess

import yaml

import images
from fixture import OUT, SandboxCase, config_map, pod, world
from images import DEBIAN
from internet import Internet
from pods import Pod
import admission

POLICY = """version: 1
network_policies:
  api: {endpoints: [{host: api.test, port: 443, protocol: rest, access: read-only}], binaries: [{path: /usr/bin/curl}]}
"""
CURL = ["curl", "-sS", "--max-time", "10", "https://api.test/x"]


class UpstreamCa(SandboxCase):
    def outcome(self, *options: str):
        """What the workload got; `inject` renders, as `serve` would with the same options."""
        with Internet({"api.test": ["198.51.100.1"]}) as net:
            manifest = pod(DEBIAN, CURL, annotations={"openshell.io/policy": "test-policy"})
            done = subprocess.run([OUT / "openshell-webhook", "inject", "-f", "-", "--agent-image",
                                   images.AGENT_IMAGE, *options], input=json.dumps(manifest).encode(),
                                  capture_output=True, check=True)
            rendered = net.furnished(yaml.safe_load(done.stdout))
            playable, _ = admission.for_podman(rendered, world.pod_name())
            images.ensure(world.podman, OUT, DEBIAN)
            roots = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "private-roots"},
                     "data": {"ca.crt": net.root.read_text()}}
            maps = [config_map(POLICY)] + ([roots] if options else [])
            with Pod(world.podman, playable, maps) as made:
                made.start(net.plug)
                return made.wait("app"), net.token

    def test_servers_with_a_private_root_are_reached_where_it_is_given(self):
        got, token = self.outcome("--upstream-ca", "private-roots")
        self.assertEqual(json.loads(got.stdout)["token"], token, got.stderr.decode())
        got, _ = self.outcome()
        self.assertEqual(json.loads(got.stdout)["error"], "upstream_tls_failed", got.stderr.decode())
