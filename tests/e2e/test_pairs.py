# SPDX-License-Identifier: Apache-2.0
"""Agent pods of topology proxy-pod get their companions and are let go, through an API server that fails in every way
it can, and by a controller that is killed at every step.

Needs neither root nor containers."""
import base64
import json
import pathlib
import subprocess
import time
import unittest
import uuid

from fake_api import PASS, FakeApi, namespace, status
from test_webhook import IMAGE, Webhook, make_certificate

SECONDS = 30
TEAM = "team"
NAME, SYSTEM = "openshell-webhook", "openshell-system"
MASTER = f"/api/v1/namespaces/{SYSTEM}/secrets/{NAME}-pairing"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{NAME}"
EVENTS = f"/api/v1/namespaces/{TEAM}/events"
NETWORK, APPS = "/apis/networking.k8s.io/v1", "/apis/apps/v1"
CLOSED = f"{NETWORK}/namespaces/{TEAM}/networkpolicies/openshell-agent-closed"
FOLLOWED = {"/api/v1/pods", "/api/v1/services", f"{NETWORK}/networkpolicies", f"{APPS}/deployments"}
WRITES = ("POST", "PUT", "PATCH", "DELETE")
GATE = {"name": "openshell.io/proxy-ready"}
# In the order in which they are to be made.
KINDS = ("os-eg-", "os-ing-", "os-ca-", "os-svc-", "os-sup-")


class PairApi(FakeApi):
    """Gives Services an address, and Deployments a pod that is ready, where `is_ready`."""

    is_ready = True
    failing = "no namespace"

    def do(self, method: str, path: str, body: dict | None, *more) -> tuple[int, dict]:
        if method == "POST" and f"/namespaces/{self.failing}/" in path and not path.endswith("/events"):
            return 403, json.loads(status(403, "exceeded quota"))
        return super().do(method, path, body, *more)

    def complete(self, path: str, item: dict) -> dict:
        item = super().complete(path, item)
        if "/services/" in path:
            item["spec"].setdefault("clusterIP", f"10.96.0.{len(self.wrote) % 250 + 1}")
        if "/deployments/" in path:
            item["metadata"]["generation"] = 1
            if self.is_ready:
                item["status"] = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1}
        return item


def folder(kind: str) -> str:
    plural = {"os-ca-": "secrets", "os-svc-": "services", "os-sup-": "deployments"}.get(kind, "networkpolicies")
    group = {"secrets": "/api/v1", "services": "/api/v1", "deployments": APPS}.get(plural, NETWORK)
    return f"{group}/namespaces/{TEAM}/{plural}"


def public_key(certificate: str) -> str:
    return subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=certificate, capture_output=True, text=True,
                          check=True).stdout


