"""What the signal itself says about a raw format: how smooth it is under each reading, whether its channels are in turn.

In: at most `limits.audio_head` bytes or samples. Out: plain numbers. Speech is smooth from sample to sample when it
is read the right way, and noise when it is not; that, and no spectrum, tells encodings apart.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs import RAW
from analyzer.model.streams import Bytes
from analyzer.wire import bulk

Signal = npt.NDArray[Any]

_FEWEST = 256
"""Frames from which roughness can be told."""
_SOME = 11
"""Every so many bytes are enough to count; a prime, to meet every byte of a sample."""
_FAINT = {4: 1e-8, 8: 1e-15}
"""Floats of audio are larger: -160 dB, and what resampling leaves of silence in 64 bits, whose exponents reach much farther."""
_QUIET = {"mulaw": 0xF, "alaw": 0xD}
"""Upper four bits of the quietest positive codes."""
_FAINTEST = 1e-8
"""Variance below which there is next to no signal, where full scale is 1."""


_UPPER = {"pcm_s24le": (3, slice(1, 3)), "pcm_s24be": (3, slice(1, None, -1)), "pcm_s32le": (4, slice(2, 4))}
"""Bytes to a sample of what is wider than 16 bits, and where the upper two stand, the lower one first."""


def reading(data: Bytes, encoding: str, channels: int) -> Signal:
    """`data` as linear samples of a raw encoding, shape (frames, channels), float64 with full scale 1.0.

    Of integers with more than 16 bits the upper 16 count. What is no number, or beyond 10 times full scale, becomes zero.
    """
    if encoding in _UPPER:
        data, encoding = _upper(data, encoding), "linear16"
    codec = RAW[encoding](channels)
    with np.errstate(invalid="ignore"):  # a signalling NaN is only a NaN here
        samples = codec.decode(data).reshape(-1, channels)
        floating = samples.dtype.kind == "f"
        samples = samples.astype(np.float64)
    if floating:
        return np.where(np.abs(samples) < 10, samples, 0.0)  # noqa: PLR2004 - also false for what is no number
    return samples / 32768


def integers(data: Bytes, encoding: str) -> npt.NDArray[np.int16]:
    """What `reading` gives as int16 samples with full scale 2 ** 15, channels interleaved; not for floats."""
    if encoding in _UPPER:
        data, encoding = _upper(data, encoding), "linear16"
    elif encoding in _QUIET:
        table: npt.NDArray[np.int16] = RAW[encoding].table  # type: ignore[attr-defined]
        return np.take(table, data, mode="clip")  # nothing is out of range, and that need not be checked
    elif encoding not in ("linear16", "pcm_s16be"):
        samples: npt.NDArray[np.int16] = RAW[encoding]().samples(data)
        return samples
    order = ">" if encoding == "pcm_s16be" else "<"
    return data[: len(data) - len(data) % 2].view(f"{order}i2").astype(np.int16, copy=False)


def _upper(data: Bytes, encoding: str) -> Bytes:
    """The upper two bytes of every sample, as `linear16` has them."""
    width, upper = _UPPER[encoding]
    return np.ascontiguousarray(data[: len(data) - len(data) % width].reshape(-1, width)[:, upper]).reshape(-1)


def roughness(samples: Signal) -> float | None:
    """Mean square of the steps between samples over twice the variance, per channel: about 1 for white noise, far below for speech.

    None when there is next to no signal.
    """
    if len(samples) < _FEWEST:
        return None
    centred = samples - samples.mean(axis=0)
    energy = float((centred**2).sum())
    if energy < len(samples) * _FAINTEST:
        return None
    return float((np.diff(centred, axis=0) ** 2).sum()) / (2 * energy)


def integer_roughness(samples: npt.NDArray[np.int16], channels: int) -> float | None:
    """`roughness` of 16-bit samples, interleaved where there are several channels, from exact sums: at a tenth of the cost.

    None also where there is hardly more than next to no signal, so that sums in floating point cannot see less.
    """
    frames = len(samples) // channels
    if frames < _FEWEST:
        return None
    energy = steps = 0
    for channel in range(channels):
        total, squares, between = bulk.pcm16_steps(samples[channel : frames * channels : channels])
        energy += frames * squares - total * total
        steps += between
    if energy < 1.01 * frames * frames * _FAINTEST * 2**30:
        return None
    return frames * steps / (2 * energy)


def float_share(data: Bytes, width: int = 4) -> float:
    """Share of words of `width` bytes that are floats as audio has them: zero, or from the faintest to twice full scale."""
    words = np.abs(data[: len(data) - len(data) % width].copy().view(f"<f{width}"))
    if not len(words):
        return 0.0
    return float(((words == 0) | ((words > _FAINT[width]) & (words <= 2))).mean())  # noqa: PLR2004


def float_zeros(data: Bytes, width: int = 4) -> float:
    """Share of words that are zero."""
    words = data[: len(data) - len(data) % width].copy().view(f"<u{width}")
    return float((words == 0).mean()) if len(words) else 1.0


def off_centre(data: Bytes, law: str) -> bool:
    """Whether bytes just above 0x80 outnumber those that a law has for quiet positive samples: unsigned bytes, which idle there."""
    upper = data[::_SOME] >> 4
    return int(np.count_nonzero(upper == 8)) > int(np.count_nonzero(upper == _QUIET[law]))  # noqa: PLR2004 - 0x80 to 0x8F


def idle_share(data: Bytes, law: str) -> float:
    """Share of the bytes that are a law's code nearest to zero, of either sign."""
    idle = RAW[law].idle[0]
    return float(((data & 0x7F) == idle & 0x7F).mean()) if len(data) else 0.0


def interleaved(samples: Signal) -> bool:
    """Whether a 1-D signal is two channels in turn.

    Then neighbours differ far more than next neighbours, or one of the two channels has far more energy.
    """
    if roughness(samples.reshape(-1, 1)) is None:
        return False
    pairs = samples[: len(samples) - len(samples) % 2].reshape(-1, 2)
    left, right = (pairs**2).sum(axis=0)
    if max(left, right) > 2 * min(left, right):
        return True
    within = float(((pairs[:, 0] - pairs[:, 1]) ** 2).sum())
    across = float(((pairs[1:, 0] - pairs[:-1, 1]) ** 2).sum())
    next_but_one = float((np.diff(pairs, axis=0) ** 2).sum()) / 2
    return next_but_one < 0.5 * min(within, across) or within < 0.25 * across  # mono speech stays far from both


def halved(samples: Signal) -> bool:
    """Whether two channels are one signal whose samples stand on both sides in turn: each right one lies between two left ones."""
    left, right = samples[:, 0], samples[:-1, 1]
    if roughness(samples[:, :1]) is None:
        return False
    between = float(((right - (left[:-1] + left[1:]) / 2) ** 2).sum())
    beside = float(((right - left[:-1]) ** 2).sum())
    return between < 0.5 * beside
