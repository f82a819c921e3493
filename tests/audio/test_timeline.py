"""The time line as a file: audio where it was sent, silence elsewhere, labels in its seconds."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from analyzer.audio import timeline
from analyzer.audio.placement import Placement
from analyzer.audio.timeline import labels, write
from analyzer.audio.wav import Wav
from analyzer.model.track import Mark

PLACED = Placement(np.array([1000, 20_000]), np.array([0, 4000]), np.array([4000, 6000]), 30_000, 8000, cut=False)


def wav(path: Path) -> Wav:
    info = soundfile.info(path)
    return Wav(path, info.samplerate, info.channels, info.subtype, info.frames)


@pytest.mark.parametrize(("subtype", "channels"), [("PCM_16", 1), ("PCM_24", 2), ("FLOAT", 2)])
@pytest.mark.parametrize("block", [1 << 16, 999])
def test_samples_stand_where_they_were_sent(
    subtype: str, channels: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "_BLOCK", block)
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(1).uniform(-1, 1, (10_000, channels)), 8000, subtype)
    audio = soundfile.read(tmp_path / "a.wav", dtype="int32", always_2d=True)[0]
    path = write(PLACED, wav(tmp_path / "a.wav"), tmp_path)
    assert soundfile.info(path).subtype == subtype
    found = soundfile.read(path, dtype="int32", always_2d=True)[0]
    expected = np.zeros((30_000, channels), np.int32)
    expected[1000:5000], expected[20_000:26_000] = audio[:4000], audio[4000:]
    assert np.array_equal(found, expected)


def test_labels_stand_in_seconds_of_the_file() -> None:
    marks = (
        Mark(-1.0, None, "control", "early"),
        Mark(0.5, None, "result", "words", audio_s=(0.25, 0.75)),
        Mark(2.0, 3.0, "finding", "found", "error"),
        Mark(99.0, 100.0, "close", "late"),
    )
    found = [(one.begin, one.end, one.text) for one in labels(PLACED, marks)]
    assert found == [
        (0.0, 0.0, "early"),
        (0.375, 2.75, "words"),
        (0.625, 2.5, "no audio for 1.9 s"),
        (2.0, 3.0, "found"),
        (3.75, 3.75, "late"),
    ]