class Pairs(unittest.TestCase):
    def setUp(self):
        self.api = PairApi(make_certificate)
        self.addCleanup(self.api.stop)
        self.api.followed = FOLLOWED
        self.api.put(f"/api/v1/namespaces/{SYSTEM}/services/{NAME}", {"metadata": {"name": NAME, "uid": "u-service"}})
        self.webhooks: list[Webhook] = []

    def start(self, *more: str, image: str = IMAGE) -> Webhook:
        webhook = Webhook(source=self.api.source, image=image,
                          more=("--image-lookup", "off", "--service", f"{NAME}.{SYSTEM}", "--audit-seconds", "0",
                                "--kubernetes-version", "1.34", "--proxy-pod-api", "10.96.0.1:443", *more))
        self.addCleanup(webhook.stop)
        # A drain takes seconds, and another test has it.
        self.addCleanup(webhook.process.kill)
        self.webhooks.append(webhook)
        return webhook

    def await_that(self, what: str, holds, seconds: float = SECONDS) -> None:
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                self.fail("\n".join([what, *(w.log.read_text() for w in self.webhooks if w.log.exists())]))
            time.sleep(0.02)

    def kill(self, webhook: Webhook) -> None:
        """Without a word; its Lease has run out by the time that the next one starts."""
        webhook.process.kill()
        webhook.process.wait()
        self.api.put(LEASE, None)

    # --- pods and what belongs to them -------------------------------------------------------------
    @staticmethod
    def path(name: str, team: str = TEAM) -> str:
        return f"/api/v1/namespaces/{team}/pods/{name}"

    def add_pod(self, name: str = "web-1", team: str = TEAM, image: str = IMAGE, gates=({"name": "example.com/other"}, GATE),
                **annotations) -> str:
        """An agent pod as admission leaves it; its UID."""
        uid = str(uuid.uuid4())
        self.api.put(self.path(name, team), {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": team, "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z",
                         "labels": {"openshell.io/sandbox-role": "agent"},
                         "annotations": {"openshell.io/topology": "proxy-pod",
                                         **{f"openshell.io/{k}": v for k, v in annotations.items()}},
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u-rs",
                                              "controller": True}]},
            "spec": {"schedulingGates": list(gates),
                     "initContainers": [{"name": "openshell-supervisor-install", "image": image}],
                     "containers": [{"name": "app", "image": "a", "ports": [{"containerPort": 8080}]}]},
            "status": {"phase": "Pending"}})
        return uid

    def pod(self, name: str = "web-1") -> dict:
        return self.api.objects[self.path(name)]

    def is_bound(self, name: str = "web-1") -> bool:
        pod = self.pod(name)
        return GATE not in pod["spec"]["schedulingGates"]

    def companions(self, uid: str) -> list[str]:
        return [kind for kind in KINDS if f"{folder(kind)}/{kind}{uid}" in self.api.objects]

    def companion(self, kind: str, uid: str) -> dict:
        return self.api.objects[f"{folder(kind)}/{kind}{uid}"]

    def writes(self, uid: str) -> list[tuple[str, str]]:
        """What was written for a pair, in order: (method, name), the pod's own by its name."""
        done = []
        for method, path, _, _, body in list(self.api.wrote):
            name = body["metadata"]["name"] if method == "POST" and body else path.rsplit("/", 1)[1]
            if method in WRITES and (uid in name or "/pods/" in path):
                done.append((method, name))
        return done

    def told(self) -> list[tuple[str, str]]:
        return [(item["involvedObject"]["kind"], item["reason"]) for path, item in self.api.objects.items()
                if path.startswith(EVENTS)]

    def bind(self, name: str = "web-1", **fields) -> str:
        uid = self.add_pod(name, **fields)
        self.await_that("bound", lambda: self.is_bound(name))
        return uid

    # --- the way that it should go -----------------------------------------------------------------
    def test_a_pod_is_let_go_once_it_is_fenced_and_its_proxy_is_ready(self):
        self.api.is_ready = False
        self.start()
        uid = self.add_pod()
        self.await_that("companions", lambda: len(self.companions(uid)) == 5)
        self.await_that("the namespace is closed", lambda: CLOSED in self.api.objects)
        self.assertFalse(self.is_bound())
        deployment = self.companion("os-sup-", uid)
        self.api.put(f"{folder('os-sup-')}/os-sup-{uid}", {**deployment, "status": {
            "observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1}})
        self.await_that("bound", self.is_bound)
        writes = self.writes(uid)
        self.assertEqual(writes, [*(("POST", kind + uid) for kind in KINDS), ("PATCH", "web-1")])
        pod = self.pod()
        self.assertEqual(pod["spec"]["schedulingGates"], [{"name": "example.com/other"}])
        self.assertEqual(pod["metadata"]["labels"]["openshell.io/sandbox-id"], uid)
        address = self.companion("os-svc-", uid)["spec"]["clusterIP"]
        credentials = base64.b64decode(self.companion("os-ca-", uid)["data"]["credentials"]).decode().strip()
        self.assertEqual(pod["metadata"]["annotations"]["openshell.io/proxy-url"], f"http://{credentials}@{address}:3128")
        self.assertEqual(public_key(pod["metadata"]["annotations"]["openshell.io/proxy-ca"]), public_key(base64.b64decode(
            self.companion("os-ca-", uid)["data"]["openshell-ca.pem"]).decode()))
        for kind in KINDS:
            (owner,) = self.companion(kind, uid)["metadata"]["ownerReferences"]
            self.assertEqual((owner["uid"], owner["kind"]), (uid, "Pod"))

    def test_where_the_cluster_says_so_a_pod_that_says_nothing_is_let_go_to_the_node_of_its_proxy(self):
        self.start("--proxy-pod-affinity", "required")
        apart = self.add_pod("web-2", **{"proxy-affinity": "disabled"})
        self.await_that("bound", lambda: self.is_bound("web-2"))
        beside = self.bind()
        folder = f"/api/v1/namespaces/{TEAM}/pods"
        asked = [query.get("labelSelector", "") for _, path, query, *_ in self.api.wrote if path == folder]
        self.assertEqual([sum(uid in selector for selector in asked) for uid in (apart, beside)], [0, 1])

    def test_no_secret_is_ever_read_but_the_master_key(self):
        self.start()
        self.bind()
        read = {path for method, path, *_ in self.api.wrote if method == "GET" and "/secrets" in path}
        self.assertEqual(read, {MASTER})

    def test_idle_it_asks_for_nothing(self):
        self.start()
        self.bind()
        self.bind("web-2")
        time.sleep(2)
        before = len(self.api.wrote)
        time.sleep(3)
        asked = [(method, path) for method, path, *_ in self.api.wrote[before:] if path != LEASE]
        self.assertEqual(asked, [])

    def test_many_pods_at_once_are_let_go_each_with_six_writes(self):
        self.start()
        uids = [self.add_pod(f"web-{i}") for i in range(40)]
        self.await_that("all bound", lambda: all(self.is_bound(f"web-{i}") for i in range(40)), 60)
        made = [name for method, path, _, _, body in self.api.wrote if method == "POST" and "events" not in path
                for name in [body["metadata"]["name"]]]
        for uid in uids:
            self.assertEqual(sum(uid in name for name in made), 5)
        self.assertEqual(sum(method == "PATCH" for method, *_ in self.api.wrote), 40)

    def test_a_pod_that_is_there_already_is_served_and_one_that_is_bound_is_left_alone(self):
        self.start()
        uid = self.bind()
        self.kill(self.webhooks[0])
        later = self.add_pod("web-2")
        before = json.dumps(self.pod())
        self.start()
        self.await_that("bound", lambda: self.is_bound("web-2"), 60)
        self.assertEqual(len(self.companions(later)), 5)
        self.assertEqual(json.dumps(self.pod()), before)
        self.assertEqual(len(self.companions(uid)), 5)

    # --- what goes wrong ---------------------------------------------------------------------------
    def test_killed_at_every_step_it_goes_on_where_it_was(self):
        for step in range(6):
            with self.subTest(step=step):
                webhook = self.start()
                self.await_that("it leads", lambda w=webhook: any(e["event"] == "pairs.led" for e in w.events()), 60)
                name = f"web-{step}"

                def kill(handler, webhook=webhook):
                    webhook.process.kill()
                    handler.close_connection = True

                method, part = [*(("POST", folder(kind)) for kind in KINDS), ("PATCH", self.path(name))][step]
                # Both policies are made in one folder.
                self.api.object_faults += [(method, part, PASS)] * (step == 1) + [(method, part, kill)]
                uid = self.add_pod(name)
                self.await_that("killed", lambda w=webhook: w.process.poll() is not None)
                self.kill(webhook)
                self.assertFalse(self.is_bound(name))
                webhook = self.start()
                self.await_that("bound", lambda n=name: self.is_bound(n), 60)
                self.assertEqual(len(self.companions(uid)), 5)
                self.assertLessEqual(len([w for w in self.writes(uid) if w[0] == "PATCH" and w[1] == name]), 2)
                self.kill(webhook)

    def test_each_companion_that_is_deleted_comes_back_as_it_was(self):
        self.start()
        uid = self.bind()
        for kind in KINDS:
            if kind == "os-ca-":
                continue
            with self.subTest(kind=kind):
                path = f"{folder(kind)}/{kind}{uid}"
                spec = self.api.objects[path]["spec"]
                self.api.put(path, None)
                self.await_that("it comes back", lambda p=path: p in self.api.objects)
                self.assertEqual(self.api.objects[path]["spec"], spec)

    def test_what_is_deleted_or_changed_while_the_api_server_is_away_is_made_right_all_the_same(self):
        self.start()
        uid = self.bind()
        away = lambda handler: handler.answer(500, status(500, "etcd is away"))  # noqa: E731
        for kind, method, at in (("os-svc-", "POST", folder("os-svc-")), ("os-sup-", "GET", self.path("web-1")),
                                 ("os-eg-", "GET", self.path("web-1"))):
            with self.subTest(kind=kind):
                path = f"{folder(kind)}/{kind}{uid}"
                spec = self.api.objects[path]["spec"]
                self.api.object_faults.append((method, at, away))
                self.api.put(path, None)
                self.await_that("it comes back", lambda p=path: p in self.api.objects, 10)
                self.assertEqual(self.api.objects[path]["spec"], spec)
        self.api.object_faults.append(("GET", f"{folder('os-ing-')}/os-ing-{uid}", away))
        path = f"{folder('os-ing-')}/os-ing-{uid}"
        item = self.api.objects[path]
        self.api.put(path, {**item, "spec": {**item["spec"], "ingress": [{}]}})
        self.await_that("it is as it was", lambda: self.api.objects[path]["spec"] == item["spec"], 10)

    def test_a_secret_that_is_deleted_comes_back_when_its_proxy_does_not_get_ready(self):
        self.start()
        uid = self.bind()
        path = f"{folder('os-ca-')}/os-ca-{uid}"
        data = self.api.objects[path]["data"]
        self.api.put(path, None)
        deployment = f"{folder('os-sup-')}/os-sup-{uid}"
        self.api.put(deployment, {**self.api.objects[deployment], "status": {"observedGeneration": 1}})
        self.await_that("it comes back", lambda: path in self.api.objects)
        for key in ("credentials", "openshell-ca-key.pem"):
            self.assertEqual(self.api.objects[path]["data"][key], data[key])

    def test_what_somebody_changed_is_made_right_again(self):
        self.start()
        uid = self.bind()
        for kind, change in (("os-eg-", {"egress": [{}]}), ("os-ing-", {"ingress": [{}]}), ("os-sup-", {"replicas": 3}),
                             ("os-svc-", {"selector": {"app": "evil"}})):
            with self.subTest(kind=kind):
                path = f"{folder(kind)}/{kind}{uid}"
                item = self.api.objects[path]
                self.api.put(path, {**item, "spec": {**item["spec"], **change}})
                self.await_that("it is as it was", lambda p=path, i=item: self.api.objects[p]["spec"] == i["spec"])

    def test_the_policy_of_a_namespace_comes_back_and_is_made_right_again(self):
        self.start()
        self.await_that("closed", lambda: CLOSED in self.api.objects)
        spec = self.api.objects[CLOSED]["spec"]
        self.api.put(CLOSED, None)
        self.await_that("it comes back", lambda: CLOSED in self.api.objects)
        self.api.put(CLOSED, {**self.api.objects[CLOSED], "spec": {**spec, "egress": [{}]}})
        self.await_that("it is as it was", lambda: self.api.objects[CLOSED]["spec"] == spec)
        self.api.change("ADDED", namespace("later"))
        self.await_that("another one", lambda: CLOSED.replace(f"/{TEAM}/", "/later/") in self.api.objects)

    def test_no_pod_is_let_go_while_its_namespace_is_open(self):
        self.api.put(CLOSED, {"metadata": {"name": "openshell-agent-closed", "namespace": TEAM}, "spec": {"podSelector": {}}})
        webhook = self.start()
        uid = self.add_pod()
        self.await_that("companions", lambda: len(self.companions(uid)) == 5)
        self.await_that("it is said", lambda: any("openshell-agent-closed" in e.get("reason", "")
                                                  for e in webhook.events() if e["event"] == "pair.failed"))
        time.sleep(1)
        self.assertFalse(self.is_bound())
        self.assertEqual(self.api.objects[CLOSED]["spec"], {"podSelector": {}})
        self.api.put(CLOSED, None)
        self.await_that("bound", self.is_bound, 60)

    def test_no_pod_is_let_go_while_somebody_elses_policy_opens_it(self):
        self.start()
        self.await_that("closed", lambda: CLOSED in self.api.objects)
        path = f"{NETWORK}/namespaces/{TEAM}/networkpolicies/open"
        self.api.put(path, {"metadata": {"name": "open", "namespace": TEAM, "uid": "u-open"},
                            "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}})
        self.add_pod()
        self.await_that("it is told", lambda: ("Pod", "ProxyPodNetworkOpen") in self.told())
        self.assertTrue(any("'open' opens agent pods" in item["message"] for at, item in self.api.objects.items()
                            if at.startswith(EVENTS)))
        self.assertFalse(self.is_bound())
        selector = {"matchExpressions": [{"key": "openshell.io/sandbox-role", "operator": "NotIn", "values": ["agent"]}]}
        self.api.put(path, {**self.api.objects[path], "spec": {"podSelector": selector, "egress": [{}]}})
        self.await_that("bound", self.is_bound, 60)

    def test_a_foreign_object_of_our_name_is_never_adopted(self):
        self.api.is_ready = False
        self.start()
        uid = str(uuid.uuid4())
        for kind in KINDS:
            with self.subTest(kind=kind):
                name = f"web-{kind.strip('-')}"
                self.api.object_faults += [("GET", self.path(name), lambda handler: handler.answer(500, status(500, "later")))]
                uid = self.add_pod(name)
                path = f"{folder(kind)}/{kind}{uid}"
                foreign = {"metadata": {"name": f"{kind}{uid}", "namespace": TEAM, "uid": "u-evil"}, "spec": {}, "data": {}}
                self.api.put(path, foreign)
                self.await_that("it is told", lambda n=name: any(
                    p.startswith(EVENTS) and item["involvedObject"]["name"] == n and item["reason"] == "ProxyPodNameTaken"
                    for p, item in list(self.api.objects.items())), 60)
                self.assertEqual(self.api.objects[path]["metadata"]["uid"], "u-evil")
                self.assertEqual((self.api.objects[path]["spec"], self.api.objects[path]["data"]), ({}, {}))
                self.api.put(self.path(name), None)
        self.assertIn(("ReplicaSet", "ProxyPodNameTaken"), self.told())

    def test_a_gate_that_somebody_removed_gives_no_proxy(self):
        self.start()
        self.await_that("it leads", lambda: any(e["event"] == "pairs.led" for e in self.webhooks[0].events()), 60)
        self.api.object_faults += [("GET", self.path("web-1"), lambda handler: handler.answer(500, status(500, "later")))]
        self.add_pod()
        pod = self.pod()
        self.api.put(self.path("web-1"), {**pod, "spec": {**pod["spec"], "schedulingGates": []}})
        # The first is the answer that fails; by the second all is told.
        self.await_that("it is refused", lambda: sum(e["event"] == "pair.failed" for e in self.webhooks[0].events()) >= 2)
        self.assertEqual({reason for _, reason in self.told()}, {"ProxyPodGateLost"})
        self.assertNotIn("openshell.io/proxy-url", self.pod()["metadata"]["annotations"])

    def test_an_api_server_that_is_busy_gets_the_time_it_asks_for(self):
        self.start()
        busy = lambda handler: handler.answer(429, status(429, "slow down"), Retry_After="3")  # noqa: E731
        self.api.object_faults += [("POST", folder("os-svc-"), busy)]
        began = time.monotonic()
        self.bind()
        self.assertGreater(time.monotonic() - began, 2.5)

    def test_every_answer_that_is_none_is_asked_for_again(self):
        webhook = self.start()
        self.await_that("it leads", lambda: any(e["event"] == "pairs.led" for e in webhook.events()), 60)
        faults = {
            "cut": lambda handler: setattr(handler, "close_connection", True),
            "conflict": lambda handler: handler.answer(409, status(409, "somebody was faster")),
            "not JSON": lambda handler: handler.answer(200, b"<html>"),
            "etcd": lambda handler: handler.answer(500, status(500, "etcd is away")),
        }
        for i, (name, fault) in enumerate(faults.items()):
            with self.subTest(name):
                pod = f"web-{i}"
                self.api.object_faults += [("GET", self.path(pod), fault), ("POST", folder("os-sup-"), fault),
                                           ("PATCH", self.path(pod), fault)]
                uid = self.add_pod(pod)
                self.await_that("bound", lambda p=pod: self.is_bound(p), 60)
                self.assertEqual(len(self.companions(uid)), 5)

    def test_what_the_api_server_refuses_is_told_to_people(self):
        self.start()
        for method, part, why in (("POST", folder("os-svc-"), "exceeded quota: services"),
                                  ("PATCH", self.path("web-1"), "a policy forbids the gate's removal")):
            with self.subTest(why):
                self.api.object_faults += [(method, part, lambda handler, w=why: handler.answer(403, status(403, w)))]
                self.bind()
                self.await_that("told", lambda w=why: {"Pod", "ReplicaSet"} <= {
                    item["involvedObject"]["kind"] for path, item in list(self.api.objects.items())
                    if path.startswith(EVENTS) and item["reason"] == "ProxyPodFailed" and w in item["message"]})
                self.api.put(self.path("web-1"), None)

    def test_a_watch_that_has_expired_or_breaks_misses_nothing(self):
        webhook = self.start()
        self.await_that("it leads", lambda: any(e["event"] == "pairs.led" for e in webhook.events()), 60)
        gone = lambda handler: handler.answer(410, status(410, "too old"))  # noqa: E731
        for _ in range(2):
            self.api.object_faults += [("WATCH", folder, gone) for folder in FOLLOWED]
            self.api.cut()
            uid = self.bind(f"web-{uuid.uuid4()}")
            self.api.object_faults += [("WATCH", folder, gone) for folder in FOLLOWED]
            self.api.cut()
            path = f"{folder('os-svc-')}/os-svc-{uid}"
            self.api.put(path, None)
            self.await_that("it comes back", lambda p=path: p in self.api.objects, 60)

    def test_a_pod_that_is_too_large_to_be_looked_at_stops_nobody_else(self):
        webhook = self.start()
        self.await_that("it leads", lambda: any(e["event"] == "pairs.led" for e in webhook.events()), 60)
        self.add_pod("huge")
        huge = self.pod("huge")
        huge["metadata"]["annotations"] |= {f"x-{i}": "" for i in range(140000)}
        self.api.put(self.path("huge"), huge)
        self.bind("web-1")
        self.api.cut()
        self.bind("web-2")
        self.assertGreater(webhook.metric("pair_unreadable_total"), 0)

    def test_pods_that_are_large_take_little_memory_and_give_it_back(self):
        webhook = self.start()
        self.await_that("closed", lambda: CLOSED in self.api.objects)
        # As many values as are read at all: the tree of each takes some 30 MiB.
        keys = [f"{i:x}" for i in range(42000)]
        names = [f"big-{i}" for i in range(12)]
        for name in names:
            self.add_pod(name)
            pod = self.pod(name)
            pod["metadata"]["annotations"] |= dict.fromkeys(keys, "")
            pod["metadata"]["managedFields"] = [{"fieldsV1": {f"f:{key}": {} for key in keys}}]
            self.api.put(self.path(name), pod)
        self.await_that("all bound", lambda: all(self.is_bound(name) for name in names), 120)

        def memory(what: str) -> int:
            text = pathlib.Path(f"/proc/{webhook.process.pid}/status").read_text()
            return int(text.partition(f"{what}:")[2].split()[0]) >> 10

        self.assertLess(memory("VmHWM"), 128)
        self.await_that("given back", lambda: memory("VmRSS") < 64)

    # --- another release ---------------------------------------------------------------------------
    def image_of(self, uid: str) -> str:
        return self.companion("os-sup-", uid)["spec"]["template"]["spec"]["containers"][0]["image"]

    def test_an_upgrade_and_its_rollback_write_to_no_pair_that_runs(self):
        newer = IMAGE.replace(":1.0.0", ":1.1.0")
        webhook = self.start()
        uid = self.bind()
        self.assertEqual(self.image_of(uid), IMAGE)
        for i, image in enumerate((newer, IMAGE)):
            with self.subTest(image):
                self.kill(webhook)
                before = len(self.api.wrote)
                webhook = self.start(image=image)
                looked = ("GET", f"{folder('os-sup-')}/os-sup-{uid}")
                self.await_that("it is looked at", lambda b=before, at=looked: at in [entry[:2] for entry in self.api.wrote[b:]], 60)
                # Which of the two releases admitted a pod decides for its pair.
                for made in (newer, IMAGE):
                    self.assertEqual(self.image_of(self.bind(f"web-{i}-{made[-3]}", image=made)), made)
                # An empty change is how its Secret, which is not to be read, is looked at.
                touched = [(method, path) for method, path, _, _, body in self.api.wrote[before:]
                           if method in WRITES and uid in path and body != {}]
                self.assertEqual(touched, [])

    def test_an_agent_of_another_repository_gets_no_proxy_unless_it_is_listed(self):
        other = "elsewhere.example/agent:1"
        webhook = self.start()
        uid = self.add_pod(image=other)
        self.await_that("it is told", lambda: {("Pod", "ProxyPodRefused"), ("ReplicaSet", "ProxyPodRefused")} <= set(self.told()))
        self.assertEqual(self.companions(uid), [])
        self.assertFalse(self.is_bound())
        self.kill(webhook)
        self.start("--agent-image-kept", other)
        self.await_that("bound", self.is_bound, 60)
        self.assertEqual(self.image_of(uid), other)

    # --- others ------------------------------------------------------------------------------------
    def test_a_namespace_full_of_pods_that_fail_keeps_nobody_elses_waiting_or_untold(self):
        self.api.namespaces["crowd"] = namespace("crowd")
        self.api.failing = "crowd"
        for i in range(2000):
            self.add_pod(f"bad-{i}", "crowd")
        self.start()
        crowd = lambda: sum("/namespaces/crowd/" in path for _, path, *_ in list(self.api.wrote))  # noqa: E731
        self.await_that("it is busy", lambda: crowd() > 100)
        before = crowd()
        self.bind()
        self.assertLess(crowd() - before, 500)
        self.add_pod("web-2", gates=())
        self.await_that("told", lambda: ("Pod", "ProxyPodGateLost") in self.told())

    def test_a_pod_whose_namespace_is_not_opted_in_is_told_once_and_rests_until_it_is(self):
        webhook = self.start()
        self.await_that("it leads", lambda: any(e["event"] == "pairs.led" for e in webhook.events()), 60)
        self.add_pod("web-1", "apart")
        failed = lambda: [e for e in webhook.events() if e["event"] == "pair.failed"]  # noqa: E731
        self.await_that("refused", failed)
        # Of another pod everything is done, and by then a failure would have been tried again.
        self.bind("web-2")
        time.sleep(2)
        (one,) = failed()
        self.assertNotIn("retry_ms", one)
        self.assertEqual(sum(path == self.path("web-1", "apart") for _, path, *_ in list(self.api.wrote)), 1)
        self.assertEqual({item["reason"] for path, item in self.api.objects.items() if "/namespaces/apart/events/" in path},
                         {"ProxyPodRefused"})
        self.api.change("ADDED", namespace("apart"))
        self.await_that("bound", lambda: GATE not in self.api.objects[self.path("web-1", "apart")]["spec"]["schedulingGates"], 60)

    # --- the end -----------------------------------------------------------------------------------
    def test_a_pod_that_ended_gives_its_companions_back_and_keeps_its_namespace_closed(self):
        self.start()
        for phase in ("Succeeded", "Failed"):
            with self.subTest(phase):
                name = f"job-{phase.lower()}"
                uid = self.bind(name)
                self.api.put(self.path(name), {**self.pod(name), "status": {"phase": phase}})
                self.await_that("all given back", lambda u=uid: self.companions(u) == [])
                self.assertIn(CLOSED, self.api.objects)

    def test_a_pod_that_is_being_deleted_keeps_its_proxy(self):
        self.start()
        uid = self.bind()
        pod = self.pod()
        self.api.put(self.path("web-1"), {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
        time.sleep(2)
        self.assertEqual(len(self.companions(uid)), 5)

    def test_a_pod_of_the_same_name_is_another(self):
        self.start()
        first = self.bind()
        secret = self.companion("os-ca-", first)["data"]["credentials"]
        self.api.put(self.path("web-1"), None)
        second = self.bind()
        self.assertNotEqual(first, second)
        self.assertNotEqual(self.companion("os-ca-", second)["data"]["credentials"], secret)

    # --- who leads, and the key --------------------------------------------------------------------
    def test_another_replica_goes_on_with_the_same_key(self):
        first = self.start()
        self.bind()
        key = self.api.objects[MASTER]["data"]["master-key"]
        self.assertEqual(len(base64.b64decode(key)), 32)
        second = self.start()
        first.process.terminate()
        self.await_that("the other leads", lambda: any(e["event"] == "pairs.led" for e in second.events()), 60)
        self.bind("web-2")
        self.assertEqual(self.api.objects[MASTER]["data"]["master-key"], key)
        self.assertEqual(sum(method == "POST" and path == MASTER.rsplit("/", 1)[0] for method, path, *_ in self.api.wrote), 1)

    def test_where_the_key_is_lost_pods_that_were_let_go_are_told_and_new_ones_served(self):
        first = self.start()
        uid = self.bind()
        credentials = self.companion("os-ca-", uid)["data"]["credentials"]
        self.api.put(MASTER, None)
        self.kill(first)
        self.start()
        self.await_that("told", lambda: ("Pod", "ProxyPodKeyLost") in self.told(), 60)
        self.assertEqual(self.companion("os-ca-", uid)["data"]["credentials"], credentials)
        self.bind("web-2")

    def test_a_master_key_that_is_none_is_not_overwritten(self):
        self.api.put(MASTER, {"metadata": {"name": f"{NAME}-pairing"}, "data": {"master-key": "c2hvcnQ="}})
        webhook = self.start()
        self.add_pod()
        self.await_that("it is said", lambda: any(e["event"] == "pairs.failed" and "master-key" in e["reason"]
                                                  for e in webhook.events()), 60)
        self.assertFalse(self.is_bound())
        self.assertEqual(self.api.objects[MASTER]["data"], {"master-key": "c2hvcnQ="})
