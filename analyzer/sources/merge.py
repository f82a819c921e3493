"""Merges sequences of packets by time, each opened when its time has come, so that few are held at once.

In: parts, each with the moment of its first packet, that give chunks in which moments never fall. Out: chunks in order of moment;
of packets at the same moment, those of the part that comes first.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.streams import Bytes, Columns, Ints
from analyzer.wire import bulk


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive packets: RECORDS columns that point into `data`, and what they are merged by. The data is the part's own, which
    it may overwrite when its next chunk but one is made.
    """

    data: Bytes
    records: Columns
    moments: Ints
    numbers: Ints

    def __len__(self) -> int:
        return len(self.moments)

    def rows(self, begin: int, end: int) -> "Chunk":
        """Some of the packets."""
        cut = slice(begin, end)
        records = {name: column[cut] for name, column in self.records.items()}
        return Chunk(self.data, records, self.moments[cut], self.numbers[cut])


class Part(Protocol):
    """One sequence of packets."""

    @property
    def first(self) -> int:
        """The moment of its first packet."""
        ...

    def chunks(self, beside: int) -> Iterator[Chunk]:
        """All packets, once; `beside` so many other parts that are read at the same time."""
        ...


class _Open:
    """A part that is being read."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self.chunk: Chunk | None = None
        self._at = 0

    def fill(self) -> bool:
        """See to it that a packet is there; False at the end."""
        while self.chunk is None or self._at == len(self.chunk):
            self.chunk, self._at = next(self._chunks, None), 0
            if self.chunk is None:
                return False
        return True

    @property
    def last(self) -> int:
        """The moment that is reached for sure."""
        assert self.chunk is not None
        return int(self.chunk.moments[-1])

    def take(self, moment: int, *, inclusive: bool) -> Chunk:
        """The packets up to this moment."""
        assert self.chunk is not None
        begin = self._at
        left = self.chunk.moments[begin:]
        self._at += int(np.searchsorted(left, moment, side="right" if inclusive else "left"))
        return self.chunk.rows(begin, self._at)


def merged(parts: Sequence[Part]) -> Iterator[Chunk]:
    """All packets of all parts."""
    waiting = deque(sorted(range(len(parts)), key=lambda place: (parts[place].first, place)))
    active: dict[int, _Open] = {}
    while waiting or active:
        active = {place: one for place, one in active.items() if one.fill()}
        while waiting and (
            not active or (parts[waiting[0]].first, waiting[0]) <= min((one.last, place) for place, one in active.items())
        ):
            place = waiting.popleft()
            opened = _Open(parts[place].chunks(len(active)))
            if opened.fill():
                active[place] = opened
        if active:
            moment, until = min((one.last, place) for place, one in active.items())
            taken = [one.take(moment, inclusive=place <= until) for place, one in sorted(active.items())]
            yield _together([chunk for chunk in taken if len(chunk)])


def _together(chunks: list[Chunk]) -> Chunk:
    """Chunks of several parts as one."""
    if len(chunks) == 1:
        return chunks[0]
    moments = np.concatenate([chunk.moments for chunk in chunks])
    order = np.argsort(moments, kind="stable")
    records = {name: np.concatenate([chunk.records[name] for chunk in chunks])[order] for name in chunks[0].records}
    data = np.concatenate([bulk.gathered(chunk.data, chunk.records["offset"], chunk.records["captured"]) for chunk in chunks])
    sizes = np.concatenate([chunk.records["captured"] for chunk in chunks])
    records["offset"] = (np.cumsum(sizes) - sizes)[order]
    return Chunk(data, records, moments[order], np.concatenate([chunk.numbers for chunk in chunks])[order])
