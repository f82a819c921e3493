"""A capture file that is not in order of time: finds the stretches that are, and merges them.

In: a plain file, read once to find its runs (see `reorder.py` for what a run is) and a second time in order of time. Out: its
packets with their numbers in the file. A run is read from its place in the file, with what must stand before it, when its time has
come, so that memory does not grow with the file.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from analyzer.model.capture import CaptureLog, PacketBatch, Source
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.numbering import Numbering
from analyzer.sources.clock import EARLIEST, Chain, Stretch, Verdict
from analyzer.sources.merge import Chunk, merged
from analyzer.sources.window import Readable
from analyzer.wire import kernels


class Plain(Source, Protocol):
    """A source whose packets can be read from any place of the file on."""

    def place(self, batch: PacketBatch, row: int) -> int:
        """Where the record of a packet begins in the file."""
        ...

    def prelude(self, place: int) -> bytes | None:
        """What must stand before the records from a place on; None where there is too much of it."""
        ...


class File(Readable, Protocol):
    """An open file."""

    def seek(self, offset: int, /) -> int:
        """Go on from there."""
        ...


Open = Callable[[Readable, Limits], Plain]
"""How a file is read that starts as this one does."""


class Span:
    """A part of a file as a stream of its own, behind its prelude. Others may read the file in between."""

    def __init__(self, file: File, prelude: bytes, begin: int, end: int | None) -> None:
        self._file = file
        self._prelude = prelude
        self._at = begin
        self._end = end

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer from the front; 0 at the end."""
        if self._prelude:
            head, self._prelude = self._prelude[: len(buffer)], self._prelude[len(buffer) :]
            buffer[: len(head)] = head
            return len(head)
        self._file.seek(self._at)
        count = self._file.readinto(buffer if self._end is None else buffer[: self._end - self._at]) or 0
        self._at += count
        return count


@dataclass(slots=True)
class Stride:
    """Runs that stand behind one another and go on one with the other: a part to be merged."""

    open: Callable[["Stride", int], Plain]
    """Given how many others are read beside it."""
    place: int
    packet: int
    """Number of its first packet."""
    first: int
    prelude: bytes
    shifts: list[tuple[int, int]]
    """From which packet on times are moved, and by how much."""
    ceilings: list[tuple[int, int]]
    """Before which packet moments are no higher than this: a stray clock was ahead there."""
    end: int | None = None

    def chunks(self, beside: int) -> Iterator[Chunk]:
        """Its packets, read from its place on."""
        highest = EARLIEST
        for batch in self.open(self, beside).batches():
            numbers = np.arange(batch.first_number, batch.first_number + len(batch.records["time"])) + (self.packet - 1)
            times = batch.records["time"].copy()
            for (since, shift), (until, _) in pairwise([*self.shifts, (1 << 62, 0)]):
                times[(numbers >= since) & (numbers < until)] += shift
            moments = times.copy()
            for packet, ceiling in self.ceilings:
                np.minimum(moments, ceiling, out=moments, where=numbers < packet)
            moments = np.maximum.accumulate(np.maximum(moments, highest))
            highest = int(moments[-1])
            yield Chunk(batch.data, {**batch.records, "time": times}, moments, numbers)


class Runs:
    """The packets of a plain file in order of time, with their numbers in the file."""

    def __init__(self, strides: list[Stride], log: CaptureLog) -> None:
        self._strides = strides
        self._size = log.bytes
        self.log = replace(log, bytes=0, numbering=Numbering())

    def batches(self) -> Iterator[PacketBatch]:
        """All packets, once."""
        log, sent = self.log, 0
        assert log.numbering is not None
        for chunk in merged(self._strides):
            log.bytes = min(log.bytes + int(chunk.records["captured"].sum()), self._size)
            log.numbering.add(chunk.numbers)
            yield PacketBatch(chunk.data, chunk.records, sent + 1, numbers=chunk.numbers)
            sent += len(chunk)
        log.bytes = self._size


