"""The bytes of one direction's stream, kept to be changed in place: in memory, and beyond a limit in a temporary file.

In: pieces in stream order. Out: any stretch of them, and which of its bytes are there. Holes take no room, however long.
"""

import tempfile
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import numpy as np

from analyzer.model.limits import MIB
from analyzer.model.streams import Data, Run
from analyzer.wire import bulk


class StreamStore:
    """Bytes by offset. What never came is not there and reads as zeros."""

    def __init__(self, limit: int) -> None:
        self._file = tempfile.SpooledTemporaryFile(limit, prefix="analyzer-stream-")  # noqa: SIM115 - lives as long as the store
        weakref.finalize(self, self._file.close)
        self._written = 0
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._places: list[int] = []
        """Stretches that are there, in order, and where each lies in the file."""

    @property
    def end(self) -> int:
        """Offset behind the last byte."""
        return self._ends[-1] if self._ends else 0

    def take(self, piece: Data | Run, shift: int = 0) -> None:
        """Add a piece of a stream, `shift` bytes further on."""
        content = piece.bytes if isinstance(piece, Data) else bulk.gathered(piece.bytes, piece.at, piece.length)
        self.add(piece.begin + shift, content.tobytes())

    def add(self, begin: int, content: bytes) -> None:
        """Add bytes behind all others; what is there already stays."""
        known = max(0, self.end - begin)
        begin, content = begin + known, content[known:]
        if not content:
            return
        self._file.seek(self._written)
        self._file.write(content)
        if self._ends and begin == self._ends[-1] and self._places[-1] + begin - self._begins[-1] == self._written:
            self._ends[-1] += len(content)
        else:
            self._begins.append(begin)
            self._ends.append(begin + len(content))
            self._places.append(self._written)
        self._written += len(content)

    def change(self, begin: int, content: bytes) -> int:
        """Write over what is there; returns how many bytes differ now."""
        before = self.read(begin, begin + len(content))
        for one, two in self.there(begin, begin + len(content)):
            self._at(one)
            self._file.write(content[one - begin : two - begin])
        return differing(before, self.read(begin, begin + len(content)))

    def cut(self, end: int) -> None:
        """Forget what lies from an offset on."""
        last = bisect_left(self._begins, end)
        del self._begins[last:], self._ends[last:], self._places[last:]
        if self._ends:
            self._ends[-1] = min(self._ends[-1], end)

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from one offset to another."""
        content = bytearray(end - begin)
        for one, two in self.there(begin, end):
            self._at(one)
            content[one - begin : two - begin] = self._file.read(two - one)
        return bytes(content)

    def there(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Which parts of a stretch are there."""
        first, last = bisect_right(self._ends, begin), bisect_left(self._begins, end)
        return [(max(self._begins[row], begin), min(self._ends[row], end)) for row in range(first, last)]

    def pieces(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The same, in pieces that may be held."""
        for one, two in self.there(begin, end):
            yield from ((at, min(at + MIB, two)) for at in range(one, two, MIB))

    def _at(self, offset: int) -> None:
        """Go to where a byte that is there lies."""
        row = bisect_right(self._begins, offset) - 1
        self._file.seek(self._places[row] + offset - self._begins[row])


def differing(one: bytes, two: bytes) -> int:
    """How many bytes differ, of as many."""
    return 0 if one == two else int(np.count_nonzero(np.frombuffer(one, np.uint8) != np.frombuffer(two, np.uint8)))
