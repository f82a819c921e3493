"""Frames of one direction to messages (RFC 6455 section 5.4): joins fragments, inflates; control frames never join fragments.

In: FrameBatch. Out: MessageBatch and the number of the message of each frame. Whole unfragmented messages, nearly all there are,
take a
path without Python work per message; fragments, parts and compressed messages are put together one by one.
"""

from collections.abc import Iterator
from dataclasses import field

import numpy as np

from analyzer.model.anomalies import Anomaly, FrameAnomaly, Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.schema import Opcode
from analyzer.model.streams import Bytes, Columns
from analyzer.wire.deflate import InflateError, Inflater
from analyzer.wire.frames import ROOM
from analyzer.wire.websocket import RSV1, FrameBatch

NAMES = (
    *("number", "opcode", "frames", "wire", "size", "first_time", "last_time", "first_packet", "last_packet"),
    *("complete", "at", "part", "lost", "begins", "ends", "readable"),
)
"""Columns of a MessageBatch."""
FLAGS = frozenset({"opcode", "complete", "begins", "ends", "readable"})
"""Those of one byte; the others are int64."""
TAKEN = (
    *("opcode", "fin", "rsv", "size", "lost", "begins", "ends", "cut", "complete"),
    *("first_time", "last_time", "first_packet", "last_packet"),
)
"""Columns of a FrameBatch that the general path reads."""
TAKEN_OVER = (
    *("opcode", "size", "lost", "begins", "ends", "complete"),
    *("first_time", "last_time", "first_packet", "last_packet"),
)
"""Columns that a whole frame and its message have in common."""
LONGEST_CONTROL = 125
"""Bytes of a control frame (section 5.5). A longer one is kept as far as its first part goes."""
SINGLE = np.ones(ROOM, np.int32)
"""How many frames most messages have: shared, hence read-only."""
SINGLE.flags.writeable = False


@dataclass(slots=True)
class _Open:
    """A message whose last frame has not come yet. `content` is what was not given out yet."""

    number: int
    opcode: int
    compressed: bool
    first_time: int
    first_packet: int
    last_time: int
    last_packet: int
    frames: int = 0
    wire: int = 0
    lost: int = 0
    complete: bool = True
    begins: bool = True
    content: bytearray = field(default_factory=bytearray)


