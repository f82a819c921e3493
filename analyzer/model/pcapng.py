"""What pcapng files are made of (draft-ietf-opsawg-pcapng, sections 3 and 4), for those who read them and those who copy them.

In: bytes of a block that is no packet. Out: its type, its length and whether these can be; its options.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

SECTION, INTERFACE, SIMPLE_PACKET, NAMES, STATISTICS, ENHANCED_PACKET, SECRETS = 0x0A0D0D0A, 1, 3, 4, 5, 6, 10
BYTE_ORDER = 0x1A2B3C4D
SMALLEST = 12
"""Type, total length and the total length again."""
PACKET_FIELDS = 28
"""Bytes of a packet block before the packet."""
COMMENT, NAME, RESOLUTION, FCS_LENGTH, OFFSET = 1, 2, 9, 13, 14
"""Options of blocks and of interfaces."""
_TOO_SHORT = {SECTION: (28, "a section header is too short"), INTERFACE: (20, "an interface description is too short")}


class Head(NamedTuple):
    """How a block begins; `fault` says in words why it cannot be, None where it can."""

    kind: int
    total: int
    big: bool
    fault: str | None


def head(first: bytes, longest: int, *, big: bool) -> Head:
    """Read the first 12 bytes of a block; `big`: the byte order of the section so far, which a section header sets anew."""
    kind = int.from_bytes(first[:4], "big" if big else "little")
    if kind == SECTION:
        big = int.from_bytes(first[8:12], "big") == BYTE_ORDER
        if not big and int.from_bytes(first[8:12], "little") != BYTE_ORDER:
            return Head(kind, 0, big, "a section header has no byte-order magic")
    total = int.from_bytes(first[4:8], "big" if big else "little")
    if total < SMALLEST or total & 3 or total > longest:
        return Head(kind, total, big, f"a block claims {total} bytes, which cannot be")
    least, words = _TOO_SHORT.get(kind, (0, ""))
    return Head(kind, total, big, words if total < least else None)


def options(data: bytes, *, big: bool) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option (section 3.5), until the end or the first that does not fit."""
    order: Literal["big", "little"] = "big" if big else "little"
    at = 0
    while at + 4 <= len(data):
        code, size = int.from_bytes(data[at : at + 2], order), int.from_bytes(data[at + 2 : at + 4], order)
        if code == 0 or at + 4 + size > len(data):
            return
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + (size + 3 & ~3)
