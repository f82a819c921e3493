"""What mu-law and A-law share: 256 codes, looked up in a table, counted rather than decoded to measure them."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.raw import Codes, RawCodec, on_all_channels

_BLOCK = 1 << 20
"""Codes counted at once: numpy widens what it counts to 8 bytes each, so that pairs cost half."""


class Companded(RawCodec):
    """An 8-bit code per sample (ITU-T G.711)."""

    dtype, bits, subtype = "u1", 16, "PCM_16"
    table: ClassVar[npt.NDArray[np.int16]]
    """Linear value of each code."""
    idle: ClassVar[int]
    """The code nearest to zero, without its sign bit: what a muted line sends."""

    def samples(self, codes: Codes) -> Codes:
        """Linear int16 samples."""
        return self.table[codes]

    def loudness(self, codes: Codes) -> tuple[int, int]:
        """Exact, from a histogram of the codes."""
        flat = codes.reshape(-1)
        paired = len(flat) - len(flat) % 2 if len(flat) >= _BLOCK else 0
        counts = np.bincount(flat[paired:], minlength=256)
        for start in range(0, paired, _BLOCK):
            pairs = np.bincount(flat[start : min(start + _BLOCK, paired)].view(np.uint16), minlength=1 << 16).reshape(256, 256)
            counts += pairs.sum(axis=0) + pairs.sum(axis=1)
        values = self.table.astype(np.int64)
        return int(np.abs(values[counts > 0]).max(initial=0)), int(np.dot(counts, values * values))

    def silent(self, codes: Codes) -> npt.NDArray[np.bool_]:
        """The idle code of either sign."""
        return on_all_channels((codes & 0x7F) == self.idle)
