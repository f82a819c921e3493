"""pcapng blocks as bytes (draft-ietf-opsawg-pcapng; little-endian but for options): what a copy of a capture is written in.

In: packets, link types, comments. Out: whole blocks, padded and with both lengths. Nothing here reads a capture.
"""

import struct
from collections.abc import Iterable, Sequence

from analyzer.model.pcapng import BYTE_ORDER, COMMENT, ENHANCED_PACKET, INTERFACE, RESOLUTION, SECTION, STATISTICS

DROPPED = 5
"""Option of interface statistics."""
NANOSECONDS = 9
"""A resolution of 10^-9 s."""
MOST = (1 << 64) - 1
LONGEST = 0xFFFF
"""Bytes that an option takes (section 3.5)."""

Option = tuple[int, bytes]


def comment(text: str) -> Option:
    """A comment, cut between two characters where it is longer than an option may be."""
    return COMMENT, text.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore").encode()


def option(chosen: Option, *, big: bool = False) -> bytes:
    """One option, in the byte order of its section."""
    code, value = chosen
    return struct.pack(">HH" if big else "<HH", code, len(value)) + _padded(value)


def options(chosen: Sequence[Option]) -> bytes:
    """Options with the end mark behind them; nothing where there are none."""
    return b"".join(map(option, chosen)) + bytes(4) if chosen else b""


def section(chosen: Sequence[Option] = ()) -> bytes:
    """A section header, version 1.0, of unstated length."""
    return block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1) + options(chosen))


def interface(link_type: int, snap_length: int = 0, chosen: Sequence[Option] = (), resolution: int = NANOSECONDS) -> bytes:
    """An interface description; its packets count time in units of 10^-resolution s."""
    return block(INTERFACE, struct.pack("<HHI", link_type, 0, snap_length) + options([(RESOLUTION, bytes([resolution])), *chosen]))


def packet(which: int, ticks: int, data: bytes, on_wire: int, comments: Iterable[str] = ()) -> bytes:
    """An enhanced packet block: the packet's interface, its time in that interface's units, its bytes, its length on the wire."""
    head = struct.pack("<IIIII", which, ticks >> 32 & 0xFFFFFFFF, ticks & 0xFFFFFFFF, len(data), on_wire)
    return block(ENHANCED_PACKET, head + _padded(data) + options([comment(text) for text in comments]))


def statistics(which: int, ticks: int, dropped: int) -> bytes:
    """What an interface says at a time: how many packets it lost, at most what 64 bits hold (its packets may say more together)."""
    head = struct.pack("<III", which, ticks >> 32 & 0xFFFFFFFF, ticks & 0xFFFFFFFF)
    return block(STATISTICS, head + options([(DROPPED, struct.pack("<Q", min(dropped, MOST)))]))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def block(kind: int, body: bytes) -> bytes:
    """A block with its lengths."""
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
