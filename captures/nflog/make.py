"""A session recorded by a rule of the firewall: NFLOG, which has its own values before each packet."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, brief, pcap, write


def logged(frame: bytes) -> bytes:
    """Family, version, resource, then values: protocol and hook, prefix, the packet, its time."""
    packet = frame[14:]

    def value(kind: int, content: bytes) -> bytes:
        return struct.pack("<HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)

    values = value(1, b"\x08\0\3\0") + value(10, b"ws\0") + value(9, packet) + value(3, bytes(16))
    return struct.pack(">BBH", 2, 0, 5) + values


def build() -> bytes:
    """The whole file."""
    return pcap([(time, logged(frame)) for time, frame in brief(Connection()).packets], link_type=239)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
