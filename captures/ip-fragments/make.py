"""Two sessions in IP fragments: one in VXLAN whose outer IPv4 packets were cut, one over IPv6 that was cut itself."""

import struct
import sys
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, brief, pcap, write

MOST = 488
"""Bytes of an IP packet in one fragment."""


def cut4(number: int, frame: bytes) -> list[bytes]:
    """A mirrored frame in VXLAN, in fragments; every third time the last one comes first, every fourth time it comes twice."""
    outside = IP(src="192.0.2.1", dst="192.0.2.2", id=number + 1, ttl=64)
    whole = bytes(outside / UDP(sport=50000, dport=4789, chksum=0) / (struct.pack(">II", 0x08000000, 4242 << 8) + frame))[20:]
    parts = []
    for at in range(0, len(whole), MOST):
        outside.flags, outside.frag, outside.proto = "MF" if at + MOST < len(whole) else "", at // 8, 17
        link = Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02")
        parts.append(bytes(link / outside / whole[at : at + MOST]))
    if number % 3 == 0:
        parts.reverse()
    return parts + parts[-1:] if number % 4 == 0 else parts


def cut6(number: int, frame: bytes) -> list[bytes]:
    """An IPv6 packet in fragments."""
    link, head, following, rest = frame[:14], frame[14:54], frame[20], frame[54:]
    if len(rest) <= MOST:
        return [frame]
    parts = []
    for at in range(0, len(rest), MOST):
        part = rest[at : at + MOST]
        field = struct.pack(">BBHI", following, 0, at | (at + MOST < len(rest)), number)
        parts.append(link + head[:4] + struct.pack(">HB", 8 + len(part), 44) + head[7:] + field + part)
    return parts


def build() -> bytes:
    """The whole file."""
    one = brief(Connection()).packets
    two = brief(Connection(("fd00::2", 50001), ("fd00::1", 80))).packets
    packets = [(time, part) for number, (time, frame) in enumerate(one) for part in cut4(number, frame)]
    packets += [(time + 5_000, part) for number, (time, frame) in enumerate(two) for part in cut6(number, frame)]
    return pcap(sorted(packets, key=lambda packet: packet[0]))


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
