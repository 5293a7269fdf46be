#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""manifests [--check]: what the chart renders, kept as files.

`deploy/webhook` has the default values as plain manifests, tests/golden/chart what each file of values changes in
them. --check writes nothing, and fails where a file is not what the chart renders."""
import difflib
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import helm  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHART, PLAIN, GOLDEN = ROOT / "charts/openshell", ROOT / "deploy/webhook", ROOT / "tests/golden/chart"
NAMESPACE = "openshell-system"
HEAD = "# SPDX-License-Identifier: Apache-2.0\n# Rendered from charts/openshell by `make manifests`; docs/install.md has the steps.\n"
OWN_NAMESPACE = f"---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n"
# Which templates are in a file of their own; all others are in webhook.yaml.
APART = {"admission.yaml": "admission.yaml", "policies": "policies.yaml"}
# Values that no file of the chart has.
OPTIONS = {
    "cert-manager": ["certificates.mode=certManager"],
    "existing-secret": ["certificates.mode=existingSecret", "certificates.caBundle=-----BEGIN CERTIFICATE-----"],
    "cert-manager-issuer": ["certificates.mode=certManager", "certificates.certManager.issuer.name=corporate"],
    "everything-named": [
        "images.registry=registry.example:5000/mirror", f"images.agent.digest=sha256:{'a' * 64}",
        "images.webhook.tag=1.2.3", "images.pullSecrets={pull}", "upstreamCA=roots", "hostNetwork=true",
        "ports.webhook=10250", "priorityClassName=", "extraArgs={--tick,--tock}", "nodeSelector.kind=control",
        "tolerations[0].operator=Exists", "networkPolicy.apiServerCIDRs={192.0.2.0/24}",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring",
        "certificates.days=30", "podLabels.team=a"],
    "registries": ["imageLookup.mode=required", "imageLookup.allow={10.0.0.0/8,registry.example}", "imageLookup.ports={443,5000}",
                   "imageLookup.insecure={registry.example:5000}", "imageLookup.rootsConfigMap=roots"],
    "registries-with-logins": ["imageLookup.pullSecrets={lookup,hub}", "imageLookup.privateImages[0].prefix=registry.example/team",
                               "imageLookup.privateImages[0].namespaces={team,team-tests}",
                               "imageLookup.privateImages[1].prefix=docker.io", "imageLookup.privateImages[1].namespaces={*}"],
    "registries-with-certificate": ["imageLookup.rootsConfigMap=roots", "certificates.mode=certManager"],
    "default-policy": ["defaultPolicy=# For $(AGENTS)\nversion: 1\n"],
    "proxy-pod": ["proxyPod.enabled=true"],
    "proxy-pod-after-a-move": ["proxyPod.enabled=true", "images.agent.kept={old.example/agent:1.0,old.example/agent:1.1}"],
    "proxy-pod-with-certificate": ["proxyPod.enabled=true", "proxyPod.apiAddress=[fd00::1]:6443",
                                   "proxyPod.closedAddresses={169.254.169.254:80,[fd00::a]:53}",
                                   "proxyPod.proxyUid=2000", "proxyPod.affinity=preferred", "proxyPod.resources.limits.cpu=2",
                                   "defaultTopology=proxy-pod", "certificates.mode=certManager"],
    "no-registries": ["imageLookup.mode=off"],
}


def template(*options: str) -> str:
    """The rendered chart; a comment before each document names its template."""
    done = subprocess.run([helm.program(), "template", "openshell", CHART, f"--namespace={NAMESPACE}", *options],
                          stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"helm template {' '.join(options)}: exit status {done.returncode}")
    return done.stdout


def plain(rendered: str) -> dict[str, str]:
    """By name, the files of `PLAIN`."""
    files = {"webhook.yaml": HEAD + OWN_NAMESPACE}
    for source, text in re.findall(r"^---\n# Source: openshell/templates/(\S+)\n(.*?)(?=^---\n|\Z)", rendered,
                                   re.MULTILINE | re.DOTALL):
        name = APART.get(source.partition("/")[0], "webhook.yaml")
        files[name] = files.get(name, HEAD) + "---\n" + text
    return files


def difference(before: str, after: str) -> str:
    """Only lines that change, so that what stays the same may move."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))
    return "".join(f"{line}\n" for line in lines[2:] if not line.startswith("@@"))


def render() -> dict[pathlib.Path, str]:
    default = template()
    files = {PLAIN / name: text for name, text in plain(default).items()}
    for path in CHART.glob("values-*.yaml"):
        files[GOLDEN / f"{path.stem.removeprefix('values-')}.diff"] = difference(default, template(f"--values={path}"))
    for name, settings in OPTIONS.items():
        changed = template(*(f"--set={setting}" for setting in settings))
        files[GOLDEN / f"{name}.diff"] = difference(default, changed)
    return files


def main() -> int:
    files = render()
    kept = {*PLAIN.glob("*.yaml"), *GOLDEN.glob("*.diff")}
    stale = [path for path, text in files.items() if path not in kept or path.read_text() != text]
    stale += kept - set(files)
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the chart renders: make manifests", file=sys.stderr)
        return 1 if stale else 0
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for path in stale:
        if path in files:
            path.write_text(files[path])
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
