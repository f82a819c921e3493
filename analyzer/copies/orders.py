"""pcapng options and blocks of a big-endian section as a little-endian one has them (draft-ietf-opsawg-pcapng, sections 3.5 and 4).

In: bytes as they lie in a file. Out: the same facts, little-endian, or None for what cannot be read. Texts, octets and addresses
are the same in both.
"""

import struct
from collections.abc import Mapping, Sequence

from analyzer.copies import blocks
from analyzer.copies.blocks import Option
from analyzer.model import pcapng

CUSTOM = frozenset({2988, 2989, 19372, 19373})
"""Options that begin with the number of an enterprise; what follows is its own."""
FOUR, EIGHT = (4,), (8,)
NUMBERS: Mapping[int, Mapping[int, tuple[int, ...]]] = {
    pcapng.SECTION: {},
    pcapng.INTERFACE: {8: EIGHT, 10: FOUR, 16: EIGHT, 17: EIGHT},  # speed, time zone, speeds of sending and receiving
    pcapng.NAMES: {},
    pcapng.ENHANCED_PACKET: {2: FOUR, 4: EIGHT, 5: EIGHT, 6: FOUR, 8: (4, 4)},  # flags, lost packets, id, queue, process and thread
}
"""By block: options that are numbers, and the bytes of each. A value of another length is left as it is."""


def options_of(data: bytes, kind: int, *, big: bool) -> list[Option]:
    """The options of a block, up to the end mark or the first that does not fit."""
    found = []
    for code, value in pcapng.options(data, big=big):
        widths = FOUR if code in CUSTOM else NUMBERS[kind].get(code, ())
        turned = big and (code in CUSTOM or sum(widths) == len(value))
        found.append((code, _turned(value, widths) if turned else value))
    return found


def _turned(value: bytes, widths: Sequence[int]) -> bytes:
    """The numbers at the front of a value the other way round."""
    at, numbers = 0, []
    for width in widths:
        numbers.append(value[at : at + width][::-1])
        at += width
    return b"".join(numbers) + value[at:]


def names(block: bytes, *, big: bool) -> bytes | None:
    """A name resolution block."""
    if not big:
        return block
    body, at = [], 8
    while at + 4 <= len(block) - 4:
        kind, size = struct.unpack_from(">HH", block, at)
        body.append(blocks.option((kind, block[at + 4 : at + 4 + size])))
        at += 4 + (size + 3 & ~3)
        if kind == 0:
            rest = options_of(block[at:-4], pcapng.NAMES, big=True)
            return blocks.block(pcapng.NAMES, b"".join(body) + blocks.options(rest))
    return None


def secrets(block: bytes, *, big: bool) -> bytes | None:
    """A decryption secrets block."""
    if not big:
        return block
    kind, size = block[8:12], int.from_bytes(block[12:16], "big")
    end = 16 + (size + 3 & ~3)
    if end > len(block) - 4:
        return None
    return blocks.block(pcapng.SECRETS, kind[::-1] + struct.pack("<I", size) + block[16:end])
