"""Signed 24-bit big-endian PCM: `pcm_s24be`, L24 of RTP (RFC 3190 section 4). Silence is zero."""

import numpy as np

from analyzer.audio.codecs.raw import Codes
from analyzer.audio.codecs.wide import Wide


class PcmS24be(Wide):
    """Three bytes become the upper three of four, and the sign comes down with a shift."""

    name, dtype = "pcm_s24be", "V3"
    idle, idle_mask = b"\0\0\0", b"\xff\xff\xff"

    def samples(self, codes: Codes) -> Codes:
        """24-bit values in int32."""
        wide = np.zeros((codes.size, 4), np.uint8)
        wide[:, :3] = codes.reshape(-1).view(np.uint8).reshape(-1, 3)
        values: Codes = wide.view(">i4")[:, 0] >> 8
        return values.astype(np.int32).reshape(codes.shape)
