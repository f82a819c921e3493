"""Struct-of-arrays tables that grow by chunks and spill to a temporary file past a limit.

In: equal-length arrays per column. Out: whole columns as numpy arrays. A chunk is never changed after it was appended.
"""

import weakref
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from analyzer.model.schema import Schema

Array = npt.NDArray[Any]


class Table:
    """Rows of one schema. Columns are read as 1-D arrays of the schema's dtype, in the order in which rows were appended."""

    def __init__(self, schema: Schema, limit: int) -> None:
        self.schema = schema
        self._limit = limit
        self._held = 0
        self._rows = 0
        self._dtypes = [np.dtype(column.dtype) for column in schema]
        self._chunks: dict[str, list[Array]] = {column.name: [] for column in schema}
        self._spilled: list[tuple[int, int]] = []  # (offset, rows) of each spilled chunk
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._rows

    def append(self, columns: Mapping[str, Array]) -> None:
        """Add rows. `columns` has one equal-length 1-D array per column of the schema, which is the table's from now on; anything
        else raises ValueError.
        """
        arrays = [np.asarray(columns[column.name]) for column in self.schema]
        rows = len(arrays[0])
        if any(len(array) != rows for array in arrays):
            lengths = {column.name: len(array) for column, array in zip(self.schema, arrays, strict=True)}
            msg = f"columns differ in length: {lengths}"
            raise ValueError(msg)
        if not rows:
            return
        for chunks, dtype, array in zip(self._chunks.values(), self._dtypes, arrays, strict=True):
            chunk = array if array.dtype is dtype else array.astype(dtype, copy=False)
            chunks.append(chunk)
            self._held += chunk.nbytes
        self._rows += rows
        if self._held > self._limit:
            self._spill()

    def _spill(self) -> None:
        """Move what is in memory to the end of the file, column by column."""
        if self._file is None:
            import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

            self._file = tempfile.TemporaryFile(prefix="analyzer-table-")  # noqa: SIM115 - lives as long as the table
            weakref.finalize(self, self._file.close)
        self._file.seek(0, 2)
        self._spilled.append((self._file.tell(), sum(len(chunk) for chunk in self._chunks[self.schema[0].name])))
        for column in self.schema:
            for chunk in self._chunks[column.name]:
                self._file.write(chunk.data)
            self._chunks[column.name].clear()
        self._held = 0

    def column(self, name: str) -> Array:
        """The whole column, read back from the spill file where need be. Raises KeyError for a name not in the schema."""
        chunks = self._chunks[name]
        if not self._spilled:
            if len(chunks) > 1:
                chunks[:] = [np.concatenate(chunks)]
            return chunks[0] if chunks else np.zeros(0, next(c.dtype for c in self.schema if c.name == name))
        return np.concatenate([*self._read(name), *chunks])

    def _read(self, name: str) -> list[Array]:
        """The spilled chunks of a column."""
        parts: list[Array] = []
        file = self._file
        assert file is not None
        for offset, rows in self._spilled:
            at = offset
            for column in self.schema:
                size = rows * np.dtype(column.dtype).itemsize
                if column.name == name:
                    file.seek(at)
                    parts.append(np.frombuffer(file.read(size), column.dtype))
                at += size
        return parts

    def columns(self) -> dict[str, Array]:
        """All columns by name."""
        return {column.name: self.column(column.name) for column in self.schema}
