"""One direction of a TCP connection: packets in any order to a stream of bytes and holes (RFC 9293 section 3.10.7.4).

In: PACKETS columns of a batch. Out: Data and Gap pieces in stream order. "Not yet" is kept: bytes behind a hole wait until it is
filled,
until the peer has acknowledged it (it was received, so the capture lacks it), until too many wait, or until the connection ends.
Offset 0 is the first byte after SYN, or the first byte seen when there was none. Of copies of the same bytes
the first one seen is kept.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.session import Moment, Tcp
from analyzer.model.streams import Bytes, Columns, Data, Gap, Ints, Origins, Piece
from analyzer.wire import bulk
from analyzer.wire.tcp import ACK, FIN, RST, SYN

WRAP = 1 << 32
ROW = 40
"""Bytes that a segment costs beside its payload: five 64-bit columns."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Payloads and their place in the stream: equal-length int64 arrays; row i is `bytes[at[i] : at[i] + length[i]]`."""

    start: Ints
    length: Ints
    number: Ints
    time: Ints
    at: Ints
    bytes: Bytes

    def __len__(self) -> int:
        return len(self.start)

    @property
    def end(self) -> Ints:
        """Stream offsets behind each row."""
        return self.start + self.length

    def slice(self, begin: int, end: int) -> "Segments":
        """Rows `begin` to `end`, the same bytes."""
        cut = slice(begin, end)
        return Segments(self.start[cut], self.length[cut], self.number[cut], self.time[cut], self.at[cut], self.bytes)

    def owned(self) -> "Segments":
        """The same with bytes of their own, since a batch's bytes do not last."""
        out = np.empty(int(self.length.sum()), np.uint8)
        bulk.gather(self.bytes, np.ascontiguousarray(self.at), np.ascontiguousarray(self.length), out)
        return Segments(self.start, self.length, self.number, self.time, np.cumsum(self.length) - self.length, out)

    def trimmed(self, known: int) -> "Segments":
        """Sorted by stream offset, without what lies before `known` or repeats an earlier row: no two rows overlap any more.

        The stream is cut at every start and end; each part goes to the first row that covers it. To find it, a row is entered for
        the two runs of 2**k parts that cover its parts together, and runs hand their first row down to their halves: O(n log n).
        """
        start, end = np.maximum(self.start, known), self.end
        rows = np.flatnonzero(end > start)
        if not len(rows):
            return self.slice(0, 0)
        edges = np.unique(np.concatenate((start[rows], end[rows])))
        low, high = np.searchsorted(edges, start[rows]), np.searchsorted(edges, end[rows])
        level = np.frexp(high - low)[1] - 1  # the floor of the logarithm to base 2
        owner = np.full(len(edges), len(self), np.int64)
        for k in range(int(level.max()), -1, -1):
            half = 1 << k
            owner[half:] = np.minimum(owner[half:], owner[:-half])  # from runs of 2 * half; of nothing at first
            chosen = level == k
            np.minimum.at(owner, low[chosen], rows[chosen])
            np.minimum.at(owner, high[chosen] - half, rows[chosen])
        change = np.flatnonzero(owner[1:] != owner[:-1]) + 1
        heads, stops = np.append(0, change), np.append(change, len(edges) - 1)
        covered = owner[heads] < len(self)
        order, begin, stop = owner[heads][covered], edges[heads[covered]], edges[stops[covered]]
        at = self.at[order] + begin - self.start[order]
        return Segments(begin, stop - begin, self.number[order], self.time[order], at, self.bytes)


