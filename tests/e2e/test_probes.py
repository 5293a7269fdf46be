# SPDX-License-Identifier: Apache-2.0
"""Exec probes and hooks, called as a kubelet calls them: as the container's root, beside the sandbox."""
import threading

from fixture import SandboxCase, pod
from images import DEBIAN

INSIDE = "id -u; grep -E 'NoNewPrivs|CapEff' /proc/self/status; cat /proc/net/dev | wc -l; exit ${1:-0}"
SERVE = ["bash", "-c", "echo ready; exec sleep 300"]


def probe(*argv: str) -> dict:
    return {"exec": {"command": list(argv)}}


class Probes(SandboxCase):
    def played_with(self, late: bool = False, **fields):
        """The pod, and its container as rendered. `late`: its agent starts a moment after the container."""
        rendered = self.rendered(pod(DEBIAN, SERVE, **fields))
        app = rendered["spec"]["containers"][0]
        if late:
            app["command"] = ["bash", "-c", 'echo there; sleep 2; exec "$@"', "late", *app["command"]]
        made = self.play(rendered, None)
        made.start()
        made.await_output("app", b"there\n" if late else b"ready\n")
        return made, app

    def test_a_probe_runs_inside_and_its_exit_status_passes_through(self):
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            with self.subTest(probe=name):
                made, app = self.played_with(**{name: probe("bash", "-c", INSIDE, "probe", "7")})
                done = made.exec("app", app[name]["exec"]["command"])
                uid, caps, privileges, devices = done.stdout.decode().splitlines()
                self.assertEqual((uid, caps.split()[1], privileges.split()[1]), ("1000", "0" * 16, "1"))
                self.assertEqual((devices, done.returncode), ("3", 7), "a loopback alone")

    def test_a_probe_that_comes_before_the_sandbox_fails_and_a_hook_waits(self):
        hook = {"postStart": probe("bash", "-c", "id -u; echo started"), "preStop": probe("id", "-u")}
        made, app = self.played_with(late=True, startupProbe=probe("true"), lifecycle=hook)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            made.exec("app", app["lifecycle"]["postStart"]["exec"]["command"])))
        waiting.start()
        early = made.exec("app", app["startupProbe"]["exec"]["command"])
        self.assertEqual(early.returncode, 125)
        self.assertIn(b"no sandbox is running here yet", early.stderr)
        waiting.join(30)
        self.assertEqual((answers[0].returncode, answers[0].stdout), (0, b"1000\nstarted\n"))
        self.assertEqual(made.exec("app", app["startupProbe"]["exec"]["command"]).returncode, 0)
        self.assertEqual(made.exec("app", app["lifecycle"]["preStop"]["exec"]["command"]).stdout, b"1000\n")

    def test_what_an_init_container_left_is_no_sandbox_of_the_workloads(self):
        manifest = pod(DEBIAN, SERVE, readinessProbe=probe("true"))
        manifest["spec"]["initContainers"] = [{"name": "setup", "image": DEBIAN, "command": ["true"]}]
        rendered = self.rendered(manifest)
        app = rendered["spec"]["containers"][0]
        app["command"] = SERVE
        made = self.play(rendered, None)
        made.start()
        made.await_output("app", b"ready\n")
        self.assertIn(b"status.json\n", made.exec("app", ["ls", "/run/openshell"]).stdout)
        done = made.exec("app", app["readinessProbe"]["exec"]["command"])
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"no sandbox is running here yet", done.stderr)
