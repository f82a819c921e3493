"""The picture: audio, gaps and findings are to be seen in it where they belong."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib import image

from analyzer.audio.picture import draw
from analyzer.audio.placement import Placement
from analyzer.audio.wav import Wav
from analyzer.model.errors import MissingDependencyError
from analyzer.model.track import Mark

PLACED = Placement(np.array([0, 60_000]), np.array([0, 20_000]), np.array([20_000, 20_000]), 80_000, 8000, cut=False)
MARKS = (
    Mark(2.5, 7.5, "finding", "silence-gap: nothing for 5 s, $x_1 \\frac{", "error"),
    Mark(3.0, None, "keepalive", "KeepAlive"),
    Mark(9.0, None, "result", "語 words \x07\n of it", audio_s=(0.0, 2.0)),
    Mark(9.5, None, "result", "came then"),
    Mark(10.0, None, "close", "server close 1000"),
    *(Mark(9.0, None, "finding", f"rule-{number}: more", "note") for number in range(9)),
)


def wav(path: Path) -> Wav:
    info = soundfile.info(path)
    return Wav(path, info.samplerate, info.channels, info.subtype, info.frames)


def drawn(tmp_path: Path, marks: tuple[Mark, ...] = MARKS, subtype: str = "PCM_16") -> np.ndarray:  # type: ignore[type-arg]
    tone = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(40_000) / 8000)
    soundfile.write(tmp_path / "a.wav", tone, 8000, subtype)
    path = draw(wav(tmp_path / "a.wav"), PLACED, marks, "here to there\nIt was $5 & more.", tmp_path)
    found: np.ndarray = image.imread(io.BytesIO(path.read_bytes()), format="png")  # type: ignore[type-arg]
    return found


def columns_of(picture: np.ndarray, colour: tuple[int, int, int], near: int = 12) -> np.ndarray:  # type: ignore[type-arg]
    alike = np.abs(picture[..., :3] * 255 - np.array(colour)).max(axis=2) < near
    return np.flatnonzero(alike.sum(axis=0) > 100)  # letters and edges have such pixels, too, but fewer


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_the_waveform_is_where_audio_was_sent(subtype: str, tmp_path: Path) -> None:
    picture = drawn(tmp_path, (), subtype)
    assert picture.shape[:2] == (900, 1600)
    wave = columns_of(picture, (0x24, 0x52, 0x7A))
    left, right = wave.min(), wave.max()
    shares = (wave - left) / (right - left)
    assert ((shares < 0.27) | (shares > 0.73)).all()
    gap = columns_of(picture, (0xEC, 0xE7, 0xDD))
    assert ((gap - left) / (right - left)).min() > 0.23


def test_findings_have_their_colour_and_captured_text_does_no_harm(tmp_path: Path) -> None:
    assert len(columns_of(drawn(tmp_path), (0xC1, 0x12, 0x1F), 60)) in (1, 2, 3)
    assert len(columns_of(drawn(tmp_path, ()), (0xC1, 0x12, 0x1F), 60)) == 0


def test_without_matplotlib_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"analyzer\[picture\]"):
        drawn(tmp_path)
