# SPDX-License-Identifier: Apache-2.0
"""The chart, with the real Helm on the real API server: values, install, upgrade, rollback, uninstall."""
import json
import os
import re
import subprocess
import unittest

import helm
import yaml
from fixture import CHART, NAME, RELEASE, SYSTEM, ClusterCase, await_that, pod, world

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
OURS = "app.kubernetes.io/part-of=openshell"


def template(*argv, check: bool = True) -> subprocess.CompletedProcess:
    """Without a cluster."""
    done = subprocess.run([helm.program(), "template", RELEASE, CHART, f"--namespace={SYSTEM}", *argv],
                          capture_output=True, text=True, env={**os.environ, "KUBECONFIG": "/dev/null"})
    if check and done.returncode != 0:
        raise AssertionError(done.stderr)
    return done


def followed(schema: dict) -> dict:
    """What it refers to, in its place."""
    while "$ref" in schema:
        found = SCHEMA
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def closed(schema: dict, values: dict, path: str = ""):
    """The paths of all maps whose keys are ours."""
    schema = followed(schema)
    if schema.get("additionalProperties") is False:
        yield path, schema, values
        for key, of in schema["properties"].items():
            yield from closed(of, values.get(key) if isinstance(values, dict) else None, f"{path}{key}.")


class Values(unittest.TestCase):
    def test_a_mistyped_key_is_refused_wherever_it_stands(self):
        for path, _, _ in closed(SCHEMA, VALUES):
            with self.subTest(path=path):
                done = template("--set", f"{path}mistyped=1", check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("mistyped", done.stderr)

    def test_a_value_that_makes_no_sense_is_refused(self):
        for wrong in ("defaultTopology=none", "replicas=0", "replicas=two", "certificates.mode=selfsigned",
                      "images.agent.digest=sha256:1", "images.registry=https://registry.example", "ports.webhook=70000",
                      "networkPolicy.enabled=maybe", "admissionPolicies.mode=on", "extraArgs={word}", "drainSeconds=-1",
                      "logLevel=loud", "defaultPolicy=5", "upstreamProxy.url=http://user@proxy:3128", "upstreamCA=Not_A_Name",
                      "imageLookup.mode=sometimes", "imageLookup.insecure={registry}", "imageLookup.ports={0}",
                      "imageLookup.pullSecrets={lookup}", "imageLookup.pullSecrets={Not_A_Name}",
                      "imageLookup.privateImages[0].namespaces={a b}",
                      "proxyPod.enabled=yes", "proxyPod.apiAddress=kubernetes.default.svc:443",
                      "proxyPod.apiAddress=fd00::1:443", "proxyPod.closedAddresses={metadata:80}",
                      "proxyPod.proxyUid=0", "proxyPod.affinity=near",
                      "proxyPod.resources.limits.memory=1T", "defaultTopology=proxy-pod"):
            with self.subTest(wrong=wrong):
                done = template("--set", wrong, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(wrong.partition("=")[0].rpartition(".")[2], done.stderr)

    def test_pull_secrets_are_files_that_may_be_absent_and_no_right_to_read_secrets(self):
        rendered = [item for item in yaml.safe_load_all(template(
            "--set", "imageLookup.pullSecrets={lookup},imageLookup.privateImages[0].prefix=r.example/team",
            "--set", "imageLookup.privateImages[0].namespaces={a,b}").stdout) if item]
        (deployment,) = [item for item in rendered if item["kind"] == "Deployment"]
        spec = deployment["spec"]["template"]["spec"]
        self.assertIn("--registry-login-for=r.example/team=a,b", spec["containers"][0]["args"])
        self.assertIn("--registry-login=/registry-logins/lookup/config.json", spec["containers"][0]["args"])
        (volume,) = [v for v in spec["volumes"] if v.get("secret", {}).get("secretName") == "lookup"]
        self.assertTrue(volume["secret"]["optional"])
        for role in (item for item in rendered if item["kind"] in ("Role", "ClusterRole")):
            for rule in role["rules"]:
                if "secrets" in rule["resources"] and set(rule["verbs"]) & {"get", "list", "watch"}:
                    self.assertIn("resourceNames", rule)

    def test_every_key_has_a_default_and_every_default_a_rule(self):
        for path, schema, values in closed(SCHEMA, VALUES):
            with self.subTest(path=path):
                self.assertEqual(set(schema["properties"]) - {"global"}, set(values))

    def test_only_with_proxy_pod_it_may_write_in_the_namespaces_of_others(self):
        for enabled in ("false", "true"):
            rendered = yaml.safe_load_all(template("--set", f"proxyPod.enabled={enabled}").stdout)
            (role,) = [item for item in rendered if item and item["kind"] == "ClusterRole"]
            writes = {(what, verb) for rule in role["rules"] for what in rule["resources"] for verb in rule["verbs"]
                      if verb not in ("get", "list", "watch") and "resourceNames" not in rule}
            kept = ("deployments", "services", "networkpolicies")
            paired = {(what, verb) for what in kept for verb in ("create", "update", "delete")} | {
                *(("secrets", verb) for verb in ("create", "patch", "delete")), ("pods", "patch")}
            self.assertEqual(writes, {("events", "create")} | (paired if enabled == "true" else set()))

    def test_it_renders_the_same_each_time_and_asks_no_cluster(self):
        self.assertEqual(template().stdout, template().stdout)
        for path in CHART.glob("templates/**/*"):
            if path.is_file():
                self.assertNotRegex(path.read_text(), r"{{[^}]*\b(lookup|rand\w+|gen(CA|Self|Signed|Private)\w*|uuidv4|now)\b")


class Manifests(unittest.TestCase):
    def test_the_api_server_takes_what_each_file_of_values_renders(self):
        strict = ["--validate=strict"] if world.since(27) else []
        version = json.loads(world.kubectl("version", "--output=json").stdout)["serverVersion"]["gitVersion"]
        for path in (CHART / "values.yaml", *CHART.glob("values-*.yaml")):
            with self.subTest(values=path.name):
                rendered = template(f"--values={path}", f"--kube-version={version}").stdout
                items = [item for item in yaml.safe_load_all(rendered) if item and item["kind"] != "ServiceMonitor"]
                # The installed one's objects may not change in all that they would here.
                items = json.loads(json.dumps(items).replace(NAME, "other-webhook").replace('"openshell-', '"other-'))
                text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
                world.kubectl("create", "--dry-run=server", *strict, "-f", "-", text=text.replace("other-system", SYSTEM))


class Lifecycle(ClusterCase):
    def values(self, *argv) -> None:
        world.helm("upgrade", RELEASE, CHART, *world.image_values(), *argv)

    def installed(self) -> dict:
        config = json.loads(world.kubectl("get", "mutatingwebhookconfiguration", NAME, "--output=json").stdout)
        deployment = json.loads(world.kubectl("get", "deployment", NAME, f"--namespace={SYSTEM}", "--output=json").stdout)
        return {"caBundle": config["webhooks"][0]["clientConfig"].get("caBundle"),
                "replicas": deployment["spec"]["replicas"],
                "args": deployment["spec"]["template"]["spec"]["containers"][0]["args"]}

    def test_upgrade_and_rollback_change_what_they_are_told_and_keep_whom_the_api_server_trusts(self):
        self.addCleanup(world.restore)
        before = self.installed()
        self.assertTrue(before["caBundle"])
        self.values("--set", "replicas=1,logLevel=debug", "--wait", "--timeout=2m")
        after = self.installed()
        self.assertEqual((after["caBundle"], after["replicas"]), (before["caBundle"], 1))
        self.assertIn("--log-level=debug", after["args"])
        world.helm("rollback", RELEASE, "--wait", "--timeout=2m")
        self.assertEqual(self.installed(), before)
        world.await_admission()

    def test_a_pod_is_sandboxed_before_and_after_an_upgrade_and_goes_when_it_is_deleted(self):
        self.addCleanup(world.restore)
        self.apply(pod("long"))
        self.await_ready("pod/long")
        self.values("--set", "logLevel=debug", "--wait", "--timeout=2m")
        self.kubectl("label", "pod", "long", "mine=1")
        self.kubectl("delete", "pod", "long", "--timeout=60s")

    def test_uninstall_leaves_nothing_behind_but_the_key_of_pairs_that_run_and_no_pod_stuck(self):
        self.addCleanup(self.install_again)
        self.values("--set", "defaultPolicy=version: 1", "--wait", "--timeout=2m")
        await_that("the namespace has the default policy", lambda: self.kubectl(
            "get", "configmap", "openshell-default-policy", check=False).returncode == 0)
        self.apply(pod("stays"))
        self.await_ready("pod/stays")
        world.helm("uninstall", RELEASE, "--wait", "--timeout=2m")
        await_that("nothing is left", lambda: not self.left(), told=self.left)
        # The one that runs stays sandboxed; it can be deleted, and new ones are made.
        self.assertEqual(self.inside("stays", "id -u").stdout.strip(), "1000")
        self.kubectl("delete", "pod", "stays", "--timeout=60s")
        await_that("a pod is made", lambda: self.apply(pod("free"), check=False).returncode == 0)
        self.await_ready("pod/free")

    @staticmethod
    def left() -> list[str]:
        """Every object that the release made, of every kind that there is."""
        kinds = world.kubectl("api-resources", "--verbs=list", "--output=name").stdout.split()
        kinds = [kind for kind in kinds if not re.match(r"events|podtemplates|componentstatuses|.*metrics", kind)]
        found = world.kubectl("get", ",".join(kinds), "--all-namespaces", f"--selector={OURS}", "--output=name").stdout
        named = world.kubectl("get", "secrets,configmaps,leases", f"--namespace={SYSTEM}", "--output=name").stdout
        brought = ("kube-root-ca.crt", "secret/default-token", f"secret/{NAME}-pairing")
        return found.split() + [name for name in named.split() if not any(part in name for part in brought)]

    @staticmethod
    def install_again() -> None:
        world.helm("install", RELEASE, CHART, *world.image_values())
        world.await_webhook()
        world.await_admission()
