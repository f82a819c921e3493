"""All of one connection that a copy of it needs: its bytes as far as they can be read, where things lie in them, its packets.

In: the calls of `Tap`, those of `Sink` for each attempt, and the packets of each batch. Out: one stream per direction, in which
plaintext follows what stood in front of TLS; heads, frames and packets with their places in it; what is special about HTTP/2.
"""

import struct
import tempfile
import weakref
from collections.abc import Iterator

import numpy as np

from analyzer.copies.headers import Origin, read_origin
from analyzer.copies.multiplexed import Multiplexed
from analyzer.copies.places import Places
from analyzer.copies.store import StreamStore
from analyzer.model.channel import MessageBatch
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.places import Endpoint, Hole, Moment, Span
from analyzer.model.schema import FRAMES, Side
from analyzer.model.session import Http2Stream, Proxy, Request, Response
from analyzer.model.streams import Bytes, Columns, Data, Gap, Ints, Piece, Run
from analyzer.model.tables import Table
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Tls

KEPT = frozenset({"offset", "header", "length", "opcode", "fin", "rsv", "masked", "key", "complete"})
_ROW = struct.Struct("<qBiiHHBBB")
"""Time, side, payload bytes captured and on the wire; identification, fragment word, hop limit, traffic class, header size."""


@dataclass(frozen=True, slots=True)
class Head:
    """An HTTP head: its place in its direction's stream, and the packet that completes it."""

    start: int
    length: int
    at: Moment


@dataclass(frozen=True, slots=True)
class Packet:
    """A TCP packet without its payload."""

    time: int
    side: int
    captured: int
    length: int
    origin: Origin


class Recording:
    """State of one connection; sides are those of the table. Of as many TLS connections as `layers`, one inside the other, it takes
    what they protect instead of what they send. Offsets are those of the stream that is kept.
    """

    def __init__(self, ends: tuple[Endpoint, Endpoint], limits: Limits, layers: int, stream: int | None) -> None:
        self.ends = ends
        self.number = stream
        """The stream of HTTP/2 that is copied."""
        self.multiplexed: Multiplexed | None = None
        self.stores = (StreamStore(limits.copied_stream), StreamStore(limits.copied_stream))
        self.opened: list[tuple[int, int]] = []
        """Where the plaintext of each TLS that is taken off begins."""
        self.sealed: tuple[int, int] | None = None
        """Where the TLS begins that stays."""
        self._layers = layers
        self._limits = limits
        self.heads: tuple[dict[int, Head], dict[int, Head]] = ({}, {})
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.frames_begin: tuple[int, int] | None = None
        self.client = 0
        self.response: Response | None = None
        """The answer that opened the WebSocket."""
        schema = tuple(column for column in FRAMES if column.name in KEPT)
        self.tables = (Table(schema, limits.table_in_memory), Table(schema, limits.table_in_memory))
        """Frames by role."""
        self._segments: list[tuple[int, int, Ints, Ints, Ints]] = []
        self._spool = tempfile.SpooledTemporaryFile(limits.copied_stream, prefix="analyzer-packets-")  # noqa: SIM115 - see StreamStore
        weakref.finalize(self, self._spool.close)

    def packets(self, columns: Columns, sides: tuple[tuple[int, int], tuple[int, int]], data: Bytes, stops: Ints) -> None:
        """Take the connection's packets of a batch; `stops` says for each where its bytes end in `data`."""
        both = ((row, side) for side, (begin, end) in enumerate(sides) for row in range(begin, end))
        rows = sorted((int(columns["number"][row]), row, side) for row, side in both)
        view = memoryview(data)
        for _, row, side in rows:
            origin = read_origin(view, columns, row, int(stops[row]))
            said = (int(columns["time"][row]), side, int(columns["captured"][row]), int(columns["length"][row]))
            self._spool.write(_ROW.pack(*said, *origin.fields, len(origin.header)) + origin.header)

    def all_packets(self) -> Iterator[Packet]:
        """All packets, in order."""
        self._spool.seek(0)
        while row := self._spool.read(_ROW.size):
            time, side, captured, length, *fields, size = _ROW.unpack(row)
            yield Packet(time, side, captured, length, Origin(tuple(fields), self._spool.read(size)))

    def placed_by(self, reached: list[int], side: int) -> list[Places]:
        """Where bytes of a TCP stream stand in the stream that is kept, TLS by TLS; `reached`: where TCP and each plaintext end."""
        return [self._placed_by(reached, side, depth) for depth in range(len(self.opened))]

    def _placed_by(self, reached: list[int], side: int, depth: int) -> Places:
        around, zero = self._shift(side, depth), self.opened[depth][side]
        places = Places([(0, 0), (zero, zero)])
        for who, where, at, start, size in self._segments:
            if (who, where) != (side, depth):
                continue
            for one, two, count in zip(at.tolist(), start.tolist(), size.tolist(), strict=True):
                places.add(around + one, zero + two)
                places.add(around + one + count, zero + two + count)
        places.add(around + reached[depth], zero + reached[depth + 1])
        return places

    def proxied(self, proxy: Proxy) -> None:
        """A tunnel was asked for."""
        self.requests.append(proxy.request)
        self.responses += [proxy.response] if proxy.response is not None else []

    # Tap

    def stream(self, side: int, piece: Piece) -> None:
        """Keep what is not protected, or all."""
        self.plain(side, piece, 0)

    def plain(self, side: int, piece: Piece, depth: int) -> None:
        """Keep it behind what stood in front of TLS."""
        if depth == len(self.opened) and isinstance(piece, Data | Run):
            self.stores[side].take(piece, self._shift(side, depth))

    def placed(self, side: int, depth: int, at: Ints, start: Ints, size: Ints) -> None:
        """Keep the places."""
        if depth < len(self.opened):
            self._segments.append((side, depth, at.copy(), start.copy(), size.copy()))

    def secured(self, starts: tuple[int, int], depth: int) -> None:
        """What follows is no plaintext."""
        if depth > len(self.opened):
            return
        one, two = (start + self._shift(side, depth) for side, start in enumerate(starts))
        if depth == self._layers:
            self.sealed = one, two
            return
        self.opened.append((one, two))
        for store, start in zip(self.stores, (one, two), strict=True):
            store.cut(start)

    def head(self, side: int, depth: int, start: int, length: int, at: Moment) -> None:
        """Keep the place."""
        if depth <= len(self.opened):
            start += self._shift(side, depth)
            self.heads[side][start] = Head(start, length, at)

    def websocket(self, starts: tuple[int, int], depth: int, client: int, response: Response | None) -> None:
        """Keep where frames begin."""
        self.client, self.response = client, response
        if depth == len(self.opened):
            one, two = (start + self._shift(side, depth) for side, start in enumerate(starts))
            self.frames_begin = one, two

    def _shift(self, side: int, depth: int) -> int:
        """Where the stream in so many TLS connections begins."""
        return self.opened[depth - 1][side] if depth else 0

    def http2(self, starts: tuple[int, int], depth: int, client: int) -> None:
        """Keep what is told of the stream."""
        self.client = client
        if depth == len(self.opened) and self.number is not None:
            shifts = self._shift(0, depth), self._shift(1, depth)
            self.multiplexed = Multiplexed(self.number, (starts[0] + shifts[0], starts[1] + shifts[1]), shifts, self._limits)

    def astray(self, side: int, lost: int, found: int) -> None:
        """Frames are missing."""
        if self.multiplexed is not None:
            self.multiplexed.lost(side, lost, found)

    def block(self, side: int, start: int, stream: int, fields: list[tuple[str, str]] | None) -> None:
        """Keep the stream's own."""
        if self.multiplexed is not None:
            self.multiplexed.block(side, start, stream, fields, request=side == self.client)

    def content(self, side: int, stream: int, piece: Run | Gap) -> None:
        """Keep the stream's own."""
        if self.multiplexed is not None:
            self.multiplexed.content(side, stream, piece)

    def passed(self, side: int, stream: int, size: int) -> None:
        """It is to be overwritten."""
        if self.multiplexed is not None:
            self.multiplexed.passed(side, stream, size)

    def attempt(self) -> "Attempt":
        """The sink of an attempt on the connection."""
        return Attempt(self)


