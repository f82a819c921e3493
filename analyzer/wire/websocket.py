"""WebSocket frames of one direction (RFC 6455 section 5): bytes and holes in, frames out, in step whatever comes.

A frame up to `limits.whole` bytes is given out once it is all there; a longer one goes out in parts as it flows. A hole inside a
payload is
stepped over by the length that the header states; a hole over a header loses the step, and the walk goes on at the next boundary
that is
sure. A frame whose end is not in the stream is given out with `complete` 0.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analyzer.model.anomalies import Anomaly, FrameAnomaly, Sightings
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.schema import Opcode, Side
from analyzer.model.streams import Bytes, Columns, Data, Gap, Piece, no_origins
from analyzer.wire import kernels
from analyzer.wire.frames import FrameColumns
from analyzer.wire.resync import find_anywhere

ROOM = 1 << 13
"""Frames per walk: enough that a call costs nothing, few enough to stay in the cache."""
RSV1 = 4
TWO_BYTES, EIGHT_BYTES = 126, 65536
"""Lengths from which the header needs two and eight more bytes."""
SHORTEST = np.zeros(16, np.int64)
SHORTEST[[4, 10]] = TWO_BYTES, EIGHT_BYTES
"""The shortest payload that a header of this size (without mask key) may state."""
USUAL = np.zeros(256, np.bool_)
USUAL[[0x81, 0x82, 0x88, 0x89, 0x8A]] = True
"""First bytes of whole messages without reserved bits: nearly all frames, and nothing is wrong with them but their length."""


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Frames, or parts of long ones, in stream order.

    `columns` are those of FRAMES but `message`, and per row `at` (int64, where the payload starts in `data`, still masked), `size`
    (int64, its bytes there), `lost` (int64, payload bytes missing before it), `begins` and `ends` (uint8, both 1 for a whole one).
    `key` is turned to where the part starts. `cut` is 1 on a frame that the stream's end cut off. Whoever takes the batch may
    overwrite `data`: the frames are not read again.
    """

    columns: Columns
    data: Bytes


class Lost:
    """Frames are missing from here on, an unknown number of them."""


@dataclass(slots=True)
class _Open:
    """A frame whose payload goes on: the row to repeat, and how much of it has passed."""

    row: Columns
    length: int
    passed: int
    lost: int


