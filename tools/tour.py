# SPDX-License-Identifier: Apache-2.0
"""tour: what the demos of all topologies have in common: what is tried in the sandbox and beside it, and what of it is
shown."""
import copy
import json
import os
import pathlib
import re
import sys
from dataclasses import dataclass

import admission
import images
from internet import BARE_PORT, HERE, Internet
from podman import Podman
from pods import Pod

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(os.environ.get("OPENSHELL_OUT", ROOT / "build/release"))
NAMESPACES = ROOT / "examples/namespaces.yaml"
APP, PROXY = "agent", "openshell-supervisor-network"
AGENT = "/opt/openshell/openshell-agent"
REFUSED = "refused"
NAMES = {name: [HERE] for name in ("api.example.com", "db.example.com", "other.example.com")}
GET = "curl -sS -m 10 -o /dev/null -w %{http_code}"
# As a program that knows of no proxy.
DIRECT = f"{GET} --noproxy '*'"
# With or without a proxy in the environment, and with or without credentials for it.
DATABASE = ("import os,base64 as b,http.client as h,urllib.parse as u;p=u.urlparse(os.environ.get('HTTPS_PROXY',''));"
            "a=p.username and {'Proxy-Authorization':'Basic '+b.b64encode((p.username+':'+p.password).encode()).decode()};"
            f"c=h.HTTPConnection(p.hostname or 'db.example.com',p.port or {BARE_PORT},timeout=10);"
            f"p.hostname and c.set_tunnel('db.example.com',{BARE_PORT},a or {{}});c.connect();"
            "c.sock.recv(99);print('answered')")
FETCH = "import urllib.request as r;r.urlopen('https://api.example.com/repos/a',timeout=10);print('answered')"


@dataclass
class Check:
    """A command, what it has to answer inside the sandbox, and the pattern of that answer. In the pod
    without a sandbox it must work (`plain_works`), else its refusal would prove nothing."""
    what: str
    command: str
    expected: str = REFUSED
    pattern: str = REFUSED
    plain_works: bool = True


WHO = {
    "Who the workload is": [
        Check("user, group, groups", "echo $(id -u) $(id -g) $(id -G)", "1000 1000 1000", "1000 1000 1000"),
        Check("capabilities, all five sets", "echo $(grep ^Cap /proc/self/status | cut -f2 | sort -u)",
              "none", "0{16}"),
        Check("no_new_privs", "grep NoNewPrivs /proc/self/status | cut -f2", "1", "1"),
        Check("seccomp filters", "grep Seccomp_filters /proc/self/status | cut -f2", "the runtime's + 1", "2"),
        Check("OPENSHELL_ variables, image's forged", "echo $(env | grep ^OPENSHELL_ | sort)",
              "OPENSHELL_SANDBOX=1", "OPENSHELL_SANDBOX=1"),
    ],
}
SERVED = [
    Check("curl GET https://api…/repos/a", f"{GET} https://api.example.com/repos/a", "200", "200"),
    Check("who vouches for that server", "curl -sSv -m 10 https://api.example.com/repos/a 2>&1 | "
          "sed -n 's/.*issuer: .*CN=//p'", "the sandbox itself", "OpenShell.*"),
]
ANY_BYTES = Check("python3 to db.example.com, any bytes", f'python3 -c "{DATABASE}"', "answered", "answered")
DENIED = [
    Check("another method: DELETE", f"{GET} -X DELETE https://api.example.com/repos/a", "403", "403"),
    Check("the reason given", "curl -sS -m 10 -X DELETE https://api.example.com/repos/a | "
          "sed -n 's/.*\"detail\":\"\\([^\"]*\\)\",\"protocol.*/\\1/p'",
          "what no rule allows", ".*DELETE.*/repos/a.*"),
    Check("another path", f"{GET} https://api.example.com/secrets", "403", "403"),
    Check("another host", f"{GET} https://other.example.com/"),
]
# What each proxy tells of these.
TOLD = (
    ("an allowed request", {"event": "http.request", "verdict": "allow", "method": "GET"}),
    ("a refused method", {"event": "http.request", "verdict": "deny", "method": "DELETE"}),
    ("a refused host", {"event": "net.connect", "verdict": "deny", "host": "other.example.com"}),
)
INSIDE = {
    "Files: as the policy says": [
        Check("write in /data (read_write)", "echo more >> /data/result && tail -n 1 /data/result",
              "more", "more"),
        Check("read in /etc (read_only)", "head -n 1 /etc/passwd", "root:x:0:0…", "root:x:0:0.*"),
        Check("write in /etc", "echo evil >> /etc/passwd"),
        Check("list /home (not in the policy)", "ls /home"),
        Check("write in /dev/shm (not in it either)", "echo x > /dev/shm/x"),
    ],
    "The sandbox itself": [
        Check("kill process 1", "kill -9 1"),
        Check("read its environment", "cat /proc/1/environ"),
        Check("make a user namespace", "unshare -U true"),
        Check("mount a file system", "mount -t tmpfs none /tmp", plain_works=False),
        Check("replace the agent", f"echo x > {AGENT}", plain_works=False),
    ],
}


