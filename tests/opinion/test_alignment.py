"""Pairs of frames: a frame that one side lacks shifts none of the others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.streams import Ints
from analyzer.opinion import alignment

FRAMES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=25)


def pair(frames: list[tuple[int, int]]) -> tuple[Ints, Ints]:
    """Give keys and packets."""
    both = np.array(frames, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


@given(FRAMES, FRAMES)
def test_pairs_look_the_same_and_rise(ours: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> None:
    one, two = alignment.aligned(pair(ours), pair(theirs))
    assert (np.diff(one) > 0).all()
    assert (np.diff(two) > 0).all()
    assert [ours[row][0] for row in one] == [theirs[row][0] for row in two]


@given(FRAMES)
def test_the_same_frames_are_all_paired(frames: list[tuple[int, int]]) -> None:
    frames.sort(key=lambda frame: frame[1])
    one, two = alignment.aligned(pair(frames), pair(frames))
    assert one.tolist() == two.tolist() == list(range(len(frames)))


@given(FRAMES, st.integers(0, 30), st.integers(0, 30))
def test_one_that_is_missing_shifts_no_other(frames: list[tuple[int, int]], place: int, length: int) -> None:
    """Frames with numbers of their own, as they have in nearly every capture."""
    named = [(key, number) for number, (key, _) in enumerate(frames, 1)]
    fewer = named[:place] + named[place + length :]
    one, two = alignment.aligned(pair(named), pair(fewer))
    assert two.tolist() == list(range(len(fewer)))
    assert [named[row] for row in one] == fewer


def test_long_stretches_without_a_common_place_are_paired_in_order() -> None:
    count = 3000
    ours, theirs = [(1, number) for number in range(count)], [(1, count + number) for number in range(count)]
    one, two = alignment.aligned(pair(ours), pair(theirs))
    assert one.tolist() == two.tolist() == list(range(count))
