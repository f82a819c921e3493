"""A signal cut down to the columns of a picture: lowest and highest sample, and a spectrum of each.

In: stretches of samples with their place on a time line, in order. Out: arrays with one entry per column, NaN where there was
nothing. A signal of any length takes the same memory.
"""

import numpy as np
import numpy.typing as npt

_WINDOW_S = 0.025
"""Of a spectrum, as is usual for speech: pitch and formants are both to be seen."""
_TOP_HZ = 8000
"""What tells speech apart lies below."""
_FAINTEST = 1e-9

Levels = npt.NDArray[np.float64]


class Extremes:
    """`low` and `high`, the lowest and highest sample of each column (full scale 1.0), shape (count,); NaN where there was none.

    Of fewer `frames` there are as many columns.
    """

    def __init__(self, count: int, frames: int) -> None:
        self._frames = max(frames, 1)
        self._count = count = min(count, self._frames)
        self.low, self.high = np.full(count, np.nan), np.full(count, np.nan)

    def feed(self, at: int, samples: npt.NDArray[np.float32]) -> None:
        """Take samples, 1-D, that begin at a frame of the time line."""
        if len(samples):
            self._cut(at, samples)

    def _cut(self, at: int, samples: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Which columns the samples fall into, and where in them each begins."""
        first, last = (min(frame * self._count // self._frames, self._count - 1) for frame in (at, at + len(samples) - 1))
        which = np.arange(first, last + 1)
        begins = np.maximum(-(-which * self._frames // self._count) - at, 0)
        which, begins = which[begins < len(samples)], begins[begins < len(samples)]
        self.low[which] = np.fmin(self.low[which], np.minimum.reduceat(samples, begins))
        self.high[which] = np.fmax(self.high[which], np.maximum.reduceat(samples, begins))
        return which, begins


class Columns(Extremes):
    """`spectra` in dB of a full-scale sine, shape (bands, count), besides `low` and `high`."""

    def __init__(self, count: int, frames: int, sample_rate: int) -> None:
        super().__init__(count, frames)
        self._window = max(round(_WINDOW_S * sample_rate), 16)
        self._shape = np.hanning(self._window)
        bands = int(self._window * min(_TOP_HZ, sample_rate / 2) / sample_rate) + 1
        self.top_hz = (bands - 1) * sample_rate / self._window
        """The highest frequency of the spectra."""
        self.spectra: Levels = np.full((bands, self._count), np.nan)

    def feed(self, at: int, samples: npt.NDArray[np.float32]) -> None:
        """Take samples, 1-D, that begin at a frame of the time line."""
        if not len(samples):
            return
        which, begins = self._cut(at, samples)
        if len(samples) < self._window:
            return
        # One window per column, in its middle: of an hour a spectrogram is an overview anyway.
        middles = (begins + np.append(begins[1:], len(samples))) // 2 - self._window // 2
        places = np.clip(middles, 0, len(samples) - self._window)
        windows = np.lib.stride_tricks.sliding_window_view(samples, self._window)[places]
        heights = np.abs(np.fft.rfft(windows * self._shape, axis=1))[:, : len(self.spectra)].T / (self._shape.sum() / 2)
        self.spectra[:, which] = np.fmax(self.spectra[:, which], 20 * np.log10(np.maximum(heights, _FAINTEST)))
