"""Memory for the first bytes of tracks, used again from track to track: fresh memory of this size costs more than to fill it."""

from typing import cast

import numpy as np

from analyzer.model.streams import Bytes

KEPT = 64
"""Buffers kept for the next track, as many as sessions usually run at once."""


class Heads:
    """Lends buffers of `size` bytes. Whoever takes one gives it back, or lets it go."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free: list[bytearray] = []

    def head(self) -> "Head":
        """Room for one track."""
        return Head(self)

    def take(self) -> bytearray:
        """A buffer with anything in it."""
        return self._free.pop() if self._free else bytearray(self.size)

    def give(self, buffer: bytearray) -> None:
        """Take a buffer back."""
        if len(self._free) < KEPT:
            self._free.append(buffer)


class Head:
    """The first bytes of one track."""

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self._buffer: bytearray | None = None
        self.held = 0

    def add(self, data: Bytes) -> None:
        """Keep as many of the next bytes as there is room for."""
        size = min(len(data), self._heads.size - self.held)
        if size > 0:
            self._buffer = self._buffer if self._buffer is not None else self._heads.take()
            np.frombuffer(self._buffer, np.uint8)[self.held : self.held + size] = data[:size]
            self.held += size

    def octets(self) -> bytes:
        """What is kept, valid until `close`."""
        if self._buffer is None:
            return b""
        # To copy it would cost as much as all else that is done with it, and a bytearray does what bytes do.
        return cast("bytes", self._buffer if self.held == len(self._buffer) else self._buffer[: self.held])

    def close(self) -> None:
        """Nobody looks at it any more."""
        if self._buffer is not None:
            self._heads.give(self._buffer)
            self._buffer = None
