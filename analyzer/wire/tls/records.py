"""The record layer of one direction (RFC 8446 section 5.1): bytes and holes in, whole records out, in step whatever comes.

Headers are in clear in every version, so that records can be told without any key. A hole inside one record is stepped over by the
length that its header states; behind a longer one the walk goes on at the next boundary, which two headers that follow one another
prove. What is not whole stays until more comes.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Moment
from analyzer.model.streams import Data, End, Gap, Ints, Origins, Piece, Run
from analyzer.wire import bulk, stream_kernels
from analyzer.wire.intake import contiguous

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
"""Content types."""
HEADER = 5
LONGEST = (1 << 14) + 2048
"""Payload of a record (RFC 5246 section 6.2.3; TLS 1.3 allows less)."""
AT_ONCE = 1 << 20
"""Bytes of records that are worked on together, so that they stay in the cache."""
USUAL = 64
"""Bytes of a record for which room is made; those that are shorter are taken in several steps."""


@dataclass(frozen=True, slots=True)
class Records:
    """Whole records that follow one another. `at` (int64) is where the header of each starts in the bytes of `data`, `length`
    (int64) its payload, `type` (uint8) its content type.
    """

    data: Data
    at: Ints
    length: Ints
    type: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.at)

    def moment(self, row: int) -> Moment:
        """Where the first byte of a record is."""
        return Moment(*self.data.place(self.data.start + int(self.at[row])))

    def end(self, row: int) -> Moment:
        """Where the last byte of a record is."""
        return Moment(*self.data.place(self.data.start + int(self.at[row] + HEADER + self.length[row]) - 1))

    def payload(self, row: int) -> bytes:
        """What follows the header of a record."""
        begin = int(self.at[row]) + HEADER
        return self.data.bytes[begin : begin + int(self.length[row])].tobytes()


@dataclass(frozen=True, slots=True)
class Torn:
    """Stream bytes `start` to `end` that are no whole records: part of them is missing, or they are none. `records` is how many
    records that was, None where it is not known; `before` is the packet in front of what is missing.
    """

    start: int
    end: int
    records: int | None
    before: Moment


class RecordReader:
    """State of one direction."""

    def __init__(self) -> None:
        self._rest: Data | None = None
        """In step: the beginning of the next record. Out of step: bytes in which no boundary was found yet."""
        self._torn: Torn | None = None
        """What is torn since the last whole record; its end is where the next record starts, -1 while that is not known."""
        self._begun = False
        self.strange: Moment | None = None
        """Where the stream begins, if it begins with something that is no record."""

    def feed(self, piece: Piece) -> Iterator[Records | Torn]:
        """Take the next piece of the stream."""
        if isinstance(piece, Gap):
            yield from self._gap(piece)
        elif isinstance(piece, End):
            yield from self._end(piece)
        elif isinstance(piece, Run):
            begin = 0
            while begin < len(piece):
                stop = int(np.searchsorted(piece.start, piece.start[begin] + AT_ONCE))
                yield from self._data(_behind(self._rest, piece.slice(begin, stop)))
                begin = stop
        else:
            rest = self._rest
            joined = np.concatenate((rest.bytes, piece.bytes)) if rest is not None else piece.bytes
            yield from self._data(Data(rest.start, joined, rest.origins.joined(piece.origins, rest.start)) if rest else piece)

    def _data(self, data: Data) -> Iterator[Records | Torn]:
        """Bytes from the first one that was not used yet."""
        self._rest = None
        torn = self._torn
        if torn is not None and torn.end >= 0:
            if data.end <= torn.end:
                return
            self._torn = None
            yield torn
            data = data.cut(torn.end)
        yield from self._records(data, final=False)

    def _records(self, data: Data, *, final: bool) -> Iterator[Records | Torn]:
        """The records in some bytes; those behind the last one are kept."""
        while len(data.bytes):
            if self._torn is not None:
                found = _boundary(data, final=final)
                if found is None:
                    self._rest = data.cut(max(data.start, data.end - 2 * LONGEST))
                    return
                torn, self._torn = self._torn, None
                yield Torn(torn.start, data.start + found, None, torn.before)
                data = data.cut(data.start + found)
            room = len(data.bytes) // USUAL + 1
            at, length, kind = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint8)
            views = (memoryview(data.bytes), LONGEST, memoryview(at), memoryview(length), memoryview(kind))
            count, used, sound = stream_kernels.walk_records(*views)
            if count:
                self._begun = True
                yield Records(data, at[:count], length[:count], kind[:count])
            elif sound:
                self._rest = _own(data.cut(data.start + used))
                return
            data = data.cut(data.start + used)
            if not sound:
                if not self._begun and self.strange is None:
                    self.strange = Moment(*data.first)
                self._begun = True
                self._torn = Torn(data.start, -1, None, Moment(*data.first))
                data = data.cut(data.start + 1)

    def _gap(self, gap: Gap) -> Iterator[Records | Torn]:
        """A hole: inside a record of known length, or over an unknown number of them."""
        rest, self._rest = self._rest, None
        if self._torn is not None and self._torn.end < 0 and rest is not None:
            yield from self._records(rest, final=True)
            rest, self._rest = self._rest, None
        torn, self._begun = self._torn, True
        start, before = (gap.start, Moment(gap.packet, gap.time)) if torn is None else (torn.start, torn.before)
        end = torn.end if torn is not None else -1
        if torn is None and rest is not None:
            start = rest.start
            if len(rest.bytes) >= HEADER:
                end = rest.start + HEADER + (int(rest.bytes[3]) << 8) + int(rest.bytes[4])
        inside = gap.end <= end
        self._torn = Torn(start, end if inside else -1, 1 if inside else None, before)

    def _end(self, end: End) -> Iterator[Records | Torn]:
        """Nothing follows: a record that is not whole stays torn."""
        rest, self._rest = self._rest, None
        if self._torn is not None and self._torn.end < 0 and rest is not None:
            yield from self._records(rest, final=True)
            rest, self._rest = self._rest, None
        torn, self._torn = self._torn, None
        if torn is not None:
            yield Torn(torn.start, max(end.start, torn.start), torn.records, torn.before)
        elif rest is not None:
            yield Torn(rest.start, max(end.start, rest.end), 1, Moment(*rest.place(rest.end - 1)))


def _boundary(data: Data, *, final: bool) -> int | None:
    """The first place where a record starts that another one follows, or with which the bytes end where they are `final`."""
    content = data.bytes
    if len(content) < HEADER:
        return None
    kind, major, minor = content[:-4], content[1:-3], content[2:-2]
    places = np.flatnonzero((kind >= CHANGE_CIPHER_SPEC) & (kind <= HEARTBEAT) & (major == 3) & (minor <= 3))  # noqa: PLR2004 - 3.x
    headers = set(places.tolist())
    for place in places.tolist():
        length = (int(content[place + 3]) << 8) + int(content[place + 4])
        behind = place + HEADER + length
        if 0 < length <= LONGEST and (behind in headers or (final and behind == len(content))):
            return int(place)
    return None


def _behind(rest: Data | None, run: Run) -> Data:
    """The bytes of a run in one piece, behind those that wait."""
    if rest is None:
        return contiguous(run)
    joined = np.empty(len(rest.bytes) + run.size, np.uint8)
    joined[: len(rest.bytes)] = rest.bytes
    bulk.gather(run.bytes, np.ascontiguousarray(run.at), np.ascontiguousarray(run.length), joined[len(rest.bytes) :])
    return Data(rest.start, joined, rest.origins.joined(Origins(run.start, run.number, run.time), rest.start))


def _own(data: Data) -> Data | None:
    """The same in memory of its own; None for no bytes."""
    if not len(data.bytes):
        return None
    first = int(data.origins.rows(np.array([data.start]))[0])
    origins = Origins(*(column[first:].copy() for column in (data.origins.start, data.origins.number, data.origins.time)))
    return Data(data.start, data.bytes.copy(), origins)
