# SPDX-License-Identifier: Apache-2.0
"""What people start in a pod that runs, starts in its sandbox: exec, cp and attach in every form."""
import pathlib
import tempfile

from fixture import AGENT, NAME, OUTSIDE, POLICY, SYSTEM, ClusterCase, await_that, config_map, container, pod, world
from runner import machine_lacks

INSTALL, PROXY = "openshell-supervisor-install", "openshell-supervisor-network"
WHO = ("id -u; grep -h ^Cap /proc/self/status | cut -f2 | sort -u; "
       "grep -hE '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f2")
CONFINED = ["1000", "0" * 16, "1", "2"]
GET = ("curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}")


class Exec(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        case.apply(config_map("policy", POLICY), pod("work", annotations={"openshell.io/policy": "policy"}))
        case.await_ready("pod/work")

    def run_in(self, *argv: str, options: tuple = (), text: str | None = None):
        return self.kubectl("exec", *options, "work", "--", *argv, text=text, check=False)

    def refused(self, code: str, *argv: str) -> None:
        done = self.kubectl(*argv, check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(code, done.stderr)

    # --- where it lands ---------------------------------------------------------------------------
    def test_a_command_is_the_sandbox_user_without_capabilities_behind_the_filter(self):
        for options in ((), ("-i",), ("-c", "app")):
            with self.subTest(options=options):
                done = self.run_in("sh", "-c", WHO, options=options)
                self.assertEqual(done.stdout.split(), CONFINED, done.stderr)

    def test_a_terminal_is_one_inside_too(self):
        kubectl = f"kubectl exec -it --namespace={self.namespace} work -c app -- sh -c 'test -t 0 && echo terminal; id -u'"
        done = world._run(["script", "-qec", kubectl, "/dev/null"], check=False)
        self.assertRegex(done.stdout, r"terminal\s+1000", done.stderr)

    def test_standard_input_reaches_it_and_its_status_comes_back(self):
        done = self.run_in("sh", "-c", "cat; exit 7", options=("-i",), text="through\n")
        self.assertEqual((done.stdout, done.returncode), ("through\n", 7), done.stderr)

    def test_arguments_arrive_as_they_were(self):
        done = self.run_in("printf", "%s.", "a b", "", "$(HOME)", "--", "exec")
        self.assertEqual(done.stdout, "a b..$(HOME).--.exec.", done.stderr)

    def test_files_of_the_containers_root_stay_closed(self):
        for command in ("touch /etc/x", "ls /run/openshell", "cat /run/openshell/policy.yaml", "kill 1", "cat /proc/1/environ"):
            with self.subTest(command=command):
                self.assertNotEqual(self.run_in("sh", "-c", command).returncode, 0)

    def test_egress_is_by_policy(self):
        if not world.cluster:
            raise machine_lacks("an outside of its own: KUBECONFIG names another's cluster")
        before = len(world.arrived())
        self.assertEqual(self.run_in(*GET, f"http://{OUTSIDE}/allowed/x").stdout, "200")
        self.assertEqual(self.run_in(*GET, f"http://{OUTSIDE}/other").stdout, "403")
        address = world.cluster.outside_address
        self.assertEqual(self.run_in(*GET, "--noproxy", "*", f"http://{address}/allowed/x").stdout, "403")
        self.assertEqual([a["path"] for a in world.arrived()[before:]], ["/allowed/x"])

    def test_the_agents_own_subcommands_run_inside_or_tell(self):
        self.assertIn('"topology"', self.run_in(AGENT, "status").stdout)
        self.assertEqual(self.run_in(AGENT, "exec", "--", "id", "-u").stdout, "1000\n")
        done = self.run_in(AGENT, "policy", "check", "/run/openshell/policy.yaml")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("denied", done.stdout + done.stderr)

    def test_files_are_copied_both_ways(self):
        with tempfile.TemporaryDirectory() as folder:
            here, back = pathlib.Path(folder, "here"), pathlib.Path(folder, "back")
            here.write_text("copied\n")
            done = self.kubectl("cp", here, "work:/tmp/copied", check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.run_in("stat", "-c", "%u", "/tmp/copied").stdout, "1000\n")
            done = self.kubectl("cp", "work:/tmp/copied", back, check=False)
            self.assertEqual((done.returncode, back.read_text()), (0, "copied\n"), done.stderr)
            self.assertNotEqual(self.kubectl("cp", here, "work:/etc/copied", check=False).returncode, 0)

    # --- where it does not ------------------------------------------------------------------------
    def test_nobody_enters_a_container_of_ours(self):
        self.refused("OSW053", "exec", "work", "-c", INSTALL, "--", "/openshell-agent", "version")
        self.refused("OSW053", "attach", "work", "-c", INSTALL)

    def test_the_api_itself_refuses_in_either_form_of_the_request(self):
        path = f"/api/v1/namespaces/{self.namespace}/pods/work"
        for what in (f"exec?command=ls&command=-l&container={INSTALL}&stdout=true", f"attach?container={INSTALL}&stdout=true"):
            with self.subTest(what=what):
                self.refused("OSW053", "get", "--raw", f"{path}/{what}")
                self.refused("OSW053", "create", "--raw", f"{path}/{what}", "-f", "/dev/null")

    def test_a_pod_that_is_not_there_is_said_to_be_so(self):
        self.refused("not found", "exec", "nowhere", "--", "id")

    def test_while_no_replica_answers_nobody_gets_in(self):
        self.own_cluster()
        self.addCleanup(self.scale, 2)
        self.scale(0)
        self.refused("exec.openshell.io", "exec", "work", "--", "id")
        self.refused("exec.openshell.io", "attach", "work")

    def scale(self, replicas: int) -> None:
        world.kubectl("scale", f"deployment/{NAME}", f"--namespace={SYSTEM}", f"--replicas={replicas}")
        world.await_webhook()
        await_that(f"{replicas} replicas", lambda: len(world.kubectl(
            "get", "pods", f"--namespace={SYSTEM}", "--output=name").stdout.split()) == replicas)
        if replicas:
            await_that("the API server reaches them", lambda: self.run_in("true").returncode == 0)

    # --- attach -----------------------------------------------------------------------------------
    def test_who_attaches_reaches_the_workload(self):
        app = container("sh", "-c", "read line; id -u; echo got $line", stdin=True, stdinOnce=True)
        self.apply(pod("reads", restartPolicy="Never", containers=[app]))
        self.await_ready("pod/reads")
        attached = self.kubectl("attach", "-i", "reads", "-c", "app", text="a line\n", check=False)
        await_that("it ends", lambda: self.get("pod", "reads")["status"]["phase"] == "Succeeded")
        self.assertIn("got a line", self.kubectl("logs", "reads").stdout, attached.stderr)


class ExecWithoutASandbox(ClusterCase):
    label = "annotated"

    def test_a_pod_that_is_not_sandboxed_is_entered_as_before(self):
        self.apply(pod("plain"))
        self.await_ready("pod/plain")
        self.assertEqual(self.kubectl("exec", "plain", "--", "id", "-u").stdout, "0\n")


class ExecInASidecarPod(ClusterCase):
    @classmethod
    def setUpClass(cls):
        if world.cluster and not world.cluster.release.since(29):
            raise machine_lacks("a Kubernetes of 1.29 or newer: K8S names an older one")
        super().setUpClass()
        case = cls()
        both = [container(), container() | {"name": "second"}]
        case.apply(config_map("policy", POLICY), pod("work", containers=both, annotations={
            "openshell.io/topology": "sidecar", "openshell.io/policy": "policy"}))
        case.await_ready("pod/work")

    def test_a_command_is_confined_in_each_container_of_the_users(self):
        for name in ("app", "second"):
            with self.subTest(container=name):
                done = self.kubectl("exec", "work", "-c", name, "--", "sh", "-c", WHO, check=False)
                self.assertEqual(done.stdout.split(), CONFINED, done.stderr)

    def test_nobody_enters_the_proxy(self):
        for verb, rest in (("exec", ("--", "/openshell-agent", "version")), ("attach", ())):
            with self.subTest(verb=verb):
                done = self.kubectl(verb, "work", "-c", PROXY, *rest, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("OSW053", done.stderr)
