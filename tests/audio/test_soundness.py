"""Drop-outs: holes in loud signal, and nothing else; the same in every block and part."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from analyzer.audio import soundness
from analyzer.audio.soundness import listen
from analyzer.audio.wav import Wav

RATE = 16_000


def wav(path: Path) -> Wav:
    info = soundfile.info(path)
    return Wav(path, info.samplerate, info.channels, info.subtype, info.frames)


def signal(seconds: float) -> np.ndarray:  # type: ignore[type-arg]
    """A buzz that is loud at every moment."""
    return np.where(np.arange(int(seconds * RATE)) // 20 % 2, 0.5, -0.5) + np.random.default_rng(1).normal(
        0, 0.01, int(seconds * RATE)
    )


def heard(samples: np.ndarray, folder: Path, subtype: str = "PCM_16") -> soundness.Soundness:  # type: ignore[type-arg]
    soundfile.write(folder / "a.wav", samples, RATE, subtype)
    return listen(wav(folder / "a.wav"))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_holes_in_loud_signal_are_found(subtype: str, tmp_path: Path) -> None:
    samples = signal(10)
    for begin in (16_001, 40_000, 65_530, 131_072 - 160):
        samples[begin : begin + 320] = 0
    found = heard(samples, tmp_path, subtype)
    assert (found.dropouts, found.dropout_s, found.first_dropout_s) == (4, 0.08, round(16_001 / RATE, 6))


def test_pauses_crossings_and_fades_are_none(tmp_path: Path) -> None:
    samples = signal(6)
    samples[10_000:15_000] = 0  # longer than a drop-out
    samples[20_000:20_020] = 0  # shorter
    samples[30_000:34_000] *= np.abs(np.linspace(-1, 1, 4000)) ** 8  # fades out and in again
    samples[:320] = 0
    samples[-320:] = 0
    found = heard(samples, tmp_path)
    assert (found.dropouts, found.first_dropout_s) == (0, None)


def test_one_channel_alone_is_no_drop_out(tmp_path: Path) -> None:
    stereo = np.stack((signal(2), signal(2)), axis=1)
    stereo[5000:5320, 0] = 0
    assert heard(stereo, tmp_path).dropouts == 0
    stereo[5000:5320] = 0
    assert heard(stereo, tmp_path).dropouts == 1


def test_parts_and_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = signal(12)
    places = np.random.default_rng(3).integers(0, len(samples) - 400, 40)
    for begin in places.tolist():
        samples[begin : begin + 64] = 0
    whole = heard(samples, tmp_path)
    assert whole.dropouts > 30
    monkeypatch.setattr(soundness, "_BLOCK", 1000)
    assert heard(samples, tmp_path) == whole
    monkeypatch.setattr(soundness, "_PART_S", 3)
    parts = heard(samples, tmp_path)
    assert (parts.dropouts, parts.dropout_s, parts.first_dropout_s) == (whole.dropouts, whole.dropout_s, whole.first_dropout_s)
    assert parts.loudness_lufs == pytest.approx(whole.loudness_lufs, abs=0.1)


def test_a_file_without_samples_is_heard(tmp_path: Path) -> None:
    assert heard(np.zeros(0), tmp_path) == soundness.Soundness(None, 0, 0.0, None)


def test_floats_that_are_no_numbers_do_no_harm(tmp_path: Path) -> None:
    odd = np.resize(np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 0.5], np.float32), 40_000)
    found = heard(odd, tmp_path, "FLOAT")
    assert found.loudness_lufs is None or np.isfinite(found.loudness_lufs)
