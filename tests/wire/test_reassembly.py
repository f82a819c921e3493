"""Any segmentation, order, repetition and overlap gives the same bytes; what is not there becomes a hole, once."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.limits import DEFAULT, SECOND
from analyzer.model.schema import PACKETS
from analyzer.model.streams import Columns, Data, Gap, Piece, Run
from analyzer.wire.intake import contiguous
from analyzer.wire.reassembly import Reassembly

FIN, SYN, RST, ACK = 1, 2, 4, 16
WRAP = 1 << 32
INITIAL = st.sampled_from((0, 1000, WRAP // 2 - 3, WRAP - 2, WRAP - 1))


class Packet(NamedTuple):
    """One packet of the direction: `start` in the stream, its payload, what of it was captured."""

    start: int
    payload: bytes = b""
    flags: int = ACK
    captured: int | None = None
    number: int = 0
    time: int = 0
    ack: int = 0


def rows(packets: list[Packet], initial: int) -> tuple[Columns, np.ndarray]:
    """PACKETS columns of a batch, and its bytes."""
    captured = [len(packet.payload) if packet.captured is None else packet.captured for packet in packets]
    values = {
        "number": [packet.number for packet in packets],
        "time": [packet.time for packet in packets],
        "seq": [(initial + 1 + packet.start - bool(packet.flags & SYN)) % WRAP for packet in packets],
        "ack": [packet.ack for packet in packets],
        "flags": [packet.flags for packet in packets],
        "window": [1000] * len(packets),
        "payload": np.cumsum([0, *captured])[:-1],
        "captured": captured,
        "length": [len(packet.payload) for packet in packets],
    }
    columns = {column.name: np.array(values.get(column.name, [0] * len(packets)), column.dtype) for column in PACKETS}
    data = b"".join(packet.payload[:size] for packet, size in zip(packets, captured, strict=True))
    return columns, np.frombuffer(bytearray(data), np.uint8)


def numbered(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(number=number, time=number * 1000) for number, packet in enumerate(packets, 1)]


def fed(half: Reassembly, packets: list[Packet], initial: int = 1000) -> list[Piece]:
    """The pieces that a batch brings. The packets lie among others in the columns and in the bytes, and all is gone afterwards."""
    strange = Packet(77, b"others", ack=9)
    columns, data = rows([strange, *packets, strange], initial)
    pieces = delivered(half.feed(columns, 1, 1 + len(packets), data))
    data[:] = 0
    return pieces


def delivered(pieces: Iterable[Piece]) -> list[Piece]:
    return [contiguous(piece) if isinstance(piece, Run) else piece for piece in pieces]


def run(
    packets: list[Packet], batch: int = 10**6, initial: int = 1000, *, known: bool = True, limits: object = DEFAULT
) -> list[Piece]:
    """All pieces; `known`: the SYN was seen elsewhere."""
    half = Reassembly(initial if known else None, limits)
    pieces: list[Piece] = []
    for begin in range(0, len(packets), batch):
        pieces += fed(half, packets[begin : begin + batch], initial)
    return [*pieces, *delivered(half.tail())]


@pytest.mark.parametrize("initial", [1000, WRAP - 1])
def test_what_lies_further_ahead_than_any_window_is_left_out(initial: int) -> None:
    """It would leave a hole of a gigabyte. A hole as wide as a window may be is one."""
    far, wide = (1 << 30) + 10, 1 << 30
    stray = [Packet(far, b"stray"), Packet(far, flags=FIN | ACK), Packet(far, flags=RST)]
    half = Reassembly(initial, DEFAULT)
    pieces = fed(half, numbered([Packet(0, b"one"), *stray, Packet(3, b"two")]), initial)
    assert [piece.bytes.tobytes() for piece in [*pieces, *delivered(half.tail())] if isinstance(piece, Data)] == [b"onetwo"]
    assert (half.next, half.facts.fin, half.facts.rst is None) == (6, None, False)
    pieces = run([Packet(0, b"one"), Packet(wide, b"two")], initial=initial)
    assert [piece.length for piece in pieces if isinstance(piece, Gap)] == [wide - 3]


def content(pieces: list[Piece]) -> bytes:
    """The stream's bytes; a hole shows as dashes. Checks that pieces follow one another."""
    at, found = 0, b""
    for piece in pieces:
        assert piece.start == at
        assert piece.end > at
        found += b"-" * piece.length if isinstance(piece, Gap) else piece.bytes.tobytes()
        at = piece.end
    return found


