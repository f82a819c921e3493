"""Signed 16-bit little-endian PCM: `linear16`, `pcm_s16le`. Samples are int16, silence is zero."""

from analyzer.audio.codecs.raw import Codes, RawCodec
from analyzer.audio.levels import loudness
from analyzer.wire.bulk import Sums


class Linear16(RawCodec):
    """Nothing to decode."""

    name, dtype, bits, subtype = "linear16", "<i2", 16, "PCM_16"
    idle, idle_mask = b"\0\0", b"\xff\xff"

    def samples(self, codes: Codes) -> Codes:
        """The samples as they are."""
        return codes

    def loudness(self, codes: Codes) -> Sums:
        """Over all samples of all channels."""
        return loudness(codes)
