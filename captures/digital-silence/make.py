"""Eleven seconds of mu-law in real time, each sample zero: a muted microphone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, ended, pcap, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    audio = b"\xff" * (11 * 8000)  # mu-law zero
    for second in range(11):
        line.stream(audio[:8000], 1600, 0.2, second + 0.1)
        line.results(second, 1.0)
    return pcap(ended(line, audio, 11.2).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
