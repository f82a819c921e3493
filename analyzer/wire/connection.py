"""One TCP connection: from packets through reassembly and HTTP to the frames and messages of each attempt to open a WebSocket.

In: the connection's packets of each batch. Out: calls on a `Sink` per attempt. Says nothing of a connection that turns out to be no
WebSocket. What it carries is decided by its first bytes; until then at most `limits.undecided` bytes per direction are kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from itertools import chain

from analyzer.model.anomalies import Sightings
from analyzer.model.channel import Sink
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.session import Proxy, Request, Response
from analyzer.model.streams import Bytes, Columns, End, Piece, Run
from analyzer.wire import http1
from analyzer.wire.frames import FrameColumns
from analyzer.wire.handshake import Handshake
from analyzer.wire.health import TcpHealth
from analyzer.wire.intake import Intake, contiguous
from analyzer.wire.reassembly import Reassembly
from analyzer.wire.resync import find_frame
from analyzer.wire.stream import Stream, open_stream
from analyzer.wire.tcp import ACK, SYN, Opening, Rows
from analyzer.wire.tls.layer import SecretsOf, TlsLayer

TLS_RECORDS = (b"\x16\x03", b"\x17\x03")
"""Handshake and application data (RFC 8446 section 5.1): what a TLS connection starts with, and goes on with."""
TLS_BEGINS = {record[:1] for record in TLS_RECORDS}
STRAY = 64
"""Bytes in which a first line begins: few clients send line ends before it, none sends many."""
DOUBT = 16
"""Bits more that must speak for frames where the handshake is not there: few connections are WebSockets, and other protocols may
have a message that looks like one frame.
"""
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
    packet. `likely` says whether an exchange is one for a WebSocket where what tells is not in the capture, `secrets_of` gives the
    TLS secrets for a client random.
    """

    def __init__(
        self,
        flow: int,
        opening: Opening,
        limits: Limits,
        room: FrameColumns,
        open_session: Callable[["Connection", Moment], Sink],
        likely: Callable[[Request, Response | None], bool],
        secrets_of: SecretsOf,
    ) -> None:
        self.flow = flow
        self.stream = opening.stream
        self.endpoints = opening.endpoints
        self.carries = Carries.UNDECIDED
        self.client: int | None = None
        """Which side of the table is the client; None until it is known."""
        self.first: Moment | None = None
        self.last = Moment(0, 0)
        self._limits = limits
        self._room = room
        self._open_session = open_session
        self._likely = likely
        self._secrets_of = secrets_of
        if opening.flags & SYN:
            self.client = 1 if opening.flags & ACK else 0
        self.handshake_seen = bool(opening.flags & SYN)
        self._reassembly = tuple(Reassembly(initial, limits) for initial in opening.initial)
        self._health = TcpHealth()
        self._intake = (Intake(limits.http_head), Intake(limits.http_head))
        self.sightings = (Sightings(limits.anomalies), Sightings(limits.anomalies))
        self._handshake: Handshake | None = None
        self._asked: Request | None = None
        self._answer: Moment | None = None
        self._tunnels = 0
        self._no_tunnel = False  # the last that was seen is a proxy that opened none
        self._begin: Moment | None = None  # where the tunnel was asked for
        self._finished = 0  # TLS connections that were told their end
        self.proxy: Proxy | None = None
        """The tunnel that the connection goes through, or of which a proxy said no."""
        self.tls: list[TlsLayer] = []
        """TLS connections that hide what is carried, the outermost first: through a tunnel one may run inside another."""
        self.sink: Sink | None = None
        self._streams: list[Stream] = []
        """Of a WebSocket, by table side."""

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

    @property
    def hidden(self) -> bool:
        """Whether all came to nothing at a proxy that was asked for a tunnel, or is encrypted."""
        return self.carries is Carries.TLS or self._no_tunnel

    def feed(self, rows: Rows, columns: Columns, data: Bytes) -> None:
        """Take the packets of a batch: rows of `columns`, whose payload offsets point into `data`."""
        self._note_times(rows, columns)
        self._health.feed(columns, rows.sides)
        for side in (0, 1):
            self._reassembly[side].acknowledge(columns, *rows.sides[1 - side])
        # The client first: its request must be known when the answer is read.
        for side in (self.client_side, 1 - self.client_side):
            half = self._reassembly[side]
            self._through(side, chain(half.feed(columns, *rows.sides[side], data), half.overdue(self.last.time)))
        if self.carries is not Carries.WEBSOCKET:
            for intake, half in zip(self._intake, self._reassembly, strict=True):
                intake.hole = half.waits
            self._settle(final=False)
            if any([intake.settle() for intake in self._intake]):  # noqa: C419 - both have to
                self._settle(final=False)

    def finish(self) -> None:
        """No packet follows: deliver what waits and close the attempt. What is kept of a connection after that is small."""
        for side in (self.client_side, 1 - self.client_side):
            self._through(side, self._reassembly[side].tail())
        self._finish_tls()
        self._settle(final=True)
        self._finish_tls()
        for side in (self.client_side, 1 - self.client_side) if self._streams else ():
            self._streams[side].feed([End(self._position(side))], self.last)
        self._health.finish(self.last.time)
        self._close_attempt()
        self._streams, self._handshake = [], None
        self._drop_pieces()
        del self._room

    def _note_times(self, rows: Rows, columns: Columns) -> None:
        number, time = columns["number"], columns["time"]
        for begin, end in rows.sides:
            if end > begin:
                if self.first is None or number[begin] < self.first.packet:
                    self.first = Moment(int(number[begin]), int(time[begin]))
                if number[end - 1] > self.last.packet:
                    self.last = Moment(int(number[end - 1]), int(time[end - 1]))

    def _through(self, side: int, pieces: Iterable[Piece], depth: int = 0) -> None:
        """Take pieces of a side, out of the TLS connections that hide them from the one at `depth` on."""
        if depth == len(self.tls):
            if self.carries is Carries.TLS:
                self.carries = Carries.UNDECIDED  # by what is inside
            self._take(side, pieces)
            return
        for who, piece in self.tls[depth].feed(self._role(side), pieces):
            self._through(self._table_side(who), (piece,), depth + 1)

    def _finish_tls(self) -> None:
        """Nothing follows for the TLS connections."""
        for depth, layer in enumerate(self.tls[self._finished :], self._finished):
            self._finished = depth + 1
            ends = [self._position(self._table_side(who), depth) for who in Side]
            for who, piece in layer.finish((ends[0], ends[1])):
                self._through(self._table_side(who), (piece,), depth + 1)

    def _role(self, side: int) -> Side:
        return Side.CLIENT if side == self.client_side else Side.SERVER

    def _table_side(self, role: Side) -> int:
        return self.client_side if role is Side.CLIENT else 1 - self.client_side

    def _position(self, side: int, depth: int | None = None) -> int:
        """Offset of the next byte of a side, of what the TLS connections before the one at `depth` (None: all) give out."""
        layers = self.tls if depth is None else self.tls[:depth]
        return layers[-1].position(self._role(side)) if layers else self._reassembly[side].next

    def _take(self, side: int, pieces: Iterable[Piece]) -> None:
        if self.carries is Carries.WEBSOCKET:
            self._streams[side].feed(pieces, self.last)
            return
        for piece in pieces:
            if self.carries is not Carries.UNKNOWN:
                # To join midway, all there is has to be looked at.
                whole = isinstance(piece, Run) and not self.handshake_seen
                self._intake[side].add(contiguous(piece) if isinstance(piece, Run) and whole else piece)

    def _settle(self, *, final: bool) -> None:
        """Move on as far as what has come allows."""
        while self._move(final=final):
            pass

    def _move(self, *, final: bool) -> bool:
        """One step; True when another one may follow, inside a tunnel or TLS."""
        if self.carries is Carries.UNDECIDED:
            layers = len(self.tls)
            self._decide(final=final)
            if len(self.tls) > layers:
                return self.carries is Carries.UNDECIDED
        if self.carries is not Carries.HTTP:
            return False
        handshake = self._handshake
        assert handshake is not None
        while handshake.advance(final=final):
            self._follow(handshake)
            if self.carries is not Carries.HTTP:
                return False
        if handshake.tunnel is not None:
            self._enter(handshake.tunnel, handshake)
            return True
        if handshake.gave_up:
            self._give_up()
        elif final:
            self._follow_last(handshake)
        return False

    def _enter(self, tunnel: Proxy, handshake: Handshake) -> None:
        """All that follows was sent through the tunnel, and is decided anew."""
        if self._tunnels == 0 or handshake.earlier:
            self._begin = handshake.request_start if handshake.earlier else self.first
        self.proxy, self._handshake, self._tunnels = tunnel, None, self._tunnels + 1
        self.carries = Carries.UNDECIDED
        if self._tunnels > self._limits.tunnels:
            self._give_up()

    def _decide(self, *, final: bool) -> None:
        """What the connection carries, by the first bytes of either side."""
        fronts = [intake.data.bytes[:STRAY].tobytes() if intake.data is not None else b"" for intake in self._intake]
        heads = [front.lstrip(b"\r\n")[:DECIDING] for front in fronts]  # RFC 9112 section 2.2
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
        if any((heads[side] or len(fronts[side]) == STRAY) and self._starts(side) for side in (0, 1)):
            self._give_up()
            return
        if not self.handshake_seen or any(intake.front is not None for intake in self._intake):
            self._join_midway(final=final)

    def _starts(self, side: int) -> bool:
        """Whether a side's first byte is known to be its first: behind its SYN, the SYN that answered it, or a tunnel's opening."""
        own, peer = self._reassembly[side].facts, self._reassembly[1 - side].facts
        inside = self.proxy is not None or bool(self.tls)
        return inside or own.syn is not None or (side == self.client and peer.syn is not None)

    def _start_http(self, client: int) -> None:
        self.client = client
        self.carries = Carries.HTTP
        self._handshake = Handshake(self._intake[client], self._intake[1 - client], self._limits, self.sightings[Side.CLIENT])

    def _start_tls(self, side: int) -> None:
        if self.client is None:  # a server listens on the lower port; a ClientHello would have come with the SYN
            self.client = side if self.endpoints[side].port > self.endpoints[1 - side].port else 1 - side
        self.carries = Carries.TLS
        if len(self.tls) > self._limits.tunnels:
            self._give_up()
            return
        pieces = [intake.drain() for intake in self._intake]
        self.tls.append(TlsLayer(self._secrets_of, self._limits, self.sightings))
        for one in (self.client_side, 1 - self.client_side):
            self._through(one, pieces[one], len(self.tls) - 1)

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
        request, response = handshake.request, handshake.response
        if request is not None and request is not self._asked:
            if self.sink is not None and self._answer is not None:
                self._close_attempt(self._answer)
            if not self._is_attempt(request, response, handshake):
                return
            self._ask(request, handshake)
        if response is not None:
            if self.sink is None:
                self._open(self._begin or self.first)
            assert self.sink is not None
            self.sink.answered(response)
            self._answer = response.at
            if response.status == http1.SWITCHING:
                self._start_websocket(response, in_step=(request is not None, True))
            else:
                handshake.next_exchange()
        elif handshake.presumed:
            if self.sink is None:
                self._open(self._begin or self.first)
            assert self.sink is not None
            self.sink.joined()
            self._start_websocket(None, in_step=(request is not None, False))

    def _is_attempt(self, request: Request, response: Response | None, handshake: Handshake) -> bool:
        """Whether a request asks for a WebSocket; where what tells is not in the capture, its answer or its service may."""
        if request.upgrade or handshake.presumed or (response is not None and response.status == http1.SWITCHING):
            return True
        if response is None:
            return False
        if self._likely(request, response):
            return True
        handshake.next_exchange()
        return False

    def _follow_last(self, handshake: Handshake) -> None:
        """At the end: a request of which only part is there stays without answer; a proxy opened no tunnel."""
        request = handshake.request
        if request is not None and request is not self._asked and self._likely(request, None):
            self._ask(request, handshake)
        if request is not None and self.sink is not None and handshake.unread:
            self.sink.unread()
        if handshake.no_tunnel is not None:
            self.proxy, self._no_tunnel = http1.brief(handshake.no_tunnel), True

    def _ask(self, request: Request, handshake: Handshake) -> None:
        """Begin an attempt."""
        assert self.first is not None
        self._asked = request
        self._open(handshake.request_start if handshake.earlier else self._begin or self.first)
        assert self.sink is not None
        self.sink.requested(request)

    def _open(self, first: Moment) -> None:
        """Make the sink of an attempt, and tell it what it goes through."""
        self.sink = self._open_session(self, first)
        if self.proxy is not None:
            self.sink.proxied(self.proxy)

    def _join_midway(self, *, final: bool) -> None:
        """A WebSocket that was running when the capture began, if frames chain in what one side sent. Clients mask theirs."""
        reach = self._limits.undecided
        for side in (self.client_side, 1 - self.client_side):
            pieces = self._intake[side].pieces
            for client, who in ((side, Side.CLIENT), (1 - side, Side.SERVER)):
                if self.client in (None, client) and find_frame(pieces, who, final=final, reach=reach, doubt=DOUBT) is not None:
                    self.client = client
                    break
            else:
                continue
            assert self.first is not None
            self._open(self.first)
            assert self.sink is not None
            self.sink.joined()
            self._start_websocket(None, in_step=(False, False))
            return
        if final or any(intake.held > self._limits.undecided for intake in self._intake):
            self._give_up()

    def _start_websocket(self, response: Response | None, *, in_step: tuple[bool, bool]) -> None:
        """From here on both directions are frames; what waits is the first of them."""
        self.carries = Carries.WEBSOCKET
        streams: dict[int, Stream] = {}
        assert self.sink is not None
        for side in (self.client_side, 1 - self.client_side):
            who = Side.CLIENT if side == self.client_side else Side.SERVER
            pieces = self._intake[side].drain()
            start = pieces[0].begin if pieces else self._position(side)
            said = (self._limits, self.sightings[who], self._room)
            streams[side] = open_stream(who, start, self.sink, response, *said, in_step=in_step[who])
            streams[side].feed(pieces, self.last)
        self._streams = [streams[0], streams[1]]

    def _close_attempt(self, answer: Moment | None = None) -> None:
        """The attempt is over: with the connection, or by its `answer`, since another one follows."""
        if self.sink is not None:
            healths = self._health.settle(self.last.time)
            one, two = (replace(half.facts, health=health) for half, health in zip(self._reassembly, healths, strict=True))
            facts = (two, one) if self.client_side else (one, two)
            tls = self.tls[-1].facts() if self.tls else None
            if answer is None:
                self.sink.finish(facts, self.last, tls=tls, over=self.over)
            else:
                client, server = (replace(one, fin=None, rst=None) for one in facts)
                self.sink.finish((client, server), answer, tls=tls, over=True)
            self.sink = None

    def finish_without_bytes(self) -> None:
        """Tell of an attempt of which only TCP, or TLS, is in the capture."""
        assert self.first is not None
        self._open(self._begin or self.first)
        if self._no_tunnel and self.proxy is not None and self.sink is not None:
            self.sink.requested(self.proxy.request)
            if self.proxy.response is not None:
                self.sink.answered(self.proxy.response)
        self._close_attempt()
