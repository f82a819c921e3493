"""The right reading of raw bytes needs the fewest bits, whatever the level and the pitch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.audio.codecs import RAW
from analyzer.audio.readings import NOISE, READINGS, Reading, bits_per_byte, unrelated

Voice = Callable[..., np.ndarray[Any, Any]]
FORMS = {"linear16": "s16le", "pcm_s16be": "s16be", "mulaw": "mulaw", "alaw": "alaw", "pcm_u8": "u8"}
FORMS |= {"pcm_s24le": "s24le", "pcm_s24be": "s24be", "pcm_s32le": "s32le"}


@pytest.mark.parametrize("level", [1, 20])
@pytest.mark.parametrize("really", FORMS)
def test_the_right_reading_is_the_cheapest(really: str, level: int, voice: Voice, ffmpeg: Callable[..., bytes]) -> None:
    samples = (voice(8000, 3) // level).astype("<i2").tobytes()
    data = np.frombuffer(ffmpeg(samples, "-f", "s16le", "-ar", "8000", "-i", "-", "-f", FORMS[really], "-"), np.uint8)
    costs = {reading: bits_per_byte(data, reading) for reading in READINGS}
    assert min(costs, key=lambda reading: costs[reading]).encoding == really
    assert not unrelated(data)


def test_samples_one_byte_off(voice: Voice) -> None:
    data = np.frombuffer(voice(16000, 3).tobytes()[1:], np.uint8)
    costs = {reading: bits_per_byte(data, reading) for reading in READINGS}
    assert min(costs, key=lambda reading: costs[reading]) == Reading("linear16", 2, 1)


def test_noise_has_eight_bits() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 60000).astype(np.uint8)
    assert unrelated(noise)
    assert all(abs(bits_per_byte(noise, reading) - NOISE) < 0.6 for reading in READINGS)


@settings(max_examples=30)
@given(st.binary(max_size=3000), st.integers(1, 64))
def test_any_bytes_have_a_cost(data: bytes, channels: int) -> None:
    octets = np.frombuffer(data, np.uint8)
    for reading in READINGS:
        assert 0 <= bits_per_byte(octets, reading, (channels,)) <= 1.1 * NOISE
        assert reading.encoding in RAW
