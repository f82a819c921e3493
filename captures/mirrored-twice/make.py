"""A healthy session behind a mirror port that shows every packet before and behind a router."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, healthy, pcap, write
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

BETWEEN = 30_000


def routed(packet: bytes) -> bytes:
    """The same packet behind the router: other hardware addresses, one hop less to live."""
    behind = Ether(packet)
    behind.src, behind.dst = "02:00:00:00:00:03", "02:00:00:00:00:04"
    behind[IP].ttl -= 1
    del behind[IP].chksum
    return bytes(behind)


def build() -> bytes:
    """The whole file. The copy of a packet comes behind the next one where that follows at once."""
    packets = healthy(Connection(), 1).packets
    copies = [(time + BETWEEN, routed(packet)) for time, packet in packets]
    return pcap(sorted([*packets, *copies], key=lambda one: one[0]))


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
