# SPDX-License-Identifier: Apache-2.0
"""`openshell-webhook inject`: manifests in, sandboxed manifests out, or a reason and nothing. Needs neither root nor
containers."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import admission  # noqa: E402
from test_webhook import IMAGE, PROGRAM  # noqa: E402

CASES = ROOT / "tests/golden"
NAMESPACES = CASES / "webhook/namespaces.yaml"
POD = """apiVersion: v1
kind: Pod
metadata: {name: %s}
spec: {containers: [{name: app, image: "registry.example/app:1", command: [/app]}]}
"""


def inject(text: str | bytes, *options: str) -> subprocess.CompletedProcess:
    data = text.encode() if isinstance(text, str) else text
    return subprocess.run([PROGRAM, "inject", "-f", "-", "--agent-image", IMAGE, *options], input=data,
                          capture_output=True, timeout=60)


class Inject(unittest.TestCase):
    def refused(self, text: str | bytes, *reasons: str, options: tuple = ()) -> None:
        done = inject(text, *options)
        self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr[:500])
        for reason in reasons:
            self.assertIn(reason, done.stderr.decode())

    def test_what_it_gives_is_what_the_server_gives(self):
        for case in sorted(path.parent for path in (CASES / "webhook").glob("*/pod.yaml")):
            with self.subTest(case=case.name):
                done = inject((case / "pod.yaml").read_bytes(), "--namespaces", str(NAMESPACES),
                              "--namespace", "team", "--proxy-pod-api", "10.96.0.1:443")
                if (case / "refused.txt").exists():
                    self.assertEqual((done.returncode, done.stdout), (1, b""))
                    for line in (case / "refused.txt").read_text().splitlines():
                        self.assertIn(line, done.stderr.decode())
                    continue
                self.assertEqual(done.returncode, 0, done.stderr)
                want = case / ("pod.json" if (case / "pod.json").exists() else "pod.yaml")
                self.assertEqual(yaml.safe_load(done.stdout), yaml.safe_load(want.read_text()))

    def test_its_result_is_taken_by_the_server_as_it_is(self):
        """Also after the API server has added its defaults."""
        done = inject((CASES / "inject/every-kind/in.yaml").read_bytes())
        with tempfile.TemporaryDirectory() as folder:
            webhook = admission.Webhook(PROGRAM, pathlib.Path(folder), IMAGE,
                                        [{"kind": "Namespace", "metadata": {
                                            "name": "default", "labels": {"openshell.io/injection": "enabled"}}}])
            self.addCleanup(webhook.stop)
            for document in yaml.safe_load_all(done.stdout):
                template = document
                if document["kind"] == "List":
                    template = document["items"][1]
                elif document["kind"] == "CronJob":
                    template = document["spec"]["jobTemplate"]["spec"]["template"]
                elif document["kind"] != "Pod":
                    template = document.get("template") or document["spec"]["template"]
                with self.subTest(kind=document["kind"]):
                    pod = {"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": {
                        **template["metadata"], "namespace": "default", "generateName": "x-"}}
                    answer = webhook.mutate(admission.defaulted(pod))
                    self.assertTrue(answer["allowed"], answer)
                    self.assertNotIn("patch", answer)

    def test_one_refusal_is_told_with_its_place_and_nothing_is_printed(self):
        bad = (POD % "bad").replace("spec: {", "spec: {hostPID: true, ")
        self.refused(POD % "good" + "---\n" + bad, 'document 2: Pod "bad": [OSW015]')

    def test_warnings_and_kinds_that_are_not_known_are_told(self):
        rollout = "apiVersion: argoproj.io/v1\nkind: Rollout\nmetadata: {name: r}\n" \
                  "spec: {template: {spec: {containers: []}}}\n"
        done = inject(POD % "x" + "---\n" + rollout)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'document 2: Rollout "r": left as it is', done.stderr)
        self.assertEqual(yaml.safe_load(rollout), list(yaml.safe_load_all(done.stdout))[1])

    def test_hostile_manifests_are_refused_with_line_and_column(self):
        bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(30))
        for name, text, reason in (
                ("aliases", bomb, "line 1, column 4: anchors"),
                ("depth", "a:\n " + "[" * 100000, "line 2, column 65: nested too deep"),
                ("a key twice", "kind: Pod\nspec: {}\nkind: Job\n", "line 3, column 1: a key is given twice"),
                ("a key twice in JSON", '{"kind": "Pod",\n "kind": "Job"}', "duplicate"),
                ("values", "a: [" + "1," * 200000 + "]", "too many values"),
                ("size", "a: " + "x" * (8 << 20), "8388608"),
                ("bytes", b"a: \xff\xfe", "line 1"),
                ("a tag", "a: !!python/object:os.system {}", "line 1, column 4"),
                ("a merge", "spec: {<<: {hostNetwork: true}}", "line 1, column 8"),
                ("unfinished", "a: [1, 2", "line 2"),
                ("text", "just text", "not an object")):
            with self.subTest(name):
                self.refused(text, reason)

    def test_a_name_cannot_speak_to_the_terminal(self):
        done = inject(POD.replace("command: [/app]", "tty: true") % '"\\e[2J"')
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"\x1b", done.stderr)

    def test_a_kind_cannot_speak_to_the_terminal_either(self):
        done = inject('kind: "\\e[2J"\nspec: {template: {spec: {containers: []}}}\n')
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertIn(b"\\u001b", done.stderr)

    def test_diff_shows_what_changes_and_nothing_else(self):
        done = inject(POD % "first" + "---\nkind: ConfigMap\nmetadata: {name: c}\n---\n" + POD % "second", "--diff")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = done.stdout.decode()
        heads = [line for line in text.splitlines() if line.startswith("+++ ")]
        self.assertEqual(heads, ['+++ document 1: Pod "first"', '+++ document 3: Pod "second"'])
        example = inject((ROOT / "examples/agent-deployment.yaml").read_bytes(), "--diff").stdout.decode()
        self.assertIn('\n-        command: ["/bin/sh", "-c"]\n+        command:\n', example)
        self.assertIn("\n         - name: data\n", example)

    def test_diff_of_what_was_rewritten_already_is_empty(self):
        once = inject(POD % "p")
        done = inject(once.stdout, "--diff")
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_diff_of_what_is_refused_is_a_reason_and_nothing(self):
        self.refused(POD.replace("spec: {", "spec: {hostNetwork: true, ") % "p", "OSW014", options=("--diff",))

    def test_usage_errors_are_2(self):
        for argv in ([], ["-f", "-"], ["--agent-image", "x"], ["-f", "-", "--agent-image", "x", "y"],
                     ["-f", "-", "--agent-image", "x", "--default-topology", "none"]):
            with self.subTest(argv=argv):
                done = subprocess.run([PROGRAM, "inject", *argv], stdin=subprocess.DEVNULL, capture_output=True)
                self.assertEqual(done.returncode, 2, done.stderr)

    def test_an_absent_file_is_an_error(self):
        done = subprocess.run([PROGRAM, "inject", "-f", "/absent", "--agent-image", "x"], capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"/absent", done.stderr)

    def test_json_comes_out_as_yaml(self):
        pod = yaml.safe_load(POD % "j")
        done = inject(json.dumps(pod))
        self.assertEqual(yaml.safe_load(done.stdout)["metadata"]["name"], "j")
        self.assertFalse(done.stdout.startswith(b"{"))
