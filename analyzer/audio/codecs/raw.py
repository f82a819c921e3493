"""What the raw encodings share: samples of a fixed width, one after the other, without any header.

In: bytes in any cut, and holes of known length. Out: whole sample frames, the same ones for every cut.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from analyzer.model.streams import Bytes
from analyzer.wire import bulk

Codes = npt.NDArray[Any]
"""Samples as they stand in the bytes, one row per frame when there are several channels, else 1-D."""

Runs = list[tuple[int, int]]


class RawCodec(ABC):
    """One raw encoding of one stream. Holds back the bytes of a frame until all of them are there."""

    name: ClassVar[str]
    dtype: ClassVar[str]
    """Of one sample as sent."""
    bits: ClassVar[int]
    """Full scale of what `loudness` measures is 2 ** (bits - 1)."""
    idle: ClassVar[bytes]
    """The bytes of a sample of digital silence, as far as the bits of `idle_mask` go."""
    idle_mask: ClassVar[bytes]
    subtype: ClassVar[str]
    """Sample format of a WAV file that holds `samples` without loss, as libsndfile calls it."""

    def __init__(self, channels: int = 1) -> None:
        self._channels = channels
        self.width = np.dtype(self.dtype).itemsize * channels
        """Bytes per frame."""
        self._kept = np.zeros(0, np.uint8)
        self._skip = 0

    def take(self, data: Bytes) -> Codes:
        """The frames that these bytes complete."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        data = data[skipped:]
        if len(self._kept):
            data = np.concatenate((self._kept, data))
        whole = len(data) - len(data) % self.width
        self._kept = data[whole:].copy()
        codes = np.ascontiguousarray(data[:whole]).view(self.dtype)
        if not codes.flags.aligned:
            codes = codes.copy()
        return codes.reshape(-1, self._channels) if self._channels > 1 else codes

    def lose(self, length: int) -> int:
        """`length` bytes are missing here. Returns the number of frames that they cover, cut ones included."""
        gone = len(self._kept) + length - self._skip
        self._kept = self._kept[:0]
        if gone < 0:
            self._skip -= length
            return 0
        frames = -(-gone // self.width)
        self._skip = frames * self.width - gone
        return frames

    def decode(self, data: Bytes) -> Codes:
        """The samples that these bytes complete, as `samples` gives them."""
        return self.samples(self.take(data))

    def finish(self) -> int:
        """Bytes of a last frame that never became whole."""
        return len(self._kept)

    @abstractmethod
    def samples(self, codes: Codes) -> Codes:
        """Linear samples, of the same shape: int16, or float32 with full scale 1.0."""

    @abstractmethod
    def loudness(self, codes: Codes) -> bulk.Sums:
        """Exact sums over all samples of all channels."""

    def silence(self, codes: Codes, shortest: int) -> Runs:
        """Begin and end of the runs of exact digital silence on all channels: those of at least `shortest` frames, and those that
        stand at the beginning or the end.
        """
        mask, idle = self.idle_mask * self._channels, self.idle * self._channels
        return bulk.silent_runs(codes.reshape(-1).view(np.uint8), mask, idle, shortest)
