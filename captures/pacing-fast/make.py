"""Six seconds of audio sent in one and a half."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, ended, mulaw, pcap, tone, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    audio = mulaw(tone(8000 * 6))
    for second in range(6):
        line.stream(audio[8000 * second :][:8000], 1600, 0.05, 0.1 + second * 0.25)
        line.results(second, 1.0, "two words")
    return pcap(ended(line, audio, 1.7).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
