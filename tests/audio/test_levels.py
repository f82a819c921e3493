"""Decibels from exact integers."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analyzer.audio.levels import Levels, loudness, quantised


def levels(samples: np.ndarray, bits: int = 16) -> Levels:  # type: ignore[type-arg]
    made = Levels(bits)
    made.add(loudness(samples), samples.size)
    return made


def test_full_scale_is_zero_decibels() -> None:
    square = levels(np.full(1000, -32768, np.int16))
    assert (square.peak_dbfs, square.rms_dbfs) == (0.0, 0.0)
    sine = levels((np.sin(np.arange(48000) * 2 * math.pi / 48) * 32767).astype(np.int16))
    assert sine.peak_dbfs == 0.0
    assert sine.rms_dbfs == -3.01


def test_nothing_but_zeros_has_no_level() -> None:
    for made in (levels(np.zeros(100, np.int16)), Levels(16)):
        assert made.peak_dbfs is None
        assert made.rms_dbfs is None
    assert Levels(16).dc_offset is Levels(16).clipped_share is None


def test_offset_and_clipping_are_shares() -> None:
    samples = np.concatenate((np.full(50, 16384, np.int16), np.full(25, 32767, np.int16), np.full(25, -32768, np.int16)))
    assert (levels(samples).dc_offset, levels(samples).clipped_share) == (0.25, 0.5)
    wide = levels(samples.astype(np.int32) << 8, 24)
    assert (wide.dc_offset, wide.clipped_share) == (0.25, 0.25)  # 24 bits go beyond what 16 bits call full scale
    assert levels(np.full(10, 8388607, np.int32), 24).clipped_share == 1.0


@given(hnp.arrays(np.int16, st.integers(0, 400)), st.integers(0, 400))
def test_sums_do_not_depend_on_the_cut(samples: np.ndarray, cut: int) -> None:  # type: ignore[type-arg]
    cut = min(cut, len(samples))
    parts = Levels(16)
    for part in (samples[:cut], samples[cut:]):
        parts.add(loudness(part), part.size)
    whole = levels(samples)
    assert (parts.peak_dbfs, parts.rms_dbfs) == (whole.peak_dbfs, whole.rms_dbfs)
    assert (parts.dc_offset, parts.clipped_share) == (whole.dc_offset, whole.clipped_share)
    assert loudness(samples)[1] == sum(int(sample) ** 2 for sample in samples)


def test_wide_samples_do_not_overflow() -> None:
    loud = np.full((200_000, 2), -(1 << 23), np.int32)
    assert loudness(loud) == (1 << 23, (1 << 46) * 400_000, -(1 << 23) * 400_000, 400_000)


def test_floats_are_rounded_clipped_and_never_fail() -> None:
    odd = np.array([0.0, 1.0, -1.0, 2.0, -3.0, 0.5, np.nan, np.inf, -np.inf, 1e-30, 3e38], np.float32)
    assert quantised(odd, 24).tolist() == [0, 8388607, -8388608, 8388607, -8388608, 4194304, 0, 8388607, -8388608, 0, 8388607]
    assert quantised(odd[:6], 16).tolist() == [0, 32767, -32768, 32767, -32768, 16384]
    signalling = np.array([0x7FA00000], np.uint32).view(np.float32)
    assert quantised(signalling, 24).tolist() == [0]
