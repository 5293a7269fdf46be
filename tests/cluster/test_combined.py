# SPDX-License-Identifier: Apache-2.0
"""Plain Deployments in a labelled namespace come up sandboxed, serve, and get out by policy alone."""
import json
import urllib.request

from cluster import OUTSIDE_TOKEN
from fixture import (AGENT, CLIENTS, OTHER, OUTSIDE, ClusterCase, await_that, config_map, container, deployment, pod,
                     world)
from runner import machine_lacks

POLICY = """version: 1
network_policies:
  outside:
    endpoints:
    - host: {host}
      port: 80
      protocol: rest
      rules:
      - allow: {{ method: GET, path: {path} }}
    binaries:
    - path: /usr/bin/curl
"""
GET = "curl -sS -m 10 -o /dev/null -w '%{http_code}'"


def server(name: str, **fields) -> dict:
    """A container that serves its own name by HTTP on port 8080."""
    script = f"mkdir -p /tmp/www && echo {name} > /tmp/www/index.html && exec busybox httpd -f -p 8080 -h /tmp/www"
    return container("sh", "-c", script, ports=[{"name": "web", "containerPort": 8080}], **fields)


class Serving(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        probe = {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 1}
        # As every Deployment needs that must not lose a connection while its endpoints change.
        hook = {"preStop": {"exec": {"command": ["sleep", "2"]}}}
        case.apply(deployment("web", server("web", readinessProbe=probe, livenessProbe=probe, lifecycle=hook),
                              terminationGracePeriodSeconds=10),
                   {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "web"}]}},
                   {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "heads"},
                    "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 8080}]}})
        case.await_ready("deployment/web")
        cls.pod = case.pod_of("web")
        world.kubectl("run", "client", "--namespace=default", f"--image={CLIENTS}", "--image-pull-policy=IfNotPresent",
                      "--command", "--", "sleep", "infinity")
        world.kubectl("wait", "--namespace=default", "--for=condition=Ready", "pod/client", "--timeout=60s")
        cls.addClassCleanup(world.kubectl, "delete", "pod", "client", "--namespace=default", "--now")

    def from_a_plain_pod(self, url: str):
        return world.kubectl("exec", "client", "--namespace=default", "--", "curl", "-sS", "-m", "10", url, check=False)

    def test_a_service_leads_to_the_sandboxed_pod(self):
        for host in (f"web.{self.namespace}", f"heads.{self.namespace}:8080"):
            with self.subTest(host=host.partition(".")[0]):
                answer = self.from_a_plain_pod(f"http://{host}/")
                self.assertEqual(answer.stdout, "web\n", answer.stderr)

    def test_the_probes_of_the_kubelet_reach_it(self):
        status = self.get("pod", self.pod)["status"]["containerStatuses"][0]
        self.assertTrue(status["ready"])
        self.assertEqual(status["restartCount"], 0)

    def test_status_tells_what_is_enforced(self):
        done = self.kubectl("exec", self.pod, "--", AGENT, "status")
        status = json.loads(done.stdout)
        self.assertEqual(status["topology"], "combined", status)
        self.assertIn("landlock", status)

    def test_the_workload_is_the_sandbox_user_without_any_capability(self):
        done = self.inside(self.pod, "id -u; grep -h ^Cap /proc/self/status | cut -f2 | sort -u; "
                                     "grep -h NoNewPrivs /proc/self/status | cut -f2")
        self.assertEqual(done.stdout.split(), ["1000", "0000000000000000", "1"], done.stderr)

    def test_the_account_token_is_in_no_container(self):
        spec = self.get("pod", self.pod)["spec"]
        containers = spec["containers"] + spec["initContainers"]
        mounts = [mount["mountPath"] for c in containers for mount in c["volumeMounts"]]
        self.assertNotIn("/var/run/secrets/kubernetes.io/serviceaccount", mounts)
        self.assertEqual([v["name"] for v in spec["volumes"] if "projected" in v], [])
        self.assertNotEqual(self.inside(self.pod, "ls /var/run/secrets/kubernetes.io").returncode, 0)

    def test_logs_and_copies_work(self):
        self.assertIn('"event":"workload.started"', self.kubectl("logs", self.pod).stdout)
        done = self.kubectl("exec", "-i", self.pod, "--", AGENT, "exec", "--", "sh", "-c", "cat > /tmp/x; cat /tmp/x",
                            text="through the API server\n")
        self.assertEqual(done.stdout, "through the API server\n")

    def test_a_port_is_forwarded(self):
        # The kubelet's end of it stands in the pod's own network namespace.
        forward = world.popen("port-forward", f"--namespace={self.namespace}", self.pod, ":8080")
        self.addCleanup(forward.wait)
        self.addCleanup(forward.terminate)
        port = forward.stdout.readline().split(":")[1].split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            self.assertEqual(answer.read(), b"web\n")

    def test_a_rolling_update_keeps_serving(self):
        before = self.pod
        self.kubectl("set", "env", "deployment/web", "VERSION=2")
        failures = 0
        for _ in range(20):
            failures += self.from_a_plain_pod(f"http://web.{self.namespace}/").stdout != "web\n"
        self.await_ready("deployment/web")
        await_that("the old pod is gone", lambda: self.kubectl("get", "pod", before, check=False).returncode != 0)
        type(self).pod = self.pod_of("web")
        self.assertEqual(failures, 0)


