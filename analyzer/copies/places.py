"""Where bytes of one stream stand in another that was made of it: a monotone map in straight pieces, in whole numbers.

Between two known places the map is even; before the first one and behind the last one it goes on byte by byte.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol


class Moved(Protocol):
    """What says where bytes stand."""

    @property
    def moved(self) -> bool:
        """Whether any byte stands elsewhere."""

    def of(self, offset: int) -> int:
        """Where a byte stands, or would."""


class Places:
    """Pairs of offsets, (old, new), that never fall."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._old, self._new = array("q"), array("q")
        for old, new in pairs:
            self.add(old, new)

    @property
    def moved(self) -> bool:
        """Whether any byte stands elsewhere."""
        return self._old != self._new

    def add(self, old: int, new: int) -> None:
        """The next pair. One that says of the same byte something else counts for what follows it."""
        if self._old and (old < self._old[-1] or new < self._new[-1]):
            return
        self._old.append(old)
        self._new.append(new)

    def of(self, offset: int) -> int:
        """Where a byte stands, or would."""
        row = bisect_right(self._old, offset) - 1
        if row < 0:
            return offset + (self._new[0] - self._old[0] if self._old else 0)
        old, new = self._old[row], self._new[row]
        if row + 1 == len(self._old):
            return new + offset - old
        return new + (offset - old) * (self._new[row + 1] - new) // (self._old[row + 1] - old)


class Chain:
    """Several of them, one after the other."""

    def __init__(self, links: Sequence[Moved]) -> None:
        self._links = links

    @property
    def moved(self) -> bool:
        """Whether any byte stands elsewhere."""
        return any(link.moved for link in self._links)

    def of(self, offset: int) -> int:
        """Where a byte stands, or would."""
        for link in self._links:
            offset = link.of(offset)
        return offset
