"""A map of offsets never falls, hits its pairs and goes on byte by byte at both ends."""

from hypothesis import given
from hypothesis import strategies as st

from analyzer.copies.places import Chain, Places

STEPS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20)


@given(STEPS, st.lists(st.integers(-20, 1100), min_size=2))
def test_it_never_falls(steps: list[tuple[int, int]], asked: list[int]) -> None:
    pairs, old, new = [], 0, 0
    for one, two in steps:
        old, new = old + one, new + two
        pairs.append((old, new))
    places = Places(pairs)
    found = [places.of(offset) for offset in sorted(asked)]
    assert found == sorted(found)
    last = dict(pairs)
    assert all(places.of(old) == new for old, new in last.items())
    assert places.of(old + 7) == new + 7
    assert places.of(pairs[0][0] - 7) == pairs[0][1] - 7


def test_nothing_known_moves_nothing() -> None:
    assert [Places().of(offset) for offset in (-1, 0, 5)] == [-1, 0, 5]
    assert not Places().moved
    assert not Places([(0, 0), (9, 9)]).moved
    assert Places([(0, 0), (9, 4)]).moved


def test_a_pair_that_falls_back_is_left_out() -> None:
    places = Places([(0, 0), (10, 5)])
    places.add(4, 9)
    places.add(12, 3)
    assert places.of(12) == 7


def test_a_chain_goes_through_all_of_them() -> None:
    chain = Chain([Places([(0, 0), (10, 10), (15, 10), (25, 20)]), Places([(0, 0), (12, 2)])])
    assert chain.moved
    assert [chain.of(offset) for offset in (0, 12, 18, 30)] == [0, 1, 3, 15]
    assert not Chain([]).moved
    assert Chain([]).of(7) == 7
