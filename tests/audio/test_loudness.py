"""Loudness as ITU-R BS.1770 has it, against the ffmpeg program and the tone of EBU Tech 3341."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from analyzer.audio.loudness import Meter, integrated


def measured(samples: np.ndarray, rate: int, parts: int = 1) -> float | None:  # type: ignore[type-arg]
    meter = Meter(rate, samples.shape[1], str(samples.dtype))
    for part in np.array_split(samples, parts):
        meter.feed(part)
    return integrated(meter.momentary())


def tone(level_dbfs: float, rate: int, seconds: float, channels: int) -> np.ndarray:  # type: ignore[type-arg]
    wave = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * 1000 * np.arange(int(rate * seconds)) / rate)
    return np.repeat(wave[:, None], channels, axis=1)


def test_the_tones_of_the_standard() -> None:
    """EBU Tech 3341 cases 1 and 3: a stereo tone of -23 dBFS has -23 LUFS, and a quieter part is gated away."""
    assert measured(tone(-23, 48_000, 20, 2).astype(np.float32), 48_000) == -23.0
    parts = [tone(level, 48_000, seconds, 2) for level, seconds in ((-36, 10), (-23, 60), (-36, 10))]
    assert measured(np.concatenate(parts).astype(np.float32), 48_000) == -23.0


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_integers_of_one_channel(dtype: str) -> None:
    samples = (tone(-20, 16_000, 5, 1) * np.iinfo(dtype).max).astype(dtype)
    assert measured(samples, 16_000) == measured(samples, 16_000, 37) == -23.0


def test_silence_many_channels_and_impossible_rates_have_none() -> None:
    assert measured(np.zeros((16_000, 1), np.int16), 16_000) is None
    assert measured(np.ones((16_000, 3), np.int16) * 9000, 16_000) is None
    assert measured(np.ones((10, 1), np.int16), 16_000) is None
    for rate in (1, 2, 999):
        assert measured(np.ones((16_000, 1), np.int16) * 9000, rate) is None


def test_speech_like_noise_is_what_the_program_says(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    loud = np.repeat(generator.uniform(0, 0.5, 200), 800)
    samples = np.cumsum(generator.normal(0, 1, 160_000)) * 0.02
    samples = (np.clip((samples - np.convolve(samples, np.ones(200) / 200, "same")) * loud, -1, 1) * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    ran = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", "-i", str(tmp_path / "a.wav"), "-af", "ebur128", "-f", "null", "-"],
        capture_output=True,
        check=True,
    )
    told = re.findall(rb"I: +(-[\d.]+) LUFS", ran.stderr)[-1]
    assert measured(samples[:, None], 16_000) == pytest.approx(float(told), abs=0.1)