class Attempt:
    """One attempt of a Recording. What it asks shows secrets; the rest is kept unless it is another stream of HTTP/2."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._foreign = False
        """It is another stream."""
        self._stream: Multiplexed | None = None
        """What is kept of the stream that it is."""

    def proxied(self, proxy: Proxy) -> None:
        """Its credentials are secrets, too."""
        self._recording.proxied(proxy)

    def multiplexed(self, stream: Http2Stream) -> None:
        """Whether it is the stream that is copied."""
        kept = self._recording.multiplexed
        self._foreign = kept is None or stream.id != kept.number
        if kept is not None and not self._foreign and self._stream is None:
            self._stream = kept
            kept.attempts += 1

    def requested(self, request: Request) -> None:
        """What it shows to be secret is looked for everywhere."""
        self._recording.requests.append(request)

    def answered(self, response: Response) -> None:
        """Its body may stay."""
        if self._foreign:
            return
        self._recording.responses.append(response)
        if self._stream is not None:
            self._stream.answered(response)
            self._recording.response = response if response.grants else None

    def unread(self) -> None:
        """The bytes themselves are kept."""

    def joined(self) -> None:
        """What follows is a WebSocket."""
        if self._stream is not None:
            self._stream.followed = True

    def frames(self, side: Side, columns: Columns) -> None:
        """Keep where they lie."""
        if not self._foreign:
            self._recording.tables[side].append({name: columns[name].copy() for name in KEPT})

    def messages(self, side: Side, batch: MessageBatch) -> None:
        """They are read again when all secrets are known."""

    def covered(self, side: Side, count: int) -> None:
        """The bytes themselves are kept."""

    def hole(self, side: Side, hole: Hole) -> None:
        """What is missing stays missing."""

    def blind(self, side: Side, span: Span) -> None:
        """What lies outside frames is overwritten."""

    def finish(self, tcp: tuple[Tcp, Tcp], last: Moment, *, tls: Tls | None, over: bool) -> None:
        """Another attempt may follow on the connection."""


def stops_of(columns: Columns, first_number: int, records: Columns, size: int) -> Ints:
    """Where the bytes of each packet end in its batch of `size` bytes; those of a packet put together from fragments lie behind."""
    rows = columns["number"] - first_number
    stops = records["offset"][rows] + records["captured"][rows]
    joined = columns["payload"] > size
    return np.where(joined, columns["payload"] + np.maximum(columns["captured"], 0), stops).astype(np.int64)
