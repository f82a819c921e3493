"""A sliding window over a byte stream: what record walks look at. In: a binary file. Out: one array of which a part is valid.

Two arrays take turns, so that what was found in one may still be read while the next block is walked.
"""

from typing import Protocol

import numpy as np

from analyzer.model.limits import MIB

FIRST = 4 * MIB
"""Size of the first block: short, because nobody can work until it is there."""
HEADROOM = MIB
"""Bytes kept free before a block for what was left of the one before it: a cut record, nearly always far shorter."""


class Readable(Protocol):
    """A binary stream; `readinto` returns how many bytes it wrote, 0 at the end."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from the front."""
        ...


class Window:
    """`data[start:stop]` is what has been read and not yet used. The array is reused: nothing may be kept across two calls of
    `more`.
    """

    def __init__(self, file: Readable, size: int) -> None:
        self._file = file
        self._size = size
        self.data = np.empty(0, np.uint8)
        self.start = 0
        self.stop = 0
        self.ended = False
        self._next = np.empty(HEADROOM + size, np.uint8)
        self._begun = -1
        """Where `start` was when the last block came."""
        self._filled = 0
        self._wanted = min(size, FIRST)
        self._error: OSError | None = None

    @property
    def held(self) -> int:
        """Bytes that are ready."""
        return self.stop - self.start

    @property
    def problem(self) -> str | None:
        """Why the stream could not be read to its end, None when it could."""
        if self._error is None:
            return None
        return f"the file cannot be read any further ({self._error.strerror or self._error})"

    def more(self, least: int = 1) -> bool:
        """Drop what was used and add blocks until `least` bytes are held or the stream ends; False when nothing came."""
        before = self.held
        while not self.ended and (self.held == before or self.held < least):
            self._add()
        return self.held > before

    def take(self, count: int) -> bytes:
        """The next `count` bytes, or fewer at the end of the stream."""
        if self.held < count:
            self.more(count)
        chunk = self.data[self.start : min(self.start + count, self.stop)].tobytes()
        self.start += len(chunk)
        return chunk

    def _add(self) -> None:
        """Put the next block behind what is held."""
        # No batch came from the last block: the one before it may still be read in the other array.
        if self.start == self._begun:
            self._next = np.empty(HEADROOM + self._size, np.uint8)
        self._fill()
        count, held = self._filled, self.held
        if not count:
            self.ended = True
            return
        block, rest = self._next, self.data[self.start : self.stop]
        if held <= HEADROOM:
            block[HEADROOM - held : HEADROOM] = rest
            spare = self.data
            self.data, self.start, self.stop = block, HEADROOM - held, HEADROOM + count
        else:  # a record longer than the headroom: grow, this once
            spare = block
            self.data, self.start, self.stop = np.concatenate((rest, block[HEADROOM : HEADROOM + count])), 0, held + count
        self._next = spare if len(spare) == HEADROOM + self._size else np.empty(HEADROOM + self._size, np.uint8)
        self._wanted, self._begun = self._size, self.start

    def _fill(self) -> None:
        """Read a block into the spare array, behind the headroom."""
        view = memoryview(self._next)[HEADROOM:]
        self._filled = 0
        try:
            while self._filled < self._wanted:
                count = self._file.readinto(view[self._filled : self._wanted])
                if not count:
                    return
                self._filled += count
        except OSError as error:
            self._error = error