def carriers(pieces: list[Piece]) -> list[int]:
    """The packet of each byte."""
    found = []
    for piece in pieces:
        if isinstance(piece, Data):
            offsets = np.arange(piece.start, piece.end)
            found += piece.origins.number[piece.origins.rows(offsets)].tolist()
    return found


TEXT = bytes(range(65, 91)) * 8


@st.composite
def journeys(draw: st.DrawFn) -> list[Packet]:
    """A stream cut at will, with copies that are cut elsewhere, in any order."""
    cuts = sorted(draw(st.sets(st.integers(1, len(TEXT) - 1), max_size=12)))
    edges = [0, *cuts, len(TEXT)]
    parts = [Packet(low, TEXT[low:high]) for low, high in pairwise(edges)]
    again = draw(st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.integers(1, 60)), max_size=6))
    parts += [Packet(low, TEXT[low : low + size]) for low, size in again]
    parts += [Packet(at) for at in draw(st.lists(st.integers(0, len(TEXT)), max_size=3))]
    return numbered(draw(st.permutations(parts)))


@given(packets=journeys(), batch=st.integers(1, 20), initial=INITIAL)
def test_whatever_the_path_the_bytes_are_the_same(packets: list[Packet], batch: int, initial: int) -> None:
    assert content(run(packets, batch, initial)) == TEXT


@given(packets=journeys(), batch=st.integers(1, 20))
def test_each_byte_is_carried_by_the_first_packet_that_brought_it(packets: list[Packet], batch: int) -> None:
    """However the packets come in batches: else times would depend on the size of a read."""
    first = [min(one.number for one in packets if one.start <= at < one.start + len(one.payload)) for at in range(len(TEXT))]
    assert carriers(run(packets, batch)) == first


@given(packets=journeys(), lost=st.sets(st.integers(0, 30), min_size=1), batch=st.integers(1, 20), initial=INITIAL)
def test_what_is_lost_becomes_a_hole(packets: list[Packet], lost: set[int], batch: int, initial: int) -> None:
    left = [packet for number, packet in enumerate(packets) if number not in lost]
    left.append(Packet(len(TEXT), flags=FIN | ACK, number=99, time=99_000))
    have = {at for packet in left for at in range(packet.start, packet.start + len(packet.payload))}
    expected = bytes(byte if at in have else ord("-") for at, byte in enumerate(TEXT))
    pieces = run(left, batch, initial)
    assert content(pieces) == expected
    assert not any(isinstance(one, type(two)) and isinstance(one, Gap) for one, two in pairwise(pieces))


def test_of_copies_that_differ_the_first_one_stays() -> None:
    packets = numbered([Packet(0, b"abc"), Packet(5, b"fgh"), Packet(1, b"XXXXXXXXXX")])
    for batch in (1, 3):
        assert content(run(packets, batch)) == b"abcXXfghXXX"


def test_a_snapped_payload_leaves_a_hole_until_a_copy_fills_it() -> None:
    cut, rest = Packet(0, b"abcdef", captured=2), Packet(6, b"gh")
    assert content(run(numbered([cut, rest]))) == b"ab----gh"
    assert content(run(numbered([cut, rest, Packet(0, b"abcdef")]))) == b"abcdefgh"
    half = Reassembly(1000, DEFAULT)
    assert content(fed(half, numbered([cut, rest]))) == b"ab"
    assert half.facts.truncated == 1


@pytest.mark.parametrize("batch", [1, 9])
def test_a_probe_brings_no_byte(batch: int) -> None:
    """A keep-alive repeats the byte before the next one, with whatever value (RFC 9293 section 3.8.4)."""
    packets = numbered([Packet(0, b"abc"), Packet(2, b"?"), Packet(2), Packet(3, b"def")])
    half = Reassembly(1000, DEFAULT)
    pieces = [piece for begin in range(0, 4, batch) for piece in fed(half, packets[begin : begin + batch])]
    assert content(pieces) == b"abcdef"


