"""Raw 16-bit samples, and nothing in the request that says so: closed with DATA-0000."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import SERVER, Connection, linear16, pcap, tone, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open("/v1/listen?model=nova-3&interim_results=true")
    line.stream(linear16(tone(2 * 16000, 16000)), 6400, 0.2)
    line.at(2.2).close(SERVER, 1008, "DATA-0000")
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