class FrameReader:
    """State of one direction. `start` is the stream offset of its first WebSocket byte; `in_step` whether a header starts there."""

    def __init__(
        self, side: Side, start: int, limits: Limits, sightings: Sightings, *, deflate: bool, in_step: bool = True
    ) -> None:
        self._side = side
        self._zero = start
        self._limits = limits
        self._sightings = sightings
        self._deflate = deflate
        self._in_step = in_step
        self._tail: Data | None = None
        self._open: _Open | None = None
        self._closed = False

    def feed(self, piece: Piece) -> Iterator[FrameBatch | Lost]:
        """Take the next piece of the stream."""
        if isinstance(piece, Data):
            yield from self._data(piece)
        elif isinstance(piece, Gap):
            yield from self._gap(piece.length)
        else:
            yield from self._end()

    def _data(self, piece: Data) -> Iterator[FrameBatch | Lost]:
        data = piece
        if self._tail is not None:
            tail, self._tail = self._tail, None
            joined = np.concatenate((tail.bytes, piece.bytes))
            data = Data(tail.start, joined, tail.origins.joined(piece.origins, tail.start))
        if self._open is not None:
            part, used = self._continue(self._open, data)
            yield part
            data = data.cut(data.start + used)
        while len(data.bytes):
            if not self._in_step:
                found = find_anywhere(data, self._side, rsv=self._deflate)
                if found is None:  # not yet; what is older than the limit is given up
                    self._tail = data.cut(max(data.start, data.end - self._limits.undecided))
                    return
                self._sightings.record(Anomaly.RESYNC, *data.place(found))
                self._in_step = True
                data = data.cut(found)
            batch, used, why = self._walk(data)
            if batch is not None:
                yield batch
            data = data.cut(data.start + used)
            if why == kernels.DAMAGED:
                self._in_step = False
                yield self._impossible(data)
                yield Lost()
                data = data.cut(data.start + 1)
            elif why != kernels.FULL:
                break
        self._tail = data if len(data.bytes) else None

    def _walk(self, data: Data) -> tuple[FrameBatch | None, int, int]:
        """Frames at the front of `data`; returns them, how many bytes they use, and why the walk stopped."""
        raw = FrameColumns(min(ROOM, len(data.bytes) // 2 + 1))
        stop = len(data.bytes)
        rows, used, why = kernels.walk_frames(memoryview(data.bytes), 0, stop, *raw.views)
        whole = rows
        if used > stop:  # the last frame goes on
            whole -= 1
            used = int(raw.offset[whole])
            if int(raw.header[whole]) + int(raw.length[whole]) > self._limits.whole:
                whole, used = rows, stop
        if not whole:
            return None, used, why
        columns = self._columns(raw, whole, data)
        beyond = int(columns["at"][-1]) + int(columns["length"][-1]) - stop
        if beyond > 0:
            columns["size"][-1] -= beyond
            columns["ends"][-1] = 0
            self._open = _Open({name: column[-1:].copy() for name, column in columns.items()}, int(columns["length"][-1]), 0, 0)
            self._open.passed = self._open.length - beyond
        return FrameBatch(columns, data.bytes), used, why

    def _columns(self, raw: FrameColumns, rows: int, data: Data) -> Columns:
        """FRAMES columns of whole frames (the last may go on), with their packets."""
        offset, header, length = raw.offset[:rows], raw.header[:rows], raw.length[:rows]
        first, masked = raw.first[:rows], raw.masked[:rows]
        at = offset + header
        origins = data.origins
        begin_row = origins.rows(data.start + offset)
        present = np.minimum(length, len(data.bytes) - at)  # a length may be near the end of 64 bits: never add to it
        end_row = origins.rows(data.start + at + present - 1)
        number, time = origins.number, origins.time
        if bool(np.all(number[1:] >= number[:-1])):
            lowest, highest, earliest, latest = number[begin_row], number[end_row], time[begin_row], time[end_row]
        else:  # packets out of order: the extremes over all rows that carry the frame
            bounds = np.stack((begin_row, end_row + 1), axis=1).ravel()
            lowest, earliest = (np.minimum.reduceat(np.append(c, c[-1]), bounds)[::2] for c in (number, time))
            highest, latest = (np.maximum.reduceat(np.append(c, c[-1]), bounds)[::2] for c in (number, time))
        opcode = first & 15
        columns: Columns = {
            "offset": data.start + offset - self._zero,
            "header": header,
            "length": length,
            "opcode": opcode,
            "fin": first >> 7,
            "rsv": first >> 4 & 7,
            "masked": masked,
            "key": raw.key[:rows],
            "first_packet": lowest,
            "last_packet": highest,
            "first_time": earliest,
            "last_time": latest,
            "complete": np.ones(rows, np.uint8),
            "anomalies": np.zeros(rows, np.uint16),
            "at": at,
            "size": length.copy(),
            "lost": np.zeros(rows, np.int64),
            "begins": np.ones(rows, np.uint8),
            "ends": np.ones(rows, np.uint8),
            "cut": np.zeros(rows, np.uint8),
        }
        usual = USUAL[first] & (masked == (self._side == Side.CLIENT)) & (length >= SHORTEST[header - 4 * masked])
        usual &= (opcode < Opcode.CLOSE) | (length < TWO_BYTES)
        if not usual.all():
            columns["anomalies"] = self._anomalies(columns)
        closing = np.flatnonzero(opcode == Opcode.CLOSE)
        if self._closed or len(closing):
            columns["anomalies"][0 if self._closed else int(closing[0]) + 1 :] |= np.uint16(FrameAnomaly.AFTER_CLOSE)
            self._closed = True
        return columns

    def _impossible(self, data: Data) -> FrameBatch:
        """The header at the front, whose length has the highest bit set: a frame without payload and without an end."""
        raw = FrameColumns(1)
        second = int(data.bytes[1])
        raw.offset[:], raw.header[:], raw.length[:] = 0, 10 + 4 * (second >> 7), np.iinfo(np.int64).max
        raw.first[:], raw.masked[:], raw.key[:] = data.bytes[0], second >> 7, 0
        columns = self._columns(raw, 1, data)
        columns["anomalies"] |= np.uint16(FrameAnomaly.LENGTH_IMPOSSIBLE)
        columns["at"][:] = columns["size"][:] = columns["complete"][:] = 0
        columns["cut"][:] = 1
        return FrameBatch(columns, data.bytes)

    def _anomalies(self, frames: Columns) -> npt.NDArray[np.uint16]:
        """Bits of FrameAnomaly for each frame, from its header alone."""
        opcode, fin, rsv, masked, length = (frames[name] for name in ("opcode", "fin", "rsv", "masked", "length"))
        control = opcode >= Opcode.CLOSE
        compressed = (rsv == RSV1) & self._deflate & ~control & (opcode != Opcode.CONTINUATION)
        size = np.where(length < TWO_BYTES, 2, np.where(length < EIGHT_BYTES, 4, 10)) + 4 * masked
        found = {
            FrameAnomaly.UNMASKED_CLIENT: (masked == 0) & (self._side == Side.CLIENT),
            FrameAnomaly.MASKED_SERVER: (masked == 1) & (self._side == Side.SERVER),
            FrameAnomaly.RESERVED_BITS: (rsv != 0) & ~compressed,
            FrameAnomaly.RESERVED_OPCODE: (opcode > Opcode.PONG) | ((opcode > Opcode.BINARY) & ~control),
            FrameAnomaly.OVERSIZED_CONTROL: control & (length >= TWO_BYTES),
            FrameAnomaly.FRAGMENTED_CONTROL: control & (fin == 0),
            FrameAnomaly.LENGTH_NOT_MINIMAL: frames["header"] != size,
        }
        bits = np.zeros(len(opcode), np.uint16)
        for anomaly, where in found.items():
            bits |= where.astype(np.uint16) * np.uint16(anomaly)
        return bits

    def _continue(self, frame: _Open, data: Data) -> tuple[FrameBatch, int]:
        """The next part of a long frame; returns it and how many bytes it uses."""
        size = min(frame.length - frame.passed, len(data.bytes))
        row = frame.row
        if size:
            begin, end = data.origins.rows(np.array([data.start, data.start + size - 1])).tolist()
            numbers, times = data.origins.number[begin : end + 1], data.origins.time[begin : end + 1]
            row["first_packet"] = np.minimum(row["first_packet"], numbers.min())
            row["last_packet"] = np.maximum(row["last_packet"], numbers.max())
            row["first_time"], row["last_time"] = (
                np.minimum(row["first_time"], times.min()),
                np.maximum(row["last_time"], times.max()),
            )
        part = {name: column.copy() for name, column in row.items()}
        turn = frame.passed % 4 * 8
        key = int(row["key"][0])
        part["key"][0] = (key << turn | key >> (32 - turn)) & 0xFFFFFFFF if turn else key
        part["at"][0], part["size"][0], part["lost"][0], part["begins"][0] = 0, size, frame.lost, 0
        frame.passed += size
        frame.lost = 0
        part["ends"][0] = frame.passed == frame.length
        if frame.passed == frame.length:
            self._open = None
        return FrameBatch(part, data.bytes), size

    def _gap(self, length: int) -> Iterator[FrameBatch | Lost]:
        """Step over a hole: by the frame's own length as long as it lies in a payload."""
        yield from self._open_tail()
        frame = self._open
        if frame is not None:
            take = min(length, frame.length - frame.passed)
            frame.row["complete"][0] = 0
            frame.lost += take
            frame.passed += take
            length -= take
            if frame.passed == frame.length:
                batch, _ = self._continue(frame, _nothing())
                yield batch
        if length:
            self._in_step = False
            yield Lost()

    def _open_tail(self) -> Iterator[FrameBatch]:
        """Give out what is there of a short frame that was kept to become whole; an incomplete header is dropped."""
        if self._tail is None:
            return
        tail, self._tail = self._tail, None
        raw = FrameColumns(1)
        rows, used, _ = kernels.walk_frames(memoryview(tail.bytes), 0, len(tail.bytes), *raw.views)
        if not self._in_step or not rows or used <= len(tail.bytes):
            self._in_step = False
            return
        columns = self._columns(raw, 1, tail)
        beyond = used - len(tail.bytes)
        columns["size"][0] -= beyond
        columns["ends"][0] = 0
        length = int(columns["length"][0])
        self._open = _Open({name: column.copy() for name, column in columns.items()}, length, length - beyond, 0)
        yield FrameBatch(columns, tail.bytes)

    def _end(self) -> Iterator[FrameBatch | Lost]:
        """The stream is over: a frame that goes on was cut off."""
        yield from self._open_tail()
        frame = self._open
        if frame is not None:
            frame.row["complete"][0], frame.row["cut"][0] = 0, 1
            frame.lost += frame.length - frame.passed
            frame.passed = frame.length
            batch, _ = self._continue(frame, _nothing())
            yield batch


def _nothing() -> Data:
    """A part without bytes."""
    return Data(0, np.zeros(0, np.uint8), no_origins())
