"""A healthy session whose file was put together in the wrong order: the second half, then the first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, healthy, pcap, write


def build() -> bytes:
    """The whole file."""
    packets = healthy(Connection()).packets
    middle = len(packets) // 2
    return pcap(packets[middle:] + packets[:middle])


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
