"""Columns that the WebSocket header walk fills, reused from walk to walk since fresh memory costs more than the walk itself."""

from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.streams import Bytes, Columns, Ints

ROOM = 1 << 14
"""Frames per walk: enough that a call costs nothing, few enough to stay in the cache."""
CONTENT = 1 << 21
"""Payload bytes per walk: what is unmasked, hashed and measured in turn stays in the processor's cache."""
WIDE = ("offset", "length", "first_packet", "last_packet", "first_time", "last_time")
NARROW = ("header", "opcode", "fin", "rsv", "masked")


class FrameColumns:
    """Room for `rows` frames, and for the pieces in which their payload lies.

    `wide` holds the int64 columns WIDE row by row, `narrow` the uint8 columns NARROW, `key` is uint32. The pieces have `piece_at`
    and `piece_length` (int64) and `piece_key` (uint32).
    """

    def __init__(self, rows: int = ROOM) -> None:
        self.wide = np.empty((len(WIDE), rows), np.int64)
        self.narrow = np.empty((len(NARROW), rows), np.uint8)
        self.key = np.empty(rows, np.uint32)
        self.piece_at: Ints = np.empty(2 * rows, np.int64)
        self.piece_length: Ints = np.empty(2 * rows, np.int64)
        self.piece_key = np.empty(2 * rows, np.uint32)
        arrays: tuple[npt.NDArray[Any], ...] = (
            *self.wide,
            *self.narrow,
            self.key,
            self.piece_at,
            self.piece_length,
            self.piece_key,
        )
        self._content = np.empty(0, np.uint8)
        self.lengths: Ints = self.wide[WIDE.index("length")]
        self.views = tuple(memoryview(array) for array in arrays)
        """The columns as the walk wants them."""

    def content(self, size: int) -> Bytes:
        """Room for the payload of a walk: the same memory again and again."""
        if size > len(self._content):
            self._content = np.empty(max(size, CONTENT + CONTENT // 4), np.uint8)
        return self._content[:size]

    def rows(self, begin: int, end: int) -> Columns:
        """A copy of some rows by name of column."""
        columns: Columns = dict(zip(WIDE, self.wide[:, begin:end].copy(), strict=True))
        columns |= zip(NARROW, self.narrow[:, begin:end].copy(), strict=True)
        columns["key"] = self.key[begin:end].copy()
        return columns

    def put(self, columns: Columns) -> None:
        """Write one row to the front, so that the walk goes on with it."""
        for row, name in enumerate(WIDE):
            self.wide[row, 0] = columns[name][0]
        for row, name in enumerate(NARROW):
            self.narrow[row, 0] = columns[name][0]
        self.key[0] = columns["key"][0]