class Reassembly:
    """State of one direction: where the stream is, what waits, and the facts of its TCP."""

    def __init__(self, initial: int | None, limits: Limits) -> None:
        self._limits = limits
        self._base = None if initial is None else (initial + 1) % WRAP  # sequence number of stream offset 0
        self.next = 0
        """Stream offset up to which all is delivered."""
        self._highest = 0  # stream offset up to which something was seen
        self._acknowledged = 0  # stream offset up to which the peer acknowledged
        self._waiting: Segments | None = None
        self._last: Moment | None = None  # packet before the next undelivered byte
        self._end: int | None = None  # stream offset of the FIN
        self.facts = Tcp()

    def feed(self, rows: Columns, data: Bytes) -> Iterator[Piece]:
        """Take a batch of this side's packets; `data` is what their `payload` column points into."""
        if not len(rows["seq"]):
            return
        if self._base is None:
            first = int(rows["seq"][0])
            self._base = (first + 1) % WRAP if rows["flags"][0] & SYN else first
        # SYN takes a number of its own; data may ride on it (RFC 7413).
        start = self._unwrap(rows["seq"].astype(np.int64)) + (rows["flags"] & SYN != 0)
        self._note(rows, start)
        chosen = np.flatnonzero((rows["captured"] > 0) & (rows["flags"] & RST == 0))  # a RST carries words, not the stream's bytes
        if not len(chosen):
            return
        captured = rows["captured"][chosen].astype(np.int64)
        new = Segments(start[chosen], captured, rows["number"][chosen], rows["time"][chosen], rows["payload"][chosen], data)
        if self._waiting is None and new.start[0] == self.next and bool(np.all(new.start[1:] == new.end[:-1])):
            yield self._run(new)  # nearly always: all in order
            return
        if self._waiting is not None:
            new = _joined(self._waiting, new.owned())
        yield from self._deliver(new.trimmed(self.next), 0)

    def _unwrap(self, numbers: Ints) -> Ints:
        """Sequence numbers as stream offsets: right as long as a batch spans less than 2 GiB of one stream."""
        assert self._base is not None
        relative = (numbers - self._base - self.next) % WRAP
        return self.next + relative - (relative >= WRAP // 2) * WRAP

    def _deliver(self, segments: Segments, holes: int) -> Iterator[Piece]:
        """The runs of `segments` (trimmed) up to the first hole, and behind `holes` further ones; the rest waits."""
        breaks = np.flatnonzero(segments.start != np.concatenate(([self.next], segments.end[:-1]))).tolist()
        bounds = [0, *breaks] if not breaks or breaks[0] else breaks
        given = bounds[: holes + (not breaks or breaks[0] > 0)]
        for begin, end in zip(given, [*bounds[1:], len(segments)], strict=False):
            length = int(segments.start[begin]) - self.next if begin < len(segments) else 0
            if length > 0:
                before = self._last or Moment(int(segments.number[begin]), int(segments.time[begin]))
                yield Gap(self.next, length, before.packet, before.time)
                self.next += length
            if end > begin:
                yield self._run(segments.slice(begin, end))
        rest = bounds[len(given)] if len(given) < len(bounds) else len(segments)
        self._waiting = segments.slice(rest, len(segments)).owned() if rest < len(segments) else None
        if self._waiting is not None and len(self._waiting.bytes) + ROW * len(self._waiting) > self._limits.held:
            yield from self.release()

    def _run(self, segments: Segments) -> Data:
        """Contiguous segments as one Data."""
        own = segments.owned()
        self.next = int(own.end[-1])
        self._last = Moment(int(own.number[-1]), int(own.time[-1]))
        return Data(int(own.start[0]), own.bytes, Origins(own.start, own.number, own.time))

    def acknowledge(self, rows: Columns) -> None:
        """Take the acknowledgements of the peer's packets of a batch."""
        acks = rows["ack"][rows["flags"] & (SYN | RST | ACK) == ACK]
        if self._base is not None and len(acks):
            self._acknowledged = max(self._acknowledged, int(self._unwrap(acks.astype(np.int64)).max()))

    def overdue(self, now: int) -> Iterator[Piece]:
        """Give up on the holes that the peer acknowledged and that have been open long enough at `now` (ns since the epoch)."""
        waiting = self._waiting
        if waiting is None:
            return
        first = np.flatnonzero(waiting.start != np.concatenate(([self.next], waiting.end[:-1])))
        lost = (waiting.start[first] <= self._acknowledged) & (waiting.time[first] < now - self._limits.hole_patience)
        holes = int(np.argmin(lost)) if not lost.all() else len(lost)
        if holes:
            yield from self._deliver(waiting, holes)

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

    def _note(self, rows: Columns, start: Ints) -> None:
        """Facts that need no order among the two directions."""
        flags, length = rows["flags"], rows["length"]
        reach = np.maximum.accumulate(np.concatenate(([self._highest], start + length)))
        behind = reach[:-1]
        self._highest = int(reach[-1])
        found: dict[str, Any] = {"packets": len(flags), "truncated": np.count_nonzero(rows["captured"] < length)}
        if not (start == behind).all():
            # A probe repeats the byte before the next one, or nothing at that place (RFC 9293 section 3.8.4).
            keepalive = (length <= 1) & (start == behind - 1) & (flags & (SYN | FIN | RST) == 0)
            found["keepalives"] = np.count_nonzero(keepalive)
            found["resent"] = np.count_nonzero((length > 0) & (start < behind) & ~keepalive)
            found["early"] = np.count_nonzero((length > 0) & (start > behind))
        if not rows["window"].all():
            found["zero_window"] = np.count_nonzero((rows["window"] == 0) & (flags & (RST | SYN) == 0))
        counts = {name: getattr(self.facts, name) + int(count) for name, count in found.items()}
        ends = flags & (SYN | FIN | RST)
        if ends.any():
            if self._end is None and (flags & FIN).any():
                row = int(np.argmax(flags & FIN))
                self._end = int(start[row] + length[row])
            for name, bit in (("syn", SYN), ("fin", FIN), ("rst", RST)):
                if getattr(self.facts, name) is None and (flags & bit).any():
                    counts[name] = _moment(rows, int(np.argmax(flags & bit)))
        self.facts = replace(self.facts, last=_moment(rows, -1), **counts)


def _moment(rows: Columns, row: int) -> Moment:
    """Packet number and time of a row."""
    return Moment(int(rows["number"][row]), int(rows["time"][row]))


def _joined(one: Segments, two: Segments) -> Segments:
    """The rows of both; each has bytes of its own."""
    return Segments(
        np.concatenate((one.start, two.start)),
        np.concatenate((one.length, two.length)),
        np.concatenate((one.number, two.number)),
        np.concatenate((one.time, two.time)),
        np.concatenate((one.at, two.at + len(one.bytes))),
        np.concatenate((one.bytes, two.bytes)),
    )
