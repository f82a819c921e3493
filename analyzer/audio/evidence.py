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
_FAINTEST = 1e-8
"""Variance below which there is next to no signal, where full scale is 1."""


def reading(data: Bytes, encoding: str, channels: int) -> Signal:
    """`data` as linear samples of an encoding, shape (frames, channels), float64 with full scale 1.0.

    Encodings are the raw ones, `pcm_s16be` for big-endian samples, `pcm_s24le` for 24 bits and `pcm_u8` for unsigned bytes. What
    is no number, or beyond 10 times full scale, becomes zero.
    """
    if encoding == "pcm_u8":
        return (data[: len(data) - len(data) % channels].reshape(-1, channels).astype(np.float64) - 128) / 128
    if encoding == "pcm_s24le":  # the upper two of three bytes are 16-bit samples
        data = data[: len(data) - len(data) % 3].reshape(-1, 3)[:, 1:].reshape(-1)
        encoding = "linear16"
    big_endian = encoding == "pcm_s16be"
    codec = RAW["linear16" if big_endian else encoding](channels)
    if big_endian:
        data = data[: len(data) - len(data) % 2].reshape(-1, 2)[:, ::-1].reshape(-1)
    with np.errstate(invalid="ignore"):  # a signalling NaN is only a NaN here
        samples = codec.decode(data).reshape(-1, channels).astype(np.float64)
    if encoding == "linear32":
        return np.where(np.abs(samples) < 10, samples, 0.0)  # noqa: PLR2004 - also false for what is no number
    return samples / 32768


def integers(data: Bytes, encoding: str) -> npt.NDArray[np.int16]:
    """What `reading` gives as int16 samples with full scale 2 ** 15, channels interleaved; not for `linear32`."""
    if encoding in ("mulaw", "alaw"):
        samples: npt.NDArray[np.int16] = RAW[encoding]().samples(data)
        return samples
    if encoding == "pcm_u8":
        return (data.astype(np.int16) - 128) << 8
    if encoding == "pcm_s24le":  # the upper two of three bytes
        data = data[: len(data) - len(data) % 3].reshape(-1, 3)[:, 1:].reshape(-1)
    order = ">" if encoding == "pcm_s16be" else "<"
    return data[: len(data) - len(data) % 2].view(f"{order}i2").astype(np.int16, copy=False)


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


def byte_difference(data: Bytes) -> float:
    """How differently the even and the odd bytes are distributed, by their upper four bits: total variation distance, 0 to 1.

    Near 0 when every byte is a sample; large when two bytes are one, because the lower one is noise and the upper one is not.
    """
    bins = (data[: len(data) - len(data) % 2] >> 4).reshape(-1, 2)
    if not len(bins):
        return 0.0
    even, odd = (np.bincount(bins[:, column], minlength=16) for column in (0, 1))
    return float(np.abs(even - odd).sum()) / (2 * len(bins))


def float_share(data: Bytes) -> float:
    """Share of 32-bit words that are floats as audio has them: zero, or from -160 dB to twice full scale."""
    words = np.abs(data[: len(data) - len(data) % 4].copy().view("<f4"))
    if not len(words):
        return 0.0
    return float(((words == 0) | ((words > 1e-8) & (words <= 2))).mean())  # noqa: PLR2004


def float_zeros(data: Bytes) -> float:
    """Share of 32-bit words that are zero."""
    words = data[: len(data) - len(data) % 4].copy().view("<u4")
    return float((words == 0).mean()) if len(words) else 1.0


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
    return between < 0.25 * beside
