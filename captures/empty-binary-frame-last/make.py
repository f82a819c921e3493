"""The client ends the audio with an empty binary message, the old way to close."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import BINARY, CLIENT, SERVER, Connection, mulaw, pcap, tone, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    audio = mulaw(tone(8000 * 2))
    end = line.stream(audio, 1600, 0.2)
    line.results(0.0, 2.0, "two words")
    line.at(end).frame(CLIENT, BINARY)
    line.at(end + 0.1).metadata(audio, 2.0)
    line.close(SERVER)
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
