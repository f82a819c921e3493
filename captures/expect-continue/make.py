"""An upload that waits to be asked for, one that is turned down, and an upgrade on the same connection."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import CLIENT, SERVER, Connection, healthy, pcap, write

UPLOAD = "POST /v1/notes HTTP/1.1\r\nHost: 10.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 24\r\n\r\n"
BEFORE = (
    (CLIENT, UPLOAD),
    (SERVER, "HTTP/1.1 100 Continue\r\n\r\n"),
    (CLIENT, "GET /this/is/no/request\r\n"[:24]),
    (SERVER, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"),
    (CLIENT, UPLOAD),
    (SERVER, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"),
)


def build() -> bytes:
    """The whole file."""
    return pcap(healthy(Connection(before=BEFORE)).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
