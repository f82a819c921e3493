"""A healthy session in a big-endian pcap file with nanoseconds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, healthy, pcap, write


def build() -> bytes:
    """The whole file."""
    # No time of the connection is a whole number of microseconds here.
    packets = [(time + 7 * number % 1000 + 1, data) for number, (time, data) in enumerate(healthy(Connection()).packets)]
    return pcap(packets, order=">", nanoseconds=True)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
