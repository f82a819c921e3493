"""A server that stops reading for four seconds, and is probed meanwhile."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import ACK, CLIENT, SERVER, Connection, ended, mulaw, pcap, tone, write

CLOSED, OPENED = 1.05, 5.05


def build() -> bytes:
    """The whole file. The client's audio waits from 1.05 s to 5.05 s, and then goes out at once."""
    line, audio = Connection(), mulaw(tone(19200))
    line.open()
    line.stream(audio[:8000], 1600, 0.2)
    line.results(0, 1.0, "two words")
    line.at(CLOSED).packet(SERVER, ACK, window=0)
    for seconds in (0.2, 0.6, 1.4, 3.0):
        line.at(CLOSED + seconds).packet(CLIENT, ACK, again=True, back=1)
        line.at(CLOSED + seconds + 0.01).packet(SERVER, ACK, window=0)
    line.at(OPENED).packet(SERVER, ACK)
    line.stream(audio[8000:16000], 1600, 0.01, OPENED + 0.01)
    line.stream(audio[16000:], 1600, 0.2, OPENED + 0.3)
    line.results(1.0, 1.4, "and some more")
    return pcap(ended(line, audio, 5.9).packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
