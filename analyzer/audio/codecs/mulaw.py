"""Mu-law (ITU-T G.711): one byte per sample, silence is 0xFF or 0x7F. Decodes to the reference's values, scaled to 16 bits."""

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.companded import Companded


def _table() -> npt.NDArray[np.int16]:
    """All bits of a code are inverted; below the sign are 3 bits of exponent and 4 of mantissa, on a bias of 33 << 2."""
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


class Mulaw(Companded):
    """G.711 mu-law."""

    name = "mulaw"
    table = _table()
    idle = b"\x7f"
