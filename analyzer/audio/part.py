"""A stretch of a file as a file of its own, for decoders that begin at the start and may seek."""

import io
from typing import IO, Any


class Part(io.RawIOBase):
    """A stretch of a file as a file of its own, several of which may be in use; `head` stands in place of its first bytes."""

    def __init__(self, file: IO[bytes], begin: int, end: int, head: bytes = b"") -> None:
        self._file, self._begin, self._size, self._at, self._head = file, begin, end - begin, 0, head

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """As any file does."""
        left = max(self._size - self._at, 0)
        self._file.seek(self._begin + self._at)
        data = self._file.read(left if size is None or size < 0 else min(size, left))
        if self._at < len(self._head):
            head = self._head[self._at : self._at + len(data)]
            data = head + data[len(head) :]
        self._at += len(data)
        return data

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        """As any file does."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """As any file does."""
        place = offset + (0, self._at, self._size)[whence]
        if place < 0:
            msg = f"cannot seek to {place}"
            raise ValueError(msg)
        self._at = place
        return place

    def tell(self) -> int:
        """As any file does."""
        return self._at
