"""A healthy session inside two VLAN tags (IEEE 802.1ad around 802.1Q)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, healthy, pcap, write


def build() -> bytes:
    """The whole file."""
    return pcap(healthy(Connection(tags=(100, 7))).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
