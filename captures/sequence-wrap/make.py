"""A healthy session in which the TCP sequence numbers of both sides pass 2**32."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import CLIENT, SERVER, Connection, healthy, pcap, write


def build() -> bytes:
    """The whole file."""
    return pcap(healthy(Connection(first_sequence={CLIENT: 0xFFFFFFFF - 9000, SERVER: 0xFFFFFFFF - 300})).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
