"""Frames of one direction to messages (RFC 6455 section 5.4): unmasks, joins fragments, inflates; control frames never join
fragments.

In: FrameBatch. Out: MessageBatch and the number of the message of each frame. Whole unfragmented messages, nearly all there are,
take a
path without Python work per message; fragments, parts and compressed messages are put together one by one.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analyzer.model.anomalies import Anomaly, FrameAnomaly, Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.limits import Limits
from analyzer.model.schema import Opcode
from analyzer.model.streams import Bytes, Columns
from analyzer.wire import bulk
from analyzer.wire.deflate import InflateError, Inflater
from analyzer.wire.websocket import RSV1, FrameBatch

NAMES = (
    *("number", "opcode", "frames", "wire", "size", "first_time", "last_time", "first_packet", "last_packet"),
    *("complete", "at", "part", "lost", "begins", "ends", "readable"),
)
"""Columns of a MessageBatch."""
TAKEN = (
    *("opcode", "fin", "rsv", "size", "lost", "begins", "ends", "cut", "complete"),
    *("first_time", "last_time", "first_packet", "last_packet"),
)
"""Columns of a FrameBatch that the general path reads."""


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
    held: int = 0
    lost: int = 0
    complete: bool = True
    begins: bool = True
    content: list[bytes] = field(default_factory=list)


class MessageReader:
    """State of one direction. `inflater` where permessage-deflate was negotiated (RFC 7692)."""

    def __init__(self, limits: Limits, sightings: Sightings, inflater: Inflater | None) -> None:
        self._limits = limits
        self._sightings = sightings
        self._inflater = inflater
        self._count = 0
        self._open: _Open | None = None
        self._torn = False  # frames were lost, so that a continuation without its start is no fault

    def feed(self, batch: FrameBatch) -> tuple[MessageBatch, npt.NDArray[np.int64]]:
        """Messages that the frames complete, and per row of the batch the number of its message (0 for none)."""
        frames = batch.columns
        # In place: payloads move forward over their headers, and nobody reads the frames again. Fresh memory would cost more.
        content = batch.data
        if frames["masked"].any():
            content = content[: bulk.unmask(content, frames["at"], frames["size"], frames["key"], content)]
        else:
            content = content[: bulk.gather(content, frames["at"], frames["size"], content)]
        simple = (
            self._open is None
            and bool(np.all(frames["fin"] & frames["begins"] & frames["ends"]))
            and bool(np.all(frames["opcode"] != Opcode.CONTINUATION))
            and not frames["lost"].any()
            and (self._inflater is None or not (frames["rsv"] & RSV1).any())
        )
        return self._simple(frames, content) if simple else self._general(frames, content)

    def _simple(self, frames: Columns, content: Bytes) -> tuple[MessageBatch, npt.NDArray[np.int64]]:
        """Every frame is a message."""
        rows = len(frames["offset"])
        numbers = np.arange(self._count + 1, self._count + rows + 1)
        self._count += rows
        self._torn = False
        ones = np.ones(rows, np.uint8)
        size = frames["size"]
        columns: Columns = {
            "number": numbers,
            "frames": np.ones(rows, np.int32),
            "wire": size,
            "size": size,
            "part": size,
            "at": np.cumsum(size) - size,
            "lost": frames["lost"],
            "begins": ones,
            "ends": ones,
            "readable": ones,
        }
        columns |= {name: frames[name] for name in ("opcode", "first_time", "last_time", "first_packet", "last_packet", "complete")}
        return MessageBatch(columns, content), numbers

    def lose(self) -> None:
        """Frames are missing: an open message stays incomplete and what is compressed may refer to what is gone."""
        self._torn = True
        if self._open is not None:
            self._open.complete = False
            self._open = None
        if self._inflater is not None:
            self._inflater.lose("an earlier message is missing from the capture")

    def _general(self, frames: Columns, content: Bytes) -> tuple[MessageBatch, npt.NDArray[np.int64]]:
        """Frame by frame."""
        out = _Rows()
        numbers = np.zeros(len(frames["offset"]), np.int64)
        at = 0
        for row, values in enumerate(zip(*(frames[name].tolist() for name in TAKEN), strict=True)):
            opcode, fin, rsv, size, lost, begins, ends, cut, complete, *places = values
            part = content[at : at + size].tobytes()
            at += size
            if opcode >= Opcode.CLOSE:
                if ends and not cut:
                    numbers[row] = self._control(out, opcode, part, bool(complete and begins), places)
                continue
            message = self._message_of(frames, row, opcode, bool(begins), bool(rsv & RSV1), places)
            if message is None:
                continue
            numbers[row] = message.number
            if lost and message.content and not message.compressed:  # so that the hole stands where it was
                self._part(out, message)
            message.frames += begins
            message.wire += size + lost
            message.lost += lost
            message.complete &= bool(complete)
            message.last_time, message.last_packet = max(message.last_time, places[1]), max(message.last_packet, places[3])
            message.content.append(part)
            message.held += size
            if cut:
                self._open = None
            elif ends and fin:
                self._finish(out, message)
                self._open = None
            elif message.compressed and message.held > self._limits.compressed_message:
                message.content, message.held, message.complete = [], 0, False
            elif not message.compressed and message.held > self._limits.whole:
                self._part(out, message)
        return out.batch(), numbers

    def _part(self, out: "_Rows", message: _Open) -> None:
        """Give out what is there of a message that goes on."""
        out.add(message, b"".join(message.content), ends=False, readable=True)
        message.content, message.held, message.lost, message.begins = [], 0, 0, False

    def _control(self, out: "_Rows", opcode: int, part: bytes, complete: bool, places: list[int]) -> int:
        self._count += 1
        message = _Open(self._count, opcode, False, places[0], places[2], places[1], places[3], 1, len(part), complete=complete)
        out.add(message, part, ends=True, readable=True)
        return self._count

    def _message_of(
        self, frames: Columns, row: int, opcode: int, begins: bool, compressed: bool, places: list[int]
    ) -> _Open | None:
        """The message that a data frame, or part of one, belongs to; None when its start is not there."""
        if opcode == Opcode.CONTINUATION or not begins:
            if self._open is None and begins and not self._torn:
                frames["anomalies"][row] |= FrameAnomaly.STRAY_CONTINUATION
            return self._open
        if self._open is not None:
            frames["anomalies"][row] |= FrameAnomaly.MESSAGE_INTERRUPTED
        self._torn = False
        self._count += 1
        compressed = compressed and self._inflater is not None
        self._open = _Open(self._count, opcode, compressed, places[0], places[2], places[1], places[3])
        return self._open

    def _finish(self, out: "_Rows", message: _Open) -> None:
        """The last frame is there: inflate what is compressed, give it out."""
        content, readable = b"".join(message.content), True
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
        self._at = 0

    def add(self, message: _Open, content: bytes, *, ends: bool, readable: bool) -> None:
        """One row: the message, or the part of it that `content` is."""
        size = len(content) if message.compressed else message.wire
        places = (message.first_time, message.last_time, message.first_packet, message.last_packet)
        head = (message.number, message.opcode, message.frames, message.wire, size, *places, message.complete)
        self._rows.append((*head, self._at, len(content), message.lost, message.begins, ends, readable))
        self._content.append(content)
        self._at += len(content)

    def batch(self) -> MessageBatch:
        """All rows."""
        table = np.array(self._rows, np.int64).reshape(-1, len(NAMES))
        content = np.frombuffer(b"".join(self._content), np.uint8)
        return MessageBatch({name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(NAMES)}, content)
