"""The audio of a side on the clock: a WAV file that begins with the session and has silence where nothing was sent, and its labels.

In: the WAV file of the decoded audio, its `Placement`, and the marks of the session. Out: the file, and `Label`s in its seconds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt

from analyzer.audio.cues import Label
from analyzer.audio.placement import Placement
from analyzer.audio.wav import Wav, WavWriter
from analyzer.model.track import Mark

_BLOCK = 1 << 16
_GAP_S = 1.0
"""Silence from which it gets a label of its own."""
DTYPES = {"PCM_16": "int16", "PCM_24": "int32", "FLOAT": "float32"}


def blocks(file: Any, placement: Placement) -> Iterator[tuple[int, npt.NDArray[Any]]]:  # noqa: ANN401 - untyped library
    """The audio of an open sound file in blocks, each with its first frame on the time line."""
    rows = zip(placement.at.tolist(), placement.source.tolist(), placement.length.tolist(), strict=True)
    for at, source, length in rows:
        file.seek(source)
        for done in range(0, length, _BLOCK):
            yield at + done, file.read(min(_BLOCK, length - done), dtype=DTYPES[file.subtype], always_2d=True)


def write(placement: Placement, audio: Wav, folder: Path) -> Path:
    """Write the time line to a file with a temporary name in `folder`. Raises AnalyzerError when it cannot be written."""
    with audio.samples() as file:
        wav = WavWriter(folder, audio.sample_rate, audio.channels, audio.subtype)
        done = 0
        for at, block in blocks(file, placement):
            wav.silence(at - done)
            wav.write(block >> 8 if file.subtype == "PCM_24" else block)
            done = at + len(block)
        wav.silence(placement.frames - done)
    wav.close()
    return wav.path


def labels(placement: Placement, marks: tuple[Mark, ...]) -> list[Label]:
    """What stands beside the time line, in order: marks at their time, results where their words are heard, and gaps."""
    rate = placement.sample_rate
    most = placement.frames / rate
    found = [Label(begin / rate, end / rate, f"no audio for {(end - begin) / rate:.1f} s") for begin, end in placement.gaps]
    found = [gap for gap in found if gap.end - gap.begin >= _GAP_S]
    for mark in marks:
        begin, end = mark.time_s, mark.time_s if mark.until_s is None else mark.until_s
        if mark.audio_s is not None:
            pieces = placement.heard(*mark.audio_s)
            begin, end = pieces[0][0], pieces[-1][1]
        begin, end = (min(max(second, 0.0), most) for second in (begin, end))
        found.append(Label(begin, max(begin, end), mark.text))
    return sorted(found, key=lambda label: (label.begin, label.end))
