"""A healthy session in a tunnel through a proxy (RFC 9110 section 9.3.6)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import CLIENT, SERVER, Connection, healthy, pcap, write

REQUEST = "CONNECT api.deepgram.com:80 HTTP/1.1\r\nHost: api.deepgram.com:80\r\n\r\n"
OPENED = "HTTP/1.1 200 Connection established\r\n\r\n"
BEFORE = ((CLIENT, REQUEST), (SERVER, OPENED))


def build() -> bytes:
    """The whole file."""
    return pcap(healthy(Connection(server=("10.0.0.9", 3128), before=BEFORE)).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
