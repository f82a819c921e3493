"""Keeps the bytes of a container or of codec packets until the session ends, in memory or spilled, up to a limit.

In: bytes, message lengths and holes in order. Out: a seekable file, or packets one by one.
"""

from collections.abc import Iterator
from typing import IO

import numpy as np

from analyzer.model.limits import Limits
from analyzer.model.streams import Bytes, Ints

_HOLE_KEPT = 1 << 20
"""Holes up to this long stay as zeros, so that offsets and sizes in the container hold; a longer one is closed up."""
_LENGTHS = 4096
"""Message lengths read at once."""


class Store:
    """Bytes of one track that cannot be decoded before the end."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.file = self._temporary()
        self._lengths = self._temporary()
        self.size = 0
        """Bytes kept, holes that stand as zeros included."""
        self.cut = 0
        """Bytes beyond the limit, which were let go."""
        self.lost = 0
        """Bytes missing from the capture."""

    def feed(self, data: Bytes, lengths: Ints) -> None:
        """Append whole messages."""
        if self.cut or self.size + len(data) > self._limits.audio_container:
            self.cut += len(data)
            return
        self.size += len(data)
        self.file.write(np.ascontiguousarray(data).data)
        self._lengths.write(np.ascontiguousarray(lengths, np.int64).data)

    def lose(self, length: int) -> None:
        """`length` bytes are missing here; among the lengths a hole stands as a negative number."""
        self.lost += length
        if self.cut:
            return
        self._lengths.write(np.array([-length], np.int64).data)
        if length <= _HOLE_KEPT and self.size + length <= self._limits.audio_container:
            self.size += length
            self.file.write(bytes(length))

    def prefixed(self, header: bytes) -> IO[bytes]:
        """A copy of the bytes behind a header that was never sent."""
        copy = self._temporary()
        copy.write(header)
        self.file.seek(0)
        import shutil  # noqa: PLC0415 - a few milliseconds that most runs need not pay

        shutil.copyfileobj(self.file, copy)
        return copy

    def packets(self) -> Iterator[bytes | int]:
        """Every message as a packet; a number stands for so many missing bytes."""
        self.file.seek(0)
        self._lengths.seek(0)
        while chunk := self._lengths.read(8 * _LENGTHS):
            for length in np.frombuffer(chunk, np.int64).tolist():
                if length >= 0:
                    yield self.file.read(length)
                    continue
                if -length <= _HOLE_KEPT:
                    self.file.seek(-length, 1)
                yield -length

    def discard(self) -> None:
        """Let the bytes go."""
        self.file.close()
        self._lengths.close()

    def _temporary(self) -> IO[bytes]:
        import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

        return tempfile.SpooledTemporaryFile(self._limits.audio_in_memory, prefix="analyzer-audio-")
