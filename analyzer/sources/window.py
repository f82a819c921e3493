"""A sliding window over a byte stream: what record walks look at. In: a binary file. Out: one array of which a part is valid."""

from typing import Protocol

import numpy as np


class Readable(Protocol):
    """A binary stream; `readinto` returns how many bytes it wrote, 0 at the end."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from the front."""
        ...


class Window:
    """`data[start:stop]` is what has been read and not yet used. The array is reused: nothing may be kept across `more`."""

    def __init__(self, file: Readable, size: int) -> None:
        self._file = file
        self.data = np.empty(size, np.uint8)
        self.start = 0
        self.stop = 0
        self.ended = False

    @property
    def held(self) -> int:
        """Bytes that are ready."""
        return self.stop - self.start

    def more(self, least: int = 0) -> bool:
        """Drop what was used and read on until full or the stream ends. Makes room for `least` bytes; False when nothing came."""
        held = self.held
        if self.start:
            self.data[:held] = self.data[self.start : self.stop].copy()
            self.start, self.stop = 0, held
        if least > len(self.data) or held == len(self.data):
            self.data = np.concatenate((self.data[:held], np.empty(max(least, 2 * len(self.data)) - held, np.uint8)))
        view = memoryview(self.data)
        while self.stop < len(self.data):
            count = self._file.readinto(view[self.stop :])
            if not count:
                self.ended = True
                break
            self.stop += count
        return self.stop > held

    def take(self, count: int) -> bytes:
        """The next `count` bytes, or fewer at the end of the stream."""
        if self.held < count:
            self.more(count)
        chunk = self.data[self.start : min(self.start + count, self.stop)].tobytes()
        self.start += len(chunk)
        return chunk
