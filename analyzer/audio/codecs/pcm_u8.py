"""Unsigned 8-bit PCM: `pcm_u8`, as old WAV files have it. Silence is 0x80."""

import numpy as np

from analyzer.audio.codecs.raw import Codes, RawCodec
from analyzer.audio.levels import loudness
from analyzer.wire.bulk import Sums


class PcmU8(RawCodec):
    """Scaled to 16 bits."""

    name, dtype, bits, subtype = "pcm_u8", "u1", 16, "PCM_16"
    idle, idle_mask = b"\x80", b"\xff"

    def samples(self, codes: Codes) -> Codes:
        """Linear int16 samples."""
        values: Codes = (codes.astype(np.int16) - 128) << 8
        return values

    def loudness(self, codes: Codes) -> Sums:
        """Over all samples of all channels."""
        return loudness(self.samples(codes))
