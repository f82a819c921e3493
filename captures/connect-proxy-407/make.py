"""A proxy that asks for credentials, is given some, and asks for them again."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import CLIENT, SERVER, Connection, pcap, write

REQUEST = "CONNECT api.deepgram.com:443 HTTP/1.1\r\nHost: api.deepgram.com:443\r\n%s\r\n"
PAGE = (
    "<!DOCTYPE html>\n<html><head><title>407 Proxy Authentication Required</title></head>"
    "<body><h1>Access denied</h1></body></html>\n"
)
ANSWER = (
    'HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid\r\nProxy-Authenticate: Basic realm="office"\r\n'
    f"Content-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n\r\n{PAGE}"
)
CREDENTIALS = "Proxy-Authorization: Basic dXNlcjp3cm9uZyBwYXNzd29yZA==\r\n"
BEFORE = ((CLIENT, REQUEST % ""), (SERVER, ANSWER), (CLIENT, REQUEST % CREDENTIALS), (SERVER, ANSWER))


def build() -> bytes:
    """The whole file."""
    line = Connection(server=("10.0.0.9", 3128), before=BEFORE)
    line.connect()
    line.finish()
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