class Screen:
    """Prints, and remembers whether all was as expected."""

    def __init__(self):
        self._colour = sys.stdout.isatty()
        self.bad = 0

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def title(self, text: str) -> None:
        print(f"\n{self._paint('1', text)}", flush=True)

    def note(self, text: str) -> None:
        print(f"     {text}", flush=True)

    def judge(self, what: str, expected: str, seen: str, good: bool, plain: str = "") -> None:
        self.bad += not good
        verdict = self._paint("32", "ok ") if good else self._paint("1;31", "BAD")
        line = f"{verdict}  {what:<36} expected {expected:<20} seen "
        line += f"{short(seen, 40):<40}   plain pod: {short(plain, 28)}" if plain else short(seen, 80)
        print(line, flush=True)


def short(text: str, most: int) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= most else f"{text[:most - 1]}…"


def answer(done) -> str:
    """What a command said: its output, or that it was refused and why. A crash is neither."""
    if done.returncode == 0:
        return done.stdout.decode(errors="replace").strip() or "done"
    if done.returncode > 125:
        return f"crashed or not run, exit status {done.returncode}"
    words = done.stderr.decode(errors="replace").strip().splitlines()
    return f"{REFUSED}: {words[-1] if words else f'exit status {done.returncode}'}"


def submit(screen: Screen, webhook: admission.Webhook, pod: dict) -> dict:
    """Sends the pod to the webhook, shows the answer and returns what the API server would store."""
    screen.title("The API server asks the webhook: POST /mutate, certificate verified")
    response = webhook.mutate(pod)
    screen.judge("the pod", "allowed", "allowed" if response["allowed"] else "denied", response["allowed"])
    patched = admission.apply(pod, response)
    screen.note(f"{len(admission.operations(response))} patch operations, applied by python3-jsonpatch")
    container = patched["spec"]["containers"][0]
    for init in patched["spec"]["initContainers"]:
        screen.note(f"init container: {init['name']}" +
                    (", which runs on beside the workload" if init.get("restartPolicy") == "Always" else ""))
    screen.note("command: " + " ".join(container["command"]))
    again = webhook.mutate(patched)
    changes = len(admission.operations(again)) if "patch" in again else 0
    screen.judge("the result, sent once more", "no change", f"{changes} changes" if changes else "no change",
                 again["allowed"] and not changes)
    return patched


def denials(screen: Screen, webhook: admission.Webhook, pod: dict) -> None:
    screen.title("What cannot be sandboxed is denied, never run open")
    host = copy.deepcopy(pod)
    host["spec"]["hostNetwork"] = True
    typo = copy.deepcopy(pod)
    typo["metadata"]["annotations"]["openshell.io/topolgy"] = "combined"
    for what, code, bad in (("a pod with hostNetwork", "OSW014", host),
                            ("a mistyped annotation", "OSW007", typo)):
        response = webhook.mutate(bad)
        message = response.get("status", {}).get("message", "allowed")
        screen.judge(what, f"denied, {code}", message, not response["allowed"] and code in message)


