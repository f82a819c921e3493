"""The window gives every byte once and in order, however the stream hands them out."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.sources.window import HEADROOM, Window


class Drops:
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int = 1) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def readinto(self, buffer: memoryview) -> int:
        """Fill the front."""
        return self._data.readinto(buffer[: self._step])


class Breaks(Drops):
    """A stream that fails behind its bytes."""

    def __init__(self, data: bytes, error: Exception) -> None:
        super().__init__(data, len(data))
        self._error = error

    def readinto(self, buffer: memoryview) -> int:
        """Fill the front, or fail."""
        count = super().readinto(buffer)
        if not count:
            raise self._error
        return count


@given(
    data=st.binary(max_size=300),
    step=st.integers(1, 50),
    size=st.integers(1, 100),
    uses=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 90)), max_size=20),
)
def test_every_byte_once_and_in_order(data: bytes, step: int, size: int, uses: list[tuple[int, int]]) -> None:
    window, found = Window(Drops(data, step), size), b""
    for use, least in uses:
        used = min(use, window.held)
        found += window.data[window.start : window.start + used].tobytes()
        window.start += used
        held = window.held
        more = window.more(least)
        assert more == (window.held > held)
        assert window.held >= min(least, len(data) - len(found))
        assert window.data[window.start : window.stop].tobytes() == data[len(found) : len(found) + window.held]
    assert found + window.take(len(data) + 1) == data
    assert not window.more()
    assert window.ended
    assert window.problem is None


def test_take_gives_fewer_at_the_end() -> None:
    window = Window(Drops(b"abcdef"), 2)
    assert [window.take(4), window.take(4), window.take(4)] == [b"abcd", b"ef", b""]


def test_what_is_held_may_be_longer_than_the_headroom() -> None:
    data = bytes(range(256)) * (2 * HEADROOM // 256 + 10)
    window = Window(io.BytesIO(data), HEADROOM // 2)
    assert window.more(len(data))
    assert window.data[window.start : window.stop].tobytes() == data
    assert window.take(len(data)) == data


def test_a_file_that_fails_ends_and_says_why() -> None:
    window = Window(Breaks(b"abc", OSError(5, "Input/output error")), 2)
    assert window.take(9) == b"abc"
    assert window.problem == "the file cannot be read any further (Input/output error)"


def test_a_defect_is_no_damage() -> None:
    with pytest.raises(RuntimeError, match="defect"):
        Window(Breaks(b"abc", RuntimeError("defect")), 2).take(9)
