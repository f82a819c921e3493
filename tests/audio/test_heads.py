"""The first bytes of a track are its own, whatever memory they lie in."""

import numpy as np

from analyzer.audio.heads import Heads


def filled(value: int, size: int) -> np.ndarray:
    return np.full(size, value, np.uint8)


def test_a_head_holds_the_first_bytes_and_no_more() -> None:
    head = Heads(10).head()
    assert (head.octets(), head.held) == (b"", 0)
    head.add(filled(1, 4))
    assert (head.octets(), head.held) == (b"\1" * 4, 4)
    head.add(filled(2, 9))
    head.add(filled(3, 9))
    assert (head.octets(), head.held) == (b"\1" * 4 + b"\2" * 6, 10)


def test_memory_is_used_again_and_nothing_of_it_shines_through() -> None:
    heads = Heads(10)
    first, second = heads.head(), heads.head()
    first.add(filled(1, 10))
    second.add(filled(2, 10))
    assert (first.octets(), second.octets()) == (b"\1" * 10, b"\2" * 10)
    first.close()
    first.close()
    third = heads.head()
    third.add(filled(3, 3))
    assert (second.octets(), third.octets()) == (b"\2" * 10, b"\3" * 3)
