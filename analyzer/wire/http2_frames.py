"""HTTP/2 frames of one direction (RFC 9113 section 4), in step whatever comes.

In: bytes and holes. Out: the content of streams, which goes through uncopied, batch by batch, and the frames that matter. A hole
inside a payload is stepped over by the length that its header states; a hole over a header loses the step, and the walk goes on at
the next header that is sure. Frames that say nothing of streams and headers are stepped over. A length beyond what the receiver
allows is tolerated: the sender may know more than the capture.
"""

from collections import deque
from collections.abc import Collection, Iterator

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.http2 import PREFACE
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.streams import Bytes, Data, End, Gap, Ints, Piece, Run
from analyzer.wire import http2_kernels
from analyzer.wire.http2_search import find_header
from analyzer.wire.intake import contiguous, newest

LEFT, PADDING, OWNER, PADDED, ENDS, HAVE, PACKET, TIME = range(8)
"""Places in the walk's state."""
LEAST = 14
"""Bytes of the preface that tell it from anything else."""
ROWS, FEWEST = 1 << 13, 64
"""Rows that one walk may fill, and how many at least."""


@dataclass(frozen=True, slots=True)
class Content:
    """Where content of DATA frames lies in `bytes`, in order: equal-length int64 arrays, as those of a Run but for `stream`, the
    identifier of the stream that each row belongs to.
    """

    stream: Ints
    length: Ints
    number: Ints
    time: Ints
    at: Ints
    bytes: Bytes


@dataclass(frozen=True, slots=True)
class Torn:
    """Content of a stream that is not in the capture: exactly `length` bytes, or not known how many for None."""

    stream: int
    length: int | None
    at: Moment


@dataclass(frozen=True, slots=True)
class Ended:
    """A DATA frame with END_STREAM is over."""

    stream: int
    at: Moment


@dataclass(frozen=True, slots=True)
class Frame:
    """Another frame: its header and payload, which is None when it is not all there. From packet `first` to packet `at`; `start` is
    the offset of its header.
    """

    header: bytes
    payload: bytes | None
    first: Moment
    at: Moment
    start: int

    @property
    def kind(self) -> int:
        """Its type (section 6)."""
        return self.header[3]

    @property
    def stream(self) -> int:
        """The stream that it belongs to, 0 for the connection."""
        return int.from_bytes(self.header[5:9], "big") & 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Astray:
    """Frames are missing, an unknown number of them, between two offsets; it is known again what follows, or nothing does. `at` is
    the last packet before.
    """

    start: int
    end: int
    at: Moment

    @property
    def length(self) -> int:
        """About how many bytes they are."""
        return max(self.end - self.start, 1)


@dataclass(frozen=True, slots=True)
class LostStep:
    """From here on it is not known where frames start."""

    at: Moment


Walked = Content | Torn | Ended | Frame | LostStep | Astray


def begins_http2(data: bytes, *, final: bool = False) -> bool:
    """Whether what a client sends first is the preface, as far as it goes. `final`: no more comes."""
    return data.startswith(PREFACE[: len(data)]) and (len(data) >= LEAST or not final)


def begins_http2_answer(data: bytes) -> bool:
    """Whether what a server sends first is a SETTINGS frame, as far as it goes (section 3.4)."""
    head = data[: http2_kernels.FRAME_HEADER]
    return bool(head) and head[:1] == b"\0" and head[3:4] in (b"", b"\x04") and not any(head[4:])


