"""Every raw encoding: any cut and any hole leaves the samples in step."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.codecs import RAW


def array(data: bytes) -> np.ndarray:  # type: ignore[type-arg]
    return np.frombuffer(data, np.uint8)


@given(st.sampled_from(sorted(RAW)), st.integers(1, 3), st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_any_cut_gives_the_same_samples(name: str, channels: int, data: bytes, cuts: list[int]) -> None:
    whole, parts = RAW[name](channels), RAW[name](channels)
    expected = whole.decode(array(data))
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    got = [parts.decode(array(data)[begin:end]) for begin, end in pairwise(places)]
    assert np.concatenate(got).tobytes() == expected.tobytes()
    assert parts.finish() == whole.finish() == len(data) % whole.width
    sums = [parts.loudness(whole.take(array(data)[:0])), parts.loudness(RAW[name](channels).take(array(data)))]
    assert sums[0] == (0, 0, 0, 0)


@given(st.sampled_from(sorted(RAW)), st.integers(1, 2), st.lists(st.tuples(st.booleans(), st.integers(1, 23)), max_size=12))
def test_holes_keep_the_samples_in_step(name: str, channels: int, pieces: list[tuple[bool, int]]) -> None:
    """Frames that are wholly there come out as without holes; those that a hole touches count as lost."""
    codec, at, kept, lost = RAW[name](channels), 0, [], 0
    total = sum(length for _, length in pieces)
    data = (np.arange(total) * 7 % 120).astype(np.uint8)
    there = np.zeros(total, bool)
    for present, length in pieces:
        if present:
            there[at : at + length] = True
            kept.append(codec.take(data[at : at + length]))
        else:
            lost += codec.lose(length)
        at += length
    width = codec.width
    frames = data[: total - total % width].reshape(-1, width)
    whole = there[: total - total % width].reshape(-1, width).all(axis=1)
    assert b"".join(piece.tobytes() for piece in kept) == frames[whole].tobytes()
    assert lost in {int((~whole).sum()), int((~whole).sum()) + 1}


@pytest.mark.parametrize("name", sorted(RAW))
def test_samples_need_no_alignment_in_memory(name: str) -> None:
    data = array(bytes(range(65)))
    assert RAW[name]().decode(data[1:]).tobytes() == RAW[name]().decode(data[1:].copy()).tobytes()


@pytest.mark.parametrize("name", sorted(RAW))
def test_loudness_is_that_of_the_samples(name: str) -> None:
    codec = RAW[name]()
    codes = codec.take(np.random.default_rng(3).integers(0, 120, 4000).astype(np.uint8))
    samples = codec.samples(codes)
    scale = 1 << 23 if samples.dtype.kind == "f" else 1
    values = [round(max(-1.0, min(float(sample), 1 - 2**-23)) * scale) if scale > 1 else int(sample) for sample in samples]
    assert codec.loudness(codes)[:3] == (max(map(abs, values)), sum(value**2 for value in values), sum(values))


FFMPEG = {
    "linear16": "s16le",
    "linear32": "f32le",
    "mulaw": "mulaw",
    "alaw": "alaw",
    "pcm_s16be": "s16be",
    "pcm_s24le": "s24le",
    "pcm_s24be": "s24be",
    "pcm_s32le": "s32le",
    "pcm_u8": "u8",
    "pcm_f64le": "f64le",
}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", sorted(RAW))
def test_samples_are_those_of_ffmpeg(name: str, channels: int, ffmpeg: Callable[..., bytes]) -> None:
    """Whatever fits into 24 bits is exact; floats are made from integers, so that they are."""
    signal = np.random.default_rng(4).integers(-(2**23), 2**23, 3000).astype("<i4") << 8
    sent = ffmpeg(signal.tobytes(), "-f", "s32le", "-ar", "8000", "-i", "-", "-f", FFMPEG[name], "-")
    sent = sent[: len(sent) - len(sent) % RAW[name](channels).width]
    theirs = np.frombuffer(ffmpeg(sent, "-f", FFMPEG[name], "-ar", "8000", "-i", "-", "-f", "s32le", "-"), "<i4")
    ours = RAW[name](channels).decode(array(sent))
    full = {"f": 1.0, "i": float(1 << (RAW[name].bits - 1))}[ours.dtype.kind]
    assert ours.ndim == (1 if channels == 1 else 2)
    assert np.abs(ours.reshape(-1).astype(float) / full - theirs / 2.0**31).max() < 2**-23
