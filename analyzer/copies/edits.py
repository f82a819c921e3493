"""What changes in a pcapng block that is otherwise copied: comments come in, our own of an earlier time and those with keys go out.

In: a whole block in its section's byte order. Out: the block anew. All other options stay as they are, byte for byte, also behind
the first one that cannot be.
"""

import struct
from collections.abc import Callable, Sequence

from analyzer.copies import blocks
from analyzer.model import pcapng
from analyzer.model.dataclass import dataclass

OURS = b"analyzer: "
"""How each of our comments begins, by which the next run finds them."""
SECTION_OPTIONS, INTERFACE_OPTIONS, STATISTICS_OPTIONS = 24, 16, 20
"""Where the options of a block begin."""
UNSTATED = b"\xff" * 8

Clean = Callable[[bytes], tuple[bytes, int]]
"""Takes lines with keys out of a text; gives what is left, and how many there were."""


@dataclass(slots=True)
class Tally:
    """What was done to a copy."""

    comments: int = 0
    packets: int = 0
    """That got comments."""
    sections: int = 0
    secrets: int = 0
    """Secrets blocks that were left out."""
    keys: int = 0
    """Lines with keys that were taken out of comments."""
    former: int = 0
    """Comments of an earlier run that were taken out."""
    lost: int = 0
    """Blocks that a copy of several captures does not have."""
    unkept: int = 0
    """Inputs whose own comments, if they had any, are not in the copy: they were read by another program."""


class Editor:
    """Edits blocks and counts. `clean`: what takes keys out of comments; None where they stay."""

    def __init__(self, clean: Clean | None) -> None:
        self.clean = clean
        self.tally = Tally()

    def packet(self, block: bytes, added: Sequence[str], *, big: bool) -> bytes:
        """An enhanced packet block, or an obsolete one, with these comments."""
        size = int.from_bytes(block[20:24], "big" if big else "little")
        if added:
            self.tally.comments += len(added)
            self.tally.packets += 1
        return self._edited(block, pcapng.PACKET_FIELDS + (size + 3 & ~3), added, big=big)

    def section(self, block: bytes, added: Sequence[str], *, big: bool) -> bytes:
        """A section header with these comments. Its length is unstated: it may no longer be what it was."""
        self.told(added)
        return self._edited(block[:16] + UNSTATED + block[24:], SECTION_OPTIONS, added, big=big)

    def other(self, kind: int, block: bytes, *, big: bool) -> bytes:
        """A block that gets no comment, but may have one with keys."""
        at = {pcapng.INTERFACE: INTERFACE_OPTIONS, pcapng.STATISTICS: STATISTICS_OPTIONS}.get(kind)
        if kind == pcapng.NAMES:
            at = _behind_names(block, big=big)
        return block if at is None or at > len(block) - 4 else self._edited(block, at, (), big=big)

    def told(self, added: Sequence[str]) -> None:
        """A section gets these comments."""
        self.tally.comments += len(added)
        self.tally.sections += bool(added)

    def _edited(self, block: bytes, at: int, added: Sequence[str], *, big: bool) -> bytes:
        old = block[at:-4]
        kept, rest = self._kept(old, big=big)
        new = kept + b"".join(blocks.option(blocks.comment(text), big=big) for text in added)
        if new + rest == old:
            return block
        length = struct.pack(">I" if big else "<I", at + len(new) + len(rest or bytes(4)) + 4)
        return block[:4] + length + block[8:at] + new + (rest or bytes(4)) + length

    def _kept(self, options: bytes, *, big: bool) -> tuple[bytes, bytes]:
        """The options that stay, and what stands behind the last one: the end mark, or what is no option."""
        kept, at = [], 0
        while at + 4 <= len(options):
            code, size = struct.unpack_from(">HH" if big else "<HH", options, at)
            end = at + 4 + (size + 3 & ~3)
            if code == 0 or end > len(options):
                break
            kept.append(self._comment(options[at:end], size, big=big) if code == pcapng.COMMENT else options[at:end])
            at = end
        return b"".join(kept), options[at:]

    def _comment(self, option: bytes, size: int, *, big: bool) -> bytes:
        """A comment that was there: as it was, without its keys, or gone."""
        text = option[4 : 4 + size]
        if text.startswith(OURS):
            self.tally.former += 1
            return b""
        if self.clean is None:
            return option
        left, keys = self.clean(text)
        if not keys:
            return option
        self.tally.keys += keys
        left = left.strip(b"\r\n")
        return blocks.option((pcapng.COMMENT, left), big=big) if left else b""


def _behind_names(block: bytes, *, big: bool) -> int | None:
    """Where the options of a name resolution block begin (section 4.4 of the draft); None where its records do not end."""
    at = 8
    while at + 8 <= len(block):
        kind, size = (int(value) for value in struct.unpack_from(">HH" if big else "<HH", block, at))
        at += 4 + (size + 3 & ~3)
        if kind == 0:
            return at
    return None
