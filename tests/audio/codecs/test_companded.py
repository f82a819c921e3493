"""G.711 against FFmpeg and against its own definition of silence."""

from collections.abc import Callable

import numpy as np
import pytest

from analyzer.audio.codecs.alaw import Alaw
from analyzer.audio.codecs.companded import Companded
from analyzer.audio.codecs.mulaw import Mulaw

CODES = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("law", [Mulaw, Alaw])
def test_all_codes_decode_as_in_ffmpeg(law: type[Companded], ffmpeg: Callable[..., bytes]) -> None:
    theirs = ffmpeg(CODES.tobytes(), "-f", law.name, "-ar", "8000", "-ac", "1", "-i", "-", "-f", "s16le", "-")
    assert law().decode(CODES).tobytes() == theirs


@pytest.mark.parametrize(("law", "idle"), [(Mulaw, {0xFF, 0x7F}), (Alaw, {0xD5, 0x55})])
def test_silence_is_the_code_nearest_to_zero(law: type[Companded], idle: set[int]) -> None:
    codec = law()
    assert {at for begin, end in codec.silence(CODES, 1) for at in range(begin, end)} == idle
    magnitudes = np.abs(law.table.astype(int))
    assert set(np.flatnonzero(magnitudes == magnitudes.min()).tolist()) == idle


def test_levels_of_both_laws() -> None:
    assert Mulaw().loudness(np.array([0x00, 0x80], np.uint8)) == (32124, 2 * 32124**2, 0, 2)
    assert Alaw().loudness(np.array([0xD5], np.uint8)) == (8, 64, 8, 0)


def test_silence_of_two_channels_is_silence_of_both() -> None:
    codec = Mulaw(2)
    assert codec.silence(codec.take(np.array([0xFF, 0x7F, 0xFF, 0x00], np.uint8)), 1) == [(0, 1)]


@pytest.mark.parametrize("size", [0, 1, 7, (1 << 20) - 1, 1 << 20, (1 << 21) + 4097])
def test_codes_are_counted_exactly(size: int) -> None:
    codes = np.random.default_rng(size).integers(0, 200, size).astype(np.uint8)
    values = Mulaw.table[codes].astype(np.int64)
    peak, full = int(np.abs(values).max(initial=0)), int((np.abs(values) == 32124).sum())
    assert Mulaw().loudness(codes) == (peak, int((values * values).sum()), int(values.sum()), full)
