"""Audio for the page: the same seconds, the waveform it is drawn by, lossless where there is room."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analyzer.audio.playback import playback
from analyzer.audio.wav import WavWriter, reopened
from analyzer.model.errors import AnalyzerError
from analyzer.model.limits import DEFAULT

RATE = 16_000


def noise(folder: Path, seconds: int, channels: int = 1, subtype: str = "PCM_16") -> Path:
    """A second of silence, then noise at a quarter of full scale."""
    wav = WavWriter(folder, RATE, channels, subtype)
    wav.silence(RATE)
    samples = np.random.default_rng(1).uniform(-0.25, 0.25, (RATE * seconds, channels)).astype(np.float32)
    scale = {"PCM_16": 32_768, "PCM_24": 1 << 23, "FLOAT": 1}[subtype]
    wav.write(samples if subtype == "FLOAT" else (samples * scale).astype(np.int16 if subtype == "PCM_16" else np.int32))
    wav.close()
    return wav.path


@pytest.mark.parametrize(("channels", "subtype"), [(1, "PCM_16"), (2, "PCM_24"), (3, "FLOAT")])
def test_seconds_and_waveform(tmp_path: Path, channels: int, subtype: str) -> None:
    made = playback(str(noise(tmp_path, 3, channels, subtype)), 1 << 24, DEFAULT)
    assert made is not None
    assert (made.media_type, made.lossless, made.seconds) == ("audio/flac", True, 4.0)
    low, high = (np.frombuffer(side, np.int8) for side in (made.low, made.high))
    quarter = len(low) // 4
    assert not low[:quarter].any()
    assert not high[:quarter].any()
    assert low.min() < -10
    assert low.min() >= -33
    assert 10 < high.max() <= 33


def test_what_is_too_long_for_flac_becomes_mp3(tmp_path: Path) -> None:
    path = str(noise(tmp_path, 5))
    made = playback(path, 1 << 24, replace(DEFAULT, page_lossless=50_000))
    assert made is not None
    assert (made.media_type, made.lossless) == ("audio/mpeg", False)
    assert len(made.data) < 50_000
    assert playback(path, 5_000, DEFAULT) is None


def test_nothing_to_hear(tmp_path: Path) -> None:
    wav = WavWriter(tmp_path, RATE, 1, "PCM_16")
    wav.close()
    assert playback(str(wav.path), 1 << 20, DEFAULT) is None


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="cannot read"):
        playback(str(tmp_path / "none.wav"), 1 << 20, DEFAULT)


@pytest.mark.parametrize(("channels", "subtype"), [(1, "PCM_16"), (2, "PCM_24"), (5, "FLOAT")])
def test_a_header_tells_what_was_written(tmp_path: Path, channels: int, subtype: str) -> None:
    wav = WavWriter(tmp_path, RATE, channels, subtype)
    wav.silence(1234)
    wav.close()
    assert reopened(wav.path) == wav.written
