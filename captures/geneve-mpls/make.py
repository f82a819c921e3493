"""A session under two MPLS labels, in GENEVE (RFC 8926) with an option."""

import struct
import sys
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, brief, pcap, write


def carried(number: int, frame: bytes) -> bytes:
    """One frame in the tunnel."""
    outside = Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / IP(src="192.0.2.1", dst="192.0.2.2", id=number, ttl=64)
    geneve = struct.pack(">BBHIHBBI", 2, 0, 0x6558, 4242 << 8, 0x0102, 0x80, 1, 7)
    labels = struct.pack(">HII", 0x8847, 100 << 12 | 64, 200 << 12 | 1 << 8 | 64)
    return bytes(outside / UDP(sport=49152 + number, dport=6081) / (geneve + frame[:12] + labels + frame[14:]))


def build() -> bytes:
    """The whole file."""
    packets = brief(Connection()).packets
    return pcap([(time, carried(number, frame)) for number, (time, frame) in enumerate(packets)])


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
