"""How much of raw bytes the bytes before them foretell, under each way to read them: the right reading needs the fewest bits.

In: a stretch of raw bytes. Out: bits per byte for every reading, between next to 0 and the 8 of noise. Each reading turns the bytes
into as many whole numbers without loss, so that readings with one, two, three and four bytes to a sample compare: what lossless
coders measure. Companded codes count in the order of their levels, where quiet and loud weigh the same.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs import RAW
from analyzer.model.dataclass import dataclass
from analyzer.model.streams import Bytes

Numbers = npt.NDArray[Any]

NOISE = 8.0
"""Bits per byte of what nothing foretells."""
_WINDOW = 256
"""Samples over which one predictor serves: shorter than a syllable."""
_ORDERS = 3
"""Predictors: none, the last sample, the line through the last two."""
_LAPLACE = 1.94
"""Bits of a number with a two-sided exponential distribution beyond the logarithm of its mean size: log2(e) + log2(2) - 0.5."""
_FLOOR, _FEWEST_BITS = 0.35, 0.4
"""What numbers without any size cost."""
_RANDOM, _FROM_RANDOM = 64.0, 2.0
"""Mean distance of unrelated bytes on their circle of 256, and how near to it bytes are unrelated."""
_DISTANCES = (1, 2, 3, 4, 6, 8)
"""Bytes from a sample to the next one, for every width and for two channels."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An encoding, and how many bytes before the first whole sample belong to none."""

    encoding: str
    width: int
    offset: int = 0


def _pairs(order: str) -> Callable[[Bytes], Numbers]:
    return lambda data: data[: len(data) - len(data) % 2].copy().view(f"{order}i2").astype(np.int32)


def _words(data: Bytes) -> Numbers:
    return data[: len(data) - len(data) % 4].copy().view("<i4").astype(np.int64)


def _triples(name: str) -> Callable[[Bytes], Numbers]:
    return lambda data: RAW[name]().decode(data)


def _ranks(name: str) -> Callable[[Bytes], Numbers]:
    """The codes of a law by their level, counted from the lowest."""
    levels: Numbers = RAW[name].table  # type: ignore[attr-defined]
    ranks = np.empty(256, np.int32)
    ranks[np.argsort(levels, kind="stable")] = np.arange(256)
    return lambda data: ranks[data]


_NUMBERS: dict[str, tuple[int, Callable[[Bytes], Numbers]]] = {
    "linear16": (2, _pairs("<")),
    "pcm_s16be": (2, _pairs(">")),
    "mulaw": (1, _ranks("mulaw")),
    "alaw": (1, _ranks("alaw")),
    "pcm_u8": (1, lambda data: data.astype(np.int32)),
    "pcm_s24le": (3, _triples("pcm_s24le")),
    "pcm_s24be": (3, _triples("pcm_s24be")),
    "pcm_s32le": (4, _words),
}
READINGS = (
    *(Reading(name, width) for name, (width, _) in _NUMBERS.items()),
    Reading("linear16", 2, 1),
    *(Reading(name, 3, offset) for name in ("pcm_s24le", "pcm_s24be") for offset in (1, 2)),
)


def bits_per_byte(data: Bytes, reading: Reading, steps: Iterable[int] = (1, 2)) -> float:
    """What `data` costs under one reading; NOISE where it is too short to tell. `steps`: channels that it may have."""
    width, numbers = _NUMBERS[reading.encoding]
    values = numbers(data[reading.offset :])
    steps = [step for step in steps if len(values) >= 2 * _WINDOW + (_ORDERS - 1) * step]
    if not steps:
        return NOISE
    if width > 1:  # bits that are never used hold nothing
        used = int(np.bitwise_or.reduce(values))
        values = values >> ((used & -used).bit_length() - 1 if used else 0)
    return min(_bits(values, step) for step in steps) / width


def unrelated(data: Bytes) -> bool:
    """Whether no byte tells anything of those after it, so that no reading can make a signal of them."""
    for distance in _DISTANCES:
        apart = (data[distance:] - data[:-distance]).view(np.int8)
        if abs(float(np.abs(apart, dtype=np.int16).mean()) - _RANDOM) > _FROM_RANDOM:
            return False
    return True


def _bits(values: Numbers, step: int) -> float:
    """Mean bits per sample, with the best predictor for each window; `step` is from a sample to the next of its channel."""
    whole = (len(values) - (_ORDERS - 1) * step) // _WINDOW
    best: Numbers | None = None
    for order in range(_ORDERS):
        if order:
            values = values[step:] - values[:-step]
        sizes = np.abs(values[: whole * _WINDOW]).reshape(whole, _WINDOW).mean(axis=1)
        best = sizes if best is None else np.minimum(best, sizes)
    bits = np.log2((best if best is not None else np.zeros(1)) + _FLOOR) + _LAPLACE
    return float(np.maximum(bits, _FEWEST_BITS).mean())
