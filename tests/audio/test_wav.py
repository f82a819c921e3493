"""WAV files: the plain header, and what happens past its 4 GB."""

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from analyzer.audio import wav
from analyzer.audio.wav import WavWriter
from analyzer.model.errors import AnalyzerError

SAMPLES: dict[str, np.ndarray[Any, Any]] = {
    "PCM_16": np.arange(-500, 500, dtype=np.int16),
    "PCM_24": np.arange(-500, 500, dtype=np.int32) * 16000,
    "FLOAT": np.linspace(-1.5, 1.5, 1000, dtype=np.float32),
}


def test_sixteen_bits_have_the_plain_header_of_44_bytes(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "new", 8000, 1, "PCM_16")
    writer.write(SAMPLES["PCM_16"])
    writer.silence(600_000)
    writer.close()
    data = writer.path.read_bytes()
    assert data[36:40] == b"data"
    assert data[44:] == SAMPLES["PCM_16"].tobytes() + bytes(1_200_000)
    with wave.open(str(writer.path)) as read:
        assert (read.getframerate(), read.getnchannels(), read.getnframes()) == (8000, 1, 601_000)


@pytest.mark.parametrize("subtype", SAMPLES)
@pytest.mark.parametrize("channels", [1, 2])
def test_past_the_limit_it_goes_on_as_rf64(subtype: str, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "RIFF_LIMIT", 10_000)
    block = np.repeat(SAMPLES[subtype].reshape(-1, 1), channels, axis=1) if channels > 1 else SAMPLES[subtype]
    writer = WavWriter(tmp_path, 16000, channels, subtype)
    for _ in range(7):
        writer.write(block)
    writer.close()
    assert writer.path.read_bytes()[:4] == b"RF64"
    assert [path.name for path in tmp_path.iterdir()] == [writer.path.name]
    read, rate = soundfile.read(writer.path, dtype="float32" if subtype == "FLOAT" else "int32", always_2d=True)
    shift = {"PCM_16": 16, "PCM_24": 8, "FLOAT": 0}[subtype]
    expected = block.reshape(-1, channels) if subtype == "FLOAT" else block.reshape(-1, channels).astype(np.int32) << shift
    assert rate == 16000
    assert np.array_equal(read, np.concatenate([expected] * 7))


def test_rf64_states_more_than_4_gb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse file: the writer leaps over 5 GB of silence, as libsndfile lets it, instead of writing them."""
    monkeypatch.setattr(wav, "RIFF_LIMIT", 2)
    writer = WavWriter(tmp_path, 16000, 1, "PCM_16")
    writer.write(SAMPLES["PCM_16"])
    writer._file.seek(2_500_000_000)
    writer.write(SAMPLES["PCM_16"])
    writer.close()
    info = soundfile.info(writer.path)
    assert info.frames == 2_500_001_000
    read, _ = soundfile.read(writer.path, start=2_500_000_000, dtype="int16")
    assert np.array_equal(read, SAMPLES["PCM_16"])
    writer.delete()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AnalyzerError, match="cannot write audio to"):
        WavWriter(tmp_path / "file", 16000, 1, "PCM_16")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_samples_that_look_like_another_format_are_read(subtype: str, tmp_path: Path) -> None:
    """Libsndfile refuses a WAV whose samples begin as a WavPack file does."""
    writer = WavWriter(tmp_path, 8000, 1, subtype)
    samples = np.frombuffer(b"wvpk" * 300, "<i4") >> 8
    written = {"PCM_16": samples.astype(np.int16), "PCM_24": samples, "FLOAT": samples.astype(np.float32) / 2**23}[subtype]
    writer.write(written)
    writer.close()
    with writer.written.samples() as file:
        read = file.read(dtype={"PCM_16": "int16", "PCM_24": "int32", "FLOAT": "float32"}[subtype])
    assert np.array_equal(read >> 8 if subtype == "PCM_24" else read, written)
    assert writer.written.frames == 300
