"""Silent runs, against a walk sample by sample."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.codecs.linear16 import Linear16
from analyzer.audio.silence import SilenceFinder

Runs = list[tuple[int, int]]


def finder(shortest: int, limit: int = 1000) -> SilenceFinder:
    return SilenceFinder(Linear16().silence, shortest, limit)


def by_hand(samples: list[int], shortest: int) -> Runs:
    runs, begin = [], None
    for at, sample in enumerate([*samples, 1]):
        if sample == 0:
            begin = at if begin is None else begin
        elif begin is not None:
            if at - begin >= shortest:
                runs.append((begin, at))
            begin = None
    return runs


@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(1, 30)), max_size=12),
    st.integers(1, 12),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_runs_are_those_of_a_walk_for_any_cut(shape: list[tuple[int, int]], shortest: int, cuts: list[int]) -> None:
    samples = [value for value, length in shape for _ in range(length)]
    found = finder(shortest)
    array = np.array(samples, np.int16)
    places = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    for begin, end in pairwise(places):
        found.feed(array[begin:end])
    found.finish()
    expected = by_hand(samples, shortest)
    assert found.spans == [(*run, 0) for run in expected]
    assert found.total == sum(end - begin for begin, end in expected)


def test_long_runs_cross_many_blocks() -> None:
    found = finder(1600)
    for _ in range(50):
        found.feed(np.zeros(100_000, np.int16))
    found.feed(np.ones(10, np.int16))
    assert found.spans == [(0, 5_000_000, 0)]


def test_a_hole_ends_a_run_and_keeps_the_time() -> None:
    found = finder(100)
    found.feed(np.zeros(150, np.int16))
    found.skip(1000)
    found.feed(np.zeros(120, np.int16))
    found.finish()
    assert found.spans == [(0, 150, 0), (1150, 1270, 1000)]


def test_spans_are_bounded_and_the_sum_is_not() -> None:
    found = finder(5, limit=3)
    for _ in range(10):
        found.feed(np.array([0] * 5 + [1], np.int16))
    assert len(found.spans) == 3
    assert found.total == 50
