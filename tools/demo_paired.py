# SPDX-License-Identifier: Apache-2.0
"""demo_paired: the demo of topology proxy-pod: the agent's pod and its proxy's, each played by podman, on a node of the
demo's own whose packet filter stands for the cluster's NetworkPolicies. What else stands for a part of Kubernetes is said
where it is used."""
import base64
import copy

import admission
import tour
from internet import HERE
from network import PORT
from node import API, Node
from pairing import CLUSTER_IP, OPTIONS, Pair, as_kubelet, less_patient
from podman import PodError, Podman
from pods import Pod
from tour import ANY_BYTES, APP, DENIED, DIRECT, FETCH, INSIDE, NAMES, OUT, PROXY, REFUSED, SERVED, WHO, Check, Screen

AGENT_IMAGE = tour.images.AGENT_IMAGE
PAIRING = "/run/openshell-pairing"
CHECKS = {
    **WHO,
    "Network: what the policy allows": [
        *SERVED,
        ANY_BYTES,
        Check("the same host by another program", f'python3 -c "{FETCH}"', "answered: relaxed", "answered"),
    ],
    "Network: what it does not": [
        *DENIED,
        Check("an allowed host, ignoring the proxy", f"{DIRECT} https://api.example.com/repos/a"),
        Check("past the proxy, to an address", f"{DIRECT} http://{HERE}:{PORT}/"),
        Check("the same over IPv6", f"{DIRECT} http://[2001:db8:1::1]:{PORT}/"),
        Check("to the API server", f"{DIRECT} -k https://{API}/"),
        Check("look a name up", "nslookup -type=a api.example.com"),
        Check("the same, of a nameserver outside", f"nslookup -type=a api.example.com {HERE}"),
        Check("ping", f"ping -c 1 -W 2 {HERE}"),
    ],
    **INSIDE,
    # Which is its own launcher here, of the same user; the kernel may say that the signal was sent.
    "The sandbox itself": [Check("kill process 1", "kill -9 1; kill -0 1 && echo it is there", "refused, or no effect",
                                 f"it is there|{REFUSED}"), *INSIDE["The sandbox itself"][1:]],
}
AGENT_PROCESSES = {APP: (("the workload's launcher", "1000", 0, "1"), ("the workload", "1000", 0, "2"))}
PROXY_PROCESSES = {PROXY: (("the proxy's parent", "1337", 0, "1"), ("the proxy", "1337", 0, "2"))}


def gated(screen: Screen, podman: Podman, pair: Pair) -> None:
    screen.title("The API server keeps the pod, and its scheduling gate keeps it from starting")
    screen.note(f"pod {pair.pod['metadata']['name']}, uid {pair.pod['metadata']['uid']}")
    try:
        as_kubelet(pair.pod, podman.state, [])
        seen = "started"
    except PodError as error:
        seen = str(error)
    screen.judge("the pod", "waits", seen, "waits behind its scheduling gate" in seen)


def made(screen: Screen, pair: Pair) -> None:
    screen.title("What the controller makes for it: openshell-webhook companions")
    for made_object in pair.objects.values():
        screen.note(f"{made_object['kind']:<14} {made_object['metadata']['name']}")
    agent = pair.objects["os-eg"]["spec"]
    screen.judge("egress of the agent pod", "to its proxy", f"{len(agent['egress'])} rule, "
                 f"{len(agent['egress'][0]['to'])} peer, port {agent['egress'][0]['ports'][0]['port']}",
                 [r["ports"] for r in agent["egress"]] == [[{"protocol": "TCP", "port": 3128}]])


def start_proxy(screen: Screen, pair: Pair) -> None:
    screen.title("The cluster's part, played by the demo")
    for line in ("a network namespace stands for the node: each pod is on a wire of its own, and the packet filter there is",
                 "made of the NetworkPolicies above; it leads the Service's address to the proxy's pod",
                 f"the API server's address, {API}, is a server of the demo's on the node",
                 "as podman knows none of them, the demo writes the files of downward-API volumes and of the Secret, and",
                 "fills in variables from annotations; it asks the readiness probe, and applies the controller's patch"):
        screen.note(line)
    pair.fence()
    pair.start_proxy()
    screen.judge("the proxy's readiness probe", "answered", "answered", True)
    for what in pair.left_out:
        screen.note(f"left out, as podman cannot: {what}")


def on_an_open_network(screen: Screen, pair: Pair) -> None:
    screen.title("Where NetworkPolicies are not enforced, the workload never starts")
    screen.note("added: --wait 2, as an enforcer that is late would be waited for, for a minute")
    pair.node.enforce([])
    try:
        pair.start_agent(less_patient)
        seen = "started"
    except PodError as error:
        seen = str(error).partition("\"reason\":")[2] or str(error)
    screen.judge("openshell-agent fence-check", "refuses", seen, "does not enforce NetworkPolicies" in seen)
    screen.judge("the workload", "not started", f"process {pair.agent.pid(APP)}", pair.agent.pid(APP) == 0)
    pair.remove_agent()
    pair.node.enforce(pair.policies)


def start_agent(screen: Screen, pair: Pair) -> None:
    screen.title("With the policies enforced and the proxy ready the controller's patch opens the gate")
    pair.start_agent()
    pair.agent.await_output(APP, b"wrote /data/result\n")
    for line in pair.agent.output(APP)[0].decode().splitlines():
        screen.note(f"its log: {line}")