def admit(screen: Screen, podman: Podman, pod: dict, options: tuple[str, ...] = ()) -> dict:
    """Makes the images, and has a webhook with these options answer for the pod and for some that it must refuse. The pod
    as the API server would store it."""
    screen.title("Images, from local files")
    workload = pod["spec"]["containers"][0]["image"]
    local = f"localhost/{workload}"
    images.TREES[local] = images.TREES[images.CLIENTS]
    images.ensure(podman, OUT, images.PAUSE_IMAGE, images.AGENT_IMAGE, local)
    screen.note(f"{images.AGENT_IMAGE}: the agent and a trust store, from scratch")
    screen.note(f"{workload}: busybox, curl and python3, a stand-in for any image")
    webhook = admission.Webhook(OUT / "openshell-webhook", podman.state, images.AGENT_IMAGE,
                                admission.load(NAMESPACES), options)
    try:
        patched = submit(screen, webhook, pod)
        denials(screen, webhook, pod)
    finally:
        webhook.stop()
    return patched


def inside(pod: Pod, *command: str):
    """A command in the sandbox, as `kubectl exec` gets there: as the user that the container is started as."""
    context = pod.manifest["spec"]["containers"][0]["securityContext"]
    return pod.exec(APP, [AGENT, *command], user=f"{context['runAsUser']}:{context['runAsGroup']}")


def compare(screen: Screen, checks: dict[str, list[Check]], sandboxed: Pod, plain: Pod) -> None:
    """Each check inside the sandbox, as `kubectl exec` would get there, and in the plain pod."""
    for title, tried in checks.items():
        screen.title(title)
        for check in tried:
            seen = answer(inside(sandboxed, "exec", "--", "/bin/sh", "-c", check.command))
            beside = answer(plain.exec(APP, ["/bin/sh", "-c", check.command]))
            good = re.fullmatch(f"(?:{check.pattern})(?:: .*)?", seen) is not None
            works = beside.partition(":")[0] != REFUSED
            screen.judge(check.what, check.expected, seen, good and works == check.plain_works, beside)


def process_status(pid: str) -> dict[str, str]:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {k: " ".join(v.split()) for k, _, v in (line.partition(":") for line in text.splitlines())}


def kernels_word(screen: Screen, pod: Pod, expected: dict[str, tuple]) -> None:
    """A pod's processes, asked from outside of the containers: UID, capabilities and seccomp filters of each
    container's first, and of its children."""
    for container, processes in expected.items():
        first = str(pod.pid(container))
        children = pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split()
        found = {process_status(pid)["Uid"]: process_status(pid) for pid in children}
        for what, ids, held, filters in processes:
            status = process_status(first) if what == processes[0][0] else found.get(" ".join([ids] * 4), {})
            judge_process(screen, what, ids, held, filters, status)


def judge_process(screen: Screen, what: str, ids: str, held: int, filters: str, status: dict[str, str]) -> None:
    fields = ("Uid", "Gid", "CapEff", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp_filters")
    capabilities = f"{held:016x}"
    wanted = [" ".join([ids] * 4)] * 2 + [capabilities, capabilities, "0" * 16, "0" * 16, "1", filters]
    good = [status.get(field) for field in fields] == wanted
    screen.judge(what, f"UID {ids}, caps {held:x}",
                 f"UID {status.get('Uid', '?').split()[0]}, capabilities {status.get('CapEff')}, "
                 f"no_new_privs {status.get('NoNewPrivs')}, {status.get('Seccomp_filters')} seccomp filters", good)


def told(screen: Screen, pod: Pod, container: str, expected: tuple) -> None:
    """The first event of each kind that the above must have left."""
    screen.title(f"Events: what the agent told of it, on standard error of container {container}")
    first, *rest = pod.output(container)[1].decode(errors="replace").splitlines()
    run = json.loads(first)["run"]
    lines = [json.loads(line) for line in rest if f'"run":"{run}"' in line]
    for what, wanted in expected:
        seen = [e for e in lines if {k: e.get(k) for k in wanted} == wanted]
        text = " ".join(str(seen[0][k]) for k in ("event", "verdict", "method", "host", "port", "path", "binary",
                                                  "policy", "reason") if k in seen[0]) if seen else "nothing"
        screen.judge(what, wanted["event"], text, bool(seen))


def arrived(screen: Screen, net: Internet) -> None:
    screen.title("What the servers outside say arrived from the sandbox")
    seen = sorted({f"{r['method']} {r['path']}" for r in net.arrived() if "method" in r})
    screen.judge("requests", "GET /repos/a", ", ".join(seen), seen == ["GET /repos/a"])
