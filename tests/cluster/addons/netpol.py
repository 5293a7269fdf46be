#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""netpol SERVER PKI TABLE LATE: enforces NetworkPolicies on a cluster of one node, with nftables.

Follows pods, namespaces and policies by the API as the admin whose keys are in the folder PKI; each change
computes the whole nftables table anew, which replaces the old one in one transaction. Selectors, ipBlock,
ports by number, range and name, both directions, default deny. The node itself always reaches its pods.
Service addresses are translated before these rules see a packet.

A pod is open until the API shows its address, which is after its containers started: so with most that
enforce policies, and what is tested here has to hold nevertheless. Each change waits up to LATE seconds more, by chance."""
import http.client
import json
import random
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
# A reject, so that connections fail at once.
DENY = "reject with icmp type admin-prohibited"
# Changes come in bunches.
SETTLE_S = 0.03


class Mirror:
    """What the API server has, kept up to date by one thread a kind."""

    def __init__(self, server: str, pki: str):
        self._server, self._pki = urllib.parse.urlsplit(server), pki
        self._lock, self.changed = threading.Lock(), threading.Event()
        self._items = {}
        for kind, path in PATHS.items():
            threading.Thread(target=self._follow, args=(kind, path), daemon=True).start()

    def snapshot(self) -> dict[str, dict] | None:
        """By kind, then by namespace and name; None before every list has come."""
        with self._lock:
            return {k: dict(v) for k, v in self._items.items()} if len(self._items) == len(PATHS) else None

    def _connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=f"{self._pki}/ca.crt")
        context.load_cert_chain(f"{self._pki}/admin.crt", f"{self._pki}/admin.key")
        return http.client.HTTPSConnection(self._server.hostname, self._server.port, context=context, timeout=330)

    def _follow(self, kind: str, path: str) -> None:
        while True:
            try:
                self._list_and_watch(kind, path)
            except Exception as error:  # Whatever it was, the next attempt may do.
                print("watch", kind, error, file=sys.stderr, flush=True)
                time.sleep(0.5)

    def _list_and_watch(self, kind: str, path: str) -> None:
        connection = self._connect()
        listed = json.loads(get(connection, path).read())
        with self._lock:
            self._items[kind] = {key(item): item for item in listed["items"]}
        self.changed.set()
        version = listed["metadata"]["resourceVersion"]
        for line in get(connection, f"{path}?watch=1&timeoutSeconds=300&resourceVersion={version}"):
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            with self._lock:
                if event["type"] == "DELETED":
                    self._items[kind].pop(key(event["object"]), None)
                else:
                    self._items[kind][key(event["object"])] = event["object"]
            self.changed.set()


def get(connection: http.client.HTTPSConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path)
    reply = connection.getresponse()
    if reply.status != 200:
        raise OSError(f"{path}: {reply.status}")
    return reply


def key(item: dict) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


# --- policies to rules; pure -----------------------------------------------------------------------
def labels(item: dict) -> dict:
    return item["metadata"].get("labels") or {}


def address(pod: dict) -> str:
    return pod["status"]["podIP"]


def is_live(pod: dict) -> bool:
    status = pod.get("status", {})
    return ("." in status.get("podIP", "") and not pod["spec"].get("hostNetwork")
            and status.get("phase") in ("Pending", "Running"))


def selects(selector: dict, of: dict) -> bool:
    if any(of.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        name, values = expression["key"], expression.get("values") or []
        holds = {"In": of.get(name) in values, "NotIn": name not in of or of[name] not in values,
                 "Exists": name in of, "DoesNotExist": name not in of}
        if not holds[expression["operator"]]:
            return False
    return True


class Rules:
    """The table for one state of the cluster."""

    def __init__(self, state: dict[str, dict]):
        self._pods = [pod for pod in state["pods"].values() if is_live(pod)]
        self._namespaces, self._policies = state["namespaces"], list(state["policies"].values())

    def table(self, name: str) -> str:
        chains, jumps = [], {"Egress": [], "Ingress": []}
        for pod in self._pods:
            for direction, targets in jumps.items():
                lines = self._isolate(pod, direction)
                if lines is not None:
                    chain = f"{direction.lower()}_{address(pod).replace('.', '_')}"
                    chains.append(f"chain {chain} {{\n  " + "\n  ".join(lines) + "\n }")
                    targets.append(f"{address(pod)} : jump {chain}")
        egress, ingress = (f"ip {side} vmap {{ {', '.join(jumps[d])} }}" if jumps[d] else ""
                           for side, d in (("saddr", "Egress"), ("daddr", "Ingress")))
        body = "\n ".join(chains)
        return f"""table ip {name}
