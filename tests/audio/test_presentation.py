"""What `analyzer audio` makes of a recorded session: how it sounds, its time line, labels and picture."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

import analyzer
from analyzer.model.schema import Side
from analyzer.model.settings import Dump, Settings

CAPTURES = Path(__file__).parents[2] / "captures"


def presented(name: str, folder: Path, **asked: bool) -> tuple[dict[str, object], dict[str, str]]:
    settings = Settings(dump=Dump(folder, frozenset({Side.CLIENT}), **asked))
    report = analyzer.analyze(str(CAPTURES / name / "capture.pcap"), settings=settings, frames=False)
    track = report.sessions[0].audio["client"]
    return track["sound"], track["files"]


def test_a_session_with_a_gap_is_on_the_clock(tmp_path: Path) -> None:
    sound, files = presented("healthy-gap-with-keepalive", tmp_path, timeline=True, picture=True)
    assert {kind: Path(path).name for kind, path in files.items()} == {
        "wav": "session-1-client.wav",
        "timeline": "session-1-client.timeline.wav",
        "labels": "session-1-client.labels.txt",
        "picture": "session-1-client.png",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(path).name for path in files.values())
    audio, rate = soundfile.read(files["wav"], dtype="int16")
    clock, _ = soundfile.read(files["timeline"], dtype="int16")
    assert len(audio) == 5 * rate
    length = 2 * rate - 1000
    assert np.array_equal(clock[np.flatnonzero(clock)[0] :][:length], audio[np.flatnonzero(audio)[0] :][:length])
    assert not clock[int(2.2 * rate) : 15 * rate].any()
    assert clock[int(15.1 * rate) : 18 * rate].any()
    assert 18 < len(clock) / rate < 18.3
    labels = [line.split("\t") for line in Path(files["labels"]).read_text(encoding="utf-8").splitlines()]
    assert [float(begin) for begin, _, text in labels if text == "KeepAlive"] == pytest.approx([5.0, 9.01, 13.01], abs=0.01)
    assert sound["loudness_lufs"] == pytest.approx(-20.7, abs=0.2)
    assert isinstance(sound["speech_s"], float)
    assert sound["speech_s"] > 3


def test_results_stand_where_they_are_heard(tmp_path: Path) -> None:
    sound, _ = presented("healthy-gap-with-keepalive", tmp_path, timeline=True, speech=False)
    assert "speech_s" not in sound
    results = sound["results"]
    assert isinstance(results, list)
    begins = [begin for begin, _, _ in results]
    assert begins == sorted(set(begins))
    assert all(begin < end < 18.3 and text for begin, end, text in results)
    assert max(end for _, end, _ in results) > 15  # behind the gap, though it is within the first five seconds of audio


def test_files_that_nobody_asked_for_are_not_there(tmp_path: Path) -> None:
    sound, files = presented("healthy-mulaw", tmp_path)
    assert set(files) == {"wav"}
    assert sound["dropouts"] == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".wav"]


def test_without_audio_there_is_nothing_to_show(tmp_path: Path) -> None:
    settings = Settings(dump=Dump(tmp_path, frozenset(Side), timeline=True, picture=True))
    report = analyzer.analyze(str(CAPTURES / "encoding-not-declared" / "capture.pcap"), settings=settings, frames=False)
    assert report.sessions[0].audio["client"]["sound"] == {}
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("analyzer.audio.timeline.write", full)
    with pytest.raises(analyzer.AnalyzerError, match="No space left"):
        presented("healthy-mulaw", tmp_path, timeline=True)
    assert list(tmp_path.iterdir()) == []
