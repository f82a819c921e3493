"""Audio on the clock: nothing is lost or doubled, gaps are where nothing was sent, and a delay that is made up for is none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.placement import Placement, place
from analyzer.model.limits import DEFAULT, SECOND, Limits
from analyzer.model.track import Sending

RATE = 1000


def placed(times: list[float], seconds: list[float], end: float | None = None, limits: Limits = DEFAULT) -> Placement:
    """Messages of so many seconds of audio, sent at these times; the session ends at `end`."""
    lengths = np.array([round(one * RATE) for one in seconds], np.int64)
    begins = np.cumsum(lengths) - lengths
    at = np.array([round(one * SECOND) for one in times], np.int64)
    sending = Sending(at, begins * 2, round((max(times) if end is None else end) * SECOND), 0)
    return place(sending, begins, int(lengths.sum()), RATE, limits)


def gaps(found: Placement) -> list[tuple[float, float]]:
    return [(begin / RATE, end / RATE) for begin, end in found.gaps]


def test_a_steady_stream_is_one_stretch() -> None:
    found = placed([0.5 + 0.1 * number for number in range(50)], [0.1] * 50)
    assert (found.at.tolist(), found.source.tolist(), found.length.tolist()) == ([500], [0], [5000])
    assert found.gaps == []


def test_a_pause_is_a_gap_of_its_own_length() -> None:
    times = [0.1 * number for number in range(20)] + [14 + 0.1 * number for number in range(20)]
    assert gaps(placed(times, [0.1] * 40)) == [(2.0, 14.0)]


def test_a_stall_that_is_made_up_for_is_no_gap() -> None:
    """The network held back three seconds, which then came at once."""
    times = [0.1 * number for number in range(20)] + [5.0] * 30 + [5.0 + 0.1 * number for number in range(20)]
    assert gaps(placed(times, [0.1] * 70)) == []


def test_a_file_sent_at_once_plays_on() -> None:
    found = placed([0.01 * number for number in range(50)] + [30.0], [1.0] * 51)
    assert found.gaps == []
    assert int(found.length.sum()) == 51_000
    late = placed([0.01 * number for number in range(10)] + [30.0], [1.0] * 11)
    assert gaps(late) == [(10.0, 30.0)]


def test_a_source_that_is_starved_has_its_holes() -> None:
    found = placed([0.4 * number for number in range(20)], [0.1] * 20)
    assert len(found.gaps) == 18  # the first message may be early for once
    assert abs(int(found.at[-1]) - 7600) <= 200


def test_jitter_is_no_gap_and_a_header_that_comes_early_neither() -> None:
    jitter = np.random.default_rng(5).uniform(0, 0.15, 100)
    assert gaps(placed((0.1 * np.arange(100) + jitter).tolist(), [0.1] * 100)) == []
    assert gaps(placed([0.0] + [0.25 + 0.25 * number for number in range(20)], [0.1] + [0.25] * 20)) == []


def test_the_session_goes_on_behind_its_audio_for_a_minute_at_most() -> None:
    assert placed([0.0], [1.0], end=13.0).frames == 13_000
    assert placed([0.0], [1.0], end=1000.0).frames == 61_000
    assert placed([0.0], [1.0], end=0.0).frames == 1000


def test_a_clock_that_is_set_by_years_makes_no_file_of_years() -> None:
    found = placed([0.0, 1e9, 1e9 + 1, 2e9], [1.0] * 4, limits=replace(DEFAULT, timeline_silence=60 * SECOND))
    assert found.cut
    assert found.frames == 4000 + 60_000 + 60_000
    assert placed([100.0, 50.0, 101.0], [0.5] * 3).frames == 101_500


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 900)), min_size=1, max_size=30), st.floats(0, 100))
def test_all_audio_is_there_once_and_in_order(messages: list[tuple[float, int]], end: float) -> None:
    found = placed(np.cumsum([step for step, _ in messages]).tolist(), [length / RATE for _, length in messages], end)
    assert found.source[0] == 0
    assert (found.source[1:] == found.source[:-1] + found.length[:-1]).all()
    assert int(found.source[-1] + found.length[-1]) == sum(length for _, length in messages)
    assert (found.at[1:] >= found.at[:-1] + found.length[:-1]).all()
    assert found.at[0] >= 0
    assert found.frames >= int(found.at[-1] + found.length[-1])


@pytest.mark.parametrize(
    ("audio_s", "pieces"),
    [
        ((0.5, 1.5), [(0.5, 1.5)]),
        ((1.0, 3.0), [(1.0, 2.0), (14.0, 15.0)]),
        ((2.0, 3.0), [(14.0, 15.0)]),
        ((3.5, 9.0), [(15.5, 21.0)]),
        ((7.0, 8.0), [(19.0, 20.0)]),
        ((5.0, 1e300), [(17.0, 1e8 + 12)]),
    ],
)
def test_words_are_where_their_audio_is(audio_s: tuple[float, float], pieces: list[tuple[float, float]]) -> None:
    times = [0.1 * number for number in range(20)] + [14 + 0.1 * number for number in range(20)]
    assert placed(times, [0.1] * 40).heard(*audio_s) == pieces
