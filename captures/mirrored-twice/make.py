"""A healthy session seen on two mirror ports, whose captures stand one behind the other in the file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, healthy, pcap, write


def build() -> bytes:
    """The whole file."""
    packets = healthy(Connection()).packets
    return pcap(packets + packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
