"""Frames from any pieces of a stream: whole, byte by byte, with a tail, at random; and with a hole at every offset."""

import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.anomalies import Anomaly, FrameAnomaly, Sightings
from analyzer.model.limits import DEFAULT, Limits
from analyzer.model.schema import Side
from analyzer.model.streams import Data, End, Gap, Origins, Piece, Run
from analyzer.wire.frames import FrameColumns
from analyzer.wire.websocket import FrameBatch, FrameReader, Lost

KEY = b"\x11\x22\x33\x44"


class Frame(NamedTuple):
    """A frame as it is written, and the anomalies that its header shows."""

    opcode: int
    payload: bytes = b""
    fin: int = 1
    rsv: int = 0
    masked: int = 1
    wide: int = 0
    """Bytes of extended length, where more than needed."""
    anomalies: int = 0

    def bytes(self) -> bytes:
        """Header, key, masked payload."""
        size = len(self.payload)
        wide = max(self.wide, 0 if size < 126 else 2 if size < 65536 else 8)
        head = bytes([self.fin << 7 | self.rsv << 4 | self.opcode, self.masked << 7 | {0: size, 2: 126, 8: 127}[wide]])
        head += size.to_bytes(wide, "big") if wide else b""
        if not self.masked:
            return head + self.payload
        return head + KEY + xored(self.payload, KEY)


