"""What a big-endian file says is the same in a little-endian one."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcapng_files import NAMES, PACKET, SECRETS, block, options, packed

from analyzer.copies import orders
from analyzer.model import pcapng

VALUES = st.lists(st.tuples(st.sampled_from((1, 3, 7, 2989)), st.binary(min_size=4, max_size=9)), max_size=4)


@given(VALUES, st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1))
def test_numbers_are_turned_and_nothing_else(texts: list[tuple[int, bytes]], flags: int, lost: int) -> None:
    found = []
    for big in (False, True):
        numbers = [(2, packed("I", flags, big=big)), (4, packed("Q", lost, big=big))]
        own = [(code, packed("I", 7, big=big) + value if code == 2989 else value) for code, value in texts]
        found.append(orders.options_of(options([*own, *numbers], big=big), pcapng.ENHANCED_PACKET, big=big))
    assert found[0] == found[1]
    assert found[0][-2:] == [(2, struct.pack("<I", flags)), (4, struct.pack("<Q", lost))]


@pytest.mark.parametrize("size", range(9))
def test_what_has_another_size_than_its_number_stays(size: int) -> None:
    data = options([(4, bytes(range(size)))], big=True)
    ((_, value),) = orders.options_of(data, pcapng.ENHANCED_PACKET, big=True)
    assert value == (bytes(range(8))[::-1] if size == 8 else bytes(range(size)))


def test_names_and_secrets() -> None:
    for kind, turned in ((NAMES, orders.names), (SECRETS, orders.secrets)):
        made = []
        for big in (False, True):
            if kind == NAMES:
                body = packed("HH", 1, 7, big=big) + b"\x7f\0\0\1a.\0\0" + bytes(4) + options([(1, b"said"), (2, b"dns")], big=big)
            else:
                body = packed("II", 0x544C534B, 5, big=big) + b"12345\0\0\0"
            made.append(turned(block(kind, body, big=big), big=big))
        assert made[0] == made[1] == block(kind, made[0][8:-4] if made[0] else b"", big=False)


def test_what_does_not_end_is_not_taken() -> None:
    assert orders.names(block(NAMES, packed("HH", 1, 800, big=True) + bytes(8), big=True), big=True) is None
    assert orders.names(block(NAMES, b"", big=True), big=True) is None
    assert orders.secrets(block(SECRETS, packed("II", 1, 900, big=True), big=True), big=True) is None
    assert orders.secrets(block(SECRETS, b"", big=True), big=True) is None
    assert orders.options_of(packed("HH", 1, 900, big=True) + b"abcd", PACKET, big=True) == []
