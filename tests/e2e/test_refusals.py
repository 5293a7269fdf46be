# SPDX-License-Identifier: Apache-2.0
"""Where the sandbox cannot be built as asked, the container ends at once: exit status 125, one line
that names the cause, and the workload never runs."""
import json
import os
import pathlib

import fixture
from fixture import AGENT_PATH, SandboxCase, config_map, pod, world
from images import BUSYBOX, LINKED
from pods import Outcome, Pod

GOOD_POLICY = "version: 1\n"
HARD_POLICY = GOOD_POLICY + "landlock: {compatibility: hard_requirement}\n"
BEST_EFFORT_POLICY = GOOD_POLICY + "landlock: {compatibility: best_effort}\n"
# Rendered for what later versions do with it; nothing needs it yet.
UNUSED_CAPABILITIES = {"SYSLOG"}
RUNTIME_PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
ENOSYS = 38


def app(manifest: dict) -> dict:
    return manifest["spec"]["containers"][0]


def deny_calls(state: pathlib.Path, name: str, prefix: str) -> None:
    """A seccomp profile: the runtime's own, but calls that begin with `prefix` do not exist."""
    profile = json.loads(RUNTIME_PROFILE.read_text())
    names = {n for rule in profile["syscalls"] for n in rule["names"] if n.startswith(prefix)}
    for rule in profile["syscalls"]:
        rule["names"] = [n for n in rule["names"] if n not in names]
    profile["syscalls"] = [r for r in profile["syscalls"] if r["names"]]
    profile["syscalls"].append({"names": sorted(names), "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS})
    (state / name).write_text(json.dumps(profile))


class Refusals(SandboxCase):
    def marking_pod(self, image: str = BUSYBOX) -> dict:
        """As rendered, a pod whose workload leaves a mark and writes a line."""
        return self.rendered(pod(
            image, ["sh", "-c", "echo ran; touch /mark/ran"],
            volumes=[{"name": "mark", "emptyDir": {}}],
            volumeMounts=[{"name": "mark", "mountPath": "/mark"}]), GOOD_POLICY)

    def outcome(self, manifest: dict, policy: str | None = GOOD_POLICY,
                more: list[dict] = ()) -> tuple[Outcome, bool]:
        """Plays it to its end; also whether the workload ran."""
        made: Pod = self.play(manifest, policy, more)
        made.start()
        outcome = made.wait("app", 20)
        return outcome, (made.volume("app", "/mark") / "ran").exists()

    def assert_refused(self, manifest: dict, *causes: str, policy: str | None = GOOD_POLICY,
                       more: list[dict] = ()) -> None:
        outcome, ran = self.outcome(manifest, policy, more)
        self.assertFalse(ran, "the workload ran")
        self.assertEqual((outcome.code, outcome.stdout), (125, b""), outcome.stderr)
        told = [json.loads(line) for line in outcome.stderr.decode().splitlines() if line]
        # Where the kernel refuses the processes beside the workload too, each says so.
        self.assertLessEqual({e["event"] for e in told}, {"sandbox.refused", "identity.failed", "worker.failed"}, told)
        event, = (e for e in told if e["event"] == "sandbox.refused")
        self.assertEqual(event["level"], "error")
        for cause in causes:
            self.assertIn(cause, event["reason"])

    def test_the_pod_that_is_spoiled_below_runs_as_it_is(self):
        outcome, ran = self.outcome(self.marking_pod())
        self.assertEqual((outcome.code, outcome.stdout, ran), (0, b"ran\n", True), outcome.stderr)

    def test_each_rendered_capability_is_needed(self):
        for name in app(self.marking_pod())["securityContext"]["capabilities"]["add"]:
            with self.subTest(missing=name):
                manifest = self.marking_pod()
                app(manifest)["securityContext"]["capabilities"]["add"].remove(name)
                if name in UNUSED_CAPABILITIES:
                    self.assertEqual(self.outcome(manifest)[0].code, 0)
                else:
                    self.assert_refused(manifest, name)

    def test_an_image_that_leads_our_folders_elsewhere(self):
        for name in ("opt", "run", "etc"):
            with self.subTest(link=f"/{name}"):
                self.assert_refused(self.marking_pod(f"{LINKED}-{name}"), "symbolic link", f"'/{name}/")

    def test_a_volume_that_comes_to_lie_over_one_of_our_folders(self):
        for name, folder in (("policy", "/etc/openshell/policy"), ("tls", "/etc/openshell-tls")):
            with self.subTest(folder=folder):
                self.assert_refused(self.marking_pod(f"{LINKED}-{name}-volume"), f"'{folder}'", "covered")

    def test_a_volume_of_the_pods_that_comes_to_lie_over_the_agent(self):
        """Its program would start as root in the agent's place."""
        manifest = self.rendered(pod(
            f"{LINKED}-agent", ["sh", "-c", "exit 7"],
            volumes=[{"name": "mark", "emptyDir": {}}, {"name": "tools", "configMap": {
                "name": "tools", "defaultMode": 0o755}}],
            volumeMounts=[{"name": "mark", "mountPath": "/mark"}, {"name": "tools", "mountPath": "/a/b/c/d"}]),
            GOOD_POLICY)
        evil = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tools"},
                "data": {"openshell-agent": "#!/bin/sh\ntouch /mark/ran\n"}}
        self.assert_refused(manifest, "'/opt/openshell'", "covered", more=[evil])

    def test_a_start_that_is_not_roots(self):
        manifest = self.marking_pod()
        app(manifest)["securityContext"]["runAsUser"] = 1000
        self.assert_refused(manifest)

    def test_no_new_privileges_set_from_outside_does_no_harm(self):
        manifest = self.marking_pod()
        app(manifest)["securityContext"]["allowPrivilegeEscalation"] = False
        outcome, ran = self.outcome(manifest)
        self.assertEqual((outcome.code, ran), (0, True), outcome.stderr)

    def test_a_place_that_is_not_process_1(self):
        manifest = self.marking_pod()
        manifest["spec"]["shareProcessNamespace"] = True
        self.assert_refused(manifest, "PID 1")

    def test_a_kernel_without_landlock(self):
        manifest = self.without_landlock()
        self.assert_refused(manifest, "Landlock")

    def test_a_kernel_that_was_booted_without_landlock(self):
        self.assert_refused(self.on_kernel_with("off"), "Landlock")

    def test_a_kernel_without_landlock_also_under_hard_requirement(self):
        self.assert_refused(self.without_landlock(), "Landlock", policy=HARD_POLICY)

    def test_best_effort_alone_runs_without_landlock_and_says_so(self):
        outcome, ran = self.outcome(self.without_landlock(), BEST_EFFORT_POLICY)
        self.assertEqual((outcome.code, ran), (0, True), outcome.stderr)
        warnings = [e for e in fixture.events(outcome.stderr)[0] if e["level"] == "warn"]
        self.assertTrue(any("landlock" in e["event"] for e in warnings), outcome.stderr)

    def test_an_old_landlock_is_refused_under_hard_requirement(self):
        self.assert_refused(self.on_kernel_with("1"), "Landlock", policy=HARD_POLICY)

    def test_an_old_landlock_is_used_as_far_as_it_goes_and_what_is_missing_is_told(self):
        for abi in range(1, 6):  # 6 lacks nothing that protects.
            with self.subTest(abi=abi):
                outcome, ran = self.outcome(self.on_kernel_with(str(abi)))
                self.assertEqual((outcome.code, ran), (0, True), outcome.stderr)
                told = {e["event"]: e for e in fixture.events(outcome.stderr)[0]}
                self.assertEqual(told["sandbox.ready"]["landlock_abi"], abi)
                self.assertIn("landlock.incomplete", told)

    def on_kernel_with(self, landlock: str) -> dict:
        manifest = self.marking_pod()
        app(manifest)["command"][:0] = ["/old_landlock", landlock, "--"]
        return manifest

    def without_landlock(self) -> dict:
        deny_calls(world.podman.state, "no-landlock.json", "landlock_")
        manifest = self.marking_pod()
        manifest["metadata"].setdefault("annotations", {})[
            "container.seccomp.security.alpha.kubernetes.io/app"] = "localhost/no-landlock.json"
        return manifest

    def test_a_kernel_that_loads_no_seccomp_filter(self):
        deny_calls(world.podman.state, "no-seccomp.json", "seccomp")
        manifest = self.marking_pod()
        manifest["metadata"].setdefault("annotations", {})[
            "container.seccomp.security.alpha.kubernetes.io/app"] = "localhost/no-seccomp.json"
        self.assert_refused(manifest, "seccomp")

    def test_a_named_policy_that_is_absent(self):
        self.assert_refused(self.marking_pod(), "policy.yaml", policy=None)

    def test_a_policy_that_is_broken(self):
        broken = {
            "not a mapping": "- version: 1\n",
            "not YAML": "version: [1\n",
            "an unknown field": GOOD_POLICY + "filesystem_polici: {}\n",
            "no version": "network_policies: {}\n",
            "empty": "",
        }
        for name, text in broken.items():
            with self.subTest(policy=name):
                self.assert_refused(self.marking_pod(), "policy.yaml", policy=text)

    def test_an_option_that_does_not_exist(self):
        manifest = self.marking_pod()
        app(manifest)["command"].insert(2, "--frobnicate")
        self.assert_refused(manifest, "--frobnicate")

    def test_an_identity_that_is_roots(self):
        for user in ("0:0", "0:1000", "1000:0", "root"):
            with self.subTest(user=user):
                manifest = self.marking_pod()
                app(manifest)["command"][2:2] = ["--user", user]
                self.assert_refused(manifest, "--user")

    def test_no_command(self):
        manifest = self.marking_pod()
        command = app(manifest)["command"]
        app(manifest)["command"] = command[:command.index("--") + 1]
        self.assert_refused(manifest, "command")

    def test_a_place_without_its_state_directory(self):
        manifest = self.marking_pod()
        app(manifest)["volumeMounts"] = [
            m for m in app(manifest)["volumeMounts"] if m["mountPath"] != "/run/openshell"]
        self.assert_refused(manifest, "/run/openshell")

    def test_the_agent_is_where_the_webhook_says(self):
        container = app(self.marking_pod())
        program, command = container["command"][:2]
        self.assertEqual(command, "run")
        mounts = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == "openshell-supervisor-bin"]
        self.assertEqual(mounts, [os.path.dirname(AGENT_PATH), os.path.dirname(program)])
        others = (m["mountPath"] for m in container["volumeMounts"] if m["mountPath"] not in mounts)
        self.assertTrue(all(path.count("/") < mounts[1].count("/") for path in others), "it is mounted last")
