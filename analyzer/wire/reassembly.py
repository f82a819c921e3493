"""One direction of a TCP connection: packets in any order to a stream of bytes and holes (RFC 9293 section 3.10.7.4).

In: PACKETS columns of a batch. Out: Run and Gap pieces in stream order. "Not yet" is kept: bytes behind a hole wait until it is
filled,
until the peer has acknowledged it (it was received, so the capture lacks it), until too many wait, or until the connection ends.
Offset 0 is the first byte after SYN, or the first byte seen when there was none. Of copies of the same bytes
the first one seen is kept.
"""

from collections.abc import Iterator

import numpy as np

from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.streams import Bytes, Columns, Gap, Ints, Piece, Run
from analyzer.model.tcp import Tcp
from analyzer.wire import bulk, stream_kernels
from analyzer.wire.tcp import SYN

WRAP = 1 << 32
ROW = 40
"""Bytes that a segment costs beside its payload: five 64-bit columns."""
FOLLOWED = ("seq", "flags", "captured", "length", "payload", "number", "time")
"""Columns of PACKETS that `stream_kernels.follow` reads."""
NOTED = np.array([0, -1, -1, -1, 0], np.int64)
"""What it starts from: packets cut by the snap length, first SYN, FIN and RST, offset of that FIN."""


def owned(run: Run) -> Run:
    """The same with bytes of their own, since a batch's bytes do not last."""
    own = bulk.gathered(run.bytes, run.at, run.length)
    return Run(run.start, run.length, run.number, run.time, np.cumsum(run.length) - run.length, own)


def trimmed(run: Run, known: int) -> Run:
    """Sorted by stream offset, without what lies before `known` or repeats an earlier row: no two rows overlap any more.

    The stream is cut at every start and end; each part goes to the first row that covers it. To find it, a row is entered for
    the two runs of 2**k parts that cover its parts together, and runs hand their first row down to their halves: O(n log n).
    """
    start, end = np.maximum(run.start, known), run.start + run.length
    rows = np.flatnonzero(end > start)
    if not len(rows):
        return run.slice(0, 0)
    edges = np.unique(np.concatenate((start[rows], end[rows])))
    low, high = np.searchsorted(edges, start[rows]), np.searchsorted(edges, end[rows])
    level = np.frexp(high - low)[1] - 1  # the floor of the logarithm to base 2
    owner = np.full(len(edges), len(run), np.int64)
    for k in range(int(level.max()), -1, -1):
        half = 1 << k
        owner[half:] = np.minimum(owner[half:], owner[:-half])  # from runs of 2 * half; of nothing at first
        chosen = level == k
        np.minimum.at(owner, low[chosen], rows[chosen])
        np.minimum.at(owner, high[chosen] - half, rows[chosen])
    change = np.flatnonzero(owner[1:] != owner[:-1]) + 1
    heads, stops = np.append(0, change), np.append(change, len(edges) - 1)
    covered = owner[heads] < len(run)
    order, begin, stop = owner[heads][covered], edges[heads[covered]], edges[stops[covered]]
    at = run.at[order] + begin - run.start[order]
    return Run(begin, stop - begin, run.number[order], run.time[order], at, run.bytes)


