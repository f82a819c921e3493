"""WebSockets in one HTTP/2 connection (RFC 8441): the streams that extended CONNECT opens, each an attempt with a sink of its own.

In: the pieces of both directions from the client's preface and the server's first frame on. Out: calls on a `Sink` per attempt. The
DATA of a stream are the bytes of its WebSocket, counted from 0; END_STREAM of a side is told as its FIN, RST_STREAM as its RST.
Other requests are stepped over. "Not yet": what a stream carries is kept, bounded by `limits.undecided`, until its answer is there.
Once a header block of a direction is lost, the streams that are open go on and no new one is read from that direction.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np

from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.channel import Sink
from analyzer.model.http2 import PREFACE
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.session import HTTP2, Http2Stream, Request, Response
from analyzer.model.streams import Columns, End, Gap, Piece, Run
from analyzer.model.tcp import Health, Tcp
from analyzer.model.tls import Tls
from analyzer.wire import http1
from analyzer.wire.frames import FrameColumns
from analyzer.wire.health import TcpHealth
from analyzer.wire.http2_blocks import BlockReader, GoAway, Headers, Reset, Said, Settings
from analyzer.wire.http2_frames import Astray, Content, Frame, FrameWalker, LostStep, Torn, Walked
from analyzer.wire.intake import Intake
from analyzer.wire.resync import find_frame
from analyzer.wire.stream import Stream, open_stream

FINAL, SWITCHING = 200, 101
"""The first status that ends an exchange; one that HTTP/2 does not have (RFC 9113 section 8.6)."""
BOTH = (Side.CLIENT, Side.SERVER)


def _packet(at: Moment) -> int:
    return at.packet


class Host(Protocol):
    """What the connection lends to its streams."""

    last: Moment

    @property
    def tls(self) -> Tls | None:
        """What it goes through."""

    @property
    def over(self) -> bool:
        """Whether TCP ended."""

    def open_stream(self, first: Moment | None, sightings: tuple[Sightings, Sightings]) -> Sink:
        """The sink of an attempt; `first` is None for the first request of the connection."""

    def tcp(self, healths: tuple[Health, Health] | None) -> tuple[Tcp, Tcp]:
        """The facts of TCP by side, with these healths (by table side), or those up to now."""


class Attempt:
    """State of one stream that asks for a WebSocket."""

    def __init__(self, number: int, request: Request, sink: Sink, sightings: tuple[Sightings, Sightings], limits: Limits) -> None:
        self.id = number
        self.request = request
        self.sink = sink
        self.sightings = sightings
        self.response: Response | None = None
        self.reset: str | None = None
        self.fin: list[Moment | None] = [None, None]
        self.rst: list[Moment | None] = [None, None]
        self.next = [0, 0]
        """Bytes of content so far, those that are missing included."""
        self.intakes = (Intake(limits.http_head), Intake(limits.http_head))
        self.streams: list[Stream] = []
        self.deaf = False
        """Nothing of it is followed any more."""
        self.body = bytearray()
        self.healths: tuple[Health, Health] | None = None

    @property
    def rejected(self) -> bool:
        """Whether the answer was no."""
        return self.response is not None and not self.response.grants

    @property
    def ended(self) -> Moment | None:
        """Where it ended: with a RST_STREAM, or with the END_STREAM of the second side. A refusal ends with the server's."""
        client, server = self.fin
        ends = [at for at in self.rst if at is not None]
        if server is not None and (client is not None or self.rejected):
            ends.append(server if client is None or self.rejected else max(client, server, key=_packet))
        return min(ends, key=_packet, default=None)


