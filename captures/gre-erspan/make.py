"""A session mirrored by a switch: ERSPAN II in GRE with sequence numbers, the mirrored frames with a VLAN tag."""

import struct
import sys
from pathlib import Path

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, brief, pcap, write


def mirrored(number: int, frame: bytes) -> bytes:
    """One frame on its way to who records."""
    outside = Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / IP(src="192.0.2.1", dst="192.0.2.2", proto=47, id=number)
    return bytes(outside / (struct.pack(">HHIII", 0x1000, 0x88BE, number, 0x10070000 | 5, 3) + frame))


def build() -> bytes:
    """The whole file."""
    packets = brief(Connection(tags=(7,))).packets
    return pcap([(time, mirrored(number, frame)) for number, (time, frame) in enumerate(packets)])


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
