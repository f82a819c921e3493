"""Floating-point PCM, numbers or not."""

import numpy as np

from analyzer.audio.codecs.linear32 import Linear32


def test_what_is_no_number_breaks_nothing() -> None:
    samples = np.array([0.0, -0.0, 0.25, np.nan, np.inf, -np.inf], "<f4")
    codec = Linear32()
    codes = codec.take(samples.view(np.uint8))
    assert codec.samples(codes).tobytes() == samples.tobytes()
    assert codec.loudness(codes) == (1 << 23, (1 << 21) ** 2 + ((1 << 23) - 1) ** 2 + (1 << 46), (1 << 21) - 1, 2)
    assert codec.silence(codes, 1) == [(0, 2)]


def test_no_samples_have_no_loudness() -> None:
    assert Linear32().loudness(np.zeros(0, "<f4")) == (0, 0, 0, 0)
