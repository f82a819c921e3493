"""Pitch and rhythm of a voice are heard at its own rate, and the voice is likelier there than at a wrong one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analyzer.audio.voice import hear

Voice = Callable[..., np.ndarray[Any, Any]]


@pytest.mark.parametrize("pitch", [95.0, 130.0, 210.0])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_pitch_and_rhythm(pitch: float, rate: int, voice: Voice) -> None:
    heard = hear(voice(rate, 3, pitch) / 32768, rate)
    assert heard is not None
    assert heard.pitch == pytest.approx(pitch, rel=0.04)
    assert 3 < heard.rhythm < 6
    assert heard.voiced > 0.5


@pytest.mark.parametrize("wrong", [5000, 48000])
def test_the_true_rate_is_likelier(wrong: int, voice: Voice) -> None:
    samples = voice(16000, 8, 120.0) / 32768
    right, other = hear(samples, 16000), hear(samples, wrong)
    assert right is not None
    assert other is not None
    assert right.likelihood > other.likelihood


def test_a_clock_is_no_speaker() -> None:
    time = np.arange(16000 * 6) / 16000
    tone = np.sin(2 * np.pi * 220 * time)
    assert hear(tone * (np.sin(2 * np.pi * 4 * time) > 0), 16000) is None
    assert hear(tone, 16000) is None


def test_noise_silence_and_next_to_nothing() -> None:
    noise = hear(np.random.default_rng(0).normal(0, 0.1, 40000), 16000)
    assert noise is None or noise.pitch is None
    assert hear(np.zeros(40000), 16000) is None
    assert hear(np.zeros(10), 16000) is None
