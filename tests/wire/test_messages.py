"""Messages from frames in any pieces: fragments, pings between them, long ones in parts, compressed ones, holes."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.anomalies import Anomaly, FrameAnomaly, Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.limits import DEFAULT, KIB, Limits
from analyzer.model.schema import Side
from analyzer.model.streams import Data, End, Gap, Origins, Piece
from analyzer.wire.deflate import TAIL, Inflater
from analyzer.wire.frames import FrameColumns
from analyzer.wire.messages import MessageReader
from analyzer.wire.websocket import FrameBatch, FrameReader

KEY = 0x11223344
SMALL = replace(DEFAULT, whole=50)


def frame(opcode: int, payload: bytes = b"", *, fin: int = 1, rsv: int = 0) -> bytes:
    """A masked frame of up to 65535 bytes."""
    size = len(payload)
    head = bytes([fin << 7 | rsv << 4 | opcode, 128 | min(size, 126) if size < 126 else 254])
    head += size.to_bytes(2, "big") if size > 125 else b""
    key = KEY.to_bytes(4, "big")
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def piece(data: bytes, start: int) -> Data:
    """One packet, numbered by its offset so that places can be foretold."""
    place = (np.array([value], np.int64) for value in (start, start + 1, (start + 1) * 10))
    return Data(start, np.frombuffer(bytearray(data), np.uint8), Origins(*place))


def cut(data: bytes, cuts: Iterable[int]) -> list[Data]:
    edges = [0, *sorted({at for at in cuts if 0 < at < len(data)}), len(data)]
    return [piece(data[low:high], low) for low, high in pairwise(edges)]


class Message(NamedTuple):
    """A message put together again from its rows."""

    opcode: int
    content: bytes
    frames: int = 1
    complete: int = 1
    readable: int = 1


class Heard(NamedTuple):
    """What came out: whole messages, the numbers that frames have, their anomalies, the batches, the sightings."""

    messages: list[Message]
    numbers: list[int]
    anomalies: list[int]
    batches: list[MessageBatch]
    sightings: Sightings


def hear(pieces: Iterable[Piece], limits: Limits = DEFAULT, *, inflater: Inflater | None = None) -> Heard:
    sightings = Sightings(10)
    frames = FrameReader(Side.CLIENT, 0, limits, sightings, FrameColumns(), deflate=inflater is not None)
    reader = MessageReader(limits, sightings, inflater)
    heard = Heard([], [], [], [], sightings)
    content = b""
    for one in pieces:
        for found in frames.feed(one):
            if not isinstance(found, FrameBatch):
                heard.batches.extend(reader.lose())
                continue
            heard.batches.extend(replace(batch, content=batch.content.copy()) for batch in reader.feed(found))
            ended = found.columns["ends"] == 1
            heard.numbers.extend(found.columns["message"][ended].tolist())
            heard.anomalies.extend(found.columns["anomalies"][ended].tolist())
    for batch in heard.batches:
        assert len(batch)
        for row in range(len(batch)):
            values = {name: int(column[row]) for name, column in batch.columns.items()}
            content = b"" if values["begins"] else content
            content += b"-" * values["lost"] + batch.part(row)
            if values["ends"]:
                opcode, count = values["opcode"], values["frames"]
                heard.messages.append(Message(opcode, content, count, values["complete"], values["readable"]))
    return heard


TALK = [
    (frame(1, b"hello"), Message(1, b"hello")),
    (frame(2), Message(2, b"")),
    (frame(2, b"a" * 300), Message(2, b"a" * 300)),
    (frame(2, b"one ", fin=0) + frame(0, b"two ", fin=0) + frame(0, b"three"), Message(2, b"one two three", 3)),
    (frame(9, b"ping"), Message(9, b"ping")),
    (frame(1, fin=0) + frame(0, fin=0) + frame(0), Message(1, b"", 3)),
    (frame(8, b"\x03\xe8"), Message(8, b"\x03\xe8")),
]


@pytest.mark.parametrize("limits", [DEFAULT, SMALL], ids=["usual", "parts"])
@pytest.mark.parametrize("way", ["whole", "bytes", "tail", "thirds"])
def test_one_table_every_way(way: str, limits: Limits) -> None:
    data = b"".join(sent for sent, _ in TALK)
    cuts = {"whole": (), "bytes": range(len(data)), "tail": (len(data) - 2,), "thirds": range(0, len(data), 3)}[way]
    heard = hear([*cut(data, cuts), End(len(data))], limits)
    assert heard.messages == [message for _, message in TALK]
    assert heard.numbers == [1, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7]
    assert not any(heard.anomalies)


def test_a_ping_between_fragments_is_a_message_of_its_own() -> None:
    data = frame(2, b"be", fin=0) + frame(9, b"!") + frame(0, b"fore") + frame(10)
    heard = hear(cut(data, ()))
    assert heard.messages == [Message(9, b"!"), Message(2, b"before", 2), Message(10, b"")]
    assert heard.numbers == [1, 2, 1, 3]


def test_fragments_out_of_order_are_told() -> None:
    data = frame(0, b"stray") + frame(2, b"open", fin=0) + frame(1, b"new") + frame(0, b"stray again") + frame(2, b"fine")
    for cuts in ((), range(len(data))):
        heard = hear(cut(data, cuts), SMALL)
        assert heard.messages == [Message(1, b"new"), Message(2, b"fine")]
        assert heard.numbers == [0, 1, 2, 0, 3]
        stray = FrameAnomaly.STRAY_CONTINUATION
        assert heard.anomalies == [stray, 0, FrameAnomaly.MESSAGE_INTERRUPTED, stray, 0]


def test_what_is_wrong_with_a_long_frame_is_told_on_its_last_part() -> None:
    data = frame(0, b"s" * 200) + frame(2, b"open", fin=0) + frame(2, b"n" * 200)
    heard = hear(cut(data, range(0, len(data), 20)), SMALL)
    assert heard.anomalies == [FrameAnomaly.STRAY_CONTINUATION, 0, FrameAnomaly.MESSAGE_INTERRUPTED]


def test_a_long_message_goes_out_in_parts_without_waiting() -> None:
    data = frame(2, b"a" * 40, fin=0) + frame(0, b"b" * 40, fin=0) + frame(0, b"c" * 40, fin=0)
    heard = hear(cut(data, ()), SMALL)
    assert heard.messages == []
    (batch,) = heard.batches
    assert batch.part(0) == b"a" * 40 + b"b" * 40
    assert [int(batch.columns[name][0]) for name in ("begins", "ends", "frames", "size")] == [1, 0, 2, 80]


def test_empty_fragments_without_end_cost_nothing() -> None:
    reader = MessageReader(DEFAULT, Sightings(1), None)
    frames = FrameReader(Side.CLIENT, 0, DEFAULT, Sightings(1), FrameColumns(), deflate=False)
    for found in frames.feed(piece(frame(2, fin=0) + frame(0, fin=0) * 10_000, 0)):
        assert isinstance(found, FrameBatch)
        assert list(reader.feed(found)) == []
    assert reader._open is not None
    assert len(reader._open.content) == 0


def squeezed(texts: Sequence[bytes], *, fresh: bool = False) -> Iterator[bytes]:
    """Payloads as permessage-deflate sends them (RFC 7692 section 7.2.1)."""
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    for text in texts:
        yield (encoder.compress(text) + encoder.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)
        encoder = zlib.compressobj(9, zlib.DEFLATED, -15) if fresh else encoder


TEXTS = [b"the same words " * 20, b"the same words " * 30, b"", b"others"]


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_compressed_messages(step: int, *, fresh: bool) -> None:
    sent = list(squeezed(TEXTS, fresh=fresh))
    whole = [frame(1, part, rsv=4) for part in sent]
    halves = [frame(1, part[:3], fin=0, rsv=4) + frame(9, b"?") + frame(0, part[3:]) for part in sent]
    for data, count in ((b"".join(whole), 1), (b"".join(halves), 2)):
        inflater = Inflater(DEFAULT.inflated_message, takeover=not fresh)
        heard = hear(cut(data, range(0, len(data), step)), SMALL, inflater=inflater)
        assert [one for one in heard.messages if one.opcode == 1] == [Message(1, text, count) for text in TEXTS]
    plain = frame(1, b"not squeezed")
    assert hear(cut(plain, ()), inflater=Inflater(10**6, takeover=True)).messages == [Message(1, b"not squeezed")]


def test_a_lost_message_spoils_those_that_refer_to_it() -> None:
    plain = b'{"a":1}'
    for fresh in (False, True):
        sent = [frame(1, part, rsv=4) for part in squeezed([*TEXTS, TEXTS[0]], fresh=fresh)]
        begin = len(sent[0])
        hole = len(sent[1])
        rest = frame(1, plain) + b"".join(sent[2:]) + frame(1, plain)
        pieces = [piece(sent[0], 0), Gap(begin, hole, 1, 0), piece(rest, begin + hole)]
        heard = hear(pieces, inflater=Inflater(10**6, takeover=not fresh))
        behind = [*TEXTS[2:], TEXTS[0]] if fresh else [b""]  # "others" refers to "the"
        assert [one.content for one in heard.messages if one.readable] == [TEXTS[0], plain, *behind, plain]
        assert len(heard.messages) == len(TEXTS) + 2
        assert heard.sightings.counts.get(Anomaly.INFLATE_FAILED, 0) == (0 if fresh else 2)


def test_a_hole_in_a_compressed_message_makes_it_unreadable_and_no_fault() -> None:
    first, second = (frame(1, part, rsv=4) for part in squeezed(TEXTS[:2], fresh=True))
    pieces = [piece(first[:12], 0), Gap(12, 2, 1, 0), piece(first[14:] + second, 14)]
    heard = hear(pieces, inflater=Inflater(10**6, takeover=False))
    assert heard.messages == [Message(1, b"--", 1, 0, 0)._replace(content=heard.messages[0].content), Message(1, TEXTS[1])]
    assert heard.sightings.counts == {}


def test_what_inflates_beyond_the_limit_is_told_and_let_go() -> None:
    limits = replace(DEFAULT, inflated_message=1000)
    sent = [frame(2, part, rsv=4) for part in squeezed([bytes(1000), bytes(1001), b"x"], fresh=True)]
    heard = hear([piece(b"".join(sent), 0)], limits, inflater=Inflater(limits.inflated_message, takeover=False))
    assert [(one.readable, len(one.content)) for one in heard.messages] == [(1, 1000), (0, 0), (1, 1)]
    assert heard.sightings.counts == {Anomaly.INFLATE_LIMIT: 1}


def test_a_batch_of_bombs_is_given_out_one_by_one() -> None:
    size = 64 * KIB
    limits = replace(DEFAULT, inflated_message=size)
    data = b"".join(frame(2, part, rsv=4) for part in squeezed([bytes(size)] * 50, fresh=True))
    heard = hear([piece(data, 0)], limits, inflater=Inflater(size, takeover=False))
    assert [len(one.content) for one in heard.messages] == [size] * 50
    assert max(len(batch.content) for batch in heard.batches) <= 2 * size


def test_a_compressed_message_that_does_not_end_is_let_go() -> None:
    limits = replace(DEFAULT, compressed_message=1000)
    data = frame(2, b"x" * 400, fin=0, rsv=4) + frame(0, b"y" * 400, fin=0) * 5 + frame(0, b"z") + frame(1, b"next")
    heard = hear([piece(data, 0)], limits, inflater=Inflater(10**6, takeover=False))
    assert [(one.opcode, one.readable) for one in heard.messages] == [(2, 0), (1, 1)]


def test_a_hole_in_a_message_stands_where_it_was() -> None:
    data = frame(2, b"a" * 20) + frame(1, b"next")
    pieces = [piece(data[:10], 0), Gap(10, 6, 1, 0), piece(data[16:], 16)]
    assert hear(pieces).messages == [Message(2, b"aaaa------aaaaaaaaaa", 1, 0), Message(1, b"next")]
    assert hear([piece(data[:10], 0), Gap(10, 16, 1, 0), piece(data[26:], 26)]).messages == [
        Message(2, b"aaaa" + b"-" * 16, 1, 0),
        Message(1, b"next"),
    ]


def test_frames_lost_between_fragments_end_the_message() -> None:
    """It is no fault of the sender, and counts as a message only where part of it was given out."""
    fragments = frame(2, b"a" * 30, fin=0), frame(0, b"b" * 30, fin=0), frame(0, b"c" * 30)
    rest = frame(1, b'{"type":"KeepAlive"}') * 3
    keepalive = Message(1, b'{"type":"KeepAlive"}')
    hole = len(fragments[1])
    for limits, told in ((DEFAULT, []), (replace(DEFAULT, whole=20), [Message(2, b"a" * 30, 1, 0)])):
        begin = len(fragments[0])
        pieces = [piece(fragments[0], 0), Gap(begin, hole, 1, 0), piece(fragments[2] + rest, begin + hole)]
        heard = hear(pieces, limits)
        assert heard.messages == [*told, *[keepalive] * 3]
        assert not any(heard.anomalies)


def test_a_message_that_the_end_cuts_counts_only_where_part_of_it_was_given_out() -> None:
    data = frame(2, b"a" * 30, fin=0) + frame(0, b"b" * 30)
    for limits, told in ((DEFAULT, []), (replace(DEFAULT, whole=20), [Message(2, b"a" * 30 + b"b" * 14, 2, 0)])):
        messages = hear([*cut(data[:-16], (40,)), End(len(data) - 16)], limits).messages
        assert [one._replace(frames=2, content=one.content[:44]) for one in messages] == told


MESSAGES = st.lists(st.tuples(st.sampled_from((1, 2, 9)), st.lists(st.binary(max_size=80), min_size=1, max_size=4)), max_size=6)


@given(script=MESSAGES, cuts=st.lists(st.integers(1, 900), max_size=10), whole=st.integers(90, 300), deflated=st.booleans())
def test_any_messages_in_any_pieces(script: list[tuple[int, list[bytes]]], cuts: list[int], whole: int, *, deflated: bool) -> None:
    data, expected = b"", []
    for opcode, parts in script:
        if opcode == 9:
            data += frame(9, parts[0])
            expected.append(Message(9, parts[0]))
            continue
        content = b"".join(parts)
        sent = [next(squeezed([content]))] if deflated else parts
        for number, part in enumerate(sent):
            rsv = 4 if deflated and not number else 0
            data += frame(0 if number else opcode, part, fin=int(number == len(sent) - 1), rsv=rsv)
        expected.append(Message(opcode, content, len(sent)))
    inflater = Inflater(10**6, takeover=False) if deflated else None
    heard = hear([*(cut(data, cuts) if data else []), End(len(data))], replace(DEFAULT, whole=whole), inflater=inflater)
    assert heard.messages == expected
