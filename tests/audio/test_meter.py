"""Duration, silence and levels of raw audio, whole, in pieces and with holes."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.codecs import RAW
from analyzer.audio.meter import BlockMeter, Measured, RawMeter
from analyzer.model.limits import DEFAULT
from analyzer.model.track import SilentSpan

RATE = 100
"""Hz: a tenth of a second, the shortest silence, is 10 frames."""


def measured(name: str, data: bytes, cuts: list[int], channels: int = 1, rate: int | None = RATE) -> Measured:
    meter = RawMeter(RAW[name](channels), rate, DEFAULT, None)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in pairwise(places):
        meter.feed(np.frombuffer(data, np.uint8)[begin:end])
    return meter.finish()


@given(
    st.sampled_from(sorted(RAW)),
    st.integers(1, 2),
    st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([bytes(100), b"\xff" * 60, b"\x55\xd5" * 40])), max_size=6),
    st.lists(st.integers(0, 500), max_size=6),
)
def test_any_cut_measures_the_same(name: str, channels: int, pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    assert measured(name, data, cuts, channels) == measured(name, data, [], channels)


def test_silence_has_its_place_in_frames_and_bytes() -> None:
    loud = np.full((30, 2), 1000, "<i2").tobytes()
    got = measured("linear16", loud + bytes(4 * 25) + loud + bytes(4 * 9) + loud, [], channels=2)
    assert got.silent_spans == (SilentSpan(30, 55, 120, 220),)
    assert got.digital_silence_s == 0.25
    assert got.duration_s == 1.24
    assert got.bytes_per_second == 400.0


def test_without_a_rate_there_are_levels_and_no_times() -> None:
    got = measured("mulaw", b"\x00\x80\xff" * 1000, [], rate=None)
    assert got.peak_dbfs == -0.17
    assert (got.duration_s, got.digital_silence_s, got.bytes_per_second) == (None, None, None)


def test_a_cut_sample_is_told() -> None:
    assert measured("linear16", bytes(3), []).remarks == ["the last 1 of 2 bytes of a sample frame are missing"]


def test_holes_count_as_time_and_not_as_silence() -> None:
    meter = RawMeter(RAW["linear16"](), RATE, DEFAULT, None)
    meter.feed(np.zeros(41, np.uint8))
    meter.lost(2000)
    meter.feed(np.zeros(41, np.uint8))
    got = meter.finish()
    assert got.duration_s == 10.41
    assert got.digital_silence_s == 0.4
    assert [(span.begin_byte, span.end_byte) for span in got.silent_spans] == [(0, 40), (40, 80)]


def test_spans_of_decoded_audio_are_in_proportion() -> None:
    meter = BlockMeter(16000, 16, DEFAULT, None)
    meter.feed(np.ones((16000, 1), np.int16))
    meter.feed(np.zeros((16000, 1), np.int16))
    got = meter.finish(sent=1000, stated_rate=48000)
    assert got.silent_spans == (SilentSpan(48000, 96000, 500, 1000),)
    assert (got.duration_s, got.digital_silence_s, got.bytes_per_second) == (2.0, 1.0, None)
