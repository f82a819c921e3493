"""A SYN and two more of it, never answered."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import CLIENT, SYN, Connection, pcap, write


def build() -> bytes:
    """The whole file."""
    line = Connection()
    for seconds in (0, 1, 3):
        line.at(seconds).packet(CLIENT, SYN, again=True)
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
