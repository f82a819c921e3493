"""One direction of a TLS connection: from its bytes and holes through records to plaintext, as far as keys are at hand.

In: pieces in stream order. Out: pieces of plaintext, whose bytes lead back to the packets that carried them: every cipher here
keeps the place of a byte. A record that does not open is a hole. Without keys sizes and times are kept.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import TLS_RECORDS, Side
from analyzer.model.streams import Gap, Ints, Piece, Run
from analyzer.model.tables import Table
from analyzer.wire.tls import hello
from analyzer.wire.tls.keys import APPLICATION, EARLY, Keys
from analyzer.wire.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, RecordReader, Records, Torn

ROWS = 1 << 14
"""Records opened at once."""
PLAIN_ALERT = 2
"""Bytes of an alert (RFC 8446 section 6); none that is encrypted is as short."""
USUAL_OVERHEAD = 40
"""Bytes of a CBC record that are no plaintext, about."""


@dataclass(frozen=True, slots=True)
class Message:
    """A handshake message. `raw` is all of it, `at` the packet that completes it."""

    type: int
    body: bytes
    raw: bytes
    at: Moment


class Messages:
    """Handshake messages out of records (RFC 8446 section 5.1), each at most `limit` bytes long."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = b""
        self._skip = 0

    def lose(self) -> None:
        """Bytes are missing: what follows is taken for the beginning of a message."""
        self._bytes, self._skip = b"", 0

    def add(self, content: bytes, at: Moment) -> Iterator[Message]:
        """The messages that this completes."""
        passed = min(self._skip, len(content))
        self._skip -= passed
        self._bytes += content[passed:]
        while len(self._bytes) >= 4:  # noqa: PLR2004 - type and length
            size = 4 + int.from_bytes(self._bytes[1:4], "big")
            if size > self._limit:
                self._skip, self._bytes = max(0, size - len(self._bytes)), self._bytes[size:]
                continue
            if len(self._bytes) < size:
                return
            raw, self._bytes = self._bytes[:size], self._bytes[size:]
            yield Message(raw[0], raw[4:], raw, at)


@dataclass(slots=True)
class _Hole:
    """What could not be read since the last record that opened: bytes with headers, of which `torn` ones are not there, and how
    many records are known to have been `passed`. `sure` says that those are all.
    """

    before: Moment
    bytes: int = 0
    torn: int = 0
    passed: int = 0
    sure: bool = True


class Owner(Protocol):
    """The connection that a direction belongs to."""

    def blocked(self, side: Side) -> bool:
        """Whether the peer has to be read first."""

    def told(self, side: Side, message: Message) -> None:
        """Take a handshake message."""

    def warned(self, side: Side, content: bytes, at: Moment) -> None:
        """Take an alert."""

    def changed(self, side: Side) -> None:
        """Take a ChangeCipherSpec in clear."""

    def flowed(self, at: Moment) -> None:
        """Hear of application data that opened."""


