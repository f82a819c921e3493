"""Contents come back by message number, in memory and from the file, whatever the pieces; beyond the limit they are left out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.contents import Contents
from analyzer.model.limits import DEFAULT

Pieces = list[list[tuple[int, bytes]]]


def kept(batches: Pieces, **limits: int) -> Contents:
    """Contents of batches of (message number, piece)."""
    contents = Contents(replace(DEFAULT, **limits))  # type: ignore[arg-type]
    for batch in batches:
        sizes = np.array([len(piece) for _, piece in batch], np.int64)
        columns = {"number": np.array([number for number, _ in batch], np.int64), "at": np.cumsum(sizes) - sizes, "part": sizes}
        contents.add(columns, np.frombuffer(b"".join(piece for _, piece in batch), np.uint8))
    return contents


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 5), st.binary(max_size=20)), max_size=6), max_size=6), st.sampled_from([0, 7, 1000])
)
def test_every_piece_is_in_its_message(batches: Pieces, memory: int) -> None:
    contents = kept(batches, contents_in_memory=memory)
    for number in range(1, 6):
        pieces = [piece for batch in batches for one, piece in batch if one == number]
        assert contents.of(number) == (b"".join(pieces) if pieces else None)


@pytest.mark.parametrize("memory", [0, 1000])
def test_what_is_beyond_the_limit_is_left_out_and_all_behind_it(memory: int) -> None:
    contents = kept([[(1, b"12345")], [(2, b"123456")], [(3, b"1")]], contents=10, contents_in_memory=memory)
    assert [contents.of(number) for number in (1, 2, 3)] == [b"12345", None, None]
