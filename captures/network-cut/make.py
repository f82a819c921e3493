"""A path that is cut in the middle of a session: what the client sends is never acknowledged, until it gives up."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import struct

from _wire import ACK, BINARY, CLIENT, PSH, RST, Connection, frame, mulaw, pcap, tone, write

CUT = 1.1
GIVES_UP = 24.4


def build() -> bytes:
    """The whole file. From 1.1 s on nothing comes back: ten messages go out, then only the first one again."""
    line, audio = Connection(), mulaw(tone(8000 * 2))
    line.open()
    line.stream(audio[:8000], 1600, 0.2)
    line.results(0, 1.0, "two words")
    parts = [frame(BINARY, audio[at : at + 480], struct.pack(">I", at)) for at in range(8000, 12800, 480)]
    sent = 0
    timeouts = [CUT + 0.25 * (2**tries - 1) for tries in range(1, 7)]
    for number, part in enumerate(parts):
        now = CUT + 0.06 * number
        while timeouts and timeouts[0] < now:
            line.at(timeouts.pop(0)).packet(CLIENT, PSH | ACK, parts[0], again=True, back=sent)
        line.at(now).packet(CLIENT, PSH | ACK, part)
        sent += len(part)
    for seconds in timeouts:
        line.at(seconds).packet(CLIENT, PSH | ACK, parts[0], again=True, back=sent)
    line.at(GIVES_UP).packet(CLIENT, RST | ACK)
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
