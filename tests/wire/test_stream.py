"""One direction told to a sink: what is missing, since when frames are not known, and many small batches as one."""

import random
from typing import Any

import numpy as np
import pytest

from analyzer.model.anomalies import Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.limits import DEFAULT
from analyzer.model.places import Hole, Moment, Span
from analyzer.model.schema import Opcode, Side
from analyzer.model.streams import Columns, Data, End, Gap, Origins, Piece
from analyzer.wire.frames import FrameColumns
from analyzer.wire.messages import MessageReader
from analyzer.wire.stream import Stream
from analyzer.wire.websocket import FrameReader

HEADER = 4
LAST = Moment(99, 99_000)


class Sink:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.bytes = 0
        self.holes: list[Hole] = []
        self.spans: list[Span] = []
        self.offsets: list[list[int]] = []
        self.closes: list[tuple[bytes, bool]] = []

    def covered(self, _: Side, count: int) -> None:
        """Count."""
        self.bytes += count

    def hole(self, _: Side, hole: Hole) -> None:
        """Note it."""
        self.holes.append(hole)

    def blind(self, _: Side, span: Span) -> None:
        """Note it."""
        self.spans.append(span)

    def frames(self, _: Side, columns: Columns) -> None:
        """Note where they start, batch by batch."""
        self.offsets.append(columns["offset"].tolist())

    def messages(self, _: Side, batch: MessageBatch) -> None:
        """Note close frames."""
        columns = batch.columns
        for row in np.flatnonzero(columns["opcode"] == Opcode.CLOSE).tolist():
            self.closes.append((batch.part(row), bool(columns["complete"][row])))


def frame(number: int, size: int = 300) -> bytes:
    return b"\x82\x7e" + size.to_bytes(2, "big") + random.Random(number).randbytes(size)  # noqa: S311 - the same bytes each time are wanted


def packet(data: bytes, start: int, number: int) -> Data:
    place = (np.array([one], np.int64) for one in (start, number, number * 1000))
    return Data(start, np.frombuffer(data, np.uint8), Origins(*place))


def gap(start: int, length: int, number: int) -> Gap:
    return Gap(start, length, number, number * 1000)


def tell(pieces: list[Piece]) -> Sink:
    sink: Any = Sink()
    frames = FrameReader(Side.SERVER, 0, DEFAULT, Sightings(5), FrameColumns(), deflate=False)
    stream = Stream(Side.SERVER, sink, frames, MessageReader(DEFAULT, Sightings(5), None))
    stream.feed(pieces, LAST)
    stream.feed([End(pieces[-1].end if isinstance(pieces[-1], Gap | Data) else 0)], LAST)
    return sink  # type: ignore[no-any-return]


def moment(number: int) -> Moment:
    return Moment(number, number * 1000)


def test_a_hole_inside_a_frame_hides_no_other() -> None:
    sent = [frame(number) for number in range(3)]
    size = len(sent[0])
    pieces: list[Piece] = [
        packet(sent[0][:50], 0, 1),
        gap(50, size - 50, 1),
        packet(sent[1], size, 2),
        packet(sent[2], 2 * size, 3),
    ]
    sink = tell(pieces)
    assert sink.spans == []
    assert sink.holes == [Hole(50, size - 50, moment(1), moment(2))]
    assert sink.bytes == 2 * size + 50
    assert [at for offsets in sink.offsets for at in offsets] == [0, size, 2 * size]


def test_where_a_header_is_lost_nothing_is_known_until_the_next_sure_frame() -> None:
    sent = [frame(number) for number in range(12)]
    size = len(sent[0])
    pieces: list[Piece] = [packet(sent[0], 0, 1), gap(size, 50, 1), packet(sent[1][50:], size + 50, 2)]
    pieces += [packet(one, number * size, number + 1) for number, one in enumerate(sent) if number > 1]
    sink = tell(pieces)
    assert sink.spans == [Span(moment(1), moment(3))]
    assert [at for offsets in sink.offsets for at in offsets] == [0, *range(2 * size, 12 * size, size)]


def test_a_header_that_is_never_found_again_hides_all_that_follows() -> None:
    sent = frame(0)
    sink = tell([packet(sent, 0, 1), gap(len(sent), 50, 1), packet(random.Random(1).randbytes(500), len(sent) + 50, 2)])  # noqa: S311 - as above
    assert sink.spans == [Span(moment(1), LAST)]


def test_what_many_holes_cut_is_told_at_once() -> None:
    sent = [frame(number) for number in range(30)]
    size = len(sent[0])
    pieces: list[Piece] = []
    for number, one in enumerate(sent):
        pieces += [packet(one[:30], number * size, number + 1), gap(number * size + 30, size - 30, number + 1)]
    sink = tell(pieces)
    assert sink.offsets == [list(range(0, 30 * size, size))]
    assert len(sink.holes) == 30


@pytest.mark.parametrize("kept", range(2, 20))
def test_a_close_frame_of_which_bytes_are_missing_is_one(kept: int) -> None:
    close = b"\x88\x0c\x03\xf3net-000001"
    pieces: list[Piece] = [packet(close[:kept], 0, 1)]
    if kept < len(close):
        pieces.append(gap(kept, len(close) - kept, 1))
    sink = tell(pieces)
    assert sink.closes == [(close[2:kept], kept >= len(close))]
