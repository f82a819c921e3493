"""What pcapng files have beside packets, for a copy that makes one capture of several: comments and other options of packets,
interfaces, facts of sections, names of hosts, secrets.

In: the files, each read twice: for what stands outside of packets, then beside the packets as they are merged. Out: one section
with all interfaces, as `mergecap` makes it: since packets are in order of time, sections would change with every packet. Of
statistics and of unknown blocks nothing is kept; they are counted.
"""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np

from analyzer.copies import blocks, orders
from analyzer.copies.blocks import Option
from analyzer.copies.edits import INTERFACE_OPTIONS, SECTION_OPTIONS
from analyzer.copies.records import Tails
from analyzer.copies.stretches import Blocks, Readable, Stretch
from analyzer.model.capture import PacketBatch
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.pcapng import (
    ENHANCED_PACKET,
    INTERFACE,
    NAMES,
    OFFSET,
    PACKET_FIELDS,
    RESOLUTION,
    SECRETS,
    SECTION,
    SIMPLE_PACKET,
)
from analyzer.model.streams import Bytes, Ints
from analyzer.wire import bulk

FACTS = {2: "hardware", 3: "OS", 4: "written by"}
"""Options of a section that tell where it was captured."""
OWN = frozenset({RESOLUTION, OFFSET})
"""Options of an interface about its clock: a merged copy has its own."""


@dataclass(frozen=True, slots=True)
class Input:
    """One of the files: its name, and how to read it; None where it is no pcapng file."""

    name: str
    open: Callable[[], AbstractContextManager[Readable]] | None


class Inputs:
    """All of them. `owners`: to which file each interface of the merged capture belongs, in a list that may grow."""

    def __init__(self, files: Sequence[Input], owners: Sequence[int], limits: Limits) -> None:
        self._limits = replace(limits, batch=limits.part)
        self._owners = owners
        self._room = limits.block_options // 2  # of all together, so that the one section header is none that readers refuse
        self._told: list[list[Option]] = []  # options of sections, of all files
        self._facts: list[dict[int, bytes]] = []  # of each file
        self._interfaces: list[list[list[Option]]] = []  # of each file
        self._given: Counter[int] = Counter()  # interfaces that were asked for, by file
        self.others: list[tuple[int, bytes]] = []
        """Blocks with names and secrets."""
        self.lost = 0
        """Blocks that a merged copy does not have."""
        self._names = [file.name for file in files]
        self._cursors = [self._surveyed(file) for file in files]

    def section(self) -> bytes:
        """The section header: all comments, facts that are the same everywhere, and in a comment those that are not."""
        same = Counter(fact for facts in self._facts for fact in facts.items())
        common = [fact for fact, count in sorted(same.items()) if count == len(self._facts)]
        lines = []
        for name, facts in zip(self._names, self._facts, strict=True):
            own = sorted(facts.items() - set(common))
            lines.append(", ".join([name, *(f"{FACTS[code]} {value.decode('utf-8', 'replace')}" for code, value in own)]))
        whence = blocks.comment("\n".join(["Merged from:", *lines]))
        return blocks.section([*common, *(one for told in self._told for one in told), whence])

    def interface(self, which: int) -> list[Option]:
        """How an interface of the merged capture was described, but for its clock. Ask for each once, in order."""
        owner = self._owners[which]
        described, nth = self._interfaces[owner], self._given[owner]
        self._given[owner] += 1
        return described[nth] if nth < len(described) else []

    def tails(self, batch: PacketBatch) -> Tails:
        """The options of its packets. Ask for each batch once, in order."""
        owner = np.asarray(self._owners, np.int64)[batch.records["interface"]]
        size, marked, at = (np.zeros(len(owner), np.int64) for _ in range(3))
        parts = [np.zeros(0, np.uint8)]
        begin = 0
        for one in np.unique(owner).tolist():
            rows = np.flatnonzero(owner == one)
            for part in self._cursors[one].take(len(rows)):
                mine, rows = rows[: len(part.size)], rows[len(part.size) :]
                size[mine], marked[mine], at[mine] = part.size, part.marked, part.at + begin
                parts.append(part.data)
                begin += len(part.data)
        return Tails(np.concatenate(parts), at, size, marked)

    def _surveyed(self, file: Input) -> "_Cursor":
        """Read all that stands outside of packets."""
        facts: dict[int, bytes] = {}
        self._facts.append(facts)
        described: list[list[Option]] = []
        self._interfaces.append(described)
        if file.open is None:
            return _Cursor(file, 0, self._limits)
        with file.open() as stream:
            found = Blocks(stream, self._limits)
            for one in found:
                if isinstance(one, Stretch):
                    continue
                if one.kind == INTERFACE:
                    described.append(self._options(one.block, INTERFACE, INTERFACE_OPTIONS, big=one.big))
                elif one.kind == SECTION:
                    told = self._options(one.block, SECTION, SECTION_OPTIONS, big=one.big)
                    facts |= {code: value for code, value in told if code in FACTS}
                    self._told.append([(code, value) for code, value in told if code not in FACTS])
                else:
                    self._other(one.kind, one.block, big=one.big)
        return _Cursor(file, found.packets, self._limits)

    def _options(self, block: bytes, kind: int, at: int, *, big: bool) -> list[Option]:
        self._room -= len(block)
        if self._room < 0:
            self.lost += 1
            return []
        found = orders.options_of(block[at:-4], kind, big=big)
        return [(code, value) for code, value in found if kind != INTERFACE or code not in OWN]

    def _other(self, kind: int, block: bytes, *, big: bool) -> None:
        made = {NAMES: orders.names, SECRETS: orders.secrets}.get(kind)
        same = made(block, big=big) if made is not None else None
        self._room -= len(block) if same is not None else 0
        if same is not None and self._room >= 0:
            self.others.append((kind, same))
        else:
            self.lost += 1