def xored(data: bytes, key: bytes) -> bytes:
    """RFC 6455 section 5.3."""
    wide = np.frombuffer(key * (len(data) // 4 + 1), np.uint8)[: len(data)]
    return (np.frombuffer(data, np.uint8) ^ wide).tobytes()


A = FrameAnomaly
CLIENT = [
    Frame(1, b'{"type":"KeepAlive"}'),
    Frame(2),
    Frame(2, bytes(range(125))),
    Frame(2, b"x" * 126),
    Frame(9, b"ping"),
    Frame(2, b"first", fin=0),
    Frame(10),
    Frame(0, b"second", fin=0),
    Frame(0, b"third"),
    Frame(2, b"y" * 65535),
    Frame(2, b"z" * 65536),
    Frame(2, b"squeezed", rsv=4),
    Frame(8, b"\x03\xe8bye"),
]
"""As a client should."""
STRANGE = [
    Frame(2, b"plain", masked=0, anomalies=A.UNMASKED_CLIENT),
    Frame(2, b"bits", rsv=3, anomalies=A.RESERVED_BITS),
    Frame(3, b"three", anomalies=A.RESERVED_OPCODE),
    Frame(11, b"eleven", anomalies=A.RESERVED_OPCODE),
    Frame(9, b"p" * 130, anomalies=A.OVERSIZED_CONTROL),
    Frame(9, b"part", fin=0, anomalies=A.FRAGMENTED_CONTROL),
    Frame(9, b"ping", rsv=4, anomalies=A.RESERVED_BITS),
    Frame(2, b"wide", wide=2, anomalies=A.LENGTH_NOT_MINIMAL),
    Frame(2, b"w" * 200, wide=8, anomalies=A.LENGTH_NOT_MINIMAL),
    Frame(8, b"\x03\xe8"),
    Frame(2, b"more", anomalies=A.AFTER_CLOSE),
    Frame(8, anomalies=A.AFTER_CLOSE),
]


def pieces_of(data: bytes, cuts: Iterable[int], start: int = 0) -> list[Data]:
    """The stream cut into packets, numbered from 1, a microsecond apart; one piece for each."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [one_piece(data[low:high], start + low, number) for number, (low, high) in enumerate(pairwise(edges), 1)]


def one_piece(data: bytes, start: int, number: int = 1) -> Data:
    place = (np.array([value], np.int64) for value in (start, number, number * 1000))
    return Data(start, np.frombuffer(bytearray(data), np.uint8), Origins(*place))


def merged(pieces: Sequence[Data]) -> Data:
    """As one piece, still knowing its packets."""
    columns = (np.concatenate([getattr(piece.origins, name) for piece in pieces]) for name in ("start", "number", "time"))
    return Data(pieces[0].start, np.concatenate([piece.bytes for piece in pieces]), Origins(*columns))


class Read(NamedTuple):
    """What came out: a row per frame, the payload of each as far as it is there, and how often frames were lost."""

    rows: list[dict[str, int]]
    payloads: list[bytes]
    lost: int
    sightings: Sightings


def read(
    pieces: Iterable[Piece],
    side: Side = Side.CLIENT,
    limits: Limits = DEFAULT,
    *,
    start: int = 0,
    deflate: bool = False,
    in_step: bool = True,
) -> Read:
    sightings = Sightings(20)
    reader = FrameReader(side, start, limits, sightings, FrameColumns(), deflate=deflate, in_step=in_step)
    rows: list[dict[str, int]] = []
    payloads, lost, payload = [], 0, b""
    for piece in pieces:
        for found in reader.feed(piece):
            if not isinstance(found, FrameBatch):
                lost += isinstance(found, Lost)
                continue
            lengths = {len(column) for column in found.columns.values()}
            assert len(lengths) == 1
            at = 0
            for row in range(lengths.pop()):
                values = {name: int(column[row]) for name, column in found.columns.items()}
                part = found.content[at : at + values["size"]].tobytes()
                assert len(part) == values["size"]
                at += len(part)
                payload = b"" if values["begins"] else payload
                payload += b"-" * min(values["lost"], 1000) + part
                if values["ends"]:
                    rows.append(values)
                    payloads.append(payload)
            assert at == len(found.content)
    return Read(rows, payloads, lost, sightings)


def told(rows: list[dict[str, int]]) -> list[tuple[int, ...]]:
    return [
        tuple(row[name] for name in ("offset", "opcode", "fin", "rsv", "masked", "length", "anomalies", "complete")) for row in rows
    ]


def expected(frames: Sequence[Frame]) -> list[tuple[int, ...]]:
    at, found = 0, []
    for one in frames:
        found.append((at, one.opcode, one.fin, one.rsv, one.masked, len(one.payload), int(one.anomalies), 1))
        at += len(one.bytes())
    return found


SMALL = [one for one in CLIENT if len(one.payload) < 1000]
SHORT_WHOLE = replace(DEFAULT, whole=40)
"""So that usual frames go through in parts."""


def way_of(way: str, data: bytes) -> list[Data | Run]:
    """The same bytes whole, byte by byte, with a tail that comes later, at random, and in odd packets of one piece
    or of parts that lie apart.
    """
    chance = random.Random(7)  # noqa: S311 - the same cuts each time are wanted
    odd = [chance.randrange(len(data)) for _ in range(min(len(data) // 50, 300) + 3)]
    cuts = {"whole": (), "bytes": range(len(data)), "tail": (len(data) - 3,)}.get(way, odd)
    pieces = pieces_of(data, cuts)
    if way == "scattered":
        return [scattered(pieces)]
    return [merged(pieces)] if way == "packets" else pieces


def scattered(pieces: Sequence[Data]) -> Run:
    """As one run whose parts lie apart, in another order, as packets lie in a capture."""
    lengths = np.array([len(piece.bytes) for piece in pieces], np.int64)
    place = np.cumsum(lengths[::-1] + 5)[::-1] - lengths
    lying = np.full(int(lengths.sum()) + 5 * len(pieces), 0xA5, np.uint8)
    for at, piece in zip(place.tolist(), pieces, strict=True):
        lying[at : at + len(piece.bytes)] = piece.bytes
    columns = (np.concatenate([getattr(piece.origins, name) for piece in pieces]) for name in ("number", "time"))
    return Run(np.array([piece.start for piece in pieces], np.int64), lengths, *columns, place, lying)


@pytest.mark.parametrize("limits", [DEFAULT, SHORT_WHOLE], ids=["usual", "parts"])
@pytest.mark.parametrize("way", ["whole", "bytes", "tail", "random", "packets", "scattered"])
@pytest.mark.parametrize("frames", [SMALL, STRANGE], ids=["good", "strange"])
def test_one_table_every_way(frames: list[Frame], way: str, limits: Limits) -> None:
    data = b"".join(one.bytes() for one in frames)
    found = read([*way_of(way, data), End(len(data))], limits=limits, deflate=True)
    assert told(found.rows) == expected(frames)
    assert found.payloads == [one.payload for one in frames]
    assert found.lost == 0


@pytest.mark.parametrize("way", ["whole", "tail", "random", "packets", "scattered"])
def test_long_frames(way: str) -> None:
    data = b"".join(one.bytes() for one in CLIENT)
    for limits in (DEFAULT, replace(DEFAULT, whole=10_000)):
        found = read([*way_of(way, data), End(len(data))], limits=limits, deflate=True)
        assert told(found.rows) == expected(CLIENT)
        assert found.payloads == [one.payload for one in CLIENT]


def test_a_server_must_not_mask() -> None:
    frames = [
        Frame(1, b"{}", masked=0),
        Frame(2, b"sound", anomalies=A.MASKED_SERVER),
        Frame(2, b"x", masked=0, rsv=4, anomalies=4),
    ]
    data = b"".join(one.bytes() for one in frames)
    assert told(read(pieces_of(data, ()), Side.SERVER).rows) == expected(frames)


FRAMES = st.builds(
    Frame,
    st.sampled_from((0, 1, 2, 8, 9, 10, 5, 14)),
    st.one_of(st.binary(max_size=130), st.integers(0, 3000).map(bytes)),
    st.integers(0, 1),
    st.integers(0, 7),
    st.integers(0, 1),
    st.sampled_from((0, 0, 2, 8)),
)


@given(frames=st.lists(FRAMES, max_size=8), cuts=st.lists(st.integers(1, 9000), max_size=12), whole=st.integers(1, 400))
def test_any_frames_in_any_pieces(frames: list[Frame], cuts: list[int], whole: int) -> None:
    data = b"".join(one.bytes() for one in frames)
    pieces = pieces_of(data, cuts) if data else []
    once = read([*([merged(pieces)] if pieces else []), End(len(data))])
    found = read([*pieces, End(len(data))], limits=replace(DEFAULT, whole=whole))
    apart = read([*([scattered(pieces)] if pieces else []), End(len(data))])
    assert (apart.rows, apart.payloads) == (once.rows, once.payloads)
    assert told(once.rows) == told(found.rows)
    assert once.payloads == found.payloads == [one.payload for one in frames]
    assert [(row["header"], row["length"]) for row in once.rows] == [
        (len(one.bytes()) - len(one.payload), len(one.payload)) for one in frames
    ]
    places = ("first_packet", "last_packet", "first_time", "last_time")
    assert [[row[name] for name in places] for row in once.rows] == [[row[name] for name in places] for row in found.rows]


def test_the_packets_of_a_frame_are_the_lowest_and_the_highest() -> None:
    data = Frame(2, b"abcdef" * 20).bytes() * 2
    for whole in (DEFAULT.whole, 50):
        place = (np.array(column, np.int64) for column in ((0, 30, 60, 126), (9, 4, 6, 10), (90, 40, 60, 100)))
        piece = Data(0, np.frombuffer(bytearray(data), np.uint8), Origins(*place))
        late = Data(0, piece.bytes[:100].copy(), piece.origins), Data(100, piece.bytes[100:].copy(), piece.origins)
        for pieces in ([Data(0, piece.bytes.copy(), piece.origins)], late):
            (one, two) = read([*pieces, End(len(data))], limits=replace(DEFAULT, whole=whole)).rows
            assert [one[name] for name in ("first_packet", "last_packet", "first_time", "last_time")] == [4, 9, 40, 90]
            assert [two[name] for name in ("first_packet", "last_packet")] == [10, 10]


def test_offsets_count_from_the_first_byte_of_the_direction() -> None:
    data = Frame(2, b"a").bytes() * 2
    assert [row["offset"] for row in read([one_piece(data, 777)], start=777).rows] == [0, 7]


BOUNDARIES_BEFORE_HOLE = 3


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("bulk", [False, True], ids=["a packet each", "in bulk"])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_a_hole_anywhere_brings_no_false_frame(side: Side, size: int, *, bulk: bool) -> None:
    """Every frame told is one that was sent, and after the hole the reader is in step again."""
    chance = random.Random(size)  # noqa: S311 - the same bytes each time are wanted
    masked = int(side is Side.CLIENT)
    frames = [
        Frame(2, chance.randbytes(160), masked=masked)
        if number % 5
        else Frame(1, b'{"type":"Results","n":%d}' % number, masked=masked)
        for number in range(40)
    ]
    data = b"".join(one.bytes() for one in frames)
    truth = {row[0]: row for row in expected(frames)}
    starts = sorted(truth)
    limit = starts[BOUNDARIES_BEFORE_HOLE + 1]
    for begin in range(0, limit, 1 if size == 7 else 13):
        end = begin + size
        before, after = data[:begin], data[end:]
        cuts = range(100, len(after), 173) if bulk else [start - end for start in starts]
        pieces: list[Piece] = [*([one_piece(before, 0)] if before else []), Gap(begin, size, 1, 0)]
        pieces += [merged(pieces_of(after, cuts, end)), End(len(data))]
        found = read(pieces, side)
        for row, payload in zip(found.rows, found.payloads, strict=True):
            assert row["offset"] in truth, (begin, row)
            right = truth[row["offset"]]
            whole = frames[starts.index(row["offset"])].payload
            assert told([row])[0][1:7] == right[1:7]
            assert len(payload) == len(whole)
            assert all(got in (sent, ord("-")) for got, sent in zip(payload, whole, strict=True))
            assert row["complete"] == (payload == whole)
        hit = [start for start, one in zip(starts, frames, strict=True) if start < end and start + len(one.bytes()) > begin]
        missed = set(starts) - {row["offset"] for row in found.rows}
        assert len(missed - set(hit)) <= 3, (begin, missed, hit)


def test_a_hole_inside_a_payload_is_stepped_over() -> None:
    frames = [Frame(2, b"a" * 100), Frame(2, b"b" * 100), Frame(1, b"end")]
    data = b"".join(one.bytes() for one in frames)
    for limits in (DEFAULT, SHORT_WHOLE):
        found = read([one_piece(data[:130], 0), Gap(130, 20, 1, 0), one_piece(data[150:], 150, 2), End(len(data))], limits=limits)
        assert found.payloads == [b"a" * 100, b"b" * 18 + b"-" * 20 + b"b" * 62, b"end"]
        assert [row["complete"] for row in found.rows] == [1, 0, 1]
        assert found.lost == 0


def test_a_hole_up_to_the_end_of_a_frame_keeps_the_step() -> None:
    data = Frame(2, b"a" * 100).bytes() + Frame(1, b"end").bytes()
    found = read([one_piece(data[:50], 0), Gap(50, 56, 1, 0), one_piece(data[106:], 106, 2)])
    assert found.payloads == [b"a" * 44 + b"-" * 56, b"end"]
    assert found.lost == 0


@pytest.mark.parametrize("limits", [DEFAULT, SHORT_WHOLE], ids=["usual", "parts"])
@pytest.mark.parametrize("length", [1, 20, 5000])
@pytest.mark.parametrize("begin", [0, 3, 106, 108, 130, 150, 212])
def test_a_hole_of_a_length_not_known_loses_the_step_wherever_it_is(begin: int, length: int, limits: Limits) -> None:
    """The stated length leads nowhere, also where a header would be by it."""
    before = [Frame(2, b"a" * 100), Frame(2, b"b" * 100)]
    after = [Frame(2, random.Random(number).randbytes(3200)) for number in range(12)]  # noqa: S311 - the same bytes each time are wanted
    start, data = begin + length, b"".join(one.bytes() for one in before)[:begin]
    rest = b"".join(one.bytes() for one in after)
    pieces: list[Piece] = [*([one_piece(data, 0)] if data else []), Gap(begin, length, 1, 0, exact=False)]
    found = read([*pieces, *pieces_of(rest, range(0, len(rest), 3208), start), End(start + len(rest))], limits=limits)
    assert found.lost == 1
    whole, ahead = begin // 106, [row for row in found.rows if row["offset"] >= begin]
    assert [row["complete"] for row in found.rows[:whole]] == [1] * whole
    cut = [row for row in found.rows[whole:] if row["offset"] < begin]
    assert [(row["complete"], row["cut"]) for row in cut] == [(0, 1)] * (begin % 106 > 5)
    assert [row["offset"] - start for row in ahead] == [3208 * number for number in range(12)]
    assert found.sightings.counts == {Anomaly.RESYNC: 1}


def test_a_hole_of_a_length_not_known_while_the_step_is_lost() -> None:
    frames = [Frame(2, random.Random(number).randbytes(3200)).bytes() for number in range(4)]  # noqa: S311 - the same bytes each time are wanted
    middle, at = b"".join(frames[:2]), 50
    for first, second in ((True, False), (False, True), (False, False)):
        pieces: list[Piece] = [Gap(0, 50, 1, 0, exact=first), *pieces_of(middle, [3208], at)]
        pieces += [Gap(at + 6416, 9, 3, 0, exact=second), *pieces_of(b"".join(frames[2:]), [3208], at + 6425), End(at + 12841)]
        found = read(pieces)
        assert [row["offset"] - at for row in found.rows if row["complete"]] == [0, 3208, 6425, 9633]
        assert found.lost == 2


@pytest.mark.parametrize("stop", [7, 20, 105])
def test_the_end_of_the_stream_cuts_a_frame(stop: int) -> None:
    data = Frame(2, b"a" * 100).bytes()
    found = read([one_piece(data[:stop], 0), End(stop)])
    assert [(row["length"], row["complete"], row["cut"]) for row in found.rows] == [(100, 0, 1)]
    assert found.payloads == [b"a" * (stop - 6) + b"-" * (106 - stop)]


@pytest.mark.parametrize("stop", [0, 1, 3, 5])
def test_a_header_that_is_cut_is_no_frame(stop: int) -> None:
    assert read([one_piece(Frame(2, b"a").bytes()[:stop], 0), End(stop)]).rows == []


@pytest.mark.parametrize("length", [1 << 62, (1 << 62) + 1, (1 << 63) - 1])
@pytest.mark.parametrize("masked", [0, 1])
def test_a_length_near_the_end_of_64_bits_overflows_nothing(length: int, masked: int) -> None:
    good = Frame(2, b"good").bytes()
    data = good + struct.pack(">BBQ", 0x82, masked << 7 | 127, length) + KEY * masked + b"payload"
    for cuts in ((), (12,), (len(data) - 2,), range(len(data))):
        found = read([*pieces_of(data, cuts), End(len(data))])
        assert [(row["length"], row["complete"]) for row in found.rows] == [(4, 1), (length, 0)]


@pytest.mark.parametrize("way", ["one", "bytes"])
def test_a_length_that_cannot_be_is_told_and_the_step_found_again(way: str) -> None:
    good = [Frame(2, bytes([number]) * 50) for number in range(6)]
    bad = b"\x82\xff\x80" + bytes(7) + KEY
    packets = [*(one.bytes() for one in good[:2]), bad, *(one.bytes() for one in good[2:])]
    data = b"".join(packets)
    ends = np.cumsum([len(packet) for packet in packets]).tolist()
    pieces = pieces_of(data, ends)
    found = read([merged(pieces), End(len(data))] if way == "one" else [*pieces_of(data, range(len(data))), End(len(data))])
    anomalies = [row["anomalies"] for row in found.rows]
    assert anomalies[:3] == [0, 0, A.LENGTH_IMPOSSIBLE]
    assert found.rows[2]["complete"] == 0
    assert found.payloads[3:] == [one.payload for one in good[2:]]
    assert found.lost == 1
    assert found.sightings.counts == {Anomaly.RESYNC: 1}


def test_bytes_that_never_fit_are_given_up_bit_by_bit() -> None:
    limits = replace(DEFAULT, undecided=2000)
    reader = FrameReader(Side.SERVER, 0, limits, Sightings(5), FrameColumns(), deflate=False, in_step=False)
    noise = random.Random(3).randbytes(500)  # noqa: S311 - the same bytes each time are wanted
    for number in range(40):
        assert not list(reader.feed(one_piece(noise, 500 * number, number)))
    assert reader._lost is not None
    assert sum(len(piece.bytes) for piece in reader._lost if isinstance(piece, Data)) <= limits.undecided
