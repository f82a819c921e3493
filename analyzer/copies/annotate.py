"""A capture as pcapng with comments in it: everything else stays as it was, byte for byte where it was pcapng already.

In: a pcapng file as a stream, twice (`survey`, then `copy`), or packets of any other format (`convert`), and the notes to write.
Out: pcapng, to a stream. Nothing is done per packet but for those with a comment; between them blocks are written as they came.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from analyzer.copies import blocks
from analyzer.copies.edits import Editor
from analyzer.copies.inputs import Inputs
from analyzer.copies.notes import Notes
from analyzer.copies.records import stretch
from analyzer.copies.stretches import Blocks, Readable, Stretch
from analyzer.model import pcapng
from analyzer.model.capture import Interface, Source
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.streams import Ints

UNKNOWN_LINK = 147
"""LINKTYPE_USER0, for packets of which no link type is known."""
MICROSECOND = 1000
FCS_PRESENT, FCS_SHIFT, FCS_UNIT = 0x04000000, 28, 16
"""In the link type of a pcap file: whether frames end in a check sequence, and how many times 16 bits it has."""
LONGEST_NAME = 256


class Writable(Protocol):
    """A binary stream."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take all of it."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """How a pcap file's one interface is described: the unit of its times in ns, and the bits of its frames' check sequence."""

    tick: int = 1
    check_bits: int | None = None


def pcap_clock(head: bytes) -> Clock:
    """From the first 24 bytes of a pcap file."""
    big = head[:1] == b"\xa1"
    magic, network = (int.from_bytes(head[at : at + 4], "big" if big else "little") for at in (0, 20))
    bits = (network >> FCS_SHIFT) * FCS_UNIT if network & FCS_PRESENT else None
    return Clock(1 if magic == 0xA1B23C4D else MICROSECOND, bits)  # noqa: PLR2004 - the magic of nanoseconds


def survey(file: Readable, notes: Notes, limits: Limits) -> list[list[str]]:
    """What each section says: the lines of the sessions that begin in it, and the comments of packets that cannot carry any."""
    firsts: list[int] = []
    lines = list(notes.lines)
    cited, begun = _cited(notes), 1
    for one in Blocks(file, limits):
        if isinstance(one, Stretch):
            lines += [(number, f"packet {number}: {text}") for number in _bare(one, cited) for text in notes.packets[number]]
            begun = one.first + one.packets
        elif one.kind == pcapng.SECTION:
            firsts.append(begun)
    told: list[list[str]] = [[] for _ in firsts]
    for number, line in lines if firsts else ():
        told[max(bisect_right(firsts, number) - 1, 0)].append(line)
    return told


def copy(
    file: Readable, out: Writable, notes: Notes, sections: Sequence[Sequence[str]], editor: Editor, limits: Limits
) -> str | None:
    """A pcapng file with the notes in it, `sections` as `survey` gave them; returns in a sentence why it ends early, if it does."""
    told = iter(sections)
    cited = _cited(notes)
    found = Blocks(file, limits)
    for one in found:
        if isinstance(one, Stretch):
            _packets(one, out, notes, cited, editor)
        elif one.kind == pcapng.SECTION:
            out.write(editor.section(one.block, notes.section(next(told, ()), limits.section_comment), big=one.big))
        elif one.kind == pcapng.SECRETS and editor.clean is not None:
            editor.tally.secrets += 1
        else:
            out.write(editor.other(one.kind, one.block, big=one.big))
    return found.problem


def convert(
    source: Source,
    out: Writable,
    notes: Notes,
    editor: Editor,
    limits: Limits,
    clock: Clock | None = None,
    inputs: Inputs | None = None,
) -> None:
    """Packets of a source that is no pcapng file, with the notes. `clock`: of a pcap file; others count in nanoseconds. `inputs`:
    the files of a source that merges several.
    """
    clock = clock or Clock()
    comments = notes.section([line for _, line in notes.lines], limits.section_comment)
    out.write(editor.section(inputs.section() if inputs is not None else blocks.section(), comments, big=False))
    for kind, block in inputs.others if inputs is not None else ():
        if kind == pcapng.SECRETS and editor.clean is not None:
            editor.tally.secrets += 1
        else:
            out.write(editor.other(kind, block, big=False))
    cited, known = _cited(notes), 0
    for batch in source.batches():
        known = _interfaces(source.log.interfaces, known, out, clock, editor, inputs)
        if len(batch.records["time"]):
            tails = inputs.tails(batch) if inputs is not None else None
            _packets(stretch(batch, clock.tick, tails), out, notes, cited, editor)
    _interfaces(source.log.interfaces, known, out, clock, editor, inputs)
    last = max(source.log.last_time or 0, 0) // clock.tick
    for which, interface in enumerate(source.log.interfaces):
        if interface.dropped is not None:
            out.write(blocks.statistics(which, last, interface.dropped))


def _interfaces(
    interfaces: Sequence[Interface], known: int, out: Writable, clock: Clock, editor: Editor, inputs: Inputs | None
) -> int:
    """Describe those that are new; returns how many there are."""
    for which, one in enumerate(interfaces[known:], known):
        options = inputs.interface(which) if inputs is not None else []
        if one.name and not options:
            options = [(pcapng.NAME, one.name.encode("utf-8", "replace")[:LONGEST_NAME])]
        if clock.check_bits is not None:
            options = [*options, (pcapng.FCS_LENGTH, bytes([clock.check_bits]))]
        link = one.link_type if one.link_type >= 0 else UNKNOWN_LINK
        resolution = 6 if clock.tick == MICROSECOND else blocks.NANOSECONDS
        made = blocks.interface(link, one.snap_length, options, resolution)
        out.write(editor.other(pcapng.INTERFACE, made, big=False))
    return len(interfaces)


def _cited(notes: Notes) -> Ints:
    """Numbers of the packets that get a comment, rising."""
    return np.array(sorted(notes.packets), np.int64)


def _rows(stretch: Stretch, cited: Ints) -> Ints:
    """Which packets of a stretch are among them."""
    begin, end = np.searchsorted(cited, (stretch.first, stretch.first + stretch.packets))
    return cited[begin:end] - stretch.first


def _bare(stretch: Stretch, cited: Ints) -> list[int]:
    """Those of them whose blocks have no room for options."""
    return [row + stretch.first for row in _rows(stretch, cited).tolist() if _simple(stretch.block(row), stretch)]


def _packets(stretch: Stretch, out: Writable, notes: Notes, cited: Ints, editor: Editor) -> None:
    """The blocks of a stretch: in runs, but for those that change."""
    data, begins, at = memoryview(stretch.data), stretch.begins, int(stretch.begins[0])
    for row in np.union1d(_rows(stretch, cited), np.flatnonzero(stretch.options)).tolist():
        block = stretch.block(row)
        if _simple(block, stretch):
            continue
        edited = editor.packet(block, notes.packets.get(stretch.first + row, ()), big=stretch.big)
        if edited is not block:
            out.write(data[at : int(begins[row])])
            out.write(edited)
            at = int(begins[row + 1])
    out.write(data[at : int(begins[-1])])


def _simple(block: bytes, stretch: Stretch) -> bool:
    return int.from_bytes(block[:4], "big" if stretch.big else "little") == pcapng.SIMPLE_PACKET