class Http2:
    """State of one connection."""

    def __init__(self, host: Host, limits: Limits, room: FrameColumns) -> None:
        self._host = host
        self._limits = limits
        self._room = room
        self._attempts: dict[int, Attempt] = {}
        self._walkers = tuple(FrameWalker(limits, self._attempts.keys()) for _ in BOTH)
        self._blocks = tuple(BlockReader(limits) for _ in BOTH)
        self._preface = len(PREFACE)
        """Bytes of it to come."""
        self._requests = 0
        self._connect: bool | None = None
        """Whether the server's SETTINGS allow extended CONNECT; None before any."""
        self.attempts = 0
        """Attempts so far."""

    @property
    def busy(self) -> bool:
        """Whether a WebSocket is open."""
        return bool(self._attempts)

    def feed(self, side: Side, pieces: Iterable[Piece]) -> None:
        """Take the next pieces of a direction. The client's come first."""
        for piece in pieces:
            rest = self._behind_preface(piece) if side is Side.CLIENT and self._preface else piece
            for found in self._walkers[side].feed(rest) if rest is not None else ():
                self._take(side, found)

    def _behind_preface(self, piece: Piece) -> Piece | None:
        """What follows the client's preface, of which the connection saw the bytes."""
        if isinstance(piece, End | Gap):
            self._preface = 0
            return piece
        run = piece if isinstance(piece, Run) else piece.run()
        skipped = min(self._preface, run.size)
        self._preface -= skipped
        return run.after(skipped)

    def _take(self, side: Side, found: Walked) -> None:
        if isinstance(found, Content):
            self._content(side, found)
        elif isinstance(found, Frame):
            for said in self._read(side, found):
                self._hear(side, said)
        elif isinstance(found, LostStep):
            if self._blocks[side].lose("frames are not in the capture"):
                self._tell_loss(side, found.at)
        elif isinstance(found, Astray):
            hit = [attempt for attempt in self._attempts.values() if attempt.fin[side] is None and attempt.ended is None]
            for attempt in hit:
                self._tear(attempt, side, None, found.at, max(found.length // len(hit), 1))
        elif found.stream in self._attempts:
            owner = self._attempts[found.stream]
            if isinstance(found, Torn):
                self._tear(owner, side, found.length, found.at)
            else:
                self._end_side(owner, side, found.at)

    # Content

    def _content(self, side: Side, found: Content) -> None:
        """Content, which may be of several streams in turn."""
        numbers = found.stream
        if (numbers == numbers[0]).all():
            groups = [(int(numbers[0]), np.arange(len(numbers)))]
        else:
            order = numbers.argsort(kind="stable")
            breaks = np.flatnonzero(np.diff(numbers[order])) + 1
            groups = [(int(numbers[rows[0]]), rows) for rows in np.split(order, breaks)]
        for number, rows in groups:
            attempt = self._attempts.get(number)
            if attempt is None or attempt.deaf:
                continue
            length = found.length[rows]
            start = np.cumsum(length) - length + attempt.next[side]
            run = Run(start, length, found.number[rows], found.time[rows], found.at[rows], found.bytes)
            attempt.next[side] = run.end
            self._give(attempt, side, run)

    def _tear(self, attempt: Attempt, side: Side, length: int | None, at: Moment, about: int = 1) -> None:
        """Content is missing: `length` bytes, or not known how many, some `about`."""
        gap = Gap(attempt.next[side], about if length is None else length, at.packet, at.time, exact=length is not None)
        attempt.next[side] = gap.end
        if not attempt.deaf:
            self._give(attempt, side, gap)

    def _give(self, attempt: Attempt, side: Side, piece: Run | Gap) -> None:
        """The next piece of a stream: of a WebSocket, of the body of a refusal, or of what nothing is known yet."""
        if attempt.streams:
            attempt.streams[side].feed([piece], self._host.last)
        elif not attempt.rejected:
            attempt.intakes[side].add(piece)
            if attempt.intakes[side].held > self._limits.undecided:
                self._presume(attempt, final=False)
                if not attempt.streams:
                    self._give_up(attempt)
        elif side is Side.SERVER and isinstance(piece, Run):
            room = self._limits.http_body - len(attempt.body)
            for at, size in zip(piece.at.tolist(), piece.length.tolist(), strict=True):
                if room <= 0:
                    break
                attempt.body += piece.bytes[at : at + min(size, room)].tobytes()
                room -= size

    def _give_up(self, attempt: Attempt) -> None:
        """What it carries cannot be told."""
        if attempt.intakes[Side.SERVER].front is not None or self._blocks[Side.SERVER].lost is not None:
            attempt.sink.unread()
        attempt.deaf = True
        for intake in attempt.intakes:
            intake.drain()

    # Frames

    def _read(self, side: Side, frame: Frame) -> list[Said]:
        """What a frame says; noted where it takes the table of headers with it."""
        blocks = self._blocks[side]
        before = blocks.lost
        said = list(blocks.feed(frame))
        if before is None and blocks.lost is not None:
            self._tell_loss(side, frame.at)
        return said

    def _tell_loss(self, side: Side, at: Moment) -> None:
        """Of every stream that is open: no header block of this side is read from here on."""
        for attempt in self._attempts.values():
            if attempt.ended is None:
                attempt.sightings[side].record(Anomaly.HPACK_LOST, at.packet, at.time, self._blocks[side].lost or "")

    def _hear(self, side: Side, said: Said) -> None:
        if isinstance(said, Settings):
            if side is Side.SERVER:
                self._connect = bool(self._connect) if said.connect is None else said.connect
            return
        if isinstance(said, GoAway):
            for one in self._attempts.values() if said.code != "NO_ERROR" else ():
                words = f"{said.code}: {said.words}" if said.words else said.code
                one.sightings[side].record(Anomaly.GOAWAY, said.at.packet, said.at.time, words)
            return
        attempt = self._attempts.get(said.stream)
        if isinstance(said, Reset):
            if attempt is not None and attempt.rst[side] is None:
                attempt.reset = attempt.reset or said.code
                attempt.rst[side] = said.at
            return
        if attempt is None:
            attempt = self._ask(said) if side is Side.CLIENT and said.fields is not None else None
        elif side is Side.SERVER and not said.promised and not attempt.streams:
            self._answer(attempt, said)
        if attempt is not None and said.ends:
            self._end_side(attempt, side, said.at)

    def _end_side(self, attempt: Attempt, side: Side, at: Moment) -> None:
        attempt.fin[side] = attempt.fin[side] or at

    # The attempt

    def _ask(self, said: Headers) -> Attempt | None:
        """A request; an attempt when it asks for a WebSocket (RFC 8441 section 4)."""
        assert said.fields is not None
        fields = _joined(said.fields)
        first, self._requests = self._requests == 0, self._requests + 1
        if fields.get(":method") != "CONNECT" or fields.get(":protocol", "").lower() != "websocket":
            return None
        if len(self._attempts) >= self._limits.http2_streams:
            self.settle(self._host.last.time, hurried=True)
            if len(self._attempts) >= self._limits.http2_streams:
                return None
        target = fields.get(":path", "")
        path, query = http1.split_target(target)
        headers = {name: value for name, value in fields.items() if not name.startswith(":")}
        if ":authority" in fields:
            headers.setdefault("host", fields[":authority"])
        request = Request(target, path, query, HTTP2, headers, said.at, method="CONNECT")
        sightings = (Sightings(self._limits.anomalies), Sightings(self._limits.anomalies))
        sink = self._host.open_stream(None if first else said.first, sightings)
        attempt = Attempt(said.stream, request, sink, sightings, self._limits)
        self._attempts[said.stream] = attempt
        self.attempts += 1
        attempt.sink.multiplexed(Http2Stream(said.stream))
        attempt.sink.requested(request)
        return attempt

    def _answer(self, attempt: Attempt, said: Headers) -> None:
        """The answer, but for those that announce another one; what follows the final one is a trailer."""
        fields = _joined(said.fields or [])
        status = fields.get(":status", "")
        if attempt.response is not None or not (status.isascii() and status.isdigit() and len(status) == 3):  # noqa: PLR2004 - RFC 9110 section 15
            return
        if int(status) < FINAL and int(status) != SWITCHING:
            return
        headers = {name: value for name, value in fields.items() if not name.startswith(":")}
        attempt.response = response = Response(int(status), "", HTTP2, headers, b"", said.at)
        if response.grants:
            attempt.sink.answered(response)
            self._start(attempt, response)
        else:
            for piece in attempt.intakes[Side.SERVER].drain():  # from before a hole; none in order
                assert not isinstance(piece, End)

    def _presume(self, attempt: Attempt, *, final: bool) -> None:
        """Frames behind a request whose answer is not in the capture say that it was granted."""
        for side, intake in zip(BOTH, attempt.intakes, strict=True):
            if find_frame(intake.pieces, side, final=final, reach=self._limits.undecided) is not None:
                attempt.sink.joined()
                self._start(attempt, None)
                return

    def _start(self, attempt: Attempt, response: Response | None) -> None:
        """From here on both directions are frames; what waits is the first of them."""
        if attempt.deaf:
            return
        for side, intake in zip(BOTH, attempt.intakes, strict=True):
            pieces = intake.drain()
            start = pieces[0].begin if pieces else attempt.next[side]
            said = (self._limits, attempt.sightings[side], self._room)
            attempt.streams.append(open_stream(side, start, attempt.sink, response, *said, in_step=True))
            attempt.streams[-1].feed(pieces, self._host.last)

    # The end

    def measure(self, health: TcpHealth, columns: Columns, sides: tuple[tuple[int, int], tuple[int, int]]) -> None:
        """Let TCP's health take a batch; of a stream that ended in it, the health is that up to its end."""
        ended = [attempt for attempt in self._attempts.values() if attempt.ended is not None and attempt.healths is None]
        number = columns["number"]
        for attempt in sorted(ended, key=lambda attempt: attempt.ended.packet if attempt.ended else 0):
            assert attempt.ended is not None
            cuts = [begin + int(number[begin:end].searchsorted(attempt.ended.packet, side="right")) for begin, end in sides]
            health.feed(columns, ((sides[0][0], cuts[0]), (sides[1][0], cuts[1])))
            sides = ((cuts[0], sides[0][1]), (cuts[1], sides[1][1]))
            one, two = health.settle(attempt.ended.time)  # what was under way then may be acknowledged behind it
            attempt.healths = (
                replace(one, unacknowledged=None, waiting_from=None),
                replace(two, unacknowledged=None, waiting_from=None),
            )
        health.feed(columns, sides)

    def settle(self, now: int, *, hurried: bool = False) -> None:
        """Keep what still lies in the batch, and let go of streams that ended long enough ago for all to be there."""
        for attempt in list(self._attempts.values()):
            for intake in attempt.intakes:
                intake.settle()
            if attempt.ended is not None and (hurried or now - attempt.ended.time > self._limits.hole_patience):
                self._finish(attempt)

    def finish(self) -> None:
        """Nothing follows, and the directions had their End."""
        for attempt in list(self._attempts.values()):
            self._finish(attempt)

    def _finish(self, attempt: Attempt) -> None:
        """Close an attempt, and forget it."""
        del self._attempts[attempt.id]
        sink, ended = attempt.sink, attempt.ended
        if attempt.response is None and not attempt.streams:
            self._presume(attempt, final=True)
            if not attempt.streams:
                self._give_up(attempt)
        if attempt.rejected and attempt.response is not None:
            sink.answered(http1.with_body(attempt.response, bytes(attempt.body), self._limits.http_body))
        for side, stream in zip(BOTH, attempt.streams, strict=bool(attempt.streams)):
            stream.feed([End(attempt.next[side])], ended or self._host.last)
        if self._connect is False and self._blocks[Side.SERVER].lost is None:
            at = attempt.request.at
            attempt.sightings[Side.CLIENT].record(Anomaly.CONNECT_NOT_OFFERED, at.packet, at.time)
        sink.multiplexed(Http2Stream(attempt.id, attempt.reset))
        facts = self._host.tcp(attempt.healths)
        if ended is not None:
            facts = (replace(facts[0], fin=None, rst=None), replace(facts[1], fin=None, rst=None))
        client, server = (
            replace(one, fin=fin or one.fin, rst=rst or one.rst)
            for one, fin, rst in zip(facts, attempt.fin, attempt.rst, strict=True)
        )
        sink.finish((client, server), ended or self._host.last, tls=self._host.tls, over=ended is not None or self._host.over)


def _joined(fields: list[tuple[str, str]]) -> dict[str, str]:
    """Headers by name, repeated ones joined by a comma, parts of a cookie by a semicolon (RFC 9113 section 8.2.3)."""
    joined: dict[str, str] = {}
    for name, value in fields:
        separator = "; " if name == "cookie" else ", "
        joined[name] = f"{joined[name]}{separator}{value}" if name in joined else value
    return joined
