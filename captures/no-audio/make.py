"""The session is accepted, the client sends nothing for 11.5 s and closes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import CLIENT, Connection, pcap, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    line.at(11.5).close(CLIENT)
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