class MessageReader:
    """State of one direction. `inflater` where permessage-deflate was negotiated (RFC 7692)."""

    def __init__(self, limits: Limits, sightings: Sightings, inflater: Inflater | None) -> None:
        self._limits = limits
        self._sightings = sightings
        self._inflater = inflater
        self._count = 0
        self._open: _Open | None = None
        self._between: _Open | None = None
        """A control frame, which may come in the middle of a message."""
        self._faults = 0
        self._torn = False  # frames were lost, so that a continuation without its start is no fault

    def feed(self, batch: FrameBatch) -> Iterator[MessageBatch]:
        """Messages that the frames complete. When all are taken, the frames have a column `message`: the number of the message of
        each, 0 for none.
        """
        if batch.simple and self._open is None:
            yield self._simple(batch.columns, batch.content)
        else:
            batch.columns["anomalies"] = batch.columns["anomalies"].copy()  # it may be shared, and gets what only messages show
            yield from self._general(batch.columns, batch.content)

    def _simple(self, frames: Columns, content: Bytes) -> MessageBatch:
        """Every frame is a message."""
        size = frames["size"]
        rows = len(size)
        frames["message"] = np.arange(self._count + 1, self._count + rows + 1)
        self._count += rows
        self._torn = False
        columns: Columns = {
            **{name: frames[name] for name in TAKEN_OVER},
            "number": frames["message"],
            "frames": SINGLE[:rows],
            "wire": size,
            "part": size,
            "at": np.cumsum(size) - size,
            "readable": frames["ends"],
        }
        return MessageBatch(columns, content, whole=True)

    def lose(self) -> Iterator[MessageBatch]:
        """Frames are missing: an open message stays without its end, and what is compressed may refer to what is gone."""
        self._torn = True
        out = _Rows()
        self._abandon(out)
        if len(out):
            yield out.batch()
        if self._inflater is not None:
            self._inflater.lose("an earlier message is missing from the capture")

    def _general(self, frames: Columns, content: Bytes) -> Iterator[MessageBatch]:
        """Frame by frame. What inflates to a lot is given out at once, since a batch may hold hundreds of such messages."""
        out = _Rows()
        numbers = frames["message"] = np.zeros(len(frames["offset"]), np.int64)
        at = 0
        for row, values in enumerate(zip(*(frames[name].tolist() for name in TAKEN), strict=True)):
            opcode, fin, rsv, size, lost, begins, ends, cut, complete, *places = values
            part = content[at : at + size].tobytes()
            at += size
            if opcode >= Opcode.CLOSE:
                self._control(opcode, part, lost, places, begins=bool(begins))
                if ends and not cut:
                    numbers[row] = self._control_ends(out, bool(complete), places)
                continue
            message = self._message_of(out, frames, row, opcode, bool(begins), bool(rsv & RSV1), places)
            if message is None:
                continue
            if out.size > self._limits.inflated_message:
                yield out.batch()
                out = _Rows()
            numbers[row] = message.number
            message.frames += begins
            message.complete &= bool(complete)
            message.last_time, message.last_packet = max(message.last_time, places[1]), max(message.last_packet, places[3])
            if cut:
                self._abandon(out)
                continue
            self._add(out, message, part, lost)
            if ends and fin:
                self._finish(out, message)
                self._open = None
            else:
                self._shorten(out, message)
        if len(out):
            yield out.batch()

    def _add(self, out: "_Rows", message: _Open, part: bytes, lost: int) -> None:
        """Content of a data frame, behind `lost` bytes that are missing."""
        if lost and message.content and not message.compressed:  # so that the hole stands where it was
            self._part(out, message)
        message.wire += len(part) + lost
        message.lost += lost
        message.content += part

    def _shorten(self, out: "_Rows", message: _Open) -> None:
        """Keep no more than the limits of a message that goes on."""
        if message.compressed and len(message.content) > self._limits.compressed_message:
            message.content, message.complete = bytearray(), False
        elif not message.compressed and len(message.content) > self._limits.whole:
            self._part(out, message)

    def _part(self, out: "_Rows", message: _Open) -> None:
        """Give out what is there of a message that goes on."""
        out.add(message, bytes(message.content), ends=False, readable=True)
        message.content, message.lost, message.begins = bytearray(), 0, False

    def _abandon(self, out: "_Rows") -> None:
        """The end of the open message will not come. It counts where parts of it were given out already."""
        if self._open is not None and not self._open.begins:
            self._open.complete = False
            out.add(self._open, bytes(self._open.content), ends=True, readable=True)
        self._open = None

    def _control(self, opcode: int, part: bytes, lost: int, places: list[int], *, begins: bool) -> None:
        """A control frame, or part of one of which bytes are missing; its content is kept up to the first hole."""
        if begins or self._between is None:
            self._between = _Open(0, opcode, False, places[0], places[2], places[1], places[3], 1)
        message = self._between
        message.lost += lost
        message.wire += lost + len(part)
        if not message.lost and (begins or len(message.content) < LONGEST_CONTROL):
            message.content += part

    def _control_ends(self, out: "_Rows", complete: bool, places: list[int]) -> int:
        message, self._between = self._between, None
        assert message is not None
        self._count += 1
        message.number, message.complete = self._count, complete
        message.last_time, message.last_packet = places[1], places[3]
        out.add(message, bytes(message.content), ends=True, readable=True)
        return self._count

    def _message_of(
        self, out: "_Rows", frames: Columns, row: int, opcode: int, begins: bool, compressed: bool, places: list[int]
    ) -> _Open | None:
        """The message that a data frame, or part of one, belongs to; None when its start is not there."""
        if not begins:
            frames["anomalies"][row] |= self._faults
            return self._open
        self._faults = 0  # kept for the parts of a long frame, of which only the last one stands for it
        if opcode == Opcode.CONTINUATION:
            if self._open is None and not self._torn:
                self._faults = int(FrameAnomaly.STRAY_CONTINUATION)
                frames["anomalies"][row] |= self._faults
            return self._open
        if self._open is not None:
            self._faults = int(FrameAnomaly.MESSAGE_INTERRUPTED)
            frames["anomalies"][row] |= self._faults
            self._abandon(out)
        self._torn = False
        self._count += 1
        compressed = compressed and self._inflater is not None
        self._open = _Open(self._count, opcode, compressed, places[0], places[2], places[1], places[3])
        return self._open

    def _finish(self, out: "_Rows", message: _Open) -> None:
        """The last frame is there: inflate what is compressed, give it out."""
        content, readable = bytes(message.content), True
        if message.compressed and self._inflater is not None:
            try:
                if not message.complete:
                    self._inflater.lose("an earlier message is missing from the capture")
                    raise InflateError("bytes of it are missing from the capture")  # noqa: TRY301 - one way out for all that cannot be read
                content = self._inflater.inflate(content)
            except InflateError as error:
                content, readable = b"", False
                if message.complete:
                    kind = Anomaly.INFLATE_LIMIT if error.limit else Anomaly.INFLATE_FAILED
                    self._sightings.record(kind, message.first_packet, message.first_time, str(error))
        out.add(message, content, ends=True, readable=readable)


class _Rows:
    """Rows of a MessageBatch, one by one."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, ...]] = []
        self._content: list[bytes] = []
        self.size = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, message: _Open, content: bytes, *, ends: bool, readable: bool) -> None:
        """One row: the message, or the part of it that `content` is."""
        size = len(content) if message.compressed else message.wire
        places = (message.first_time, message.last_time, message.first_packet, message.last_packet)
        head = (message.number, message.opcode, message.frames, message.wire, size, *places, message.complete)
        self._rows.append((*head, self.size, len(content), message.lost, message.begins, ends, readable))
        self._content.append(content)
        self.size += len(content)

    def batch(self) -> MessageBatch:
        """All rows."""
        table = np.array(self._rows, np.int64).reshape(-1, len(NAMES))
        content = np.frombuffer(b"".join(self._content), np.uint8)
        columns = {name: table[:, i].astype(np.uint8 if name in FLAGS else np.int64) for i, name in enumerate(NAMES)}
        return MessageBatch(columns, content, whole=False)
