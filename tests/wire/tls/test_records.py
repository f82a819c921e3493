"""Records out of a stream: however it is cut, around holes of any kind, and out of bytes that are none."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.streams import Data, End, Gap, Origins, Piece
from analyzer.wire.tls.records import LONGEST, RecordReader, Records, Torn

SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=20)


def record(size: int, kind: int = 23) -> bytes:
    return bytes([kind, 3, 3]) + size.to_bytes(2, "big") + bytes((at * 7 + size) % 200 + 30 for at in range(size))


def data(content: bytes, start: int) -> Data:
    begin = np.array([start], np.int64)
    return Data(start, np.frombuffer(content, np.uint8), Origins(begin, begin // 100 + 1, begin))


def read(pieces: Iterable[Piece]) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int | None]]]:
    """Offset, length and type of records; start, end and number of what is torn."""
    reader, whole, torn = RecordReader(), [], []
    for piece in pieces:
        for found in reader.feed(piece):
            if isinstance(found, Torn):
                torn.append((found.start, found.end, found.records))
            else:
                assert isinstance(found, Records)
                columns = (found.at + found.data.start, found.length, found.type)
                whole += list(zip(*(column.tolist() for column in columns), strict=True))
    return whole, torn


def expected(sizes: list[int]) -> list[tuple[int, int, int]]:
    starts = np.cumsum([0, *(size + 5 for size in sizes)]).tolist()
    return [(start, size, 23) for start, size in zip(starts, sizes, strict=False)]


def pieces(content: bytes, cuts: list[int], holes: set[int]) -> list[Piece]:
    """The content cut at these places; of the parts that `holes` names nothing is there."""
    edges = sorted({0, len(content), *(cut % len(content) for cut in cuts)})
    made: list[Piece] = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        made.append(Gap(begin, end - begin, 1, 1) if number in holes else data(content[begin:end], begin))
    return [*made, End(len(content))]


@given(SIZES, st.lists(st.integers(0, 9000), max_size=30))
def test_any_cut_gives_the_same_records(sizes: list[int], cuts: list[int]) -> None:
    content = b"".join(map(record, sizes))
    assert read(pieces(content, cuts, set())) == (expected(sizes), [])


@given(SIZES, st.lists(st.integers(0, 9000), max_size=12), st.sets(st.integers(0, 12), max_size=4))
def test_holes_leave_only_what_is_there(sizes: list[int], cuts: list[int], holes: set[int]) -> None:
    content = b"".join(map(record, sizes))
    parts = pieces(content, cuts, holes)
    whole, torn = read(parts)
    assert set(whole) <= set(expected(sizes))
    gaps = [(piece.start, piece.end) for piece in parts if isinstance(piece, Gap)]
    hit = [one for one in expected(sizes) if any(begin < one[0] + 5 + one[1] and one[0] < end for begin, end in gaps)]
    assert not set(whole) & set(hit)
    covered = sorted([(start, start + 5 + size) for start, size, _ in whole] + [(start, end) for start, end, _ in torn])
    assert covered[0][0] == 0
    assert covered[-1][1] == len(content)
    assert all(one[1] == two[0] for one, two in pairwise(covered))


def test_a_hole_inside_one_record_is_stepped_over_by_its_length() -> None:
    content = record(50) + record(300) + record(60) + record(70)
    whole, torn = read([data(content[:100], 0), Gap(100, 150, 1, 1), data(content[250:], 250), End(len(content))])
    assert [one[1] for one in whole] == [50, 60, 70]
    assert torn == [(55, 360, 1)]


def test_behind_a_longer_hole_two_headers_prove_a_boundary() -> None:
    content = b"".join(record(size) for size in (50, 300, 60, 70, 80))
    whole, torn = read([data(content[:100], 0), Gap(100, 280, 1, 1), data(content[380:], 380), End(len(content))])
    assert [one[1] for one in whole] == [50, 70, 80]
    assert torn == [(55, 425, None)]


@pytest.mark.parametrize("bad", [b"GET / HTTP/1.1\r\n", b"\x17\x03\x03\0\0", b"\x17\x03\x03" + (LONGEST + 1).to_bytes(2, "big")])
def test_what_is_no_record(bad: bytes) -> None:
    reader = RecordReader()
    assert list(reader.feed(data(bad + b"x" * 100, 0))) == []
    assert reader.strange is not None
    later = RecordReader()
    assert [len(one) for one in later.feed(data(record(9) + bad, 0)) if isinstance(one, Records)] == [1]
    assert later.strange is None


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=6), st.sets(st.integers(0, 6), max_size=3))
def test_noise_raises_nothing(content: bytes, cuts: list[int], holes: set[int]) -> None:
    whole, torn = read(pieces(content + b"\x17", cuts, holes))
    assert all(0 <= start < end for start, end, _ in torn)
    assert all(size > 0 for _, size, _ in whole)
