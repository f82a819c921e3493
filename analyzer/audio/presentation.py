"""What is made of a finished track for eyes and ears: how it sounds, its time line with labels, its picture.

In: a `Recording` whose WAV file is closed, when its messages were sent, and the marks of the session. Out: more files of the
recording, and plain values for the report.
"""

import os
from pathlib import Path

import numpy as np

from analyzer.audio import cues, timeline
from analyzer.audio.mapping import Mapping
from analyzer.audio.placement import Placement, place
from analyzer.audio.recording import Recording
from analyzer.audio.soundness import listen
from analyzer.audio.speech import speech
from analyzer.audio.wav import Wav
from analyzer.model.errors import AnalyzerError
from analyzer.model.limits import Limits
from analyzer.model.settings import Dump
from analyzer.model.track import Mark, Sending


def present(
    recording: Recording, mapping: Mapping, sending: Sending, marks: tuple[Mark, ...], title: str, dump: Dump, limits: Limits
) -> dict[str, object]:
    """Write what `dump` asks for; returns `loudness_lufs`, `dropouts`, `dropout_s`, `first_dropout_s`, and `speech_s` of `heard_s`
    where the detector is installed; with a time line `results`, what the service understood as (begin, end, words) in its seconds.
    Raises AnalyzerError when a file cannot be written.
    """
    audio = recording.audio
    assert audio is not None
    results: dict[str, object] = {}
    try:
        sound, spoken = listen(audio), speech(audio) if dump.speech else None
        if (dump.timeline or dump.picture) and len(sending.times):
            placement = _placement(audio, mapping, sending, limits)
            if dump.timeline:
                _timeline(recording, placement, sending.origin, marks, audio, dump.folder)
                results["results"] = _results(placement, marks)
            if dump.picture:
                from analyzer.audio.picture import draw  # noqa: PLC0415 - needs an extra

                recording.add("picture", draw(audio, placement, marks, title, dump.folder), ".png")
    except (OSError, RuntimeError) as error:
        msg = f"cannot write audio to {dump.folder}: {error}"
        raise AnalyzerError(msg) from error
    told: dict[str, object] = {
        "loudness_lufs": sound.loudness_lufs,
        "dropouts": sound.dropouts,
        "dropout_s": sound.dropout_s,
        "first_dropout_s": sound.first_dropout_s,
    }
    return told | results | ({"speech_s": spoken.speech_s, "heard_s": spoken.heard_s} if spoken is not None else {})


def _placement(audio: Wav, mapping: Mapping, sending: Sending, limits: Limits) -> Placement:
    begins = mapping(sending.at, audio.frames, audio.sample_rate).astype(np.int64, copy=False)
    return place(sending, begins, audio.frames, audio.sample_rate, limits)


def _results(placement: Placement, marks: tuple[Mark, ...]) -> list[tuple[float, float, str]]:
    """What the service understood, where it is heard. A result takes the place of those before it that begin no earlier."""
    found: list[tuple[float, float, str]] = []
    for mark in marks:
        if mark.kind == "result" and mark.audio_s is not None:
            pieces = placement.heard(*mark.audio_s)
            begin, end = round(pieces[0][0], 6), round(pieces[-1][1], 6)
            while found and found[-1][0] >= begin:
                found.pop()
            found.append((begin, end, mark.text))
    return found


def _timeline(recording: Recording, placement: Placement, origin: int, marks: tuple[Mark, ...], audio: Wav, folder: Path) -> None:
    """The WAV file on the clock with its cue points, and the same labels as a text file."""
    recording.add("timeline", timeline.write(placement, audio, folder), ".timeline.wav")
    found = timeline.labels(placement, marks)
    cues.append(recording.path("timeline"), found, placement.sample_rate, origin)
    recording.add("labels", _text(folder, cues.label_track(found)), ".labels.txt")


def _text(folder: Path, text: str) -> Path:
    """A text file with a temporary name."""
    import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

    handle, name = tempfile.mkstemp(prefix=".analyzer-", suffix=".txt", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return Path(name)
