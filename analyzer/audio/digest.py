"""SHA-256 of a track. Large pieces are hashed beside the main thread, since hashlib lets go of the interpreter lock meanwhile."""

import hashlib
from threading import Thread

from analyzer.model.limits import KIB
from analyzer.model.streams import Bytes

WORTHWHILE = 256 * KIB
"""Bytes that take a core longer to hash (0.2 ms) than a thread takes to start."""


class Digest:
    """One hash, fed in order. At most one piece is under way; the caller must not change it afterwards."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._thread: Thread | None = None

    def update(self, data: Bytes) -> None:
        """Take the next bytes, a contiguous uint8 array."""
        self._wait()
        if len(data) < WORTHWHILE:
            self._hash.update(data.data)
            return
        self._thread = Thread(target=self._hash.update, args=(data.data,))
        self._thread.start()

    def hexdigest(self) -> str:
        """The hash of all bytes so far, as 64 hex digits."""
        self._wait()
        return self._hash.hexdigest()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