def whose_proxy(screen: Screen, pair: Pair, other: Pod) -> None:
    """`other` is a pod on the same node, without a sandbox."""
    screen.title("The proxy serves its own agent pod and no other")
    proxy, uid = f"http://{CLUSTER_IP}:3128", pair.pod["metadata"]["uid"]
    ask = f"curl -sS -m 10 -o /dev/null -w %{{http_connect}} https://api.example.com/repos/a -x {proxy}"

    def judge(what: str, expected: str, done) -> None:
        seen = f"{done.stdout.decode()} {done.stderr.decode()}"
        screen.judge(what, expected, seen, expected in seen)

    def inside(command: str):
        return tour.inside(pair.agent, "exec", "--", "/bin/sh", "-c", command)
    judge("without the pair's token", "407", inside(ask))
    judge("with a token that is wrong", "407", inside(f"{ask} -U {uid}:guess"))
    judge("by another pod", "connect", other.exec(APP, ["/bin/sh", "-c", ask]))
    pair.node.enforce([])
    judge("the same, if no policy held", "407", other.exec(APP, ["/bin/sh", "-c", ask]))
    pair.node.enforce(pair.policies)


def whose_key(screen: Screen, pair: Pair) -> None:
    screen.title("The key of the sandbox's authority is the proxy's alone")
    key = base64.b64decode(pair.objects["os-ca"]["data"]["openshell-ca-key.pem"])
    folder = pair.proxy.volume(PROXY, PAIRING)
    mode = (folder / "openshell-ca-key.pem").stat()
    screen.judge("in the proxy's pod", "its group's, 0440", f"group {mode.st_gid}, {mode.st_mode & 0o777:04o}",
                 (mode.st_gid, mode.st_mode & 0o777) == (1337, 0o440))
    line = key.splitlines()[1].decode()
    found = pair.agent.exec(APP, ["grep", "-rsl", line, "/etc", "/opt", "/tmp", "/data"])
    screen.judge("in the agent's pod, as its root", "nowhere", found.stdout.decode() or "nowhere",
                 found.returncode == 1 and not found.stdout)


def server_inside(screen: Screen, pair: Pair, other: Pod) -> None:
    screen.title("Inbound: the server in the sandbox, asked by another pod")
    for what, port, expected in (("port 8080, which the pod declares", 8080, "agent: work done"),
                                 ("another port", 8081, REFUSED)):
        done = other.exec(APP, ["curl", "-sS", "-m", "5", f"http://{pair.agent_address}:{port}/result"])
        seen = tour.answer(done)
        screen.judge(what, expected, seen, seen.startswith(expected))


def endings(screen: Screen, pair: Pair) -> None:
    screen.title("The container ends as its workload ends")
    pair.agent.kill(APP, "TERM")
    code = pair.agent.wait(APP, 10).code
    screen.judge("SIGTERM to the container", "128 + 15 = 143", str(code), code == 143)
    pair.remove_agent()
    pair.start_agent(lambda playable: playable["spec"]["containers"][0].update(args=["exit 7"]))
    code = pair.agent.wait(APP, 10).code
    screen.judge("a workload that exits with 7", "7", str(code), code == 7)
    pair.remove_agent()
    pair.remove_proxy()
    pair.configmaps = [c for c in pair.configmaps if "policy.yaml" not in c["data"]]
    try:
        pair.start_proxy()
    except PodError:
        pass  # It ends before its probe is answered.
    outcome = pair.proxy.wait(PROXY, 10)
    screen.judge("the policy's ConfigMap is absent", "125", f"{outcome.code}", outcome.code == 125)
    screen.note(f"its log: {outcome.stderr.decode().strip()}")


def plain_on(podman: Podman, node: Node, pod: dict) -> Pod:
    return Pod(podman, admission.for_podman(node.given_to_plain(pod), "plain")[0])


def run(screen: Screen, deployment: dict, configmaps: list[dict]) -> None:
    # The policy names programs, and the proxy of another pod cannot know who asks.
    deployment["spec"]["template"]["metadata"]["annotations"]["openshell.io/binary-identity"] = "relaxed"
    pod = admission.pod_of(deployment)
    with Podman() as podman, Node(NAMES) as node:
        patched = tour.admit(screen, podman, pod, OPTIONS)
        with Pair(podman, node, OUT / "openshell-webhook", AGENT_IMAGE, patched, configmaps) as pair:
            gated(screen, podman, pair)
            made(screen, pair)
            start_proxy(screen, pair)
            on_an_open_network(screen, pair)
            start_agent(screen, pair)
            with Node(NAMES) as other_node, plain_on(podman, other_node, pod) as plain:
                plain.start(lambda pid: other_node.wire(pid, {}))
                tour.compare(screen, CHECKS, pair.agent, plain)
            tour.arrived(screen, node)
            with plain_on(podman, node, pod) as other:
                other.start(lambda pid: node.wire(pid, copy.deepcopy(pod["metadata"]["labels"])))
                whose_proxy(screen, pair, other)
                server_inside(screen, pair, other)
            whose_key(screen, pair)
            screen.title("Their processes, as this machine's kernel sees them")
            tour.kernels_word(screen, pair.agent, AGENT_PROCESSES)
            tour.kernels_word(screen, pair.proxy, PROXY_PROCESSES)
            tour.told(screen, pair.proxy, PROXY, tour.TOLD)
            endings(screen, pair)
