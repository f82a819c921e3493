"""One side's audio on the clock as a page plays it and draws it: a compressed file, and the waveform in columns.

In: a WAV file that was written here and begins with the session. Out: a `Playback` whose seconds are those of the session, or None
where it takes more than there is room for.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.playable import MEDIA_TYPES, encode
from analyzer.audio.columns import Extremes
from analyzer.audio.wav import Wav, reopened
from analyzer.model.errors import AnalyzerError
from analyzer.model.limits import Limits
from analyzer.model.playback import Playback

_BLOCK = 1 << 16
_COLUMNS = 20_000
"""Of the waveform: a column lasts 3 ms in a minute of audio, and 0.2 s in an hour."""
_FULL = 127
"""Full scale of the columns."""
_HEARD = 2
"""Channels that browsers play; of more their mean is heard."""


def playback(path: str, room: int, limits: Limits) -> Playback | None:
    """Compress a file to at most `room` bytes. Raises AnalyzerError when it cannot be read."""
    wav = reopened(Path(path))
    if not wav.frames:
        return None
    channels = min(wav.channels, _HEARD)
    try:
        for form, most in (("flac", min(room, limits.page_lossless)), ("mp3", room)):
            extremes = Extremes(_COLUMNS, wav.frames)
            data = encode(_watched(wav, extremes), wav.sample_rate, channels, form, most)
            if data is not None:
                seconds = wav.frames / wav.sample_rate
                return Playback(MEDIA_TYPES[form], data, seconds, _column(extremes.low), _column(extremes.high), form == "flac")
    except (OSError, RuntimeError, ValueError) as error:
        msg = f"cannot compress {path}: {error}"
        raise AnalyzerError(msg) from error
    return None


def _watched(wav: Wav, extremes: Extremes) -> Iterator[npt.NDArray[np.int16]]:
    """The samples as 16 bits, each block drawn on its way."""
    at = 0
    with wav.samples() as file:
        for block in file.blocks(_BLOCK, dtype="float32", always_2d=True):
            heard = np.clip(np.nan_to_num(block), -1, 1)
            heard = heard if wav.channels <= _HEARD else heard.mean(axis=1, keepdims=True).repeat(_HEARD, axis=1)
            extremes.feed(at, heard.min(axis=1))
            extremes.feed(at, heard.max(axis=1))
            at += len(block)
            yield np.clip(np.rint(heard * 32_768), -32_768, 32_767).astype(np.int16)


def _column(values: npt.NDArray[np.float64]) -> bytes:
    """Eight bits of each column, what is not zero never drawn as zero."""
    scaled = np.nan_to_num(values) * _FULL
    away = np.where(scaled > 0, np.ceil(scaled), np.floor(scaled))
    return bytes(np.clip(away, -_FULL, _FULL).astype(np.int8).tobytes())
