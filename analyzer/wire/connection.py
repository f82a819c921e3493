"""One TCP connection: from packets through reassembly and HTTP to the frames and messages of each attempt to open a WebSocket.

In: the connection's packets of each batch. Out: calls on a `Sink` per attempt. Says nothing of a connection that turns out to be no
WebSocket. What it carries is decided by its first bytes; until then at most `limits.undecided` bytes per direction are kept.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from analyzer.model.anomalies import Sightings
from analyzer.model.channel import Sink
from analyzer.model.limits import Limits
from analyzer.model.schema import Side
from analyzer.model.session import Hole, Moment, Request, Response
from analyzer.model.streams import Bytes, Columns, Data, End, Gap, Piece, Run
from analyzer.wire import http1
from analyzer.wire.deflate import Inflater
from analyzer.wire.frames import FrameColumns
from analyzer.wire.handshake import Handshake
from analyzer.wire.health import TcpHealth
from analyzer.wire.intake import Intake, contiguous
from analyzer.wire.messages import MessageReader
from analyzer.wire.reassembly import Reassembly
from analyzer.wire.resync import find_frame
from analyzer.wire.tcp import ACK, SYN, Opening, Rows
from analyzer.wire.websocket import FrameBatch, FrameReader

TLS_RECORDS = (b"\x16\x03", b"\x17\x03")
"""Handshake and application data (RFC 8446 section 5.1): what a TLS connection starts with, and goes on with."""
TLS_BEGINS = {record[:1] for record in TLS_RECORDS}
DECIDING = 8
"""Bytes that tell HTTP from anything else."""


class Carries(StrEnum):
    """What a connection carries, as far as it is known."""

    UNDECIDED = "undecided"
    HTTP = "http"
    WEBSOCKET = "websocket"
    TLS = "tls"
    UNKNOWN = "unknown"


class Connection:
    """State of one connection. `open_session` makes the Sink of an attempt; it is told the client's table side and the first
    packet.
    """

    def __init__(
        self, flow: int, opening: Opening, limits: Limits, room: FrameColumns, open_session: Callable[["Connection", Moment], Sink]
    ) -> None:
        self.flow = flow
        self.endpoints = opening.endpoints
        self.carries = Carries.UNDECIDED
        self.client: int | None = None
        """Which side of the table is the client; None until it is known."""
        self.first: Moment | None = None
        self.last = Moment(0, 0)
        self._limits = limits
        self._room = room
        self._open_session = open_session
        if opening.flags & SYN:
            self.client = 1 if opening.flags & ACK else 0
        self.handshake_seen = bool(opening.flags & SYN)
        self._reassembly = tuple(Reassembly(initial, limits) for initial in opening.initial)
        self._health = TcpHealth()
        self._intake = (Intake(limits.http_head), Intake(limits.http_head))
        self.sightings = (Sightings(limits.anomalies), Sightings(limits.anomalies))
        self._handshake: Handshake | None = None
        self._asked: Request | None = None
        self.sink: Sink | None = None
        self._frames: list[FrameReader | None] = [None, None]
        self._messages: list[MessageReader | None] = [None, None]
        self._holes: list[Gap | None] = [None, None]

    @property
    def client_side(self) -> int:
        """The client's table side; the first sender where nothing tells."""
        return self.client or 0

    def facts(self, side: Side) -> "Reassembly":
        """The reassembly of a side, for its TCP facts."""
        return self._reassembly[self.client_side if side is Side.CLIENT else 1 - self.client_side]

    @property
    def over(self) -> bool:
        """Whether TCP ended: a RST from either side, or a FIN from both."""
        one, two = (half.facts for half in self._reassembly)
        return one.rst is not None or two.rst is not None or (one.fin is not None and two.fin is not None)

    @property
    def refused_or_unanswered(self) -> bool:
        """Whether a SYN came to nothing: a RST for an answer, or none."""
        client, server = self.facts(Side.CLIENT).facts, self.facts(Side.SERVER).facts
        return client.syn is not None and server.syn is None and (server.rst is not None or server.packets == 0)

    def feed(self, rows: Rows, columns: Columns, data: Bytes) -> None:
        """Take the packets of a batch: rows of `columns`, whose payload offsets point into `data`."""
        self._note_times(rows, columns)
        self._health.feed(columns, rows.sides)
        for side in (0, 1):
            self._reassembly[side].acknowledge(columns, *rows.sides[1 - side])
        # The client first: its request must be known when the answer is read.
        for side in (self.client_side, 1 - self.client_side):
            for piece in self._reassembly[side].feed(columns, *rows.sides[side], data):
                self._take(side, piece)
            for piece in self._reassembly[side].overdue(self.last.time):
                self._take(side, piece)
        if self.carries is not Carries.WEBSOCKET:
            self._settle(final=False)
            if any([intake.settle() for intake in self._intake]):  # noqa: C419 - both have to
                self._settle(final=False)

    def finish(self) -> None:
        """No packet follows: deliver what waits and close the attempt. What is kept of a connection after that is small."""
        for side in (self.client_side, 1 - self.client_side):
            for piece in self._reassembly[side].tail():
                self._take(side, piece)
        self._settle(final=True)
        for side in (self.client_side, 1 - self.client_side):
            self._frame_pieces(side, End(self._reassembly[side].next))
        self._health.finish(self.last.time)
        self._close_attempt()
        self._frames, self._messages = [None, None], [None, None]
        del self._room

    def _note_times(self, rows: Rows, columns: Columns) -> None:
        number, time = columns["number"], columns["time"]
        for begin, end in rows.sides:
            if end > begin:
                if self.first is None or number[begin] < self.first.packet:
                    self.first = Moment(int(number[begin]), int(time[begin]))
                if number[end - 1] > self.last.packet:
                    self.last = Moment(int(number[end - 1]), int(time[end - 1]))

    def _take(self, side: int, piece: Piece) -> None:
        if self.carries is Carries.WEBSOCKET:
            self._frame_pieces(side, piece)
        elif self.carries not in (Carries.TLS, Carries.UNKNOWN):
            if isinstance(piece, Run) and not self.handshake_seen:
                piece = contiguous(piece)  # to join midway, all there is has to be looked at
            self._intake[side].add(piece)

    def _settle(self, *, final: bool) -> None:
        """Move on as far as what has come allows."""
        if self.carries is Carries.UNDECIDED:
            self._decide(final=final)
        if self.carries is Carries.HTTP:
            assert self._handshake is not None
            while self._handshake.advance(final=final):
                self._follow(self._handshake)
                if self.carries is not Carries.HTTP:
                    return
            if self._handshake.gave_up:
                self._give_up()

    def _decide(self, *, final: bool) -> None:
        """What the connection carries, by the first bytes of either side."""
        heads = [intake.data.bytes[:DECIDING].tobytes() if intake.data is not None else b"" for intake in self._intake]
        for side in (self.client_side, 1 - self.client_side):
            if self.client in (None, side) and heads[side] and http1.looks_like_request(heads[side]):
                if len(heads[side]) >= DECIDING or final:
                    self._start_http(side)
                return
            if self.client in (None, 1 - side) and heads[side] and http1.looks_like_response(heads[side]):
                if len(heads[side]) >= DECIDING or final:
                    self._start_http(1 - side)
                return
            if heads[side].startswith(TLS_RECORDS):
                self._start_tls(side)
                return
            if heads[side] in TLS_BEGINS and not final:
                return
        lost_start = any(isinstance(intake.front, Gap) for intake in self._intake)
        if self.handshake_seen and not lost_start:
            if any(heads):
                self._give_up()
            return
        self._join_midway(final=final)

    def _start_http(self, client: int) -> None:
        self.client = client
        self.carries = Carries.HTTP
        self._handshake = Handshake(self._intake[client], self._intake[1 - client], self._limits, self.sightings[client])

    def _start_tls(self, side: int) -> None:
        if self.client is None:  # a server listens on the lower port; a ClientHello would have come with the SYN
            self.client = side if self.endpoints[side].port > self.endpoints[1 - side].port else 1 - side
        self.carries = Carries.TLS
        self._drop_pieces()

    def _give_up(self) -> None:
        """Nothing here is followed any more; an attempt that is open stays as it is."""
        self.carries = Carries.UNKNOWN
        self._drop_pieces()

    def _drop_pieces(self) -> None:
        for intake in self._intake:
            intake.drain()

    def _follow(self, handshake: Handshake) -> None:
        """Tell the sink what the handshake found."""
        assert self.first is not None
        if handshake.request is not None and handshake.request is not self._asked:
            self._asked = handshake.request
            self._close_attempt()
            start = self.first if not handshake.earlier else handshake.request_start
            self.sink = self._open_session(self, start)
            self.sink.requested(handshake.request)
        if handshake.response is not None:
            if self.sink is None:
                self.sink = self._open_session(self, self.first)
            self.sink.answered(handshake.response)
            if handshake.response.status == http1.SWITCHING:
                self._start_websocket(handshake.response, in_step=(True, True))
            else:
                handshake.next_exchange()
        elif handshake.presumed:
            if self.sink is None:
                self.sink = self._open_session(self, self.first)
            self.sink.joined()
            self._start_websocket(None, in_step=(True, False))

    def _join_midway(self, *, final: bool) -> None:
        """A WebSocket that was running when the capture began, if frames chain in what one side sent."""
        for side in (self.client_side, 1 - self.client_side):
            intake = self._intake[side]
            while isinstance(intake.front, Gap):
                intake.drop_gap()
            data = intake.data
            if data is None:
                continue
            if find_frame(data, Side.CLIENT) is not None:
                self.client = side
            elif find_frame(data, Side.SERVER) is not None:
                self.client = 1 - side
            else:
                continue
            assert self.first is not None
            self.sink = self._open_session(self, self.first)
            self.sink.joined()
            self._start_websocket(None, in_step=(False, False))
            return
        if final or any(intake.held > self._limits.undecided for intake in self._intake):
            self._give_up()

    def _start_websocket(self, response: Response | None, *, in_step: tuple[bool, bool]) -> None:
        """From here on both directions are frames; what waits is the first of them."""
        self.carries = Carries.WEBSOCKET
        offered = http1.extension_parameters(response.headers.get("sec-websocket-extensions") if response else None)
        deflate = offered.get("permessage-deflate")
        guess = response is None  # the extensions are not known: RSV1 will tell
        for side in (self.client_side, 1 - self.client_side):
            who = Side.CLIENT if side == self.client_side else Side.SERVER
            inflater = None
            if deflate is not None or guess:
                takeover = f"{who.word}_no_context_takeover" not in (deflate or {})
                inflater = Inflater(self._limits.inflated_message, takeover=takeover)
            pieces = self._intake[side].drain()
            start = pieces[0].begin if pieces else self._reassembly[side].next
            self._frames[side] = FrameReader(
                who, start, self._limits, self.sightings[who], self._room, deflate=inflater is not None, in_step=in_step[who]
            )
            self._messages[side] = MessageReader(self._limits, self.sightings[who], inflater)
            for piece in pieces:
                self._frame_pieces(side, piece)

    def _frame_pieces(self, side: int, piece: Piece) -> None:
        """One piece of a WebSocket direction through frames and messages to the sink."""
        reader, messages, sink = self._frames[side], self._messages[side], self.sink
        if reader is None or messages is None or sink is None:
            return
        who = Side.CLIENT if side == self.client_side else Side.SERVER
        if isinstance(piece, Data | Run):
            sink.covered(who, piece.size)
        self._tell_hole(sink, who, side, piece)
        for found in reader.feed(piece):
            for batch in messages.feed(found) if isinstance(found, FrameBatch) else messages.lose():
                sink.messages(who, batch)
            if not isinstance(found, FrameBatch):
                continue
            frames: Columns = found.columns
            if not found.simple and not frames["ends"].all():
                ended = frames["ends"] == 1
                frames = {name: column[ended] for name, column in frames.items()}
            sink.frames(who, frames)

    def _tell_hole(self, sink: Sink, who: Side, side: int, piece: Piece) -> None:
        """A hole is told when the packet behind it is known."""
        gap = self._holes[side]
        if gap is not None:
            before = Moment(gap.packet, gap.time)
            after = Moment(*piece.first) if isinstance(piece, Data | Run) else self.last
            sink.hole(who, Hole(gap.start, gap.length, before, after))
            self._holes[side] = None
        if isinstance(piece, Gap):
            self._holes[side] = piece

    def _close_attempt(self) -> None:
        """The attempt is over; another may follow on the same connection."""
        if self.sink is not None:
            healths = self._health.settle(self.last.time)
            one, two = (replace(half.facts, health=health) for half, health in zip(self._reassembly, healths, strict=True))
            tcp = (two, one) if self.client_side else (one, two)
            self.sink.finish(tcp, self.last, encrypted=self.carries is Carries.TLS, over=self.over)
            self.sink = None

    def finish_without_bytes(self) -> None:
        """Tell of an attempt of which only TCP, or TLS, is in the capture."""
        assert self.first is not None
        self.sink = self._open_session(self, self.first)
        self._close_attempt()
