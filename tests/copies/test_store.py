"""The store holds what a plain array of bytes would, and knows what is missing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.copies.store import StreamStore, differing
from analyzer.model.streams import Data, Origins, Run

NONE = np.zeros(0, np.int64)
STEPS = st.lists(st.tuples(st.integers(-5, 20), st.binary(max_size=12)), max_size=12)


@settings(deadline=None)
@given(
    STEPS, st.lists(st.tuples(st.integers(0, 120), st.binary(max_size=30)), max_size=5), st.integers(0, 150), st.integers(0, 100)
)
def test_it_is_an_array_with_holes(steps: list[tuple[int, bytes]], changes: list[tuple[int, bytes]], begin: int, size: int) -> None:
    store, plain, end = StreamStore(16), dict[int, int](), 0
    for gap, content in steps:
        at = max(0, end + gap)
        store.add(at, content)
        for place, byte in enumerate(content, at):
            if place >= end:
                plain[place] = byte
        end = max(end, at + len(content)) if content else end
    for at, content in changes:
        changed = store.change(at, content)
        before = dict(plain)
        plain |= {place: byte for place, byte in enumerate(content, at) if place in plain}
        assert changed == sum(before[place] != plain[place] for place in plain)
    assert store.end == max(plain, default=-1) + 1
    assert store.read(begin, begin + size) == bytes(plain.get(place, 0) for place in range(begin, begin + size))
    there = [place for one, two in store.there(begin, begin + size) for place in range(one, two)]
    assert there == [place for place in range(begin, begin + size) if place in plain]


def test_pieces_come_from_anywhere_in_a_batch() -> None:
    store = StreamStore(4)
    batch = np.frombuffer(b"..cd.ab", np.uint8)
    store.take(Run(np.array([0, 2]), np.array([2, 2]), NONE, NONE, np.array([5, 2]), batch))
    store.take(Data(4, np.frombuffer(b"ef", np.uint8), Origins(NONE, NONE, NONE)))
    store.take(Data(0, np.frombuffer(b"XY", np.uint8), Origins(NONE, NONE, NONE)), shift=10)
    assert store.read(0, 12) == b"abcdef\0\0\0\0XY"
    assert store.there(0, 20) == [(0, 6), (10, 12)]


def test_what_was_cut_off_is_replaced() -> None:
    store = StreamStore(1 << 10)
    store.add(0, b"head and ciphertext")
    store.cut(5)
    store.add(5, b"plain")
    assert store.read(0, store.end) == b"head plain"


def test_holes_take_no_room() -> None:
    store = StreamStore(1 << 10)
    store.add(1 << 50, b"far")
    assert store.read(1 << 50, (1 << 50) + 3) == b"far"
    assert differing(b"abc", b"axc") == 1