class _Cursor:
    """Goes through one file beside the merging. Few are open at once: it closes behind the last packet."""

    def __init__(self, file: Input, packets: int, limits: Limits) -> None:
        self._left = packets
        self._limits = limits
        self._parts = self._read(file)
        self._part: Tails | None = None

    def take(self, count: int) -> Generator[Tails]:
        """The options of the next packets; fewer where the file has become shorter than it was, and none of what is no pcapng."""
        while count and self._left:
            part = self._part or next(self._parts, None)
            if part is None:
                return
            took = min(count, len(part.size))
            yield part.rows(0, took)
            self._part = part.rows(took, len(part.size)) if took < len(part.size) else None
            count -= took
            self._left -= took
        if not self._left:
            self._parts.close()

    def _read(self, file: Input) -> Generator[Tails]:
        if file.open is None:
            return
        with file.open() as stream:
            for one in Blocks(stream, self._limits):
                if isinstance(one, Stretch):
                    yield _tails(one)


def _tails(stretch: Stretch) -> Tails:
    """The options of a stretch's packets, in memory of their own."""
    data, begins = stretch.data, stretch.begins[:-1]
    sizes = np.diff(stretch.begins)

    def word(at: int) -> Ints:
        four: Bytes = data[
            np.minimum(begins[:, np.newaxis] + np.arange(at, at + 4), len(data) - 1)
        ]  # a short block may lie at the end
        value: Ints = four.view(">u4" if stretch.big else "<u4")[:, 0].astype(np.int64)
        return value

    simple = word(0) == SIMPLE_PACKET
    fields = PACKET_FIELDS + (np.where(simple, 0, word(20)) + 3 & ~3)
    size = np.where(simple, 0, sizes - 4 - fields)
    size[size < 4] = 0  # noqa: PLR2004 - an option's head
    marked = (stretch.options > 0).astype(np.int64)
    if not stretch.big:
        at = np.where(size > 0, begins + fields, 0)
        return Tails(bulk.gathered(data, at, size), np.cumsum(size) - size, size, marked)
    turned = [b""] * len(size)
    for row in np.flatnonzero(size).tolist():
        block = stretch.block(row)
        turned[row] = blocks.options(orders.options_of(block[int(fields[row]) : -4], ENHANCED_PACKET, big=True))
    size = np.array([len(one) for one in turned], np.int64)
    return Tails(np.frombuffer(b"".join(turned), np.uint8), np.cumsum(size) - size, size, marked)
