# SPDX-License-Identifier: Apache-2.0
"""node: an outside world with several pods on it, as a Kubernetes node has them.

Each pod has a wire of its own to the node, which passes on what pods send each other, enforces NetworkPolicies,
and gives Services their addresses. The servers of `Internet` run on the node itself; one of them stands for the
API server. What a policy can say that is not understood here raises."""
import json
import subprocess

from internet import HERE, Internet
from network import inside

API = "10.96.0.1:443"
FILTER = """
table inet policies {{
  chain forward {{
    type filter hook forward priority 0; policy accept
    jump judge
  }}
  chain input {{
    type filter hook input priority 0; policy accept
    jump judge
  }}
  set passed {{
    type ifname . inet_proto
    flags dynamic
    size 1024
  }}
  chain after_forward {{
    type filter hook forward priority 10; policy accept
    jump note
  }}
  chain after_input {{
    type filter hook input priority 10; policy accept
    jump note
  }}
  chain note {{
    meta l4proto ipv6-icmp icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit }} return
    update @passed {{ iifname . meta l4proto }}
  }}
  chain judge {{
    ct state established,related accept
    meta l4proto ipv6-icmp icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit }} accept
    {jumps}
  }}
  {chains}
}}
"""
SERVICES = """
table ip services {{
  chain prerouting {{
    type nat hook prerouting priority -100
    {rules}
  }}
}}
"""


class Node(Internet):
    """Knows `names`, as `Internet` does. Without `enforce` no policy holds."""

    def __init__(self, names: dict[str, list[str]]):
        super().__init__(names)
        self._count = 0
        self._pods: dict[str, dict] = {}  # By the number of the wire: what labels each has.
        self.policies: list[dict] = []
        self.services: list[dict] = []
        try:
            for address in (f"{HERE}/32", f"{API.partition(':')[0]}/32", "2001:db8:1::1/128"):
                inside(str(self.pid), "ip", "address", "add", address, "dev", "lo")
            inside(str(self.pid), "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        except RuntimeError:
            self.__exit__()
            raise

    def wire(self, pid: int, labels: dict[str, str]) -> str:
        """Connects the network namespace of process `pid`; the pod's address."""
        self._count += 1
        number, node = str(self._count), str(self.pid)
        self._pods[number] = labels
        device, four, six = f"pod{number}", f"10.244.{number}.", f"2001:db8:2:{number}::"
        inside(node, "ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        for where, name, last in ((node, device, 1), (str(pid), "eth0", 2)):
            inside(where, "ip", "link", "set", "lo", "up")
            inside(where, "ip", "link", "set", name, "up")
            inside(where, "ip", "address", "add", f"{four}{last}/24", "dev", name)
            inside(where, "ip", "-6", "address", "add", f"{six}{last}/64", "dev", name, "nodad")
        # What the node answers over UDP comes from where it was asked.
        inside(node, "ip", "route", "replace", f"{four}0/24", "dev", device, "src", HERE)
        inside(str(pid), "ip", "route", "add", "default", "via", f"{four}1")
        inside(str(pid), "ip", "-6", "route", "add", "default", "via", f"{six}1")
        self._load()
        return f"{four}2"

    def unwire(self, address: str) -> None:
        """Nothing is sent to this pod any more."""
        del self._pods[address.split(".")[2]]
        self._load()

    def device(self) -> str:
        """The node's end of the wire that was made last."""
        return f"pod{self._count}"

    def enforce(self, policies: list[dict]) -> None:
        """These NetworkPolicies hold from now on, and no others."""
        self.policies = policies
        self._load()

    def serve(self, services: list[dict]) -> None:
        """These Services lead to the pods that they select."""
        self.services = services
        self._load()

    def passed(self, device: str) -> set[str]:
        """The protocols of which packets got past the filter that came over this wire, since it was loaded."""
        done = subprocess.run(["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", "nft", "-j", "list", "set", "inet",
                               "policies", "passed"], capture_output=True, check=True)
        (found,) = [item["set"] for item in json.loads(done.stdout)["nftables"] if "set" in item]
        pairs = [element["concat"] for element in found.get("elem", [])]
        return {protocol for name, protocol in pairs if name == device}

    def answers(self, address: str, port: int, path: str) -> bool:
        """Whether a GET from the node is answered with success, as a kubelet's probe finds."""
        done = self._curl("-f", f"http://{address}:{port}{path}")
        return done.returncode == 0

    def fetch(self, url: str) -> subprocess.CompletedProcess:
        """A GET from the node."""
        return self._curl("-S", url)

    def _curl(self, *argv: str) -> subprocess.CompletedProcess:
        return subprocess.run(["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", "curl", "-s", "-m", "3", "--noproxy",
                               "*", *argv], capture_output=True, check=False)

    # --- rules ---

    def _load(self) -> None:
        rules = "flush ruleset\n"
        rules += FILTER.format(**self._filter()) + SERVICES.format(rules="\n    ".join(self._translations()))
        done = subprocess.run(["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", "nft", "-f", "-"],
                              input=rules, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"nft: {done.stderr}")

    def _filter(self) -> dict[str, str]:
        """A chain for each pod that a policy selects, and each direction: what passes returns, the rest ends there."""
        jumps, chains = [], []
        for number, labels in self._pods.items():
            for direction, match, peers in (("Egress", "iifname", "to"), ("Ingress", "oifname", "from")):
                selecting = [p["spec"] for p in self.policies if direction in p["spec"]["policyTypes"]
                             and _selects(p["spec"]["podSelector"], labels)]
                if not selecting:
                    continue
                passes = [line for spec in selecting for rule in spec.get(direction.lower(), [])
                          for line in self._passes(rule, peers, "oifname" if peers == "to" else "iifname")]
                name = f"{direction.lower()}{number}"
                jumps.append(f'{match} "pod{number}" jump {name}')
                body = "\n    ".join([*passes, "reject with icmpx admin-prohibited"])
                chains.append(f"chain {name} {{\n    {body}\n  }}")
        return {"jumps": "\n    ".join(jumps), "chains": "\n  ".join(chains)}

    def _passes(self, rule: dict, peers: str, match: str) -> list[str]:
        _only(rule, peers, "ports")
        places, ports = [""], [""]
        if peers in rule:
            for peer in rule[peers]:
                _only(peer, "podSelector")
            places = [f'{match} "pod{number}" ' for number, labels in self._pods.items()
                      if any(_selects(peer["podSelector"], labels) for peer in rule[peers])]
        if "ports" in rule:
            ports = [f"{port['protocol'].lower()} dport {port['port']} " for port in rule["ports"]]
        return [f"{place}{port}return" for place in places for port in ports]

    def _translations(self):
        for service in self.services:
            spec = service["spec"]
            for number, labels in self._pods.items():
                if not _selects({"matchLabels": spec["selector"]}, labels):
                    continue
                for port in spec["ports"]:
                    yield (f"ip daddr {spec['clusterIP']} {port['protocol'].lower()} dport {port['port']} "
                           f"dnat to 10.244.{number}.2:{port['targetPort']}")


def _only(given: dict, *known: str) -> None:
    if given.keys() - set(known):
        raise ValueError(f"not understood: {json.dumps(given)}")


def _selects(selector: dict, labels: dict[str, str]) -> bool:
    _only(selector, "matchLabels")
    return selector.get("matchLabels", {}).items() <= labels.items()
