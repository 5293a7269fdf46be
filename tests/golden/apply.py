#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the golden cases of the webhook once more, with a JSON Patch library that is not ours and the real
program: each patch applied to its pod must give pod.json, the program must give that patch, and for the
patched pod none. Prints each failure, and `N passed, N failed`."""

import base64
import copy
import json
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("OPENSHELL_BUILD", ROOT / "build/release"))
CASES = ROOT / "tests/golden/webhook"
# As in tests/unit/webhook_fixture.c.
IMAGE = "registry.example/openshell/agent:1.0.0"
API = "10.96.0.1:443"

sys.path.insert(0, str(ROOT / "tools"))
import admission  # noqa: E402
import jsonpatch  # noqa: E402


def patch_of(response: dict) -> list[dict]:
    return json.loads(base64.b64decode(response["patch"])) if "patch" in response else []


def check(case: pathlib.Path, webhook: admission.Webhook) -> str | None:
    """What is wrong with the case; None: nothing."""
    pod = admission.load(case / "pod.yaml")[0]
    response = webhook.mutate(copy.deepcopy(pod))
    if (case / "refused.txt").exists():
        if response["allowed"] or (case / "patch.json").exists():
            return "allowed, or both refused.txt and patch.json are there"
        return None
    if not response["allowed"]:
        return f"refused: {response['status']['message']}"
    patch = json.loads((case / "patch.json").read_text())
    if patch_of(response) != patch:
        return "the program's patch is not patch.json"
    result = jsonpatch.apply_patch(pod, patch)
    if patch and result != json.loads((case / "pod.json").read_text()):
        return "the patch does not give pod.json"
    again = webhook.mutate(result)
    if not again["allowed"] or patch_of(again):
        return f"the result is not taken as it is: {again}"
    return None


def main() -> int:
    cases = sorted(path.parent for path in CASES.glob("*/pod.yaml"))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        webhook = admission.Webhook(OUT / "openshell-webhook", pathlib.Path(folder), IMAGE,
                                    admission.load(CASES / "namespaces.yaml")[0]["items"],
                                    ("--proxy-pod-api", API))
        try:
            for case in cases:
                problem = check(case, webhook)
                if problem:
                    failed += 1
                    print(f"FAIL {case.name}: {problem}")
        finally:
            webhook.stop()
    print(f"golden: {len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
