"""What the signal itself says about a raw format: how smooth it is under each reading, its pitch, its interleaving.

In: at most `limits.audio_head` bytes or samples. Out: plain numbers. Speech is smooth from sample to sample when it
is read the right way, and noise when it is not; that, and no spectrum, tells encodings apart.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs import RAW
from analyzer.model.streams import Bytes

Signal = npt.NDArray[Any]

_PITCH_RANGE = (25.0, 1000.0)
"""Hz; wide enough that a voice read at a third or at three times its rate is still inside."""
_VOICED = 0.75
"""Normalised autocorrelation from which a frame counts as voiced."""
_FEWEST_VOICED = 12
"""Frames of 20 ms that must be voiced for a pitch to be told."""


def reading(data: Bytes, encoding: str, channels: int) -> Signal:
    """`data` as linear samples of an encoding, shape (frames, channels), float64 with full scale 1.0.

    Encodings are the raw ones, and `pcm_s16be` for big-endian samples. What is no number, or beyond 10 times full scale,
    becomes zero.
    """
    big_endian = encoding == "pcm_s16be"
    codec = RAW["linear16" if big_endian else encoding](channels)
    if big_endian:
        data = data[: len(data) - len(data) % 2].reshape(-1, 2)[:, ::-1].reshape(-1)
    with np.errstate(invalid="ignore"):  # a signalling NaN is only a NaN here
        samples = codec.decode(data).reshape(-1, channels).astype(np.float64)
    if encoding == "linear32":
        return np.where(np.abs(samples) < 10, samples, 0.0)  # noqa: PLR2004 - also false for what is no number
    return samples / 32768


def roughness(samples: Signal) -> float | None:
    """Mean square of the steps between samples over twice the variance, per channel: about 1 for white noise, far below for speech.

    None when there is next to no signal.
    """
    if len(samples) < 256:  # noqa: PLR2004 - too few to tell
        return None
    centred = samples - samples.mean(axis=0)
    energy = float((centred**2).sum())
    if energy < len(samples) * 1e-8:
        return None
    return float((np.diff(centred, axis=0) ** 2).sum()) / (2 * energy)


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


def pitch(samples: Signal, rate: int) -> float | None:
    """Median pitch in Hz of the voiced 20-ms steps of a 1-D signal; None where too few are voiced."""
    width, hop = rate * 60 // 1000, rate * 20 // 1000
    if len(samples) < width * 2 or hop < 1:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, width)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    energy = (frames**2).mean(axis=1)
    frames = frames[energy > max(energy.max() * 0.02, 1e-7)]
    if len(frames) < _FEWEST_VOICED:
        return None
    size = 1 << (2 * width - 1).bit_length()
    spectrum = np.fft.rfft(frames, size)
    correlation = np.fft.irfft(spectrum * spectrum.conj(), size)[:, :width]
    correlation *= width / np.arange(width, 0, -1)
    shortest, longest = max(int(rate / _PITCH_RANGE[1]), 2), min(int(rate / _PITCH_RANGE[0]), width * 2 // 3)
    normal = correlation[:, :longest] / np.maximum(correlation[:, :1], 1e-12)
    found = [lag for row in normal if (lag := _first_peak(row, shortest)) is not None]
    return rate / float(np.sort(found)[len(found) // 2]) if len(found) >= _FEWEST_VOICED else None


def _first_peak(row: Signal, shortest: int) -> int | None:
    """The shortest lag whose peak is almost as high as the highest one: multiples of the period peak as high."""
    inner = row[shortest:-1]
    peaks = shortest + np.flatnonzero((inner > row[shortest - 1 : -2]) & (inner >= row[shortest + 1 :]))
    if not len(peaks) or row[peaks].max() < _VOICED:
        return None
    return int(peaks[row[peaks] >= 0.9 * row[peaks].max()][0])


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
