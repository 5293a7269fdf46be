# SPDX-License-Identifier: Apache-2.0
"""wire: every packet of pods that passes a link of the node, as the kernel shows it on its way in and out."""
import ctypes
import socket
import struct
import threading
import time
from dataclasses import dataclass

import machine

ETH_P_ALL, IPV4, IPV6 = 3, 0x0800, 0x86dd
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
SOL_PACKET, PACKET_STATISTICS = 263, 6
ROOM = 64 << 20
PROTOCOLS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp", socket.IPPROTO_ICMP: "icmp"}
RST, UNREACHABLE = 4, 3


def _filter() -> bytes:
    """Both families, IPv4 only from or to a pod: the control plane's own traffic is a hundred times as much."""
    address, bits = machine.PODS.split("/")
    network = struct.unpack("!I", socket.inet_aton(address))[0]
    load_half, load, mask, is_equal, end = 0x28, 0x20, 0x54, 0x15, 0x06
    wide = 0xffffffff << (32 - int(bits)) & 0xffffffff
    steps = [(load_half, 0, 0, 12), (is_equal, 7, 0, IPV6), (is_equal, 0, 7, IPV4),
             (load, 0, 0, 26), (mask, 0, 0, wide), (is_equal, 3, 0, network),
             (load, 0, 0, 30), (mask, 0, 0, wide), (is_equal, 0, 1, network), (end, 0, 0, 128), (end, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


@dataclass(frozen=True)
class Packet:
    at: float
    link: str
    leaves: bool  # by this link; else it came in by it
    protocol: str
    source: str
    source_port: int
    target: str
    target_port: int
    refuses: bool  # a reset, or told that something is not reached

    @property
    def on_pods_link(self) -> bool:
        """Where the addresses of Services are as the pod knows them."""
        return self.link.startswith("veth")

    def __str__(self) -> str:
        return (f"{self.protocol} {self.source}:{self.source_port} > {self.target}:{self.target_port} "
                f"{'out of' if self.leaves else 'in by'} {self.link}")


def _understood(frame: bytes, link: str, leaves: bool) -> Packet:
    if frame[12:14] == IPV6.to_bytes(2, "big"):
        protocol, at = str(frame[20]), 54
        source, target = (socket.inet_ntop(socket.AF_INET6, frame[i:i + 16]) for i in (22, 38))
    else:
        protocol, at = PROTOCOLS.get(frame[23], str(frame[23])), 14 + (frame[14] & 15) * 4
        source, target = (socket.inet_ntoa(frame[i:i + 4]) for i in (26, 30))
    ports, refuses = (0, 0), protocol == "icmp" and frame[at] == UNREACHABLE
    if protocol in ("tcp", "udp"):
        ports, refuses = struct.unpack_from("!HH", frame, at), protocol == "tcp" and bool(frame[at + 13] & RST)
    return Packet(time.monotonic(), link, leaves, protocol, source, ports[0], target, ports[1], refuses)


class Wire:
    """Sees what passes within its `with` block."""

    def __init__(self):
        self._packets, self._over = [], threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        steps = ctypes.create_string_buffer(_filter())
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                                struct.pack("HL", len(_filter()) // 8, ctypes.addressof(steps)))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        self._socket.settimeout(0.1)

    def __enter__(self) -> "Wire":
        self._thread.start()
        return self

    def __exit__(self, *_exc) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def seen(self) -> list[Packet]:
        return list(self._packets)

    def forget(self) -> None:
        self._packets = []

    def lost(self) -> int:
        """How many packets there was no room for since the last call."""
        return struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                frame, (link, _, kind, *_) = self._socket.recvfrom(128)
            except TimeoutError:
                continue
            except OSError:  # A link that is gone: told once.
                continue
            # What came before the filter stood is of any kind.
            if link != "lo" and int.from_bytes(frame[12:14], "big") in (IPV4, IPV6):
                self._packets.append(_understood(frame, link, kind == socket.PACKET_OUTGOING))
