"""A healthy session over IPv6 whose audio messages are cut into three frames with pings in between."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import BINARY, CLIENT, CONTINUATION, PING, PONG, SERVER, Connection, ended, mulaw, pcap, tone, write


def build() -> bytes:
    """The whole file."""
    line = Connection(("2001:db8::2", 50000), ("2001:db8::1", 80), segment=1440).open()
    audio = mulaw(tone(8000 * 2))
    for number in range(20):
        message = audio[800 * number :][:800]
        line.at(0.1 + number * 0.1).frame(CLIENT, BINARY, message[:100], fin=False)
        line.frame(CLIENT, PING, b"%d" % number)
        line.frame(CLIENT, CONTINUATION, message[100:500], fin=False)
        line.frame(SERVER, PONG, b"%d" % number)
        line.frame(CLIENT, CONTINUATION, message[500:])
    line.results(0.0, 2.0, "two words")
    return pcap(ended(line, audio, 2.2).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
