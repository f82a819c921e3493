"""Signed 24-bit little-endian PCM: `pcm_s24le`, three bytes per sample, as WAV files have it. Silence is zero."""

import numpy as np

from analyzer.audio.codecs.raw import Codes
from analyzer.audio.codecs.wide import Wide


class PcmS24le(Wide):
    """Three bytes become the lower three of four."""

    name, dtype = "pcm_s24le", "V3"
    idle, idle_mask = b"\0\0\0", b"\xff\xff\xff"

    def samples(self, codes: Codes) -> Codes:
        """24-bit values in int32."""
        wide = np.zeros((codes.size, 4), np.uint8)
        wide[:, 1:] = codes.reshape(-1).view(np.uint8).reshape(-1, 3)
        values: Codes = wide.view("<i4")[:, 0] >> 8
        return values.astype(np.int32, copy=False).reshape(codes.shape)
