"""KeepAlive as text every 4 s from the start and no audio: after 30 s the service gives up."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import CLIENT, SERVER, Connection, pcap, write


def build() -> bytes:
    """The whole file."""
    line = Connection().open()
    for second in range(4, 30, 4):
        line.at(second).text(CLIENT, {"type": "KeepAlive"})
    reason = "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000"
    line.at(30).close(SERVER, 1011, reason)
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