class Reassembly:
    """State of one direction: where the stream is, what waits, and the facts of its TCP."""

    def __init__(self, initial: int | None, limits: Limits) -> None:
        self._limits = limits
        self._base = None if initial is None else (initial + 1) % WRAP  # sequence number of stream offset 0
        self.next = 0
        """Stream offset up to which all is delivered."""
        self._acknowledged = 0  # stream offset up to which the peer acknowledged
        self._waiting: Run | None = None
        self._last: Moment | None = None  # packet before the next undelivered byte
        self._end: int | None = None  # stream offset of the FIN
        self.facts = Tcp()

    def feed(self, rows: Columns, begin: int, end: int, data: Bytes) -> Iterator[Piece]:
        """Take rows `begin` to `end` of a batch's PACKETS, this side's; `data` is what their `payload` column points into."""
        if begin == end:
            return
        if self._base is None:
            first = int(rows["seq"][begin])
            self._base = (first + 1) % WRAP if rows["flags"][begin] & SYN else first
        found = NOTED.copy()
        parts = np.empty((5, end - begin), np.int64)
        count, in_order = stream_kernels.follow(
            *(memoryview(rows[name]) for name in FOLLOWED),
            begin,
            end,
            self._base,
            self.next,
            memoryview(found),
            *(memoryview(part) for part in parts),
        )
        self._note(rows, begin, end, found.tolist())
        if not count:
            return
        start, length, number, time, at = parts[:, :count]
        new = Run(start, length, number, time, at, data)
        if self._waiting is None and in_order:  # nearly always
            yield self._given(new)
            return
        if self._waiting is not None:
            new = _joined(self._waiting, owned(new))
        yield from self._deliver(trimmed(new, self.next), 0)

    def _deliver(self, segments: Run, holes: int) -> Iterator[Piece]:
        """The runs of `segments` (trimmed) up to the first hole, and behind `holes` further ones; the rest waits."""
        breaks = np.flatnonzero(segments.start != _expected(segments, self.next)).tolist()
        bounds = [0, *breaks] if not breaks or breaks[0] else breaks
        given = bounds[: holes + (not breaks or breaks[0] > 0)]
        for begin, end in zip(given, [*bounds[1:], len(segments)], strict=False):
            length = int(segments.start[begin]) - self.next if begin < len(segments) else 0
            if length > 0:
                before = self._last or Moment(int(segments.number[begin]), int(segments.time[begin]))
                yield Gap(self.next, length, before.packet, before.time)
                self.next += length
            if end > begin:
                yield self._given(segments.slice(begin, end))
        rest = bounds[len(given)] if len(given) < len(bounds) else len(segments)
        self._waiting = owned(segments.slice(rest, len(segments))) if rest < len(segments) else None
        if self._waiting is not None and len(self._waiting.bytes) + ROW * len(self._waiting) > self._limits.held:
            yield from self.release()

    def _given(self, run: Run) -> Run:
        """Go on behind what is delivered."""
        self.next = run.end
        self._last = Moment(int(run.number[-1]), int(run.time[-1]))
        return run

    def acknowledge(self, rows: Columns, begin: int, end: int) -> None:
        """Take the acknowledgements of the peer's packets, rows `begin` to `end` of a batch."""
        if self._base is not None:
            views = (memoryview(rows["ack"]), memoryview(rows["flags"]))
            self._acknowledged = stream_kernels.acknowledged(*views, begin, end, self._base, self.next, self._acknowledged)

    def overdue(self, now: int) -> Iterator[Piece]:
        """Give up on the holes that the peer acknowledged and that have been open long enough at `now` (ns since the epoch)."""
        waiting = self._waiting
        if waiting is None:
            return
        first = np.flatnonzero(waiting.start != _expected(waiting, self.next))
        lost = (waiting.start[first] <= self._acknowledged) & (waiting.time[first] < now - self._limits.hole_patience)
        holes = int(np.argmin(lost)) if not lost.all() else len(lost)
        if holes:
            yield from self._deliver(waiting, holes)

    @property
    def base(self) -> int | None:
        """Sequence number of stream offset 0; None before any packet where no SYN tells."""
        return self._base

    @property
    def waits(self) -> bool:
        """Whether bytes wait behind a hole."""
        return self._waiting is not None

    def release(self) -> Iterator[Piece]:
        """Deliver all that waits, with its holes."""
        if self._waiting is not None:
            yield from self._deliver(self._waiting, len(self._waiting))

    def tail(self) -> Iterator[Piece]:
        """At the end: what waits, and a last Gap where the FIN or the peer's acknowledgement shows that more was sent."""
        yield from self.release()
        if self._last is None and self._end is None:
            return
        reached = self._end if self._end is not None else self._acknowledged
        # Without the FIN in the capture, an acknowledgement one beyond the last byte may be the FIN's.
        if self.next + (self._end is None) < reached < self.next + WRAP // 4:
            before = self._last or self.facts.last or Moment(0, 0)
            yield Gap(self.next, reached - self.next, before.packet, before.time)
            self.next = reached

    def _note(self, rows: Columns, begin: int, end: int, found: list[int]) -> None:
        """Add what `stream_kernels.follow` counted."""
        truncated, syn, fin, rst, fin_at = found
        facts = self.facts
        if fin >= 0 and self._end is None:
            self._end = fin_at
        self.facts = Tcp(
            packets=facts.packets + end - begin,
            syn=facts.syn or _moment(rows, syn),
            fin=facts.fin or _moment(rows, fin),
            rst=facts.rst or _moment(rows, rst),
            last=_moment(rows, end - 1),
            truncated=facts.truncated + truncated,
        )


def _moment(rows: Columns, row: int) -> Moment | None:
    """Packet number and time of a row, None for row -1."""
    return Moment(int(rows["number"][row]), int(rows["time"][row])) if row >= 0 else None


def _expected(run: Run, first: int) -> Ints:
    """Where each row would start if it followed the one before it."""
    expected = np.empty(len(run), np.int64)
    expected[:1] = first
    np.add(run.start[:-1], run.length[:-1], out=expected[1:])
    return expected


def _joined(one: Run, two: Run) -> Run:
    """The rows of both; each has bytes of its own."""
    return Run(
        np.concatenate((one.start, two.start)),
        np.concatenate((one.length, two.length)),
        np.concatenate((one.number, two.number)),
        np.concatenate((one.time, two.time)),
        np.concatenate((one.at, two.at + len(one.bytes))),
        np.concatenate((one.bytes, two.bytes)),
    )