def test_the_words_of_a_reset_are_not_the_stream() -> None:
    assert content(run(numbered([Packet(0, b"abc"), Packet(3, b"go away", RST)]))) == b"abc"


def test_a_syn_takes_a_number_and_may_bring_bytes() -> None:
    assert content(run(numbered([Packet(0, b"early", SYN), Packet(5, b" bird")]), initial=WRAP - 1)) == b"early bird"
    assert content(run(numbered([Packet(0, b"", SYN), Packet(0, b"x")]), known=False)) == b"x"


def test_without_syn_the_stream_begins_at_the_first_byte_seen() -> None:
    assert content(run(numbered([Packet(500, b"abc"), Packet(100, b"old"), Packet(503, b"def")]), known=False)) == b"abcdef"


def test_a_fin_shows_what_is_missing_at_the_end() -> None:
    assert content(run(numbered([Packet(0, b"abc"), Packet(7, b"", FIN)]))) == b"abc----"
    assert content(run(numbered([Packet(7, b"", FIN)]))) == b"-------"
    assert content(run(numbered([Packet(0, b"abc", FIN)]))) == b"abc"


def acked(half: Reassembly, offset: int) -> None:
    half.acknowledge(rows([Packet(0, ack=1001 + offset)], 5)[0], 0, 1)


@pytest.mark.parametrize(("offset", "missing"), [(3, 0), (4, 0), (5, 2), (1 << 29, (1 << 29) - 3), (1 << 31, 0)])
def test_an_acknowledgement_shows_what_is_missing_at_the_end(offset: int, missing: int) -> None:
    """One more than the last byte may be the FIN's; far beyond is another connection's."""
    half = Reassembly(1000, DEFAULT)
    pieces = fed(half, numbered([Packet(0, b"abc")]))
    acked(half, offset)
    gaps = list(half.tail())
    assert sum(gap.length for gap in gaps if isinstance(gap, Gap)) == missing
    assert content(pieces) == b"abc"


def test_only_a_hole_that_was_acknowledged_long_ago_is_given_up() -> None:
    half = Reassembly(1000, DEFAULT)
    packets = [Packet(0, b"ab", number=1), Packet(5, b"fg", number=2), Packet(9, b"jk", number=3, time=9 * SECOND)]
    assert content(fed(half, packets)) == b"ab"
    late = 4 * SECOND
    assert not list(half.overdue(late))
    acked(half, 7)
    assert not list(half.overdue(2 * SECOND))
    (gap, data) = delivered(half.overdue(late))
    assert gap == Gap(2, 3, 1, 0)
    assert isinstance(data, Data)
    assert (data.start, data.bytes.tobytes()) == (5, b"fg")
    # Sent again after all: too late.
    assert not (fed(half, [Packet(2, b"cde", number=4)]))
    assert [piece.start for piece in half.tail()] == [7, 9]


@pytest.mark.parametrize("size", [1, 10])
def test_what_waits_is_bounded(size: int) -> None:
    """By bytes, and by segments where they are tiny."""
    half = Reassembly(1000, replace(DEFAULT, held=5000))
    packets = numbered([Packet(10 + size * number, b"x" * size) for number in range(1000)])
    given = 0
    for begin in range(0, 1000, 50):
        given += sum(len(piece.bytes) for piece in fed(half, packets[begin : begin + 50]) if isinstance(piece, Data))
    assert given >= size * 1000 - 5000
    assert given + sum(len(piece.bytes) for piece in delivered(half.tail()) if isinstance(piece, Data)) == size * 1000


def test_facts_of_a_direction() -> None:
    packets = [Packet(0, b"", SYN), Packet(0, b"abc"), Packet(5, b"fg"), Packet(3, b"de"), Packet(0, b"abc"), Packet(7, b"", FIN)]
    packets += [Packet(8, b"", RST)]
    for batch in (1, 7):
        half = Reassembly(1000, DEFAULT)
        listed = numbered(packets)
        for begin in range(0, 7, batch):
            (fed(half, listed[begin : begin + batch]))
        facts = half.facts
        assert (facts.packets, facts.truncated) == (7, 0)
        assert [at and at.packet for at in (facts.syn, facts.fin, facts.rst, facts.last)] == [1, 6, 7, 7]
