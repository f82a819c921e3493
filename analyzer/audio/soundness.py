"""Is a decoded signal sound? Loudness, and drop-outs: short holes of silence in the middle of loud signal.

In: a WAV file as `analyzer.audio.wav` writes it. Out: a `Soundness`. Parts of a long file are heard side by side; they are
the same ones on every machine, so that the result is, too.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.loudness import Meter, Momentary, integrated
from analyzer.audio.wav import Wav
from analyzer.model.dataclass import dataclass

_PART_S = 600
"""Seconds heard by one thread."""
_THREADS = 4
"""More only wait for one another."""
_BLOCK = 1 << 18
"""Frames heard at once."""
_SHORTEST_S, _LONGEST_S = 0.002, 0.25
"""Of a drop-out: shorter ones are how a signal crosses zero, longer ones may be pauses of a speaker."""
_EDGE_S = 0.001
"""Signal looked at on either side of it."""
_QUIET, _LOUD = 9 / 32768, 0.1
"""Shares of full scale: silence, A-law's included, and what is loud enough that speech does not stop there at once."""
_SCALES = {"int16": 1 << 15, "int32": 1 << 31, "float32": 1}

Block = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
"""Begin and end, a row for each."""


@dataclass(frozen=True, slots=True)
class Soundness:
    """Integrated loudness in LUFS, None where nothing is loud enough or there are more than two channels; and drop-outs."""

    loudness_lufs: float | None
    dropouts: int
    dropout_s: float
    first_dropout_s: float | None


def listen(audio: Wav) -> Soundness:
    """Hear a whole file. Raises OSError or RuntimeError when it cannot be read."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most runs need none

    frames, rate = audio.frames, audio.sample_rate
    starts = range(0, max(frames, 1), _PART_S * rate)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:  # FFmpeg and numpy let go of the interpreter at work
        parts = list(pool.map(lambda start: _part(audio, start, min(_PART_S * rate, frames - start)), starts))
    places = np.concatenate([places for _, places in parts])
    lengths = places[:, 1] - places[:, 0]
    return Soundness(
        loudness_lufs=integrated(np.concatenate([momentary for momentary, _ in parts])),
        dropouts=len(places),
        dropout_s=round(int(lengths.sum()) / rate, 6),
        first_dropout_s=round(int(places[0, 0]) / rate, 6) if len(places) else None,
    )


def _part(audio: Wav, start: int, frames: int) -> tuple[Momentary, Places]:
    """Momentary loudness, and begin and end of the drop-outs that begin in these frames."""
    with audio.samples() as file:
        dtype = {"PCM_16": "int16", "FLOAT": "float32"}.get(file.subtype, "int32")
        meter = Meter(file.samplerate, file.channels, dtype)
        margin = round((_LONGEST_S + 2 * _EDGE_S) * file.samplerate)
        found = []
        for at, block, heard in _blocks(file, start, frames, margin, dtype):
            meter.feed(block[heard])
            found.append(at + _dropouts(block, heard, file.samplerate, _SCALES[dtype]))
    return meter.momentary(), np.concatenate([np.zeros((0, 2), np.int64), *found])


def _blocks(file: Any, start: int, frames: int, margin: int, dtype: str) -> Iterator[tuple[int, Block, slice]]:  # noqa: ANN401 - untyped library
    """Blocks with a margin of what comes before and behind: where each begins, its frames, and which of them are its own."""
    for at in range(start, start + frames, _BLOCK):
        begin = max(at - margin, 0)
        file.seek(begin)
        size = min(_BLOCK, start + frames - at)
        block = file.read(at - begin + size + margin, dtype=dtype, always_2d=True)
        yield begin, block, slice(at - begin, at - begin + size)


def _dropouts(block: Block, own: slice, rate: int, scale: int) -> Places:
    """Begin and end of the drop-outs that begin in the block's own frames, counted from its first frame.

    Only one frame in the shortest drop-out is looked at where none is quiet: each drop-out covers at least one of those.
    """
    step = max(round(_SHORTEST_S * rate), 1)
    probes = _quiet(block[::step], scale)
    edges = np.flatnonzero(np.diff(probes)) + 1
    edges = edges[1:] if len(probes) and probes[0] else edges  # where it began is not in the block
    first, behind = edges[: len(edges) & ~1].reshape(-1, 2).T
    short = (behind - first - 1) * step <= _LONGEST_S * rate
    first, behind = first[short] * step, behind[short] * step
    back, on = np.arange(-step, 0), np.arange(-step + 1, 1)
    begins = first - np.argmax(~_quiet(block[first[:, None] + back], scale)[:, ::-1], axis=1)
    ends = behind - step + 1 + np.argmax(~_quiet(block[behind[:, None] + on], scale), axis=1)
    lengths = ends - begins
    fits = (lengths >= step) & (lengths <= _LONGEST_S * rate) & (begins >= own.start) & (begins < own.stop)
    reach = np.arange(1, max(round(_EDGE_S * rate), 1) + 1)
    fits &= _loud(block, begins[:, None] - reach, scale) & _loud(block, ends[:, None] + reach - 1, scale)
    found = np.stack((begins, ends), axis=1).astype(np.int64)[fits]
    whole = [bool(_quiet(block[begin:end], scale).all()) for begin, end in found.tolist()]
    dropouts: Places = found[np.array(whole, np.bool_)]
    return dropouts


def _quiet(frames: Block, scale: int) -> Flags:
    """Which frames are silent on all channels; the last axis is that of the channels."""
    limit = frames.dtype.type(_QUIET * scale)  # of the samples' own type, so that none is widened
    quiet = np.ones(frames.shape[:-1], np.bool_)
    for channel in range(frames.shape[-1]):
        samples = frames[..., channel]
        quiet &= (samples < limit) & (samples > -limit)
    return quiet


def _loud(block: Block, places: npt.NDArray[np.intp], scale: int) -> Flags:
    """Whether any frame at these places is loud; a row for each drop-out."""
    inside = (places >= 0) & (places < len(block))
    near = block[np.where(inside, places, 0)]
    loud: Flags = np.logical_or(near > _LOUD * scale, near < -_LOUD * scale)
    rows: Flags = np.logical_and(loud.any(axis=2), inside)
    return np.asarray(rows.any(axis=1), np.bool_)
