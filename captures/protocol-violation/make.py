"""A client frame without mask and a ping of 130 bytes; the server closes with 1002."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import BINARY, CLIENT, PING, SERVER, Connection, mulaw, pcap, tone, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    audio = mulaw(tone(8000))
    for number, masked in enumerate((True, True, False, True, True)):
        line.at(0.1 + number * 0.2).frame(CLIENT, BINARY, audio[1600 * number :][:1600], masked=masked)
    line.at(1.1).frame(CLIENT, PING, b"x" * 130)
    line.at(1.2).close(SERVER, 1002, "control frame too long")
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
