"""A pcapng file as it lies there (draft-ietf-opsawg-pcapng): stretches of packet blocks, and each block that is none.

In: a binary stream. Out: all of its bytes, in order, up to the first block that cannot be; packets are numbered as by the reader of
the analysis. Memory holds one stretch. Nothing is said of a packet but where its block lies and whether it has comments.
"""

from array import array
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.pcapng import INTERFACE, SECTION, SMALLEST, head
from analyzer.model.streams import Bytes, Ints
from analyzer.wire import kernels

ROOM, LEAST = 1 << 18, 16
"""Packets of a stretch at most; bytes of the smallest packet block."""


class Readable(Protocol):
    """A binary stream; `readinto` returns how many bytes it wrote, 0 at the end."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from the front."""
        ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """Packet blocks behind one another; valid until the next one is asked for."""

    data: Bytes
    begins: Ints
    """Where each block begins in `data`, and where the last one ends."""
    options: Ints
    """Of each packet: not 0 if there is a comment or a count of lost packets among its options."""
    first: int
    """Number of the first packet."""
    big: bool

    @property
    def packets(self) -> int:
        """How many there are."""
        return len(self.options)

    def block(self, row: int) -> bytes:
        """One of the blocks."""
        return self.data[self.begins[row] : self.begins[row + 1]].tobytes()


@dataclass(frozen=True, slots=True)
class Other:
    """A block that is no packet."""

    kind: int
    block: bytes
    big: bool


class Blocks:
    """One pass over a file. `problem` says in a sentence why it ended early, if it did; `packets` counts what was given out."""

    def __init__(self, file: Readable, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._data = np.empty(max(limits.batch, SMALLEST), np.uint8)
        self._start = self._stop = 0
        self._big = False
        self._first = 0  # index of the section's first interface
        self._scales = (array("q"), array("Q"), array("q"), array("q"))  # as the walk wants them; of times nothing is made here
        self.packets = 0
        self.problem: str | None = None

    def __iter__(self) -> Iterator[Stretch | Other]:
        """All blocks, once."""
        rows = min(max(len(self._data) // LEAST, 1), ROOM)
        columns = {name: np.zeros(rows, np.int64) for name in ("offset", "captured", "on_wire", "time", "options")}
        interface, begins = np.zeros(rows, np.int32), np.zeros(rows + 1, np.int64)
        while self.problem is None:
            found, position, why = kernels.walk_pcapng(
                memoryview(self._data),
                self._start,
                self._stop,
                self._big,
                self._limits.record,
                self._first,
                *(memoryview(column) for column in self._scales),
                *(memoryview(columns[name]) for name in ("offset", "captured", "on_wire", "time")),
                memoryview(interface),
                memoryview(columns["options"]),
            )
            if found:
                kernels.block_starts(memoryview(self._data), self._start, self._big, found, memoryview(begins))
                yield Stretch(self._data, begins[: found + 1], columns["options"][:found], self.packets + 1, self._big)
                self.packets += found
            self._start = position
            if why == kernels.DAMAGED:
                self.problem = "a packet block has a length or an interface that cannot be"
                return
            if why == kernels.OTHER:
                other = self._other()
                if other is not None:
                    yield other
                    continue
            if why != kernels.FULL and self.problem is None and not self._more():
                break
        if self.problem is None and self._start < self._stop:
            self.problem = f"the file ends in the middle of a block, {self._stop - self._start} bytes after packet {self.packets}"

    def _other(self) -> Other | None:
        """The block at the start, and step over it; None when it is not whole yet or cannot be."""
        first = self._data[self._start : self._stop][:SMALLEST].tobytes()
        if len(first) < SMALLEST:
            return None
        kind, total, self._big, self.problem = head(first, self._limits.block_options, big=self._big)
        if self.problem is not None or self._stop - self._start < total:
            return None
        block = self._data[self._start : self._start + total].tobytes()
        if kind == SECTION:
            self._first = len(self._scales[0])
        elif kind == INTERFACE:
            for column, value in zip(self._scales, (0, 1, 0, 0), strict=True):
                column.append(value)
        self._start += total
        return Other(kind, block, self._big)

    def _more(self) -> bool:
        """Move what is held to the front and read on behind it; False at the end of the file."""
        held = self._stop - self._start
        data = self._data if held < len(self._data) else np.empty(2 * held, np.uint8)  # a block longer than all that fits: rare
        data[:held] = self._data[self._start : self._stop]
        self._data, self._start, self._stop = data, 0, held
        try:
            count = self._file.readinto(memoryview(data)[held:]) or 0
        except OSError as error:
            self.problem = f"the file cannot be read any further ({error.strerror or error})"
            return False
        self._stop += count
        return count > 0
