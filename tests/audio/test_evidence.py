"""Plain numbers about a signal whose nature is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analyzer.audio import evidence
from analyzer.audio.codecs import RAW

Voice = Callable[..., np.ndarray[Any, Any]]


def test_noise_is_rough_and_a_voice_is_smooth(voice: Voice) -> None:
    noise = np.random.default_rng(0).normal(0, 1, (20000, 1))
    assert evidence.roughness(noise) == pytest.approx(1.0, abs=0.05)
    rough = evidence.roughness(voice(16000, 2).reshape(-1, 1) / 32768)
    assert rough is not None
    assert rough < 0.3
    assert evidence.roughness(np.zeros((20000, 1))) is None
    assert evidence.roughness(noise[:10]) is None


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_exact_sums_give_the_same_roughness(channels: int, voice: Voice) -> None:
    noise = np.random.default_rng(0).integers(-20000, 20000, 20000).astype(np.int16)
    for samples in (voice(16000, 1), noise, np.tile(np.array([-32768, 32767], np.int16), 5000), np.arange(3000).astype(np.int16)):
        whole = samples[: len(samples) - len(samples) % channels].reshape(-1, channels)
        expected, got = evidence.roughness(whole / 32768), evidence.integer_roughness(samples, channels)
        assert got == expected is None or got == pytest.approx(expected, rel=1e-9)
    for faint in (np.zeros(5000, np.int16), np.full(5000, 77, np.int16), noise[: 255 * channels]):
        assert evidence.integer_roughness(faint, channels) is None


def test_two_channels_in_turn(voice: Voice) -> None:
    left, right = voice(16000, 2) / 32768, voice(16000, 2, 190.0) / 32768
    for stereo in (np.stack([left, left], 1), np.stack([left, right], 1), np.stack([left, left * 0], 1)):
        assert evidence.interleaved(stereo.reshape(-1))
    for mono in (left, right, np.random.default_rng(0).normal(0, 0.1, 30000), np.zeros(1000)):
        assert not evidence.interleaved(mono)


def test_one_signal_on_two_channels(voice: Voice) -> None:
    left, right = voice(16000, 2) / 32768, voice(16000, 2, 190.0) / 32768
    assert evidence.halved(left.reshape(-1, 2))
    for stereo in (np.stack([left, left], 1), np.stack([left, right], 1), np.stack([left, left * 0], 1), np.zeros((1000, 2))):
        assert not evidence.halved(stereo)


def test_floats_are_told_from_other_words(voice: Voice) -> None:
    samples = voice(16000, 1)
    assert evidence.float_share((samples / 32768).astype("<f4").view(np.uint8)) > 0.98
    assert evidence.float_share(samples.view(np.uint8)) < 0.5
    assert evidence.float_zeros(np.zeros(40, np.uint8)) == 1.0


def test_readings_take_any_bytes() -> None:
    data = np.random.default_rng(0).integers(0, 256, 4001).astype(np.uint8)
    for encoding in sorted(RAW):
        for channels in (1, 2):
            samples = evidence.reading(data, encoding, channels)
            assert samples.shape[1] == channels
            assert np.isfinite(samples).all()
            if encoding not in ("linear32", "pcm_f64le"):
                whole = evidence.integers(data, encoding)[: samples.size]
                assert (whole.reshape(samples.shape) / 32768 == samples).all()
