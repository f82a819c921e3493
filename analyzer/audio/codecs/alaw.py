"""A-law (ITU-T G.711): one byte per sample, idle is 0xD5 or 0x55. Decodes to the values of the reference, scaled to 16 bits."""

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.companded import Companded


def _table() -> npt.NDArray[np.int16]:
    """Even bits of a code are inverted; the lowest two of eight segments are linear. A-law has no zero: idle is plus or minus 8."""
    code = np.arange(256) ^ 0x55
    segment, mantissa = (code & 0x70) >> 4, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


class Alaw(Companded):
    """G.711 A-law."""

    name = "alaw"
    table = _table()
    idle = b"\x55"
