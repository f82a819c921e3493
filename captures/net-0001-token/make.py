"""Two seconds of audio, then nothing for 12 s: closed with NET-0001, spelled out."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import SERVER, Connection, mulaw, pcap, tone, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    line.stream(mulaw(tone(8000 * 2)), 1600, 0.2)
    line.results(0.0, 2.0, "two words")
    line.at(13.9).close(SERVER, 1011, "NET-0001")
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