class Egress(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if not world.cluster:
            raise machine_lacks("an outside of its own: KUBECONFIG names another's cluster")
        super().setUpClass()
        case = cls()
        case.apply(config_map("policy", POLICY.format(host=OUTSIDE, path="/allowed/**")),
                   deployment("agent", container(), annotations={"openshell.io/policy": "policy"}),
                   deployment("closed", container()))
        case.await_ready("deployment/agent")
        case.await_ready("deployment/closed")
        cls.pod, cls.closed = case.pod_of("agent"), case.pod_of("closed")

    def code(self, pod_name: str, path: str, *options: str) -> str:
        return self.inside(pod_name, f"{GET} {' '.join(options)} http://{OUTSIDE}{path}").stdout

    def test_the_policy_lets_out_what_it_names(self):
        before = len(world.arrived())
        self.assertEqual(self.code(self.pod, "/allowed/x"), "200")
        self.assertEqual(world.arrived()[before]["path"], "/allowed/x")

    def test_nothing_else_gets_out(self):
        before = len(world.arrived())
        self.assertEqual(self.code(self.pod, "/other"), "403")
        self.assertEqual(self.code(self.pod, "/allowed/x", "-X", "DELETE"), "403")
        address = world.cluster.outside_address
        for what, command in (("past the proxy", f"{GET} --noproxy '*' http://{address}/allowed/x"),
                              ("another program", f"busybox wget -T 5 -O - http://{OUTSIDE}/allowed/x"),
                              ("a bare connection", f"busybox nc -w 3 {address} 5432 </dev/null"),
                              ("the API server", f"{GET} -k https://10.96.0.1/"),
                              ("the kubelet", f"{GET} -k https://10.99.0.1:10250/"),
                              ("a nameserver", f"busybox nslookup -type=a {OTHER} 10.96.0.10")):
            with self.subTest(what=what):
                self.assertNotRegex(self.inside(self.pod, command).stdout, f"200|401|{OUTSIDE_TOKEN}|{address}")
        self.assertEqual(world.arrived()[before:], [])

    def test_without_a_policy_nothing_gets_out(self):
        before = len(world.arrived())
        self.assertNotEqual(self.inside(self.closed, f"{GET} http://{OUTSIDE}/allowed/x").returncode, 0)
        self.assertNotEqual(self.inside(self.closed, f"{GET} http://{world.cluster.outside_address}/").returncode, 0)
        self.assertEqual(world.arrived()[before:], [])

    def test_a_policy_that_is_edited_holds_in_the_running_pod(self):
        self.assertEqual(self.code(self.pod, "/edited/x"), "403")
        self.apply(config_map("policy", POLICY.format(host=OUTSIDE, path="/edited/**")))
        await_that("the new policy lets it out", lambda: self.code(self.pod, "/edited/x") == "200")
        self.assertEqual(self.code(self.pod, "/allowed/x"), "403")
        self.apply(config_map("policy", "version: 1\nnonsense: true\n"))
        await_that("status tells of the broken policy", lambda: "nonsense" in self.kubectl(
            "exec", self.pod, "--", AGENT, "status").stdout)
        self.assertEqual(self.code(self.pod, "/edited/x"), "200")
        self.apply(config_map("policy", POLICY.format(host=OUTSIDE, path="/allowed/**")))
        await_that("the first policy again", lambda: self.code(self.pod, "/allowed/x") == "200")
        self.assertEqual(self.get("pod", self.pod)["status"]["containerStatuses"][0]["restartCount"], 0)


class Ends(ClusterCase):
    def ended(self, name: str) -> dict:
        """How the container of a pod that restarts never came to its end."""
        def states() -> list:
            return [s["state"].get("terminated")
                    for s in self.get("pod", name)["status"].get("containerStatuses", [])]
        await_that(f"{name} ends", lambda: any(states()))
        return states()[0]

    def test_a_policy_that_is_absent_keeps_the_workload_from_running(self):
        self.apply(pod("absent", "echo", "ran", annotations={"openshell.io/policy": "nowhere"}, restartPolicy="Never"))
        self.assertEqual(self.ended("absent")["exitCode"], 125)
        self.assertNotIn("ran\n", self.kubectl("logs", "absent").stdout)

    def test_the_exit_status_of_the_workload_is_the_pods(self):
        self.apply(pod("seven", "sh", "-c", "exit 7", restartPolicy="Never"))
        self.assertEqual(self.ended("seven")["exitCode"], 7)

    def test_a_job_completes(self):
        template = {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": [container("echo", "done")]}}
        self.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"},
                    "spec": {"template": template}})
        self.kubectl("wait", "--for=condition=Complete", "job/job", "--timeout=60s")

    def test_deleting_a_pod_lets_the_workload_end_by_itself(self):
        script = "trap 'echo heard; exit 0' TERM; echo started; while :; do sleep 0.1; done"
        self.apply(pod("polite", "sh", "-c", script, terminationGracePeriodSeconds=30))
        self.await_ready("pod/polite")
        await_that("it started", lambda: "started" in self.kubectl("logs", "polite").stdout)
        follow = world.popen("logs", "--follow", f"--namespace={self.namespace}", "polite")
        self.kubectl("delete", "pod", "polite", "--timeout=20s")
        self.assertIn("heard\n", follow.communicate(timeout=20)[0])