class FrameWalker:
    """State of one direction. `known` are the streams that are open, by which a header is found again."""

    def __init__(self, limits: Limits, known: Collection[int]) -> None:
        self._limits = limits
        self._known = known
        self._state = np.zeros(8, np.int64)
        self._head = np.zeros(http2_kernels.FRAME_HEADER, np.uint8)
        self._frame: Frame | None = None
        """A frame whose payload goes on ..."""
        self._payload: bytearray | None = None
        """... and what there is of it; None when it is stepped over."""
        self._lost: list[Data | Gap] | None = None
        """Bytes and holes since the step was lost; None in step."""
        self._lost_from = 0
        self._lost_at = Moment(0, 0)
        self._last = Moment(0, 0)

    def feed(self, piece: Piece) -> Iterator[Walked]:
        """Take the next piece of the stream."""
        waiting: deque[Piece] = deque((piece,))
        while waiting:
            if self._lost is not None:
                waiting = self._search(waiting)
                if self._lost is not None:
                    return
                yield Astray(self._lost_from, waiting[0].begin, self._lost_at)
            piece = waiting.popleft()
            if isinstance(piece, Gap):
                yield from self._gap(piece, waiting)
            elif isinstance(piece, Data | Run):
                yield from self._walk(piece.run() if isinstance(piece, Data) else piece)

    def _walk(self, run: Run) -> Iterator[Walked]:
        """The frames of a run."""
        views = run.views
        rows = min(max(FEWEST, 2 * len(run)), ROWS)
        own = (memoryview(self._state), memoryview(self._head))
        part = inside = 0
        self._last = Moment(int(run.number[-1]), int(run.time[-1]))
        if self._frame is not None:
            part, inside, done = self._collect(run, part, inside)
            if done is None:
                return
            yield done
        count = 1
        while True:
            if count:  # else those that there are hold nothing yet
                columns = [np.empty(rows, np.int64) for _ in range(5)]
                room = [memoryview(one) for one in columns]
            count, part, inside, why = http2_kernels.walk_http2(*views, part, inside, *own, *room)
            if count:
                stream, length, number, time, at = (column[:count] for column in columns)
                yield Content(stream, length, number, time, at, run.bytes)
            if why == http2_kernels.MORE:
                return
            if why == http2_kernels.ENDED:
                yield Ended(int(self._state[OWNER]), Moment(int(run.number[part]), int(run.time[part])))
            elif why == http2_kernels.FRAME:
                first = Moment(int(self._state[PACKET]), int(self._state[TIME]))
                start = int(run.start[part]) + inside - http2_kernels.FRAME_HEADER
                self._frame = Frame(self._head.tobytes(), None, first, first, start)
                self._payload = bytearray() if self._state[LEFT] <= self._limits.http_head else None
                part, inside, done = self._collect(run, part, inside)
                if done is None:
                    return
                yield done

    def _collect(self, run: Run, part: int, inside: int) -> tuple[int, int, Frame | None]:
        """Take the payload of a frame from byte `inside` of a part on; gives the place reached, and the frame when it is over."""
        left = int(self._state[LEFT])
        while left and part < len(run):
            take = min(left, int(run.length[part]) - inside)
            at = int(run.at[part]) + inside
            if self._payload is not None:
                self._payload += run.bytes[at : at + take].tobytes()
            left, inside = left - take, inside + take
            if left and inside == run.length[part]:
                part, inside = part + 1, 0
        self._state[LEFT] = left
        if left:
            return part, inside, None
        row = min(part, len(run) - 1)
        return part, inside, self._frame_ends(Moment(int(run.number[row]), int(run.time[row])))

    def _frame_ends(self, at: Moment) -> Frame:
        frame, payload = self._frame, self._payload
        assert frame is not None
        self._frame = self._payload = None
        return Frame(frame.header, None if payload is None else bytes(payload), frame.first, at, frame.start)

    def _gap(self, gap: Gap, waiting: deque[Piece]) -> Iterator[Walked]:
        """Step over a hole: by the frame's own length as long as it lies in a payload."""
        at = Moment(gap.packet, gap.time)
        state, length = self._state, gap.length if gap.exact else 0
        owner, left = int(state[OWNER]), int(state[LEFT])
        take = min(left, length)
        if left and self._frame is None and owner:
            content = left - int(state[PADDING])
            if state[PADDED] and take:  # how much of it is padding was said in the hole
                yield Torn(owner, None, at)
                state[OWNER] = state[PADDED] = 0
            elif content > 0 and take:
                yield Torn(owner, min(take, content), at)
        if left and self._frame is not None and length:
            self._payload = None
        state[LEFT] = left - take
        length -= take
        if self._frame is not None and left and not state[LEFT]:
            yield self._frame_ends(at)
        if left and not state[LEFT] and state[ENDS]:
            state[ENDS] = 0
            yield Ended(owner, at)
        if length or not gap.exact or state[HAVE]:
            yield from self._give_up_frame()
            state[:] = 0
            self._lost, self._lost_from, self._lost_at = [], gap.end - length if gap.exact else gap.start, at
            if gap.exact and length:
                waiting.appendleft(Gap(gap.end - length, length, gap.packet, gap.time))
            yield LostStep(at)

    def _give_up_frame(self) -> Iterator[Frame]:
        """The rest of a frame will not come."""
        if self._frame is not None:
            self._payload = None
            yield self._frame_ends(self._last)

    def _search(self, waiting: deque[Piece]) -> deque[Piece]:
        """Take all that waits, and look for a header that is sure; gives what follows it. What is older than the limit is given
        up. At the end, that there is none is known as well.
        """
        assert self._lost is not None
        pieces, reach = self._lost, self._limits.undecided
        for piece in waiting:
            if not isinstance(piece, End):
                pieces.append(contiguous(piece) if isinstance(piece, Run) else piece)
        final = [piece for piece in waiting if isinstance(piece, End)]
        found = find_header(pieces, self._known, final=bool(final))
        if found is None:
            self._lost = None if final else newest(pieces, reach)
            return deque(final)
        self._lost = None
        rest = deque(piece for piece in pieces if piece.end > found)
        first = rest.popleft()
        assert isinstance(first, Data)
        return deque((first.cut(found), *rest, *final))
