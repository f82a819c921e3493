"""WebSocket frames of one direction (RFC 6455 section 5): bytes and holes in, frames with their unmasked payload out, in step
whatever comes.

A frame up to `limits.whole` bytes is given out once it is all there; a longer one goes out in parts as it flows. A hole inside a
payload is stepped over by the length that the header states; a hole over a header, or one whose length is not exact, loses the
step, and the walk goes on at the next boundary that is sure. A frame whose end is not in the stream is given out with `complete` 0.
"""

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import field, replace

import numpy as np
import numpy.typing as npt

from analyzer.model.anomalies import Anomaly, FrameAnomaly, Sightings
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Opcode, Side
from analyzer.model.streams import Bytes, Columns, Data, End, Gap, Origins, Piece, Run
from analyzer.wire import bulk, stream_kernels
from analyzer.wire.frames import CONTENT, ROOM, FrameColumns
from analyzer.wire.intake import PIECE, contiguous
from analyzer.wire.resync import REMEMBERED, STRANGER, find_frame

RSV1 = 4
TWO_BYTES, EIGHT_BYTES = 126, 65536
"""Lengths from which the header needs two and eight more bytes."""
ODD, CLOSING, FRAGMENTED, RESERVED = 1, 2, 4, 8
"""What `stream_kernels.walk_frames` may have seen."""
GOING, LEFT, HAVE = 0, 1, 2
"""Places in its state."""
NOTHING = np.zeros(0, np.uint8)
ONES, NO, NONE_LOST, NOT_ODD = (np.full(ROOM, *what) for what in ((1, np.uint8), (0, np.uint8), (0, np.int64), (0, np.uint16)))
"""What columns mostly hold: shared, hence read-only."""
for _shared in (ONES, NO, NONE_LOST, NOT_ODD):
    _shared.flags.writeable = False


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Frames, or parts of long ones, in stream order.

    `columns` are those of FRAMES but `message`, and per row `size` (int64, the payload bytes that are there), `lost` (int64,
    payload bytes missing before them), `begins` and `ends` (uint8, both 1 for a whole one); `cut` is 1 on a frame that the
    stream's end, or a hole of a length not known, cut off. `content` holds the unmasked payload of all rows, one after the other.
    `simple`: every row is a whole frame without RSV bits that is a message of its own, as nearly always. `content` is overwritten
    by the next walk of any reader.
    """

    columns: Columns
    content: Bytes
    simple: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """Frames are missing from here on, an unknown number of them. `at` is the last packet before."""

    at: Moment


@dataclass(frozen=True, slots=True)
class Found:
    """The step was found again, with a frame that begins in this packet."""

    at: Moment


Walked = FrameBatch | Lost | Found
"""What comes of a stretch of bytes."""


@dataclass(slots=True)
class _Open:
    """A frame whose payload goes on: its row, and what of it has passed."""

    row: Columns
    seen: int
    passed: int = 0
    kept: Bytes = field(default_factory=lambda: NOTHING)
    """Payload that waits for the rest, as long as the frame is short and nothing of it is missing."""
    given: bool = False
    """Whether a part of it was given out."""
    anomalies: int = 0
    """Of that part."""
    lost: int = 0
    """Bytes missing since."""
    complete: bool = True

    @property
    def length(self) -> int:
        """Payload bytes that the header states."""
        return int(self.row["length"][0])


class FrameReader:
    """State of one direction. `start` is the stream offset of its first WebSocket byte; `in_step` whether a header starts there.
    `room` is lent to all readers of a capture in turn.
    """

    def __init__(
        self,
        side: Side,
        start: int,
        limits: Limits,
        sightings: Sightings,
        room: FrameColumns,
        *,
        deflate: bool,
        in_step: bool = True,
    ) -> None:
        self._side = side
        self._zero = start
        self._limits = limits
        self._sightings = sightings
        self._room = room
        self._deflate = deflate
        self._lost: list[Data | Gap] | None = None if in_step else []
        """Bytes and holes since the step was lost, in which no boundary was found yet; None in step."""
        self._habits = STRANGER
        """The last frames, which tell what to look for."""
        self._state = np.zeros(8, np.int64)
        self._head = np.zeros(stream_kernels.FRAME_ROOM, np.uint8)
        self._open: _Open | None = None
        self._closed = False

    @property
    def in_step(self) -> bool:
        """Whether it is known where frames start."""
        return self._lost is None

    def feed(self, piece: Piece) -> Iterator[Walked]:
        """Take the next piece of the stream."""
        waiting: deque[Piece] = deque((piece,))
        while waiting:
            if self._lost is not None:
                waiting = self._search(waiting)
                if self._lost is not None:
                    return
                first = waiting[0]
                assert isinstance(first, Data)
                yield Found(Moment(*first.first))
            piece = waiting.popleft()
            if isinstance(piece, Gap):
                yield from self._gap(piece, waiting)
            elif isinstance(piece, Data | Run):
                rest = yield from self._walk(piece.run() if isinstance(piece, Data) else piece)
                if rest is not None:
                    waiting.appendleft(rest)
            else:
                yield from self._end()

    def _walk(self, run: Run) -> Generator[Walked, None, Data | None]:
        """The frames of a run. Returns what follows the place where the step was lost, None when all was used."""
        room = self._room
        views = run.views
        own = (self._side is Side.CLIENT, CONTENT, memoryview(self._state), memoryview(self._head))
        part = inside = 0
        why = stream_kernels.FULL
        while why == stream_kernels.FULL:
            if self._open is not None:
                room.put(self._open.row)
            frames, pieces, part, inside, why, seen = stream_kernels.walk_frames(*views, part, inside, *own, *room.views)
            batch = self._batch(run.bytes, frames, pieces, seen)
            if batch is not None:
                yield batch
        if why != stream_kernels.DAMAGED:
            return None
        row = room.rows(frames, frames + 1)
        header = self._head[: int(row["header"][0])].copy()
        rest = run.behind(part, inside)
        data = Data(int(row["offset"][0]), header, Origins(row["offset"].copy(), row["first_packet"], row["first_time"]))
        if rest is not None:
            more = contiguous(rest)
            data = Data(data.start, np.concatenate((header, more.bytes)), data.origins.joined(more.origins, data.start))
        yield self._impossible(row, seen)
        yield Lost(Moment(int(row["last_packet"][0]), int(row["last_time"][0])))
        self._lost = []
        return data.cut(data.start + 1)

    def _batch(self, source: Bytes, frames: int, pieces: int, seen: int) -> FrameBatch | None:
        """The frames that ended in one walk, and what is there of a long one that goes on."""
        room, before = self._room, self._open
        kept, passed = (before.kept, before.passed) if before is not None else (NOTHING, 0)
        sizes = room.piece_length[:pieces]
        content = room.content(len(kept) + int(sizes.sum()))
        content[: len(kept)] = kept
        bulk.unmask(source, room.piece_at[:pieces], sizes, room.piece_key[:pieces], content[len(kept) :])
        if before is not None:
            seen |= before.seen
        ended = int(room.lengths[:frames].sum()) - (passed - len(kept) if frames else 0)
        going = self._open = self._going(before, frames, seen)
        part = False
        if going is not None:
            rest = content[ended:]
            going.passed += len(rest) - len(going.kept)
            part = (going.given or going.length > self._limits.whole) and bool(len(rest) or not going.given)
            going.kept = NOTHING if part else rest.copy()
        rows = frames + part
        if not rows:
            return None
        columns = room.rows(0, rows)
        columns |= {"size": columns["length"], "lost": NONE_LOST[:rows], "cut": NO[:rows]}
        columns |= dict.fromkeys(("begins", "ends", "complete"), ONES[:rows])
        if part:
            columns["size"], columns["ends"] = columns["size"].copy(), columns["ends"].copy()
            columns["size"][-1], columns["ends"][-1] = len(content) - ended, 0
        else:
            content = content[:ended]
        torn = before is not None and (before.given or not before.complete)
        if before is not None and torn:
            columns |= {name: columns[name].copy() for name in ("size", "lost", "begins", "complete")}
            columns["size"][0] = columns["length"][0] - passed + len(kept) if frames else len(content)
            columns["lost"][0], columns["begins"][0], columns["complete"][0] = before.lost, not before.given, before.complete
            before.lost = 0
        simple = not (part or torn or seen & (FRAGMENTED | RESERVED))
        self._judge(columns, before if torn else None, seen)
        if part and going is not None:
            going.given, going.anomalies = True, int(columns["anomalies"][-1])
        if frames:
            last = slice(max(frames - REMEMBERED, 0), frames)
            self._habits = self._habits.after(*(columns[name][last] for name in ("opcode", "fin", "rsv", "length")))
        return FrameBatch(columns, content, simple)

    def _going(self, before: _Open | None, frames: int, seen: int) -> _Open | None:
        """The frame that goes on behind those that ended: a new one, or the one from before."""
        if not self._state[GOING]:
            return None
        row = self._room.rows(frames, frames + 1)
        if before is None or frames:
            return _Open(row, seen)
        before.row = row
        return before

    def _judge(self, columns: Columns, before: _Open | None, seen: int) -> None:
        """Count offsets from the first WebSocket byte, and add the anomalies. Of `before`, the first row, a part was judged
        already.
        """
        columns["offset"] -= self._zero
        rows, judged = len(columns["offset"]), int(before is not None and before.given)
        if not seen & (ODD | CLOSING) and not self._closed:
            columns["anomalies"] = NOT_ODD[:rows]
            return
        anomalies = columns["anomalies"] = self._anomalies(columns)
        closing = np.flatnonzero(columns["opcode"][judged:] == Opcode.CLOSE)
        if self._closed or len(closing):
            anomalies[judged if self._closed else judged + int(closing[0]) + 1 :] |= np.uint16(FrameAnomaly.AFTER_CLOSE)
            self._closed = True
        if judged and before is not None:
            anomalies[0] = before.anomalies

    def _impossible(self, columns: Columns, seen: int) -> FrameBatch:
        """A header whose length has the highest bit set: a frame without payload and without an end."""
        self._judge(columns, None, seen)
        columns["anomalies"] |= np.uint16(FrameAnomaly.LENGTH_IMPOSSIBLE)
        columns |= {"size": np.zeros(1, np.int64), "lost": NONE_LOST[:1], "begins": ONES[:1], "ends": ONES[:1]}
        columns |= {"complete": np.zeros(1, np.uint8), "cut": np.ones(1, np.uint8)}
        return FrameBatch(columns, NOTHING, simple=False)

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

    def _part(self, frame: _Open, *, ends: bool, cut: bool = False) -> FrameBatch:
        """What is there of a frame of which bytes are missing."""
        columns = {name: column.copy() for name, column in frame.row.items()}
        values = {"size": len(frame.kept), "lost": frame.lost}
        columns |= {name: np.array([value], np.int64) for name, value in values.items()}
        flags = {"begins": not frame.given, "ends": ends, "cut": cut, "complete": frame.complete}
        columns |= {name: np.array([value], np.uint8) for name, value in flags.items()}
        self._judge(columns, frame, frame.seen)
        content, frame.kept, frame.lost = frame.kept, NOTHING, 0
        frame.given, frame.anomalies = True, int(columns["anomalies"][0])
        return FrameBatch(columns, content, simple=False)

    def _gap(self, gap: Gap, waiting: deque[Piece]) -> Iterator[Walked]:
        """Step over a hole: by the frame's own length as long as it lies in a payload."""
        if not gap.exact:
            yield from self._end()  # where a frame that goes on ends cannot be known
            self._state[HAVE] = 0
            self._lost = []
            yield Lost(Moment(gap.packet, gap.time))
            return
        yield from self._flush()
        frame, length = self._open, gap.length
        if frame is not None:
            take = min(length, frame.length - frame.passed)
            frame.complete = False
            frame.lost += take
            frame.passed += take
            self._state[LEFT] -= take
            length -= take
            if frame.passed == frame.length:
                self._open, self._state[GOING] = None, 0
                yield self._part(frame, ends=True)
        if length or self._state[HAVE]:
            self._state[HAVE] = 0  # of a header that is not whole nothing can be said
            self._lost = []
            waiting.appendleft(replace(gap, start=gap.end - length, length=length))
            yield Lost(Moment(gap.packet, gap.time))

    def _flush(self) -> Iterator[FrameBatch]:
        """Give out what is there of a short frame that was kept to become whole."""
        if self._open is not None and not self._open.given:
            yield self._part(self._open, ends=False)

    def _end(self) -> Iterator[FrameBatch]:
        """The stream is over, or nobody can tell how it goes on: a frame that goes on was cut off."""
        yield from self._flush()
        frame = self._open
        if frame is not None:
            frame.complete = False
            frame.lost += frame.length - frame.passed
            frame.passed = frame.length
            self._open, self._state[GOING] = None, 0
            yield self._part(frame, ends=True, cut=True)

    def _search(self, waiting: deque[Piece]) -> deque[Piece]:
        """Take all that waits, and look for a boundary that is sure; gives what follows it. What is older than the limit is given
        up.
        """
        assert self._lost is not None
        pieces, reach = self._lost, self._limits.undecided
        for piece in waiting:
            if not isinstance(piece, End):
                pieces.append(contiguous(piece) if isinstance(piece, Run) else piece)
        final = [piece for piece in waiting if isinstance(piece, End)]
        found = find_frame(pieces, self._side, rsv=self._deflate, habits=self._habits, final=bool(final), reach=reach)
        if found is None:
            self._lost = _newest(pieces, reach)
            return deque(final)
        self._lost = None
        rest = deque(piece for piece in pieces if piece.end > found)
        first = rest.popleft()
        assert isinstance(first, Data)
        self._sightings.record(Anomaly.RESYNC, *first.place(found))
        return deque((first.cut(found), *rest, *final))


def _newest(pieces: list[Data | Gap], size: int) -> list[Data | Gap]:
    """The last `size` bytes of some pieces, and the holes among them."""
    kept: list[Data | Gap] = []
    for piece in reversed(pieces):
        if size <= 0:
            break
        if isinstance(piece, Data):
            kept.append(piece.cut(max(piece.start, piece.end - size)))
            size -= len(piece.bytes)
        else:
            kept.append(piece)
            size -= PIECE
    return kept[::-1]
