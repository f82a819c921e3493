"""Packets held back: their records in one table, their bytes in the chunks in which they came.

In: rows and the data that they point into, which may be overwritten later: `own` what is still held by then. Out: the rows that
were chosen, in the order asked for, as data and where they lie in it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from analyzer.model.schema import RECORDS
from analyzer.model.streams import Bytes, Columns, Ints
from analyzer.wire import bulk

RECORD_NAMES = tuple(column.name for column in RECORDS)


class Held:
    """A table with the RECORDS columns, those named, and `chunk`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.rows: Columns = {column.name: np.zeros(0, column.dtype) for column in RECORDS}
        self.rows |= {name: np.zeros(0, np.int64) for name in (*names, "chunk")}
        self._chunks: dict[int, Bytes] = {}
        self._newest = 0

    def __len__(self) -> int:
        return len(self.rows["time"])

    def add(self, data: Bytes, rows: Columns) -> None:
        """Put rows behind those that are held."""
        self._newest += 1
        self._chunks[self._newest] = data
        added = {**rows, "chunk": np.full(len(rows["time"]), self._newest)}
        self.rows = {name: np.concatenate((column, added[name])) for name, column in self.rows.items()}

    def own(self) -> None:
        """Copy what is held of the data that came last."""
        mine = np.flatnonzero(self.rows["chunk"] == self._newest)
        at, size = self.rows["offset"][mine], self.rows["captured"][mine]
        self._chunks[self._newest] = bulk.gathered(self._chunks[self._newest], at, size)
        self.rows["offset"][mine] = np.cumsum(size) - size

    def keep(self, which: npt.NDArray[np.bool_]) -> None:
        """Let go of the other rows."""
        self.rows = {name: column[which] for name, column in self.rows.items()}
        left = set(np.unique(self.rows["chunk"]).tolist())
        self._chunks = {name: data for name, data in self._chunks.items() if name in left or name == self._newest}

    def data_of(self, row: int) -> Bytes:
        """What a row points into."""
        return self._chunks[int(self.rows["chunk"][row])]

    def pieces(self, order: Ints, size: int) -> Iterator[tuple[Bytes, Ints, Ints]]:
        """Rows in this order, as often as need be: data, rows and where they lie in it. Where chunks alternate they are copied
        together, about `size` bytes at once.
        """
        chunk = self.rows["chunk"][order]
        edges = np.flatnonzero(np.diff(chunk, prepend=-1, append=-1))
        if (np.diff(chunk) >= 0).all():
            for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                rows = order[begin:end]
                yield self._chunks[int(chunk[begin])], rows, self.rows["offset"][rows]
            return
        captured = self.rows["captured"][order]
        cuts = np.flatnonzero(np.diff((np.cumsum(captured) - captured) // size, prepend=-1))
        for rows in np.split(order, cuts[1:]):
            yield self._together(rows)

    def _together(self, rows: Ints) -> tuple[Bytes, Ints, Ints]:
        """Rows of several chunks in memory of their own."""
        chunk, size = self.rows["chunk"][rows], self.rows["captured"][rows].astype(np.int64)
        parts, at, begin = [], np.zeros(len(rows), np.int64), 0
        for name in np.unique(chunk).tolist():
            mine = np.flatnonzero(chunk == name)
            parts.append(bulk.gathered(self._chunks[name], self.rows["offset"][rows[mine]], size[mine]))
            at[mine] = begin + np.cumsum(size[mine]) - size[mine]
            begin += len(parts[-1])
        return np.concatenate(parts), rows, at
