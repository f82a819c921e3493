"""Signed 32-bit little-endian integer PCM: `pcm_s32le`, not to be taken for floats (`linear32`). Silence is zero."""

import numpy as np

from analyzer.audio.codecs.raw import Codes
from analyzer.audio.codecs.wide import Wide


class PcmS32le(Wide):
    """The lowest eight bits are let go: no converter has them."""

    name, dtype = "pcm_s32le", "<i4"
    idle, idle_mask = b"\0\0\0\0", b"\xff\xff\xff\xff"

    def samples(self, codes: Codes) -> Codes:
        """24-bit values in int32."""
        values: Codes = codes >> 8
        return values.astype(np.int32, copy=False)