def in_runs(file: File, open_at: Open, limits: Limits) -> Runs | None:
    """Read a file once to find its runs; None where there are too many of them, or where most packets are earlier than the one
    before them.
    """

    def open_stride(stride: Stride, beside: int) -> Plain:
        size = max(limits.batch // (beside + 1), limits.part)
        return open_at(Span(file, stride.prelude, stride.place, stride.end), replace(limits, batch=size))

    scan = _Scan(open_at(Span(file, b"", 0, None), limits), limits, open_stride)
    return Runs(scan.strides, scan.source.log) if scan.whole() else None


class _Scan:
    """One pass over a file, of which the places are kept where runs begin, and the packets around the newest of them."""

    def __init__(self, source: Plain, limits: Limits, open_stride: Callable[[Stride, int], Plain]) -> None:
        self.source = source
        self.strides: list[Stride] = []
        self._limits = limits
        self._open = open_stride
        self._chain = Chain(source.log, limits)
        self._runs = 0
        self._falls = 0
        self._tail = Stretch.none()  # the last packets of the run
        self._before = Stretch.none()  # those of the run before it, while it is not known whether this one goes on with it
        self._after = Stretch.none()
        self._begin: Stride | None = None  # what this run becomes if it does not
        self._span = (1 << 62, EARLIEST)  # lowest and highest time of this run
        self._times: list[tuple[int, int]] = []  # those of all runs before it, moved to where they belong

    def whole(self) -> bool:
        """Read all of the file; False where that finds no runs worth the name."""
        highest, last = EARLIEST, None
        for batch in self.source.batches():
            times = batch.records["time"]
            self._falls += int(np.count_nonzero(np.diff(times, prepend=times[0] if last is None else last) < 0))
            last = int(times[-1])
            starts = np.zeros(len(times), np.int64)
            begun, highest = kernels.follow(
                memoryview(times), len(times), highest, self._limits.disorder, memoryview(starts.copy()), memoryview(starts)
            )
            begins = starts[:begun].tolist()
            if not self._runs:
                self._begin, begins = Stride(self._open, 0, 1, int(times[0]), b"", [], []), [0, *begins]
            for begin, end in pairwise([*dict.fromkeys((0, *begins)), len(times)]):
                if begin in begins and not self._start(batch, begin):
                    return False
                self._add(batch, begin, end)
        self._decide()
        self._close()
        if self._times:
            log = self.source.log
            log.first_time, log.last_time = min(low for low, _ in self._times), max(high for _, high in self._times)
        return self._falls <= self.source.log.packets // 2

    def _start(self, batch: PacketBatch, row: int) -> bool:
        """A run begins at this row; False when that is one too many."""
        self._runs += 1
        if self._runs == 1:
            return True
        self._decide()
        self._close()
        place = self.source.place(batch, row)
        prelude = self.source.prelude(place)
        if prelude is None or self._runs > self._limits.runs:
            return False
        packet, time = batch.first_number + row, int(batch.records["time"][row])
        self._begin = Stride(self._open, place, packet, time, prelude, [], [])
        self._before, self._tail, self._after = self._tail.later(self._chain.shift), Stretch.none(), Stretch.none()
        return True

    def _add(self, batch: PacketBatch, begin: int, end: int) -> None:
        """These rows belong to the run."""
        most, times = self._limits.boundary, batch.records["time"][begin:end]
        self._span = min(self._span[0], int(times.min())), max(self._span[1], int(times.max()))
        if self._begin is not None and len(self._after) < most:
            self._after = self._after.joined(_rows(batch, begin, min(end, begin + most - len(self._after))))
        self._tail = self._tail.joined(_rows(batch, max(begin, end - most), end)).last(most)

    def _decide(self) -> None:
        """All is known of how the run begins: it is a stride, or goes on with the last one."""
        begin, self._begin = self._begin, None
        if begin is None:
            return
        verdict = self._chain.meets(self._before, self._after, begin.packet - 1)
        if verdict is Verdict.MISPLACED:
            if self.strides:
                self.strides[-1].end = begin.place
            self.strides.append(begin)
        elif verdict is Verdict.SET_BACK:
            self.strides[-1].shifts.append((begin.packet, self._chain.shift))
        else:
            self.strides[-1].ceilings.append((begin.packet, self._chain.reached))

    def _close(self) -> None:
        """The run is over."""
        low, high = self._span
        if high >= low:
            self._times.append((low + self._chain.shift, high + self._chain.shift))
        self._span = (1 << 62, EARLIEST)


def _rows(batch: PacketBatch, begin: int, end: int) -> Stretch:
    """The heads of some packets of a batch."""
    return Stretch.of(batch.data, {name: column[begin:end] for name, column in batch.records.items()})
