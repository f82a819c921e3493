"""32-bit little-endian floating-point PCM, full scale 1.0: `linear32`, `pcm_f32le`. Silence is zero of either sign."""

from analyzer.audio.codecs.raw import Codes, RawCodec
from analyzer.audio.levels import loudness, quantised
from analyzer.wire.bulk import Sums

_BLOCK = 1 << 18
"""Samples quantised at once: the intermediate doubles stay at 2 MiB."""


class Linear32(RawCodec):
    """Samples pass as sent; levels are those of 24-bit integers, so that they can be summed exactly."""

    name, dtype, bits, subtype = "linear32", "<f4", 24, "FLOAT"
    idle, idle_mask = b"\0\0\0\0", b"\xff\xff\xff\x7f"  # all bits but the sign

    def samples(self, codes: Codes) -> Codes:
        """The samples as they are, infinities and what is no number included."""
        return codes

    def loudness(self, codes: Codes) -> Sums:
        """Over all samples of all channels."""
        flat = codes.reshape(-1)
        parts = [loudness(quantised(flat[at : at + _BLOCK], self.bits)) for at in range(0, len(flat), _BLOCK)]
        peaks, *sums = zip(*parts, strict=True) if parts else ((), (), (), ())
        squares, total, full = (sum(one) for one in sums)
        return max(peaks, default=0), squares, total, full
