"""From places to numbers and nothing in between."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.numbering import Numbering


@given(st.permutations(range(1, 30)), st.lists(st.integers(0, 28), max_size=4))
def test_every_place_has_its_number(numbers: list[int], cuts: list[int]) -> None:
    numbering, edges = Numbering(), sorted({0, *cuts, len(numbers)})
    for begin, end in pairwise(edges):
        numbering.add(np.array(numbers[begin:end], np.int64))
    places = np.arange(len(numbers) + 1)
    assert numbering.of(places).tolist() == [0, *numbers]
    assert numbering.of(places[::-1]).tolist() == [*numbers[::-1], 0]
    assert numbering.each((3, 0, 1)) == (numbers[2], 0, numbers[0])


def test_nothing_is_made_of_nothing() -> None:
    numbering = Numbering()
    numbering.add(np.zeros(0, np.int64))
    assert numbering.each(()) == ()
    assert numbering.each((0,)) == (0,)
