"""A healthy session during which the clock of the capturing machine was set back by five seconds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import SECOND, Connection, healthy, pcap, write


def build() -> bytes:
    """The whole file."""
    packets = healthy(Connection()).packets
    middle = len(packets) // 2
    return pcap(packets[:middle] + [(time - 5 * SECOND, data) for time, data in packets[middle:]])


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
