"""Samples as a file that every browser plays: FLAC, which loses nothing, or MP3, which takes a quarter of it and less.

In: blocks of int16 samples, shape (frames, channels), of one or two channels. Out: the file, or None where it would become larger
than there is room for.
"""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

MEDIA_TYPES = {"flac": "audio/flac", "mp3": "audio/mpeg"}
_ENCODERS = {"flac": "flac", "mp3": "libmp3lame"}
_MP3_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPTIONS: dict[str, dict[str, str]] = {"flac": {}, "mp3": {"compression_level": "7"}}
"""LAME as fast as it still sounds well: 200 times as fast as the audio plays."""
_BITS = {1: 32_000, 2: 48_000}
"""Bits per second of an MP3 by channels: speech is as clear as before."""


def encode(blocks: Iterable[npt.NDArray[np.int16]], sample_rate: int, channels: int, form: str, room: int) -> bytes | None:
    """Make the file, `form` is `flac` or `mp3`. Raises OSError or ValueError where the encoder takes no such samples."""
    import av  # noqa: PLC0415 - loads FFmpeg, needed for pages with audio only

    file = io.BytesIO()
    layout = "mono" if channels == 1 else "stereo"
    rate = sample_rate if form == "flac" else next((one for one in _MP3_RATES if one >= sample_rate), _MP3_RATES[-1])
    with av.open(file, "w", format=form) as container:
        stream: Any = container.add_stream(_ENCODERS[form], rate=rate, options=_OPTIONS[form])
        stream.layout = layout
        stream.format = "s16" if form == "flac" else "s16p"
        if form == "mp3":
            stream.bit_rate = _BITS[channels]
        resampler = av.AudioResampler(stream.format.name, layout, rate, frame_size=stream.codec_context.frame_size or 0)
        at = 0
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block).reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate, frame.pts = sample_rate, at
            at += len(block)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
            if file.tell() > room:
                return None
        for ready in resampler.resample(None):
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return file.getvalue() if file.tell() <= room else None
