"""A session on a DSL line: PPPoE (RFC 2516) in Ethernet, with the keep-alive of PPP itself in between."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, brief, pcap, write


def session(ppp: bytes) -> bytes:
    """What follows the EtherType of a PPPoE session."""
    return struct.pack(">HBBHH", 0x8864, 0x11, 0, 42, len(ppp)) + ppp


def build() -> bytes:
    """The whole file."""
    packets = [(time, frame[:12] + session(b"\0\x21" + frame[14:])) for time, frame in brief(Connection()).packets]
    time, frame = packets[9]
    echo = struct.pack(">HBBHI", 0xC021, 9, 1, 8, 0)
    return pcap([*packets[:10], (time + 1000, frame[:12] + session(echo)), *packets[10:]])


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
