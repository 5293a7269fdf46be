# SPDX-License-Identifier: Apache-2.0
"""What a workload notices of the sandbox that it did not ask for: nothing but what is documented."""
import json
import os
import pathlib
import signal

from fixture import SandboxCase, events, pod
from images import BUSYBOX, DEBIAN, SCRATCH
from cgroups import PIDS_LIMIT

ALL_IMAGES = (SCRATCH, BUSYBOX, DEBIAN)
# In every test image.
PROBE = "/probe"
# SIGKILL and SIGSTOP cannot be forwarded, SIGCHLD is not for the workload; SIGTERM ends the probe.
FORWARDED = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "CONT", "PIPE", "RTMIN+1"]


def short(image: str) -> str:
    return image.rsplit("/", 1)[-1]


class Workloads(SandboxCase):
    def test_arguments_arrive_unchanged(self):
        odd = ["", "two words", "$HOME", "`id`", "--", "-x", "*", "a'b\"c\\d", "ümläut", "line\nbreak"]
        for image in ALL_IMAGES:
            with self.subTest(image=short(image)):
                outcome = self.run_sandboxed(pod(image, [PROBE, "args", "first"], args=odd))
                wanted = "".join(f"[{a}]\n" for a in ["first", *odd])
                self.assertEqual((outcome.code, outcome.stdout.decode()), (0, wanted))

    def test_the_working_directory_is_the_containers(self):
        for image, folder in ((SCRATCH, "/"), (BUSYBOX, "/home"), (DEBIAN, "/usr/lib")):
            with self.subTest(image=short(image)):
                outcome = self.run_sandboxed(pod(image, [PROBE, "cwd"], workingDir=folder))
                self.assertEqual(outcome.stdout.decode(), f"{folder}\n")

    def test_the_exit_status_is_the_workloads(self):
        for image in ALL_IMAGES:
            with self.subTest(image=short(image)):
                for code in (0, 1, 77, 125, 255):
                    outcome = self.run_sandboxed(pod(image, [PROBE, "exit", str(code)]))
                    self.assertEqual(outcome.code, code)

    def test_death_by_a_signal_is_128_and_its_number(self):
        for name in ("SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT", "SIGPIPE"):
            with self.subTest(signal=name):
                number = signal.Signals[name].value
                outcome = self.run_sandboxed(pod(SCRATCH, [PROBE, "raise", str(number)]))
                self.assertEqual(outcome.code, 128 + number)

    def test_a_missing_program_is_127_and_one_that_is_not_executable_126(self):
        for path, code in (("/absent", 127), ("absent", 127), ("/etc/passwd", 126), ("/etc", 126)):
            with self.subTest(path=path):
                outcome = self.run_sandboxed(pod(BUSYBOX, [path]))
                self.assertEqual((outcome.code, outcome.stdout), (code, b""))
                self.assertIn(path.encode(), outcome.stderr)

    def test_a_program_without_a_slash_is_found_in_the_images_path(self):
        outcome = self.run_sandboxed(pod(BUSYBOX, ["echo", "found"]))
        self.assertEqual((outcome.code, outcome.stdout), (0, b"found\n"))

    def test_the_environment_is_the_containers_with_only_the_documented_changes(self):
        own = [{"name": "PLAIN", "value": "a b"}, {"name": "EMPTY", "value": ""},
               {"name": "LINES", "value": "one\ntwo"}]
        for image in ALL_IMAGES:
            with self.subTest(image=short(image)):
                plain = pod(image, [PROBE, "env"], env=own, securityContext={"runAsUser": 1000})
                given = self._environment(self.run_plain(plain))
                self.assertEqual(given["OPENSHELL_POLICY"], "forged", "the image forges nothing")
                wanted = {k: v for k, v in given.items() if not k.startswith("OPENSHELL_")}
                seen = self._environment(self.run_sandboxed(pod(image, [PROBE, "env"], env=own)))
                self.assertEqual(seen, wanted | {"OPENSHELL_SANDBOX": "1"})

    @staticmethod
    def _environment(outcome) -> dict[str, str]:
        text = outcome.stdout.decode().replace("LINES=one\ntwo\n", "LINES=one|two\n")
        # Podman calls the container by the pod's name, and each pod has another one.
        return {k: v for k, v in (line.split("=", 1) for line in text.splitlines()) if k != "HOSTNAME"}

    def test_standard_output_passes_byte_for_byte(self):
        content = os.urandom(1024 * 1024) + b"\r\n\0no newline at the end"
        for image in ALL_IMAGES:
            with self.subTest(image=short(image)):
                made = self.sandboxed(pod(
                    image, [PROBE, "cat", "/data/bytes"], volumes=[{"name": "data", "emptyDir": {}}],
                    volumeMounts=[{"name": "data", "mountPath": "/data"}]))
                (made.volume("app", "/data") / "bytes").write_bytes(content)
                made.start()
                outcome = made.wait("app")
                self.assertEqual(outcome.code, 0)
                self.assertTrue(outcome.stdout == content, f"{len(outcome.stdout)} other bytes")

    def test_both_output_streams_stay_apart(self):
        outcome = self.run_sandboxed(pod(SCRATCH, [PROBE, "both", "300000"]))
        self.assertEqual(outcome.stdout, b"o" * 300000)
        self.assertEqual(events(outcome.stderr)[1].rstrip(b"\n"), b"e" * 300000)

    def test_an_event_stands_on_a_line_of_its_own_whatever_the_workload_wrote(self):
        outcome = self.run_sandboxed(pod(DEBIAN, ["bash", "-c", "printf unfinished >&2"]))
        lines = outcome.stderr.splitlines()
        self.assertIn(b"unfinished", lines)
        for line in lines:
            self.assertTrue(line in (b"", b"unfinished") or "event" in json.loads(line), line)

    def test_events_can_be_told_to_people(self):
        rendered = self.rendered(pod(DEBIAN, ["true"]))
        rendered["spec"]["containers"][0]["command"].insert(2, "--log-format=shorthand")
        made = self.play(rendered, None)
        made.start()
        lines = [line.split() for line in made.wait("app").stderr.decode().splitlines() if line]
        self.assertEqual({line[1] for line in lines}, {lines[0][1]})
        self.assertEqual([(line[2], line[4]) for line in lines],
                         [("LIFECYCLE:START", "sandbox.ready"), ("CONFIG:LOG", "policy.loaded"),
                          ("PROC:LAUNCH", "workload.started"), ("PROC:TERMINATE", "workload.exited")])

    def test_standard_input_reaches_the_workload_and_its_end_too(self):
        content = os.urandom(200 * 1024)
        for image in ALL_IMAGES:
            with self.subTest(image=short(image)):
                made = self.sandboxed(pod(image, [PROBE, "cat"]))
                outcome = made.start_with_input("app", content)
                self.assertEqual(outcome.code, 0)
                self.assertTrue(outcome.stdout == content, f"{len(outcome.stdout)} other bytes")

    def test_signals_reach_the_workload(self):
        made = self.sandboxed(pod(SCRATCH, [PROBE, "signals"]))
        made.start()
        made.await_output("app", b"ready\n")
        for name in FORWARDED:
            with self.subTest(signal=name):
                base, _, offset = name.partition("+")
                number = signal.Signals[f"SIG{base}"].value + int(offset or 0)
                made.kill("app", str(number))
                made.await_output("app", f"signal {number}\n".encode())
        made.kill("app", "TERM")
        self.assertEqual(made.wait("app").code, 0)

    def test_a_workload_that_ignores_sigterm_goes_on(self):
        made = self.sandboxed(pod(BUSYBOX, ["sh", "-c", "trap 'echo no' TERM; echo ready; "
                                                        "while :; do sleep 0.1; done"]))
        made.start()
        made.await_output("app", b"ready\n")
        made.kill("app", "TERM")
        made.await_output("app", b"no\n")
        self.assertTrue(made.running("app"))

    def test_signals_are_neither_blocked_nor_ignored_at_the_start(self):
        outcome = self.run_sandboxed(pod(SCRATCH, [PROBE, "mask"]))
        self.assertEqual((outcome.code, outcome.stdout), (0, b""))

    def test_no_descriptor_but_the_three_standard_ones_is_open(self):
        outcome = self.run_sandboxed(pod(SCRATCH, [PROBE, "fds"]))
        self.assertEqual(outcome.stdout, b"0\n1\n2\n")

    def test_orphans_are_reaped(self):
        made = self.sandboxed(pod(SCRATCH, [PROBE, "orphans", "50"]))
        made.start()
        made.await_output("app", b"ready\n")
        self.assertEqual(zombies_below(made.pid("app")), [])
        made.kill("app", "TERM")
        self.assertEqual(made.wait("app").code, 128 + signal.SIGTERM)

    def test_the_workloads_children_end_with_it(self):
        made = self.sandboxed(pod(BUSYBOX, ["sh", "-c", "(trap '' TERM HUP; sleep 600) & exit 3"]))
        made.start()
        self.assertEqual(made.wait("app", 10).code, 3)

    def test_a_fork_bomb_stays_within_the_pods_limit_and_the_agent_survives_it(self):
        made = self.sandboxed(pod(SCRATCH, [PROBE, "fork", "1000000"]))
        made.start()
        outcome = made.wait("app")
        self.assertEqual(outcome.code, 0)
        words = outcome.stdout.split()
        self.assertEqual(words[0], b"granted")
        self.assertLess(int(words[1]), PIDS_LIMIT)

    def test_bash_python_and_node_run(self):
        programs = {
            "bash": ["bash", "-c", "set -o pipefail; echo one two | tr a-z A-Z | { read a b; echo $b $a; }"],
            "python": ["python3", "-c", "import json, subprocess, tempfile, threading\n"
                       "with tempfile.NamedTemporaryFile() as f: f.write(b'x'); f.flush()\n"
                       "print(subprocess.check_output(['echo', 'TWO ONE'], text=True), end='')"],
            "node": ["node", "-e", "setTimeout(() => require('child_process').execFile("
                     "'echo', ['TWO ONE'], (e, out) => process.stdout.write(out)), 10)"],
        }
        for name, command in programs.items():
            with self.subTest(program=name):
                outcome = self.run_sandboxed(pod(DEBIAN, command))
                self.assertEqual((outcome.code, outcome.stdout), (0, b"TWO ONE\n"), outcome.stderr)


def zombies_below(pid: int) -> list[int]:
    """The dead children of `pid` that it has not waited for."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = status.read_text().rpartition(") ")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == pid and state == "Z":
            found.append(int(status.parent.name))
    return found
