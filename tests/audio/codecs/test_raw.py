"""Every raw encoding: any cut and any hole leaves the samples in step."""

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
    scale = 1 if codec.bits == 16 else 1 << 23
    values = [
        round(max(-1.0, min(float(sample), 1 - 2**-23)) * scale) if scale > 1 else int(sample) for sample in codec.samples(codes)
    ]
    assert codec.loudness(codes)[:3] == (max(map(abs, values)), sum(value**2 for value in values), sum(values))
