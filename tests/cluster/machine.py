# SPDX-License-Identifier: Apache-2.0
"""machine: the network of the only node, and how it is taken away again.

Nothing of the cluster leaves by the uplink: pods are refused there, and the addresses of services without
rules and of pods that are gone lead to a bridge without ports."""
import json
import pathlib
import re
import shutil
import subprocess

NODE, NODE_ADDRESS = "node1", "10.99.0.1"
PODS, NODE_PODS, SERVICES = "10.244.0.0/16", "10.244.0.0/24", "10.96.0.0/16"
POD_RANGE = "10.244.0.2-10.244.0.254"
FIRST_SERVICE, DNS = "10.96.0.1", "10.96.0.10"
NODE_LINK, POD_LINK = "osk-node0", "osk-pods0"
# Stands for the internet: a network namespace with web servers.
OUTSIDE, OUTSIDE_LINK, OUTSIDE_ADDRESS, OUTSIDE_GATEWAY = "osk-outside", "osk-out0", "198.51.100.10", "198.51.100.1"
LOCAL_CHAIN = "OSK-LOCAL"
# kube-proxy and kubelet, the CNI plugins, and ours.
CHAINS = f"KUBE-|CNI-|{LOCAL_CHAIN}"
NETPOL_TABLE = "osk_netpol"
SYSCTLS = {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1",
           "net.ipv4.conf.all.route_localnet": None}  # which kube-proxy sets


def run(*argv, check: bool = True, **options) -> str:
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: {done.stderr.strip()}")
    return done.stdout


def _sysctl_path(name: str) -> pathlib.Path:
    return pathlib.Path("/proc/sys", name.replace(".", "/"))


def is_taken() -> bool:
    """Whether there is another cluster's network, or another copy of this one's."""
    rules = run("iptables-save", check=False)
    return bool(re.search(rf"^:({CHAINS})", rules, re.MULTILINE)) or _exists(NODE_LINK)


def _exists(link: str) -> bool:
    return subprocess.run(["ip", "link", "show", link], capture_output=True).returncode == 0


def set_up(remembered: pathlib.Path) -> None:
    """What is changed on the machine is written to `remembered` first."""
    if shutil.which("modprobe"):  # Else the kernel has what it needs built in.
        run("modprobe", "br_netfilter", check=False)
    before = {name: _sysctl_path(name).read_text().strip() for name in SYSCTLS if _sysctl_path(name).exists()}
    remembered.write_text(json.dumps(before))
    run("ip", "link", "add", NODE_LINK, "type", "bridge")
    run("ip", "link", "set", NODE_LINK, "up")
    run("ip", "address", "add", f"{NODE_ADDRESS}/32", "dev", NODE_LINK)
    for network in (SERVICES, PODS):
        run("ip", "route", "add", network, "dev", NODE_LINK, "src", NODE_ADDRESS)
    for name in before:
        if SYSCTLS[name] is not None:
            _sysctl_path(name).write_text(SYSCTLS[name])
    _close_uplink()
    _add_outside()


def _close_uplink() -> None:
    run("iptables", "-w", "-N", LOCAL_CHAIN)
    for uplink in {route["dev"] for route in json.loads(run("ip", "-json", "-4", "route", "show", "default"))}:
        run("iptables", "-w", "-A", LOCAL_CHAIN, "-s", PODS, "-o", uplink, "-j", "REJECT",
            "--reject-with", "icmp-net-prohibited")
        run("iptables", "-w", "-A", LOCAL_CHAIN, "-d", PODS, "-i", uplink, "-j", "DROP")
    run("iptables", "-w", "-I", "FORWARD", "1", "-j", LOCAL_CHAIN)


def _add_outside() -> None:
    run("ip", "netns", "add", OUTSIDE)
    run("ip", "link", "add", OUTSIDE_LINK, "type", "veth", "peer", "name", "eth0", "netns", OUTSIDE)
    run("ip", "address", "add", f"{OUTSIDE_GATEWAY}/24", "dev", OUTSIDE_LINK)
    run("ip", "link", "set", OUTSIDE_LINK, "up")
    run("ip", "-n", OUTSIDE, "link", "set", "lo", "up")
    run("ip", "-n", OUTSIDE, "address", "add", f"{OUTSIDE_ADDRESS}/24", "dev", "eth0")
    run("ip", "-n", OUTSIDE, "link", "set", "eth0", "up")
    run("ip", "-n", OUTSIDE, "route", "add", "default", "via", OUTSIDE_GATEWAY)


def take_down(remembered: pathlib.Path) -> None:
    """Also what is only half there."""
    run("ip", "netns", "del", OUTSIDE, check=False)
    for link in (OUTSIDE_LINK, POD_LINK, NODE_LINK):
        run("ip", "link", "del", link, check=False)
    for program in ("iptables", "ip6tables"):
        for table in ("filter", "nat", "mangle"):
            _clean_rules(program, table)
    run("nft", "delete", "table", "ip", NETPOL_TABLE, check=False)
    if remembered.exists():
        for name, value in json.loads(remembered.read_text()).items():
            _sysctl_path(name).write_text(value)
        remembered.unlink()


def _clean_rules(program: str, table: str) -> None:
    """Removes the cluster's chains, and what leads to them, in one transaction."""
    rules = run(program, "-w", "-t", table, "-S", check=False).splitlines()
    chains = [line.split()[1] for line in rules if re.match(rf"-N ({CHAINS})", line)]
    if not chains:
        return
    jumps = [re.sub("^-A", "-D", line) for line in rules
             if re.match(rf"-A (?!{CHAINS}).* -[jg] ({CHAINS})", line)]
    run(f"{program}-restore", "-w", "-n", input="\n".join(
        [f"*{table}", *jumps, *(f"-F {c}" for c in chains), *(f"-X {c}" for c in chains), "COMMIT", ""]))
