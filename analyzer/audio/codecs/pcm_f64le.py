"""64-bit little-endian floating-point PCM, full scale 1.0: `pcm_f64le`. Zero is silence, of either sign."""

import numpy as np

from analyzer.audio.codecs.linear32 import Linear32
from analyzer.audio.codecs.raw import Codes
from analyzer.wire.bulk import Sums


class PcmF64le(Linear32):
    """Samples are kept as 32-bit floats, which no ear tells from 64."""

    name, dtype = "pcm_f64le", "<f8"
    idle, idle_mask = bytes(8), b"\xff\xff\xff\xff\xff\xff\xff\x7f"

    def samples(self, codes: Codes) -> Codes:
        """As float32; what lies beyond its range is infinite."""
        with np.errstate(over="ignore", invalid="ignore"):
            return codes.astype(np.float32)

    def loudness(self, codes: Codes) -> Sums:
        """Over all samples of all channels."""
        return super().loudness(self.samples(codes))
