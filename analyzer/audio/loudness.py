"""Momentary loudness (ITU-R BS.1770) of blocks of samples, by FFmpeg's meter, and the integrated loudness that follows from it.

In: blocks of one signal in order. Out: loudness in LUFS. FFmpeg filters and weighs; the gates are applied here, over the
momentary values, so that parts of a long signal can be measured side by side.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Momentary = npt.NDArray[np.float64]

_STEP_S = 0.1
"""The meter speaks ten times a second, each time of the 400 ms before: overlaps of 75 % (BS.1770-5 annex 1)."""
_WARM_UP = 4
"""Values of a part that rest on less than 400 ms."""
_ABSOLUTE, _RELATIVE = -70.0, -10.0
"""The gates, in LUFS and LU."""
_OFFSET = -0.691
_LOWEST_RATE = 1000
"""Hz below which there is nothing to hear, and FFmpeg's meter refuses."""
_MOST_CHANNELS = 2
"""More are no surround sound here, but speakers side by side, of which BS.1770 says nothing."""
_FORMATS = {"int16": "s16", "int32": "s32", "float32": "flt"}


class Meter:
    """Measures one signal, or a part of it. `dtype` is int16, int32 or float32, of full scale."""

    def __init__(self, sample_rate: int, channels: int, dtype: str) -> None:
        self._rate, self._format = sample_rate, _FORMATS[dtype]
        self._layout = "mono" if channels == 1 else "stereo"
        heard = channels <= _MOST_CHANNELS and sample_rate >= _LOWEST_RATE
        self._graph = _graph(sample_rate, self._format, self._layout) if heard else None
        self._at = 0
        self._values: list[float] = []

    def feed(self, block: npt.NDArray[Any]) -> None:
        """Take the next samples, shape (frames, channels)."""
        if self._graph is None or not len(block):
            return
        import av  # noqa: PLC0415 - loads FFmpeg, needed only where audio is listened to

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block).reshape(1, -1), format=self._format, layout=self._layout)
        frame.sample_rate, frame.pts = self._rate, self._at
        self._at += len(block)
        self._graph.push(frame)
        while True:
            try:
                told = self._graph.pull().metadata.get("lavfi.r128.M")
            except (av.BlockingIOError, av.EOFError):
                return
            if told is not None:
                self._values.append(float(told))

    def momentary(self) -> Momentary:
        """The values of whole 400 ms, one every 100 ms."""
        return np.array(self._values[_WARM_UP - 1 :], np.float64)


def integrated(momentary: Momentary) -> float | None:
    """Loudness of a whole signal in LUFS, rounded to 0.1; None where all of it is below the gate of -70 LUFS."""
    loud = momentary[(momentary > _ABSOLUTE) & np.isfinite(momentary)]  # floats may be anything
    if not len(loud):
        return None
    gate = _mean(loud) + _RELATIVE
    return round(_mean(loud[loud > gate]), 1)


def _mean(momentary: Momentary) -> float:
    """The loudness of the mean energy."""
    return float(10 * np.log10((10 ** ((momentary - _OFFSET) / 10)).mean()) + _OFFSET)


def _graph(sample_rate: int, sample_format: str, layout: str) -> Any:  # noqa: ANN401 - untyped library
    from av.filter import Graph  # noqa: PLC0415 - see above

    graph = Graph()
    source = graph.add_abuffer(sample_rate=sample_rate, format=sample_format, layout=layout)
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph
