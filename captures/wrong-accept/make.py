"""A 101 whose Sec-WebSocket-Accept belongs to another key; the client hangs up."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, accept_of, pcap, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open(accept=accept_of("YW5vdGhlciBzaXh0ZWVuLg=="))
    line.at(0.05).finish()
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
