"""What the messages of one direction said, kept by message number; spilled to a temporary file past a limit.

In: batches of messages. Out: the bytes of one message, unmasked and inflated. Kept only where a report shows messages; beyond
`limits.contents` nothing more is, and `None` says so.
"""

import weakref
from typing import IO

import numpy as np

from analyzer.model.limits import Limits
from analyzer.model.schema import Column
from analyzer.model.streams import Bytes, Columns, Ints
from analyzer.model.tables import Table

_PIECES = (
    Column("number", "i8", "", "message number in this direction"),
    Column("at", "i8", "bytes", "where the piece lies in what was kept"),
    Column("size", "i8", "bytes", "bytes of the piece"),
)


class Contents:
    """The pieces of every message: most have one, a long message has several."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._memory: bytearray | None = bytearray()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._pieces = Table(_PIECES, limits.table_in_memory)
        self._left_out = False
        self._sorted: tuple[Ints, ...] | None = None

    def add(self, columns: Columns, content: Bytes) -> None:
        """Keep the content of every row of a MessageBatch."""
        if self._left_out or self._size + len(content) > self._limits.contents:
            self._left_out = True
            return
        self._pieces.append({"number": columns["number"], "at": columns["at"] + self._size, "size": columns["part"]})
        self._size += len(content)
        self._write(np.ascontiguousarray(content).data)

    def _write(self, content: memoryview) -> None:
        """Append to memory, or to the file once there is too much of it."""
        if self._memory is not None and len(self._memory) + len(content) <= self._limits.contents_in_memory:
            self._memory += content
            return
        if self._file is None:
            import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

            self._file = tempfile.TemporaryFile(prefix="analyzer-contents-")  # noqa: SIM115 - lives as long as the contents
            weakref.finalize(self, self._file.close)
            self._file.write(self._memory or b"")
            self._memory = None
        self._file.seek(0, 2)
        self._file.write(content)

    def of(self, number: int) -> bytes | None:
        """What is there of a message; None where nothing of it was kept."""
        if self._sorted is None:
            order = np.argsort(self._pieces.column("number"), kind="stable")
            self._sorted = tuple(self._pieces.column(name)[order] for name in ("number", "at", "size"))
        numbers, at, size = self._sorted
        first, end = (int(np.searchsorted(numbers, number, side)) for side in ("left", "right"))
        if first == end:
            return None
        pieces = zip(at[first:end].tolist(), size[first:end].tolist(), strict=True)
        return b"".join(self._piece(begin, length) for begin, length in pieces)

    def _piece(self, at: int, size: int) -> bytes:
        if self._memory is not None:
            return bytes(self._memory[at : at + size])
        assert self._file is not None
        self._file.seek(at)
        return self._file.read(size)
