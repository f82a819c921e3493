"""Signed 16-bit little-endian PCM: `linear16`, `pcm_s16le`. Samples are int16, silence is zero."""

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.raw import Codes, RawCodec, on_all_channels
from analyzer.audio.levels import loudness


class Linear16(RawCodec):
    """Nothing to decode."""

    name, dtype, bits, subtype = "linear16", "<i2", 16, "PCM_16"

    def samples(self, codes: Codes) -> Codes:
        """The samples as they are."""
        return codes

    def loudness(self, codes: Codes) -> tuple[int, int]:
        """Over all samples of all channels."""
        return loudness(codes)

    def silent(self, codes: Codes) -> npt.NDArray[np.bool_]:
        """Exact zeros."""
        return on_all_channels(codes == 0)
