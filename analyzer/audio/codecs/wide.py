"""What codecs of integers wider than 16 bits share: samples are 24-bit values in int32, as a WAV file with PCM_24 takes them."""

from analyzer.audio.codecs.raw import Codes, RawCodec
from analyzer.audio.levels import loudness
from analyzer.wire.bulk import Sums


class Wide(RawCodec):
    """Linear integers; silence is zero."""

    bits, subtype = 24, "PCM_24"

    def loudness(self, codes: Codes) -> Sums:
        """Over all samples of all channels."""
        return loudness(self.samples(codes))
