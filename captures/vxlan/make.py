"""A session as cloud providers mirror it: Ethernet in VXLAN (RFC 7348), the mirror's own addresses outside."""

import struct
import sys
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, brief, pcap, write


def mirrored(number: int, frame: bytes) -> bytes:
    """One frame on its way to who records."""
    outside = Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / IP(src="192.0.2.1", dst="192.0.2.2", id=number, ttl=64)
    return bytes(outside / UDP(sport=49152 + number, dport=4789) / (struct.pack(">II", 0x08000000, 4242 << 8) + frame))


def build() -> bytes:
    """The whole file."""
    packets = brief(Connection()).packets
    return pcap([(time, mirrored(number, frame)) for number, (time, frame) in enumerate(packets)])


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
