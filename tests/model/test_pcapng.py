"""Blocks and options of pcapng files, in both byte orders; what cannot be is said in words."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model import pcapng

OPTIONS = st.lists(st.tuples(st.integers(1, 0xFFFF), st.binary(max_size=9)), max_size=5)


@given(OPTIONS, st.booleans(), st.binary(max_size=9))
def test_options_come_back_up_to_the_end_mark(found: list[tuple[int, bytes]], big: bool, behind: bytes) -> None:
    order = ">" if big else "<"
    data = b"".join(struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in found)
    assert list(pcapng.options(data, big=big)) == found
    assert list(pcapng.options(data + bytes(4) + behind, big=big)) == found
    assert list(pcapng.options(data + struct.pack(f"{order}HH", 1, 90) + behind, big=big)) == found


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("kind", "total", "fault"),
    [
        (pcapng.NAMES, 12, None),
        (pcapng.SECTION, 28, None),
        (pcapng.INTERFACE, 20, None),
        (pcapng.NAMES, 1000, None),
        (pcapng.NAMES, 8, "a block claims 8 bytes, which cannot be"),
        (pcapng.NAMES, 13, "a block claims 13 bytes, which cannot be"),
        (pcapng.NAMES, 1004, "a block claims 1004 bytes, which cannot be"),
        (pcapng.SECTION, 24, "a section header is too short"),
        (pcapng.INTERFACE, 16, "an interface description is too short"),
    ],
)
def test_how_a_block_begins(kind: int, total: int, fault: str | None, big: bool) -> None:
    first = struct.pack(">III" if big else "<III", kind, total, pcapng.BYTE_ORDER)
    before = big if kind != pcapng.SECTION else not big
    assert pcapng.head(first, 1000, big=before) == (kind, total, big, fault)


def test_a_section_without_a_byte_order() -> None:
    first = struct.pack("<III", pcapng.SECTION, 28, 7)
    assert pcapng.head(first, 1000, big=False).fault == "a section header has no byte-order magic"
