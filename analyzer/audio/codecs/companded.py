"""What mu-law and A-law share: 256 codes, looked up in a table, counted rather than decoded to measure them."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.raw import Codes, RawCodec
from analyzer.wire import bulk


class Companded(RawCodec):
    """An 8-bit code per sample (ITU-T G.711)."""

    dtype, bits, subtype = "u1", 16, "PCM_16"
    table: ClassVar[npt.NDArray[np.int16]]
    """Linear value of each code."""
    idle_mask = b"\x7f"  # all bits but the sign: the code nearest to zero, of either sign, is what a muted line sends

    def samples(self, codes: Codes) -> Codes:
        """Linear int16 samples."""
        return self.table[codes]

    def loudness(self, codes: Codes) -> bulk.Sums:
        """Exact, from a histogram of the codes."""
        return bulk.coded(codes.reshape(-1), self.table)
