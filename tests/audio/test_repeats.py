"""Messages that repeat the one before, in any cut; silence and tones do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.repeats import RepeatFinder
from analyzer.model.track import Repeats

NOISE = np.random.default_rng(7).integers(0, 256, (40, 320)).astype(np.uint8)


def found(messages: list[np.ndarray], batches: int = 1) -> Repeats | None:  # type: ignore[type-arg]
    finder = RepeatFinder()
    for part in range(batches):
        some = messages[part * len(messages) // batches : (part + 1) * len(messages) // batches]
        finder.feed(np.concatenate([*some, np.zeros(0, np.uint8)]), np.array([len(one) for one in some], np.int64))
    return finder.finish()


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 30))
def test_every_cut_finds_the_same(order: list[int], batches: int) -> None:
    messages = [NOISE[one][: 320 - 8 * one] for one in order]
    repeated = [place for place in range(1, len(order)) if order[place] == order[place - 1]]
    runs, longest = 0, 0
    for place in range(1, len(order)):
        runs = runs + 1 if place in repeated else 0
        longest = max(longest, runs)
    first = sum(len(one) for one in messages[: repeated[0]]) if repeated else 0
    assert found(messages, batches) == (Repeats(len(repeated), longest, first) if repeated else None)


@pytest.mark.parametrize("period", [1, 16, 40, 160])
def test_silence_and_tones_repeat_nothing(period: int) -> None:
    wave = np.tile(NOISE[0][:period], 320)
    assert found([wave[at : at + 320] for at in range(0, 3200, 320)]) is None


def test_what_is_too_short_or_too_long_is_not_compared() -> None:
    assert found([NOISE[0][:63]] * 4) is None
    assert found([np.tile(NOISE.reshape(-1), 8)[: (1 << 16) + 1]] * 4) is None
    assert found([np.zeros(0, np.uint8)] * 4) is None


def test_messages_that_agree_only_where_they_are_probed_differ() -> None:
    other = NOISE[0].copy()
    other[0] ^= 1
    assert found([NOISE[0], other, NOISE[0]]) is None


def test_nothing_repeats_across_a_hole() -> None:
    finder = RepeatFinder()
    lengths = np.array([320], np.int64)
    finder.feed(NOISE[0], lengths)
    finder.skip(320)
    finder.feed(NOISE[0], lengths)
    assert finder.finish() is None
    finder.feed(NOISE[0], lengths)
    assert finder.finish() == Repeats(1, 1, 960)
