"""Audio flows in real time, the service says nothing and closes with NET-0000."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import SERVER, Connection, mulaw, pcap, tone, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    line.stream(mulaw(tone(8000 * 12)), 1600, 0.2)
    line.at(12.2).close(SERVER, 1011, "NET-0000")
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
