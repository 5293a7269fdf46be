# SPDX-License-Identifier: Apache-2.0
"""`openshell-webhook check`: what is missing in a cluster, a namespace and a workload, and what to do.

Needs neither root nor containers."""
import base64
import copy
import http.server
import json
import pathlib
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from fake_api import FakeApi, namespace, status
from test_webhook import IMAGE, PROGRAM, make_certificate

READY, MISSING, USAGE, UNKNOWN = 0, 1, 2, 3
NAME, SYSTEM = "openshell-webhook", "openshell-system"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
CONFIGURATIONS = {f"{ADMISSION}/{plural}/{NAME}": plural for plural in (
    "mutatingwebhookconfigurations", "validatingwebhookconfigurations")}
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{NAME}"
MAPS = "/api/v1/namespaces/team/configmaps"
PAIRS = ("--proxy-pod-api", "10.96.0.1:443")
POLICY = {"data": {"policy.yaml": "version: 1\n"}}


def deployment(**annotations) -> dict:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {
        "metadata": {"annotations": {f"openshell.io/{key}": value for key, value in annotations.items()}},
        "spec": {"containers": [{"name": "app", "image": "a", "command": ["/app"]}]}}}}


class Check(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi(make_certificate)
        self.addCleanup(self.api.stop)
        for path in CONFIGURATIONS:
            self.api.put(path, {"metadata": {"name": NAME}, "webhooks": [{
                "name": "pods.openshell.io", "failurePolicy": "Fail", "clientConfig": {"caBundle": self.bundle()}}]})
        self.api.put(DEPLOYMENT, {"spec": {"replicas": 2}, "status": {"readyReplicas": 2}})
        self.api.put(f"{MAPS}/openshell-default-policy", POLICY)

    def bundle(self) -> str:
        """The API server stands in for the webhook's Service as well."""
        return base64.b64encode((self.api.account / "ca.crt").read_bytes()).decode()

    def check(self, *options: str, text: str = "", service: str | None = None) -> subprocess.CompletedProcess:
        there = service or self.api.source[1].removeprefix("https://")
        return subprocess.run([PROGRAM, "check", *self.api.source, "--agent-image", IMAGE, "--webhook-address", there,
                               *options], capture_output=True, text=True, timeout=60, input=text)

    def serve(self, days: int) -> str:
        """Another server, for the same Service, with a certificate of its own."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        make_certificate(pathlib.Path(folder.name), "other", days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder.name}/tls.crt", f"{folder.name}/tls.key")
        quiet = type("Quiet", (http.server.BaseHTTPRequestHandler,), {"log_message": lambda *_: None})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), quiet)
        server.handle_error = lambda *_: None
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.other = base64.b64encode(pathlib.Path(folder.name, "tls.crt").read_bytes()).decode()
        return f"127.0.0.1:{server.server_address[1]}"

    def with_objects(self, *objects: dict) -> subprocess.CompletedProcess:
        return self.check("-n", "team", "-f", "-", text=json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def assert_row(self, done: subprocess.CompletedProcess, state: str, *parts: str) -> None:
        rows = [row for row in done.stdout.splitlines() if row.startswith(f"{state} ")]
        self.assertTrue(any(all(part in row for part in parts) for row in rows), done.stdout + done.stderr)

    def test_a_cluster_a_namespace_and_a_workload_that_are_ready(self):
        done = self.with_objects(deployment())
        self.assertEqual((done.returncode, done.stderr), (READY, ""), done.stdout)
        self.assertNotIn("->", done.stdout)
        for parts in (("Kubernetes", "1.34"), ("MutatingWebhookConfiguration",), ("ValidatingWebhookConfiguration",),
                      ("replicas", "2 of 2"), ("namespace", "team"), ("label", "=enabled"), ("PodSecurity",),
                      ("policy", "openshell-default-policy is valid"),
                      ("Deployment web", "would be sandboxed, topology combined")):
            self.assert_row(done, "ok", *parts)

    def test_what_is_not_installed_is_missing_with_the_next_step(self):
        self.api.objects.clear()
        done = self.check()
        self.assertEqual(done.returncode, MISSING)
        for what in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "replicas"):
            self.assert_row(done, "MISSING", what)
        self.assertEqual(done.stdout.count("-> install it"), 3)

    def test_what_the_service_serves_must_be_trusted_by_each_ca_bundle(self):
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            self.assert_row(self.check(), "ok", "certificate", f"{kind} trusts what the Service serves, which expires on ")
        other = self.serve(days=10)
        done = self.check(service=other)
        self.assertEqual(done.returncode, MISSING)
        self.assert_row(done, "MISSING", "certificate", "MutatingWebhookConfiguration does not trust")
        path = next(iter(CONFIGURATIONS))
        for bundle, state, what in (
                ("eA==", "MISSING", "does not trust"), ("%", "MISSING", "does not trust"),
                (base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode(), "MISSING", "does not trust"),
                (self.other, "note", "which expires on")):
            with self.subTest(bundle=bundle[:9]):
                self.api.objects[path]["webhooks"][0]["clientConfig"]["caBundle"] = bundle
                self.assert_row(self.check(service=other), state, "certificate", "MutatingWebhookConfiguration", what)

    def test_one_bundle_of_several_that_is_wrong_is_enough(self):
        path = next(iter(CONFIGURATIONS))
        wrong = copy.deepcopy(self.api.objects[path]["webhooks"][0])
        wrong["clientConfig"]["caBundle"] = "eA=="
        self.api.objects[path]["webhooks"].append(wrong)
        done = self.check()
        self.assert_row(done, "ok", "certificate", "MutatingWebhookConfiguration trusts")
        self.assert_row(done, "MISSING", "certificate", "MutatingWebhookConfiguration does not trust")

    def test_a_service_that_cannot_be_reached_is_said_not_to_be_known(self):
        for nowhere in ("127.0.0.1:1", "nowhere.invalid:443"):
            done = self.check(service=nowhere)
            self.assertEqual(done.returncode, UNKNOWN)
            self.assert_row(done, "?", "certificate", "the Service cannot be reached from here: ")
            self.assertIn("-> ask where the webhook runs", done.stdout)

    def test_a_namespace_that_is_not_ready_is_told_why(self):
        self.api.namespaces["plain"] = {"metadata": {"name": "plain", "labels": {"openshell.io/inject": "enabled"}}}
        done = self.check("-n", "plain")
        self.assertEqual(done.returncode, MISSING)
        self.assert_row(done, "MISSING", "label", "it is mistyped: openshell.io/inject")
        self.assertIn("-> kubectl label namespace", done.stdout)
        done = self.check("-n", "nowhere")
        self.assert_row(done, "MISSING", "namespace", "it does not exist")

    def test_whose_the_default_policy_is_is_told_where_the_cluster_has_one(self):
        path = f"{MAPS}/openshell-default-policy"
        for state, what, item in (("note", "somebody else made", POLICY), ("MISSING", "has not been given", None), (
                "ok", "is the cluster's", {**POLICY, "metadata": {"labels": {
                    "app.kubernetes.io/managed-by": "openshell-webhook"}}})):
            with self.subTest(state=state):
                self.api.put(path, item)
                self.assert_row(self.check("-n", "team", "--default-policy", "version: 1"), state, "default policy", what)

    def test_a_network_policy_that_opens_agent_pods_is_named_where_there_may_be_some(self):
        path = "/apis/networking.k8s.io/v1/namespaces/team/networkpolicies"
        mine = {"metadata": {"name": "mine"}, "spec": {"podSelector": {}, "egress": [{}]}}
        options = ("-n", "team", "--proxy-pod-api", "10.96.0.1:443")
        self.api.put(path, {"kind": "NetworkPolicyList", "items": [mine]})
        done = self.check(*options, "--default-topology", "proxy-pod")
        self.assertEqual(done.returncode, MISSING)
        self.assert_row(done, "MISSING", "NetworkPolicy", "mine opens agent pods")
        self.assertIn("operator: NotIn, values: [agent]", done.stdout)
        self.assert_row(self.check(*options), "note", "NetworkPolicy", "mine opens agent pods")
        self.assertNotIn("NetworkPolicy", self.check("-n", "team").stdout)
        self.api.put(path, {"kind": "NetworkPolicyList", "items": []})
        self.assert_row(self.check(*options), "ok", "NetworkPolicy", "none opens agent pods")

    def test_policies_of_other_kinds_that_open_agent_pods_are_named_where_there_are_such_kinds(self):
        def groups(*names: str) -> dict:
            return {"groups": [{"name": name, "versions": [{"groupVersion": f"{name}/{version}"} for version in (
                "v1", "v2")]} for name in names]}

        options = ("-n", "team", *PAIRS)
        anp, cilium = "policy.networking.k8s.io", "cilium.io"
        everyone = {"metadata": {"name": "everyone"}, "spec": {"subject": {"namespaces": {}}, "egress": [{"action": "Allow"}]}}
        elsewhere = {"metadata": {"name": "elsewhere"}, "spec": {
            "subject": {"namespaces": {"matchLabels": {"other": "y"}}}, "egress": [{"action": "Allow"}]}}
        self.api.put("/apis/networking.k8s.io/v1/namespaces/team/networkpolicies", {"items": []})
        self.api.put("/apis", groups("apps"))
        self.assertEqual(self.check(*options).returncode, READY)
        self.api.put("/apis", groups(anp, cilium))
        self.api.put(f"/apis/{anp}/v2/adminnetworkpolicies", {"items": [everyone, elsewhere]})
        self.api.put(f"/apis/{cilium}/v1/namespaces/team/ciliumnetworkpolicies", {"items": [
            {"metadata": {"name": "web"}, "spec": {"endpointSelector": {"matchLabels": {"app": "web"}}, "egress": [{}]}}]})
        done = self.check(*options)
        self.assertEqual(done.returncode, MISSING)
        self.assert_row(done, "MISSING", "AdminNetworkPolicy", "everyone opens agent pods")
        self.assert_row(done, "note", "CiliumNetworkPolicy", "web may open agent pods")
        self.assertIn("-> look whether it selects agent pods, or add {key: openshell.io/sandbox-role", done.stdout)
        for absent in ("elsewhere", "GlobalNetworkPolicy", "ClusterNetworkPolicy", "Clusterwide"):
            self.assertNotIn(absent, done.stdout)
        self.assertFalse([path for _, path, *_ in self.api.wrote if "calico" in path])
        self.api.object_faults = [("GET", "/adminnetworkpolicies", lambda handler: handler.answer(403, status(403, "no")))]
        done = self.check(*options)
        self.assertEqual(done.returncode, UNKNOWN)
        self.assert_row(done, "?", "AdminNetworkPolicy", "403: no")

    def test_agent_pods_show_whether_the_network_is_closed(self):
        def agent(name: str, code: int) -> dict:
            end = {"terminated": {"exitCode": code, "finishedAt": "2026-01-01T00:00:00Z"}}
            return {"metadata": {"name": name, "namespace": "team", "labels": {"openshell.io/sandbox-role": "agent"}},
                    "spec": {"nodeName": "n1"}, "status": {"initContainerStatuses": [
                        {"name": "openshell-supervisor-install", "state": end}]}}

        for state, what, pods in (("note", "none has started", []), ("ok", "team/a on node n1", [agent("a", 0)]),
                                  ("MISSING", "1 reached past their proxies", [agent("a", 0), agent("b", 124)])):
            with self.subTest(state=state):
                self.api.pods = pods
                for options in ((), ("-n", "team")):
                    self.assert_row(self.check(*options, *PAIRS), state, "agent pods", what)
        self.assertNotIn("agent pods", self.check().stdout)
        self.api.object_faults = [("GET", "/pods", lambda handler: handler.answer(403, status(403, "no")))]
        self.assert_row(self.check(*PAIRS), "?", "agent pods", "403")

    # --- the probe: what the two pods find is what `finds` says ---

    def probe(self, **finds: int | None) -> subprocess.CompletedProcess:
        """Exit statuses of the pods `open` and `closed`; None: it does not end."""
        self.probes = []

        def with_status(path: str, item: dict) -> dict:
            self.probes.append(copy.deepcopy(item))
            code = finds.get(item["metadata"]["name"].rpartition("-")[2]) if item["kind"] == "Pod" else None
            if code is not None:
                item["spec"]["nodeName"] = "n1"
                item["status"] = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [
                    {"name": "probe", "state": {"terminated": {"exitCode": code}}}]}
            return FakeApi.complete(self.api, path, item)

        self.api.complete = with_status
        return self.check("--probe-network", *PAIRS)

    def left(self) -> list[str]:
        return [path for path in self.api.objects if "openshell-probe" in path]

    def test_a_probe_tells_an_enforcing_network_from_another_and_leaves_nothing(self):
        for state, what, exits in (("ok", "did not reach the API server, and one without did (node n1)", (124, 0)),
                                   ("MISSING", "they are not enforced", (124, 124)),
                                   ("?", "proves nothing", (0, 0)), ("?", "openshell-probe-open found nothing", (125, 0)),
                                   ("?", "openshell-probe-closed found nothing", (124, 125))):
            with self.subTest(exits=exits):
                done = self.probe(open=exits[0], closed=exits[1])
                self.assert_row(done, state, "enforcement", what)
                self.assertEqual(self.left(), [])

    def test_a_probe_is_closed_before_it_is_there_and_its_pods_pass_restricted(self):
        self.api.objects[DEPLOYMENT]["spec"]["template"] = {"spec": {"imagePullSecrets": [{"name": "pull"}]}}
        self.probe(open=124, closed=0)
        policy, opened, closed = self.probes
        self.assertEqual([one["kind"] for one in self.probes], ["NetworkPolicy", "Pod", "Pod"])
        self.assertEqual({one["metadata"]["namespace"] for one in self.probes}, {SYSTEM})
        self.assertEqual(policy["spec"], {"podSelector": {"matchLabels": {"openshell-probe": "closed"}}, "ingress": [],
                                          "egress": [], "policyTypes": ["Ingress", "Egress"]})
        self.assertEqual([one["metadata"]["labels"]["openshell-probe"] for one in (opened, closed)], ["open", "closed"])
        self.assertIn("n1", json.dumps(closed["spec"]["affinity"]))
        for one in (opened, closed):
            security = one["spec"]["containers"][0]["securityContext"]
            self.assertEqual((security["runAsNonRoot"], security["allowPrivilegeEscalation"], security["capabilities"]),
                             (True, False, {"drop": ["ALL"]}))
            self.assertEqual(security["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertEqual(one["spec"]["imagePullSecrets"], [{"name": "pull"}])
            self.assertIs(one["spec"]["automountServiceAccountToken"], False)

    def test_what_another_probe_made_is_left_to_it(self):
        path = f"/api/v1/namespaces/{SYSTEM}/pods/openshell-probe-open"
        self.api.put(path, {"metadata": {"uid": "other"}})
        self.assert_row(self.probe(open=124, closed=0), "?", "enforcement", "is there already")
        self.assertEqual(self.left(), [path])

    def test_who_may_make_no_pods_learns_nothing(self):
        self.api.object_faults = [("POST", "/pods", lambda handler: handler.answer(403, status(403, "no")))]
        done = self.probe(open=124, closed=0)
        self.assert_row(done, "?", "enforcement", "openshell-probe-open cannot be made: ", "403: no")
        self.assertIn("-> look at the reason, and ask again with an account that may", done.stdout)
        self.assertEqual(self.left(), [])

    def test_a_probe_that_is_interrupted_takes_away_what_it_made(self):
        self.api.token = "token-1"
        there = self.api.source[1].removeprefix("https://")
        process = subprocess.Popen([PROGRAM, "check", *self.api.source, "--agent-image", IMAGE, "--webhook-address", there,
                                    "--probe-network"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        until = time.monotonic() + 60
        while not any(path.endswith("/openshell-probe-open") for path in self.left()) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(len(self.left()), 2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, self.left()), (UNKNOWN, []), out)
        self.assertIn("it was told to end", out)

    def test_a_policy_that_is_named_must_be_there_or_be_given(self):
        self.api.namespaces["team"] = namespace("team", policy="rules")
        self.assert_row(self.check("-n", "team"), "MISSING", "policy", "rules, named by the namespace, does not exist")
        given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rules"}, **POLICY}
        done = self.with_objects(given, deployment(policy="mine"))
        self.assert_row(done, "ok", "policy", "rules is valid")
        self.assert_row(done, "MISSING", "policy", "mine, named by a pod template, does not exist")
        broken = {**given, "data": {"policy.yaml": "version: 1\nnonsense: 1\n"}}
        self.assert_row(self.with_objects(broken), "MISSING", "policy", "policy.yaml:2:1: nonsense")

    def test_a_workload_that_would_be_refused_is_told_why(self):
        bad = deployment()
        bad["spec"]["template"]["spec"]["hostNetwork"] = True
        done = self.with_objects(bad)
        self.assertEqual(done.returncode, MISSING)
        self.assert_row(done, "MISSING", "Deployment web", "would be refused: [OSW014]")
        self.api.namespaces["team"]["metadata"]["labels"]["openshell.io/injection"] = "annotated"
        done = self.with_objects(deployment())
        self.assertEqual(done.returncode, READY)
        self.assert_row(done, "note", "Deployment web", "would run without a sandbox")

    def test_what_may_not_be_looked_at_is_not_said_to_be_ready(self):
        self.api.object_faults = [("GET", "/configmaps/", lambda handler: handler.answer(403, status(403, "no")))]
        done = self.check("-n", "team")
        self.assertEqual(done.returncode, UNKNOWN)
        self.assert_row(done, "?", "policy", "403: no")
        self.assertIn("-> ask with an account that may", done.stdout)
        self.api.token = "another"
        self.assertEqual(self.check().returncode, UNKNOWN)

    def test_usage_errors_are_2(self):
        for options, why in ((("x",), "unexpected 'x'"), (("-f", "-"), "-f needs -n"), (("-n", "../x"), "is not a name"),
                             (("--service", "x"), "is not NAME.NAMESPACE"), (("-n", "a?b"), "is not a name")):
            done = self.check(*options)
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
