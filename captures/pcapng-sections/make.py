"""A healthy session in a pcapng of two sections, one of each byte order, with two kinds of interface, comments and SPBs."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import Connection, healthy, write

SECTION, INTERFACE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 3, 6
COMMENT, NAME, RESOLUTION = 1, 2, 9
ETHERNET, RAW_IP = 1, 101
ETHERNET_HEADER = 14
CLIENT_ADDRESS = bytes.fromhex("020000000002")
REQUEST = 4
"""The packet with the upgrade request, behind the TCP handshake."""


def padded(data: bytes) -> bytes:
    """Up to the next multiple of four bytes."""
    return data + bytes(-len(data) % 4)


def block(order: str, kind: int, body: bytes) -> bytes:
    """One block (draft-ietf-opsawg-pcapng section 3.1)."""
    size = struct.pack(f"{order}I", len(padded(body)) + 12)
    return struct.pack(f"{order}I", kind) + size + padded(body) + size


def options(order: str, *pairs: tuple[int, bytes]) -> bytes:
    """Options with their end (section 3.5)."""
    parts = [struct.pack(f"{order}HH", code, len(value)) + padded(value) for code, value in pairs]
    return b"".join(parts) + bytes(4)


def section(order: str, comment: bytes) -> bytes:
    """A section header and its two interfaces: Ethernet in microseconds, raw IP in nanoseconds."""
    head = struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1) + options(order, (COMMENT, comment))
    ethernet = struct.pack(f"{order}HHI", ETHERNET, 0, 0) + options(order, (NAME, b"client side"))
    raw = struct.pack(f"{order}HHI", RAW_IP, 0, 262144) + options(order, (NAME, b"server side"), (RESOLUTION, b"\x09"))
    return block(order, SECTION, head) + block(order, INTERFACE, ethernet) + block(order, INTERFACE, raw)


def packet(order: str, number: int, time: int, data: bytes) -> bytes:
    """An Enhanced Packet Block: what the client sent on the Ethernet interface, what the server sent on the other."""
    from_server = data[:6] == CLIENT_ADDRESS
    ticks, data = (time, data[ETHERNET_HEADER:]) if from_server else (time // 1000, data)
    head = struct.pack(f"{order}5I", from_server, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    note = options(order, (COMMENT, b"the upgrade request")) if number == REQUEST else b""
    return block(order, ENHANCED, head + padded(data) + note)


def build() -> bytes:
    """The whole file."""
    packets = healthy(Connection()).packets
    half = len(packets) // 2
    parts = [section("<", b"first half")]
    parts += [packet("<", number, *one) for number, one in enumerate(packets[:half], 1)]
    parts += [section(">", b"second half")]
    parts += [packet(">", number, *one) for number, one in enumerate(packets[half:-2], half + 1)]
    # Simple Packet Blocks belong to the first interface and have no time.
    parts += [block(">", SIMPLE, struct.pack(">I", len(data)) + data) for _, data in packets[-2:]]
    return b"".join(parts)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:], "capture.pcapng")
