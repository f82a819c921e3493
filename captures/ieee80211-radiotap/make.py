"""A session on an open Wi-Fi, recorded in monitor mode: 802.11 behind radiotap, with beacons and acknowledgements."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, brief, pcap, write

CLIENT, POINT, ROUTER = b"\x02\0\0\0\0\2", b"\x02\0\0\0\1\1", b"\x02\0\0\0\0\1"


def radiotap(frame: bytes) -> bytes:
    """Flags (a check sequence follows the frame), rate and channel."""
    return struct.pack("<BBHIBBHH", 0, 0, 14, 0b1110, 0x10, 12, 2437, 0x00C0) + frame + bytes(4)


def data(number: int, frame: bytes) -> bytes:
    """A frame on the air, to the access point or from it, with quality of service."""
    up = frame[6:12] == CLIENT
    addresses = POINT + CLIENT + ROUTER if up else CLIENT + POINT + ROUTER
    head = struct.pack("<HH", 0x0188 if up else 0x0288, 44) + addresses + struct.pack("<HH", number << 4 & 0xFFFF, 0)
    return radiotap(head + b"\xaa\xaa\3\0\0\0" + frame[12:])


def build() -> bytes:
    """The whole file."""
    beacon = struct.pack("<HH", 0x0080, 0) + b"\xff" * 6 + POINT + POINT + bytes(2) + struct.pack("<QHH", 0, 100, 1) + b"\0\4open"
    talk = brief(Connection()).packets
    packets = [(talk[0][0] - 1000, radiotap(beacon))]
    for number, (time, frame) in enumerate(talk):
        packets += [(time, data(number, frame)), (time + 1000, radiotap(struct.pack("<HH", 0x00D4, 0) + frame[6:12]))]
    return pcap(packets, link_type=127)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
