"""Peak, level, offset and clipping of a signal from exact integers.

In: blocks of integer samples (16 or 24 bits). Out: decibels of full scale, rounded to 0.01, and shares. Sums are Python
integers, so that every build prints the same number however the signal was cut into blocks. Floating-point audio is first
quantised to 24 bits.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.wire import bulk

Samples = npt.NDArray[Any]

_FULL_24 = (1 << 23) - 1
_BLOCK = 1 << 16
"""Samples per sum: 2**16 squares of 24-bit samples stay below 2**63."""


class Levels:
    """Collects the sums of a signal whose full scale is 2 ** (bits - 1)."""

    def __init__(self, bits: int) -> None:
        self._full = 1 << (bits - 1)
        self._peak = 0
        self._squares = self._total = self._at_full = self._count = 0

    def add(self, sums: bulk.Sums, count: int) -> None:
        """Take the sums of `count` samples."""
        peak, squares, total, at_full = sums
        self._peak = max(self._peak, peak)
        self._squares += squares
        self._total += total
        self._at_full += at_full
        self._count += count

    @property
    def peak_dbfs(self) -> float | None:
        """Largest absolute sample in dB of full scale; None without samples and for nothing but zeros."""
        return round(20 * math.log10(self._peak / self._full), 2) + 0.0 if self._peak else None

    @property
    def rms_dbfs(self) -> float | None:
        """Root mean square in dB of full scale; None without samples and for nothing but zeros."""
        return round(10 * math.log10(self._squares / (self._count * self._full**2)), 2) + 0.0 if self._squares else None

    @property
    def dc_offset(self) -> float | None:
        """Mean of all samples as a share of full scale, rounded to 0.0001; None without samples."""
        return round(self._total / (self._count * self._full), 4) + 0.0 if self._count else None

    @property
    def clipped_share(self) -> float | None:
        """Share of the samples that stand at full scale, rounded to 0.0001; None without samples."""
        return round(self._at_full / self._count, 4) if self._count else None


def loudness(samples: Samples) -> bulk.Sums:
    """Exact sums of int16 samples, or of int32 samples of at most 24 bits, of any shape."""
    flat = samples.reshape(-1)
    if flat.dtype == np.int16:
        return bulk.pcm16(flat)
    peak = squares = total = at_full = 0
    for start in range(0, len(flat), _BLOCK):
        wide = flat[start : start + _BLOCK].astype(np.int64)
        sizes = np.abs(wide)
        peak = max(peak, int(sizes.max()))
        squares += int(np.dot(wide, wide))
        total += int(wide.sum())
        at_full += int(np.count_nonzero(sizes >= _FULL_24))
    return peak, squares, total, at_full


def quantised(samples: Samples, bits: int) -> Samples:
    """Floating-point samples (full scale 1.0) as integers: int16 for 16 bits, int32 for 24.

    Rounds to nearest, clips what is beyond full scale, and takes what is no number as zero.
    """
    full = 1 << (bits - 1)
    with np.errstate(invalid="ignore"):  # a signalling NaN is only a NaN here
        numbers = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(np.rint(numbers * full), -full, full - 1).astype(np.int16 if bits == 16 else np.int32)  # noqa: PLR2004 - the two widths
