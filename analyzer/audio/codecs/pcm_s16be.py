"""Signed 16-bit big-endian PCM: `pcm_s16be`, L16 of RTP (RFC 3551 section 4.5.11), as network byte order has it."""

import numpy as np

from analyzer.audio.codecs.raw import Codes, RawCodec
from analyzer.audio.levels import loudness
from analyzer.wire.bulk import Sums


class PcmS16be(RawCodec):
    """Bytes are swapped. Silence is zero."""

    name, dtype, bits, subtype = "pcm_s16be", ">i2", 16, "PCM_16"
    idle, idle_mask = b"\0\0", b"\xff\xff"

    def samples(self, codes: Codes) -> Codes:
        """Native int16 samples."""
        return codes.astype(np.int16)

    def loudness(self, codes: Codes) -> Sums:
        """Over all samples of all channels."""
        return loudness(self.samples(codes))