delete table ip {name}
table ip {name} {{
 {body}
 chain egress {{ {egress}
 }}
 chain ingress {{ {ingress}
 }}
 chain forward {{ type filter hook forward priority 10; policy accept;
  ct state established,related accept
  jump egress
  jump ingress
 }}
 chain input {{ type filter hook input priority 10; policy accept;
  ct state established,related accept
  jump egress
 }}
}}
"""

    def _isolate(self, pod: dict, direction: str) -> list[str] | None:
        """What a pod may do that policies isolate in this direction; None for another pod."""
        applying = [p for p in self._policies if p["metadata"]["namespace"] == pod["metadata"]["namespace"]
                    and selects(p["spec"].get("podSelector") or {}, labels(pod)) and direction in types(p)]
        if not applying:
            return None
        allowed = [line for policy in applying for rule in policy["spec"].get(direction.lower()) or []
                   for line in self._lines(rule, direction == "Ingress", pod)]
        side = "daddr" if direction == "Egress" else "saddr"
        return [f"ip {side} {address(pod)} return", *dict.fromkeys(allowed), f"counter {DENY}"]

    def _lines(self, rule: dict, ingress: bool, pod: dict) -> list[str]:
        ports, side = rule.get("ports"), "saddr" if ingress else "daddr"
        peers = rule.get("from" if ingress else "to")
        if not peers:
            return [f"{match}return" for match in port_matches(ports, pod if ingress else None)]
        lines = []
        for peer in peers:
            if "ipBlock" in peer:
                lines += [f"{block}{match}return" for block in block_matches(peer["ipBlock"], side)
                          for match in port_matches(ports, pod if ingress else None)]
                continue
            for other in self._peer_pods(peer, pod["metadata"]["namespace"]):
                lines += [f"ip {side} {address(other)} {match}return"
                          for match in port_matches(ports, pod if ingress else other)]
        return lines

    def _peer_pods(self, peer: dict, namespace: str) -> list[dict]:
        def is_inside(pod: dict) -> bool:
            if "namespaceSelector" not in peer:
                return pod["metadata"]["namespace"] == namespace
            found = self._namespaces.get(("", pod["metadata"]["namespace"]))
            return found is not None and selects(peer["namespaceSelector"], labels(found))
        return [pod for pod in self._pods
                if is_inside(pod) and selects(peer.get("podSelector") or {}, labels(pod))]


def types(policy: dict) -> list[str]:
    spec = policy["spec"]
    return spec.get("policyTypes") or (["Ingress", "Egress"] if "egress" in spec else ["Ingress"])


def block_matches(block: dict, side: str) -> list[str]:
    if ":" in block["cidr"]:
        return []
    without = f"ip {side} != {{ {', '.join(block['except'])} }} " if block.get("except") else ""
    return [f"ip {side} {block['cidr']} {without}"]


def port_matches(ports: list | None, listener: dict | None) -> list[str]:
    """One match for each port; `listener` is the pod that the ports are on, None for addresses outside."""
    if not ports:
        return [""]
    matches = []
    for port in ports:
        protocol, number = port.get("protocol", "TCP"), port.get("port")
        if number is None:
            matches.append(f"meta l4proto {protocol.lower()} ")
            continue
        if isinstance(number, str):
            number = named_port(listener, number, protocol) if listener else None
        if number:
            last = f"-{port['endPort']}" if port.get("endPort") else ""
            matches.append(f"{protocol.lower()} dport {number}{last} ")
    return matches


def named_port(pod: dict, name: str, protocol: str) -> int | None:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == name and port.get("protocol", "TCP") == protocol:
                return port["containerPort"]
    return None


# --- the kernel's copy -----------------------------------------------------------------------------
def load(table: str) -> bool:
    done = subprocess.run(["nft", "-f", "-"], input=table, text=True, capture_output=True)
    if done.returncode != 0:
        print(done.stderr, table, file=sys.stderr, flush=True)
    return done.returncode == 0


def main() -> None:
    server, pki, name, late = sys.argv[1:]
    mirror, loaded = Mirror(server, pki), None
    while True:
        mirror.changed.wait(30)
        time.sleep(SETTLE_S + random.uniform(0, float(late)))
        mirror.changed.clear()
        state = mirror.snapshot()
        table = Rules(state).table(name) if state else None
        if table == loaded:
            continue
        if load(table):
            loaded = table
        else:
            time.sleep(1)
            mirror.changed.set()


if __name__ == "__main__":
    main()
