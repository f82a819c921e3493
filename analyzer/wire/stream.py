"""One direction of a WebSocket: from its bytes and holes through frames and messages to the sink of the attempt.

In: pieces in stream order. Out: calls on a `Sink`. Where many holes make many small batches of frames, they are joined first, so
that what follows is done once for all of them.
"""

from collections.abc import Iterable

import numpy as np

from analyzer.model.anomalies import Sightings
from analyzer.model.channel import Sink
from analyzer.model.limits import Limits
from analyzer.model.places import Hole, Moment, Span
from analyzer.model.schema import Side
from analyzer.model.session import Response
from analyzer.model.streams import Columns, Data, End, Gap, Piece, Run
from analyzer.wire import http1
from analyzer.wire.deflate import Inflater
from analyzer.wire.frames import FrameColumns
from analyzer.wire.messages import MessageReader
from analyzer.wire.websocket import Found, FrameBatch, FrameReader, Lost

SMALL = 1 << 16
"""Payload up to which a batch of frames is copied to be joined with others."""
JOINED = 1 << 12
"""Batches that are joined at the most."""


def open_stream(
    side: Side,
    start: int,
    sink: Sink,
    response: Response | None,
    limits: Limits,
    sightings: Sightings,
    room: FrameColumns,
    *,
    in_step: bool,
) -> "Stream":
    """The direction behind an upgrade: its first byte is stream offset `start`, its extensions are those of the `response` (None:
    not in the capture); `in_step` says whether a frame starts there.
    """
    offered = http1.extension_parameters(response.headers.get("sec-websocket-extensions") if response else None)
    deflate = offered.get("permessage-deflate")
    inflater = None
    if deflate is not None or response is None or response.partial:  # where extensions are not known, RSV1 will tell
        takeover = f"{side.word}_no_context_takeover" not in (deflate or {})
        inflater = Inflater(limits.inflated_message, takeover=takeover)
    frames = FrameReader(side, start, limits, sightings, room, deflate=inflater is not None, in_step=in_step)
    return Stream(side, sink, frames, MessageReader(limits, sightings, inflater))


class Stream:
    """State of one direction."""

    def __init__(self, side: Side, sink: Sink, frames: FrameReader, messages: MessageReader) -> None:
        self._side = side
        self._sink = sink
        self._frames = frames
        self._messages = messages
        self._hole: Gap | None = None
        """The last hole, which is told when the packet behind it is known."""
        self._blind: Moment | None = None
        """Since when it is not known where frames start."""
        self._joined: list[FrameBatch] = []

    def feed(self, pieces: Iterable[Piece], last: Moment) -> None:
        """Take the next pieces; `last` is the connection's last packet so far."""
        for piece in pieces:
            if isinstance(piece, Data | Run):
                self._sink.covered(self._side, piece.size)
                if not self._frames.in_step and self._blind is None:
                    self._blind = Moment(*piece.first)
            self._tell_hole(piece, last)
            for found in self._frames.feed(piece):
                self._take(found)
            if isinstance(piece, End):
                self._sees(last)
        self._flush()

    def _take(self, found: FrameBatch | Lost | Found) -> None:
        if isinstance(found, FrameBatch):
            if len(found.content) > SMALL or (found.simple and not self._joined):
                self._flush()
                self._give(found)
                return
            self._joined.append(FrameBatch(found.columns, found.content.copy(), found.simple))
            if len(self._joined) == JOINED:
                self._flush()
        elif isinstance(found, Found):
            self._sees(found.at)
        else:
            self._flush()
            self._blind = self._blind or found.at
            for batch in self._messages.lose():
                self._sink.messages(self._side, batch)

    def _flush(self) -> None:
        """Give out the frames that wait to be joined."""
        batches, self._joined = self._joined, []
        if len(batches) == 1:
            self._give(batches[0])
        elif batches:
            columns = {name: np.concatenate([batch.columns[name] for batch in batches]) for name in batches[0].columns}
            content = np.concatenate([batch.content for batch in batches])
            self._give(FrameBatch(columns, content, all(batch.simple for batch in batches)))

    def _give(self, found: FrameBatch) -> None:
        """Frames, and the messages that they complete."""
        for batch in self._messages.feed(found):
            self._sink.messages(self._side, batch)
        frames: Columns = found.columns
        if not found.simple and not frames["ends"].all():
            ended = frames["ends"] == 1
            frames = {name: column[ended] for name, column in frames.items()}
        self._sink.frames(self._side, frames)

    def _sees(self, at: Moment) -> None:
        """Frames are known from here on, or the time is over."""
        begin, self._blind = self._blind, None
        if begin is not None and begin != at:
            self._sink.blind(self._side, Span(begin, at))

    def _tell_hole(self, piece: Piece, last: Moment) -> None:
        gap, self._hole = self._hole, piece if isinstance(piece, Gap) else None
        if gap is not None:
            after = Moment(*piece.first) if isinstance(piece, Data | Run) else last
            self._sink.hole(self._side, Hole(gap.start, gap.length, Moment(gap.packet, gap.time), after))
