# SPDX-License-Identifier: Apache-2.0
"""judge: whether every packet that left a pod is explained by a decision that was made.

What the policy lets out is told by events; what they do not tell must not be on the wire."""
import socket

from internet import HERE
from internet_servers import question_of

SYN, ACK = 0x02, 0x10


def unexplained(packets: list[bytes], events: list[dict], zone: dict[str, list[str]],
                inbound: tuple[int, ...] = (), under_way: int = 0) -> list[str]:
    """Those of `packets` that no event explains. `zone`: the addresses of names; `inbound`: the ports
    that the pod may answer from; `under_way`: how many requests may have no event yet."""
    allowed = [(e["host"], e["port"]) for e in events
               if e["event"] in ("net.connect", "http.request") and e["verdict"] != "deny"]
    places = {(address, port) for host, port in allowed for address in zone.get(host, [])}
    hosts, opened, odd = {host for host, _ in allowed}, 0, []
    for packet in packets:
        protocol, to, payload = _parts(packet)
        source, port = (int.from_bytes(payload[i:i + 2], "big") for i in (0, 2))
        if protocol == socket.IPPROTO_TCP and (to, port) in places:
            opened += payload[13] & (SYN | ACK) == SYN
        elif protocol == socket.IPPROTO_UDP and (to, port) == (HERE, 53):
            if question_of(payload[8:])[0] not in hosts:
                odd.append(f"question for {question_of(payload[8:])[0]}")
        elif not (protocol == socket.IPPROTO_TCP and source in inbound and payload[13] & ACK):
            odd.append(f"protocol {protocol} to {to} {port}: {packet.hex()}")
    if opened > len(allowed) + under_way:
        odd.append(f"{opened} connections for {len(allowed)} decisions")
    return odd


def _parts(packet: bytes) -> tuple[int, str, bytes]:
    """Protocol, destination and what is behind the IP header; a fragment's end has no ports."""
    if packet[0] >> 4 == 6:
        return packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
    is_first = (packet[6] & 0x1F) == 0 and packet[7] == 0
    return (packet[9] if is_first else -1, socket.inet_ntop(socket.AF_INET, packet[16:20]),
            packet[(packet[0] & 15) * 4:])
