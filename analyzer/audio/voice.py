"""How much a signal read at some rate is like a voice: pitch and rhythm of speech lie in narrow ranges, in every language.

In: samples and the rate at which they are read. Out: a `Heard`, whose `likelihood` is compared between two rates. Read at half its
rate, speech has half the pitch and half the syllables per second; one of the two gives it away even where a woman's voice passes
for a man's.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.dataclass import dataclass

Signal = npt.NDArray[Any]

_PITCH_RANGE = (60.0, 500.0)
"""Hz; what is looked for, a little wider than voices go."""
_VOICED = 0.75
"""Normalised autocorrelation from which a frame counts as voiced."""
_FEWEST_VOICED = 12
"""Frames of 20 ms that must be voiced for a pitch to be told."""
_VOICED_SHARE = 0.25
"""Share of the loud frames of speech that is voiced at least; with less, the pitch that was found counts less."""
_RHYTHM_RANGE = (0.7, 12.0)
"""Hz of the modulation of loudness that are looked at."""
_REGULAR = 0.8
"""Share of the modulation at a single frequency from which it is a machine's: speech stays below three quarters."""
_SHORTEST = 2.0
"""Seconds from which a rhythm is told."""
_PITCHES, _RHYTHMS = (112.0, 208.0), (4.4,)
"""Hz: men and women; syllables. Medians over speakers of English, French, Spanish, Russian and German."""
_PITCH_SPREAD, _RHYTHM_SPREAD = 0.22, 0.2
"""Standard deviations of the logarithm between speakers."""
_PITCH_FLOOR, _RHYTHM_FLOOR = 0.03, 0.15
"""The likelihood of what no speaker does. Rhythm says less: not all that is heard is speech, so it never decides alone."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Pitch in Hz (None where too little is voiced), the share of loud frames that are voiced, and the rhythm in Hz."""

    pitch: float | None
    voiced: float
    rhythm: float

    @property
    def likelihood(self) -> float:
        """Logarithm of how likely a speaker sounds like this."""
        pitch = _log_likelihood(self.pitch, _PITCHES, _PITCH_SPREAD, _PITCH_FLOOR)
        weak = min(0.0, math.log((self.voiced + 0.05) / (_VOICED_SHARE + 0.05))) if self.pitch else 0.0
        return pitch + weak + _log_likelihood(self.rhythm, _RHYTHMS, _RHYTHM_SPREAD, _RHYTHM_FLOOR)


def hear(samples: Signal, rate: int) -> Heard | None:
    """Pitch and rhythm of a 1-D signal read at `rate`; None where it is too short, too quiet or too regular for speech."""
    if len(samples) < rate * _SHORTEST:
        return None
    pitch, voiced = _pitch(samples, rate)
    rhythm = _rhythm(samples, rate)
    return None if rhythm is None else Heard(pitch, voiced, rhythm)


def _log_likelihood(value: float | None, centres: tuple[float, ...], spread: float, floor: float) -> float:
    if value is None:
        return math.log(floor)
    best = max(math.exp(-0.5 * (math.log(value / centre) / spread) ** 2) for centre in centres)
    return math.log(best + floor)


def _pitch(samples: Signal, rate: int) -> tuple[float | None, float]:
    """Median pitch in Hz of the voiced 20-ms steps, None where they are too few, and their share of the loud ones."""
    width, hop = rate * 60 // 1000, rate * 20 // 1000
    frames = np.lib.stride_tricks.sliding_window_view(samples, width)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    energy = (frames**2).mean(axis=1)
    frames = frames[energy > max(energy.max() * 0.02, 1e-7)]
    if len(frames) < _FEWEST_VOICED:
        return None, 0.0
    size = 1 << (2 * width - 1).bit_length()
    spectrum = np.fft.rfft(frames, size)
    correlation = np.fft.irfft(spectrum * spectrum.conj(), size)[:, :width]
    correlation *= width / np.arange(width, 0, -1)
    shortest, longest = max(int(rate / _PITCH_RANGE[1]), 2), min(int(rate / _PITCH_RANGE[0]), width * 2 // 3)
    normal = correlation[:, :longest] / np.maximum(correlation[:, :1], 1e-12)
    found = [lag for row in normal if (lag := _first_peak(row, shortest)) is not None]
    return rate / float(np.median(found)) if len(found) >= _FEWEST_VOICED else None, len(found) / len(frames)


def _first_peak(row: Signal, shortest: int) -> int | None:
    """The shortest lag whose peak is almost as high as the highest one: multiples of the period peak as high."""
    inner = row[shortest:-1]
    peaks = shortest + np.flatnonzero((inner > row[shortest - 1 : -2]) & (inner >= row[shortest + 1 :]))
    if not len(peaks) or row[peaks].max() < _VOICED:
        return None
    return int(peaks[row[peaks] >= 0.9 * row[peaks].max()][0])


def _rhythm(samples: Signal, rate: int) -> float | None:
    """The middle of the spectrum of the loudness in Hz, weighted towards its faster part; None where that is not how
    speech is: without changes, or like a clock.
    """
    step = rate * 20 // 1000
    count = len(samples) // step
    loudness = np.sqrt((samples[: count * step].reshape(count, step) ** 2).mean(axis=1))
    changes = (loudness - loudness.mean()) * np.hanning(count)
    power, frequency = np.abs(np.fft.rfft(changes)) ** 2, np.fft.rfftfreq(count, 0.02)
    inside = (frequency > _RHYTHM_RANGE[0]) & (frequency < _RHYTHM_RANGE[1])
    weights = power[inside] * np.sqrt(frequency[inside])
    total, strongest = float(power[inside].sum()), int((power * inside).argmax())
    if total < 1e-9 or float(power[max(strongest - 2, 0) : strongest + 3].sum()) > _REGULAR * total:  # noqa: PLR2004 - next to nothing
        return None
    return float(np.exp((weights * np.log(frequency[inside])).sum() / weights.sum()))