class Half:
    """State of one direction."""

    def __init__(self, side: Side, limits: Limits, owner: Owner) -> None:
        self.side = side
        self._owner = owner
        self._reader = RecordReader()
        self._pieces: list[Piece] = []  # few at a time, and there are two lists for each of thousands of connections
        self._reading: Iterator[Records | Torn] = iter(())
        self._waiting: list[Records | Torn] = []
        self._row = 0
        self._messages = Messages(limits.tls_message)
        self.keys: Keys | None = None
        """Once they are known; they are used from `protected` on."""
        self.protected = False
        self.hidden = False
        """Nothing that follows can be read."""
        self.table: Table | None = Table(TLS_RECORDS, limits.table_in_memory)
        """Sizes and times, until it is clear that they are not needed."""
        self.next = 0
        """Offset of the next byte of plaintext."""
        self._hole: _Hole | None = None
        self._early: list[Piece] = []
        """0-RTT data of which it is not known whether the server takes them."""
        self._rows_at_once = ROWS
        self.placed: Callable[[Ints, Ints, Ints], None] | None = None
        """Asked to note where plaintext lies: stream offsets of the first bytes of its records, its own offsets, and its sizes."""
        self.unread = 0
        self.torn: list[Moment] = []
        """The first places behind which bytes of records are missing."""
        self._most_torn = limits.anomalies
        self._seen = self._torn_first = False

    @property
    def lost(self) -> bool:
        """Whether no hello is to be expected: the direction begins with something else, or cannot be read any more."""
        return self._torn_first or self.hidden or self.strange is not None

    @property
    def strange(self) -> Moment | None:
        """Where the direction begins, if it is no TLS."""
        return self._reader.strange

    def feed(self, pieces: Iterable[Piece]) -> None:
        """Take the next pieces; `run` gives what comes of them."""
        self._pieces.extend(pieces)

    def keep(self) -> int:
        """Let go of the batch that the pieces lie in: what waits for the peer is copied. Gives its bytes."""
        while self._more():
            pass
        return sum(len(one.data.bytes) for one in self._waiting if isinstance(one, Records))

    def _more(self) -> bool:
        """Read the next records; False when there are none."""
        while True:
            found = next(self._reading, None)
            if found is not None:
                self._torn_first |= isinstance(found, Torn) and not self._seen
                self._seen = True
                self._waiting.append(found)
                return True
            if not self._pieces:
                return False
            self._reading = self._reader.feed(self._pieces.pop(0))

    def run(self) -> Iterator[Piece]:
        """Read on, until nothing waits or the peer has to be read first."""
        while not self._owner.blocked(self.side) and (self._waiting or self._more()):
            one = self._waiting[0]
            if isinstance(one, Torn):
                self._waiting.pop(0)
                self._tear(one)
                continue
            if self.hidden:
                self._hide(one)
            elif self.protected and self.keys is not None:
                yield from self._open(one, self.keys)
            else:
                self._read(one)
            if self._row >= len(one):
                self._waiting.pop(0)
                self._row = 0

    def finish(self) -> Iterator[Piece]:
        """Nothing follows. Of bytes that are missing at the end it is not known how many records they were."""
        if self._hole is not None and self._hole.torn and not self._hole.passed:
            self._hole.passed, self._hole.sure = 1, False
        yield from self._gap()

    @property
    def _flows(self) -> bool:
        """Whether what is missing may be application data."""
        keys = self.keys
        return self.protected and keys is not None and (not keys.tls13 or keys.epoch.name == APPLICATION or keys.useless)

    def _note(self, records: Records, begin: int, end: int) -> None:
        """Keep sizes and times of records."""
        if self.table is None or end <= begin:
            return
        rows = records.data.origins.rows(records.data.start + records.at[begin:end])
        origins = records.data.origins
        self.table.append(
            {
                "type": records.type[begin:end].copy(),
                "length": records.length[begin:end].astype(np.int32),
                "packet": origins.number[rows],
                "time": origins.time[rows],
            }
        )

    def _hide(self, records: Records) -> None:
        """Records that cannot be read."""
        self._note(records, self._row, len(records))
        # An alert of two bytes is in clear: OpenSSL refuses a server's certificate so in TLS 1.3.
        for row in np.flatnonzero((records.type[self._row :] == ALERT) & (records.length[self._row :] == PLAIN_ALERT)).tolist():
            self._owner.warned(self.side, records.payload(self._row + row), records.moment(self._row + row))
        if self._flows:
            hole = self._missing(records.moment(self._row))
            hole.bytes += int((records.length[self._row :] + HEADER).sum())
            hole.sure = False
        self._row = len(records)

    def _read(self, records: Records) -> None:
        """The next record in clear."""
        row, self._row = self._row, self._row + 1
        self._note(records, row, row + 1)
        kind = int(records.type[row])
        if kind == HANDSHAKE:
            for message in self._messages.add(records.payload(row), records.end(row)):
                self._owner.told(self.side, message)
        elif kind == ALERT:
            self._owner.warned(self.side, records.payload(row), records.moment(row))
        elif kind == CHANGE_CIPHER_SPEC:
            self._owner.changed(self.side)
        elif self.keys is not None:  # of TLS 1.2, with the ChangeCipherSpec missing
            self.protected, self._row = True, row
        else:
            self.hidden = True

    def _tear(self, torn: Torn) -> None:
        """Bytes that are no whole records."""
        if len(self.torn) < self._most_torn:
            self.torn.append(torn.before)
        self._messages.lose()
        hole = self._missing(torn.before)
        hole.bytes += torn.end - torn.start
        hole.torn += torn.end - torn.start
        hole.sure &= torn.records is not None
        if self.protected and self.keys is not None and torn.records is not None:
            hole.passed += self.keys.pass_over(torn.records)

    def _missing(self, before: Moment) -> _Hole:
        """The hole since the last record that opened."""
        if self._hole is None:
            self._hole = _Hole(before)
        return self._hole

    def _open(self, records: Records, keys: Keys) -> Iterator[Piece]:
        """Protected records: as many at once as open."""
        while self._row < len(records) and not self.hidden and not self._owner.blocked(self.side):
            row = self._row
            kind = int(records.type[row])
            if kind == CHANGE_CIPHER_SPEC:
                self._row += 1
                if not keys.tls13:  # other keys follow, which nobody told
                    self.hidden = True
                continue
            if keys.tls13 and kind == ALERT:
                self._row += 1
                self._owner.warned(self.side, records.payload(row), records.moment(row))
                continue
            others = np.flatnonzero(records.type[row : row + self._rows_at_once] == CHANGE_CIPHER_SPEC)
            stop = min(row + self._rows_at_once, len(records), row + int(others[0]) if len(others) else len(records))
            plain = keys.open(records, range(row, stop))
            self._note(records, row, row + len(plain))
            if plain:
                self._rows_at_once = min(ROWS, 2 * self._rows_at_once)
                self._row += len(plain)
                yield from self._gap()
                yield from self._opened(records, row, plain, keys)
                continue
            self._rows_at_once = 1
            hole = self._hole
            found = keys.recover(records, row, hole.torn if hole is not None else 0, missing=hole is not None)
            if found is None:
                self._unreadable(records, row, keys)
            elif hole is not None:
                skipped, other = found
                hole.passed = skipped if other else hole.passed + skipped
                hole.sure &= not skipped and not other

    def _unreadable(self, records: Records, row: int, keys: Keys) -> None:
        """A record that opens under no key at hand."""
        self._note(records, row, row + 1)
        self._row += 1
        self.unread += 1
        hole = self._missing(records.moment(row))
        hole.bytes += HEADER + int(records.length[row])
        hole.passed += keys.pass_over(1)
        self.hidden |= keys.useless

    def _gap(self) -> Iterator[Gap]:
        """The hole so far in terms of plaintext: nothing where no record of the present key is missing."""
        hole, self._hole = self._hole, None
        if hole is None or not self._flows or (not hole.passed and not self.hidden):
            return
        assert self.keys is not None
        overhead = self.keys.epoch.protection.overhead if self.keys.epoch.protection is not None else None
        size = hole.bytes - max(1, hole.passed) * (HEADER + (USUAL_OVERHEAD if overhead is None else overhead))
        if size > 0:
            yield Gap(self.next, size, hole.before.packet, hole.before.time, hole.sure and overhead is not None)
            self.next += size

    def _opened(self, records: Records, row: int, plain: list[bytes], keys: Keys) -> Iterator[Piece]:
        """Plaintext by content type."""
        size = np.fromiter(map(len, plain), np.int64, len(plain))
        content = np.frombuffer(b"".join(plain), np.uint8)
        at = np.cumsum(size) - size
        if keys.tls13:
            size, kind = _inner(content, at, size)
        else:
            kind = records.type[row : row + len(plain)]
        edges = [0, *(np.flatnonzero(kind[1:] != kind[:-1]) + 1).tolist(), len(plain)]
        protection = keys.epoch.protection
        assert protection is not None
        for begin, end in pairwise(edges):
            if kind[begin] == APPLICATION_DATA:
                some = slice(begin, end)
                places = records.at[row + begin : row + end] + HEADER + protection.lead
                piece = self._plaintext(records, places, content, at[some], size[some])
                if piece is not None:
                    yield from self._give(piece, keys)
                continue
            for one in range(begin, end):
                said = content[at[one] : at[one] + size[one]].tobytes()
                if kind[one] == HANDSHAKE:
                    yield from self._handshake(said, records.end(row + one), keys)
                elif kind[one] == ALERT:
                    self._owner.warned(self.side, said, records.moment(row + one))

    def _give(self, piece: Run, keys: Keys) -> Iterator[Piece]:
        if keys.epoch.name == EARLY:
            self._early.append(piece)
            return
        self._owner.flowed(Moment(*piece.first))
        yield piece

    def _handshake(self, content: bytes, at: Moment, keys: Keys) -> Iterator[Piece]:
        """Handshake messages under protection; some of them change the key of what follows."""
        for message in self._messages.add(content, at):
            self._owner.told(self.side, message)
            if not keys.tls13:
                continue
            if message.type == hello.END_OF_EARLY_DATA and keys.epoch.name == EARLY:
                early, self._early = self._early, []
                if early:
                    self._owner.flowed(at)
                yield from early
                keys.advance()
            elif message.type == hello.FINISHED and keys.epoch.name != APPLICATION:
                self._early = []
                keys.advance()
            elif message.type == hello.KEY_UPDATE and keys.epoch.name == APPLICATION:
                keys.update()

    def _plaintext(self, records: Records, places: Ints, content: npt.NDArray[np.uint8], at: Ints, size: Ints) -> Run | None:
        """Application data as a Run: a part for each packet that carries some of a record."""
        filled = size > 0
        if not filled.all():
            places, at, size = places[filled], at[filled], size[filled]
        if not len(size):
            return None
        start = self.next + np.cumsum(size) - size
        self.next += int(size.sum())
        origins = records.data.origins
        begin = records.data.start + places
        if self.placed is not None:
            self.placed(begin, start, size)
        first, last = origins.rows(begin), origins.rows(begin + size - 1)
        parts = last - first + 1
        if (parts == 1).all():
            return Run(start, size, origins.number[first], origins.time[first], at, content)
        record = np.repeat(np.arange(len(size)), parts)
        origin = first[record] + np.arange(len(record)) - np.repeat(np.cumsum(parts) - parts, parts)
        edge = np.append(origins.start[1:], records.data.end)[origin]
        one = np.maximum(begin[record], origins.start[origin])
        two = np.minimum(begin[record] + size[record], edge)
        inside = one - begin[record]
        return Run(start[record] + inside, two - one, origins.number[origin], origins.time[origin], at[record] + inside, content)


def _inner(content: npt.NDArray[np.uint8], at: Ints, size: Ints) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Size of what TLSInnerPlaintext holds, and its type: the last byte that is not zero (RFC 8446 section 5.4), 0 for none."""
    kind = content[np.maximum(at + size - 1, 0)]
    padded = np.flatnonzero(kind == 0).tolist()
    if padded:
        size = size.copy()
        for row in padded:
            held = content[at[row] : at[row] + size[row]]
            last = np.flatnonzero(held)
            size[row] = last[-1] + 1 if len(last) else 1
        kind = np.where(size > 0, content[at + size - 1], 0).astype(np.uint8)
    return size - 1, kind
