"""Files for browsers: FLAC loses nothing, MP3 keeps its place, and neither outgrows its room."""

import io
from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt
import pytest

from analyzer.audio.codecs.playable import encode


def tone(rate: int, seconds: float, channels: int) -> npt.NDArray[np.int16]:
    times = np.arange(int(rate * seconds)) / rate
    return np.stack([np.sin(2 * np.pi * 440 * (1 + side) * times) * 9000 for side in range(channels)], 1).astype(np.int16)


def blocks(samples: npt.NDArray[np.int16], size: int) -> Iterator[npt.NDArray[np.int16]]:
    return (samples[at : at + size] for at in range(0, len(samples), size))


def decoded(data: bytes) -> tuple[int, npt.NDArray[np.float64]]:
    """Rate, and samples of full scale 1.0, shape (frames, channels)."""
    with av.open(io.BytesIO(data)) as file:
        frames = list(file.decode(audio=0))
        pieces = [
            frame.to_ndarray().T if frame.format.is_planar else frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
            for frame in frames
        ]
    whole = np.concatenate(pieces)
    return frames[0].sample_rate, whole / (1.0 if whole.dtype.kind == "f" else float(1 << (8 * whole.dtype.itemsize - 1)))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_flac_is_the_same_samples(rate: int, channels: int) -> None:
    samples = tone(rate, 0.7, channels)
    data = encode(blocks(samples, 5000), rate, channels, "flac", 1 << 20)
    assert data is not None
    found, whole = decoded(data)
    assert found == rate
    assert np.array_equal(np.rint(whole * 32_768), samples)


@pytest.mark.parametrize(("rate", "shown"), [(8000, 8000), (10_000, 11_025), (16_000, 16_000), (96_000, 48_000)])
def test_mp3_takes_the_next_rate_there_is(rate: int, shown: int) -> None:
    data = encode(blocks(tone(rate, 2, 1), 5000), rate, 1, "mp3", 1 << 20)
    assert data is not None
    found, whole = decoded(data)
    assert found == shown
    assert len(whole) / found == pytest.approx(2, abs=0.1)
    assert 0.15 < np.abs(whole[found // 2 : found]).max() < 0.4


@pytest.mark.parametrize("form", ["flac", "mp3"])
def test_what_has_no_room_is_none(form: str) -> None:
    samples = np.random.default_rng(1).integers(-9000, 9000, (160_000, 1)).astype(np.int16)
    assert encode(blocks(samples, 65_536), 16_000, 1, form, 10_000) is None
