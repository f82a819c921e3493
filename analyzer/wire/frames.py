"""Columns that the WebSocket header walk fills: raw headers as they stand in a run of bytes."""

import numpy as np


class FrameColumns:
    """Room for `rows` headers: `offset` in the bytes walked, `header` size, payload `length`, `first` byte, `masked`, `key`."""

    def __init__(self, rows: int) -> None:
        self.offset = np.empty(rows, np.int64)
        self.header = np.empty(rows, np.uint8)
        self.length = np.empty(rows, np.int64)
        self.first = np.empty(rows, np.uint8)
        self.masked = np.empty(rows, np.uint8)
        self.key = np.empty(rows, np.uint32)

    @property
    def views(self) -> tuple[memoryview, ...]:
        """The columns as the walk wants them."""
        return tuple(memoryview(a) for a in (self.offset, self.header, self.length, self.first, self.masked, self.key))
