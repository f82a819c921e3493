"""One TCP connection: from packets through reassembly and HTTP to the frames and messages of each attempt to open a WebSocket.

In: the connection's packets of each batch. Out: calls on a `Sink` per attempt. Says nothing of a connection that turns out to be no
WebSocket. What it carries is decided by its first bytes; until then at most `limits.undecided` bytes per direction are kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import chain

from analyzer.model.anomalies import Sightings
from analyzer.model.channel import Sink
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.session import Proxy, Request, Response
from analyzer.model.streams import Bytes, Columns, End, Piece, Run
from analyzer.model.tcp import Health, Tcp
from analyzer.model.tls import Tls
from analyzer.wire import http1, http2_blocks
from analyzer.wire.carries import STRAY, Carries, client_midway, in_http2, told_by
from analyzer.wire.frames import FrameColumns
from analyzer.wire.handshake import Handshake
from analyzer.wire.health import TcpHealth
from analyzer.wire.http2 import Http2
from analyzer.wire.intake import Intake, contiguous
from analyzer.wire.reassembly import Reassembly
from analyzer.wire.stream import Stream, open_stream
from analyzer.wire.tcp import ACK, SYN, Opening, Rows
from analyzer.wire.tls.layer import SecretsOf
from analyzer.wire.tls.stack import TlsStack


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
        self.proxy: Proxy | None = None
        """The tunnel that the connection goes through, or of which a proxy said no."""
        self.secure = TlsStack(secrets_of, limits, self.sightings)
        self.sink: Sink | None = None
        self._streams: list[Stream] = []
        """Of a WebSocket, by table side."""
        self._http2: Http2 | None = None
        self.multiplexer: Callable[[Connection, Limits, FrameColumns], Http2] = Http2
        """What reads HTTP/2."""
        self._unmeasured: tuple[Columns, tuple[tuple[int, int], tuple[int, int]]] | None = None
        """A batch whose packets `_health` has not seen yet."""

    @property
    def client_side(self) -> int:
        """The client's table side; the first sender where nothing tells."""
        return self.client or 0

    def facts(self, side: Side) -> "Reassembly":
        """The reassembly of a side, for its TCP facts."""
        return self._reassembly[self._role(side)]

    @property
    def over(self) -> bool:
        """Whether TCP ended: a RST from either side, or a FIN from both."""
        one, two = (half.facts for half in self._reassembly)
        return one.rst is not None or two.rst is not None or (one.fin is not None and two.fin is not None)

    def expired(self, now: int) -> bool:
        """Whether it was quiet for so long at `now` (ns since the epoch) that nothing more is to come."""
        quiet = now - self.last.time
        return quiet > self._limits.idle_flow or (self.over and quiet > self._limits.hole_patience)

    @property
    def refused_or_unanswered(self) -> bool:
        """Whether a SYN came to nothing: a RST for an answer, or none."""
        client, server = self.facts(Side.CLIENT).facts, self.facts(Side.SERVER).facts
        return client.syn is not None and server.syn is None and (server.rst is not None or server.packets == 0)

    @property
    def hidden(self) -> bool:
        """Whether all came to nothing at a proxy that was asked for a tunnel, or is encrypted."""
        return self.carries is Carries.TLS or self._no_tunnel

    @property
    def tls(self) -> Tls | None:
        """The TLS that it goes through."""
        return self.secure.facts

    @property
    def busy(self) -> bool:
        """Whether a WebSocket is open."""
        return self.carries is Carries.WEBSOCKET or (self._http2 is not None and self._http2.busy)

    @property
    def followed(self) -> bool:
        """Whether it is, or was, the connection of a session that is told already."""
        return self.carries is Carries.WEBSOCKET or (self._http2 is not None and self._http2.attempts > 0)

    @property
    def unread(self) -> bool:
        """Whether it would be read if the packages for HTTP/2 were installed."""
        return self.carries is Carries.HTTP2 and self._http2 is None and not http2_blocks.installed()

    def feed(self, rows: Rows, columns: Columns, data: Bytes) -> None:
        """Take the packets of a batch: rows of `columns`, whose payload offsets point into `data`."""
        self._note_times(rows, columns)
        self._unmeasured = columns, rows.sides
        for side in (0, 1):
            self._reassembly[side].acknowledge(columns, *rows.sides[1 - side])
        # The client first: its request must be known when the answer is read.
        for side in (self.client_side, 1 - self.client_side):
            half = self._reassembly[side]
            self._through(side, chain(half.feed(columns, *rows.sides[side], data), half.overdue(self.last.time)))
        if self._http2 is None and self.carries is not Carries.WEBSOCKET:
            for intake, half in zip(self._intake, self._reassembly, strict=True):
                intake.hole = half.waits
            self._settle(final=False)
            if any([intake.settle() for intake in self._intake]):  # noqa: C419 - both have to
                self._settle(final=False)
        self._measure()
        if self._http2 is not None:
            self._http2.settle(self.last.time)

    def _measure(self) -> None:
        """Let TCP's health see the batch."""
        if self._unmeasured is not None:
            feed = self._health.feed if self._http2 is None else partial(self._http2.measure, self._health)
            feed(*self._unmeasured)
            self._unmeasured = None

    def finish(self) -> None:
        """No packet follows: deliver what waits and close the attempt. What is kept of a connection after that is small."""
        for side in (self.client_side, 1 - self.client_side):
            self._through(side, self._reassembly[side].tail())
        client, server = (self._reassembly[self._role(who)].next for who in Side)
        self._take_plain(self.secure.finish((client, server)))
        self._settle(final=True)
        self._take_plain(self.secure.finish((client, server)))
        for side in (self.client_side, 1 - self.client_side) if self._streams or self._http2 is not None else ():
            self._take(side, [End(self._position(side))])
        self._health.finish(self.last.time)
        if self._http2 is not None:
            self._http2.finish()
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

    def _through(self, side: int, pieces: Iterable[Piece]) -> None:
        """Take pieces of a side, out of the TLS that hides them."""
        if self.secure:
            self._take_plain(self.secure.feed(self._role(side), pieces))
        else:
            self._take(side, pieces)

    def _take_plain(self, found: Iterable[tuple[Side, Piece]]) -> None:
        """Take what TLS gives out; what it carries is decided anew."""
        for who, piece in found:
            if self.carries is Carries.TLS:
                self.carries = Carries.UNDECIDED
            self._take(self._role(who), (piece,))

    def _role(self, side: int) -> Side:
        """Client or server by table side; the other way round it is the same."""
        return Side(side ^ self.client_side)

    def _position(self, side: int) -> int:
        """Offset of the next byte of a side, inside all TLS."""
        return self.secure.position(self._role(side)) if self.secure else self._reassembly[side].next

    def _take(self, side: int, pieces: Iterable[Piece]) -> None:
        if self.carries is Carries.WEBSOCKET:
            self._streams[side].feed(pieces, self.last)
            return
        if self._http2 is not None:
            self._http2.feed(self._role(side), pieces)
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
            layers = len(self.secure)
            self._decide(final=final)
            if len(self.secure) > layers:
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
        full = final or any(intake.held > self._limits.undecided for intake in self._intake)
        told, side = told_by(fronts, self.client, final=full)
        if told is Carries.HTTP:
            self._start_http(side)
        elif told is Carries.HTTP2:
            self._start_http2(side)
        elif told is Carries.TLS:
            self._start_tls(side)
        elif told is Carries.UNKNOWN:
            self._look_closer(fronts, final=final)

    def _look_closer(self, fronts: list[bytes], *, final: bool) -> None:
        """The first bytes say nothing: another protocol, or a WebSocket that was running when the capture began."""
        if any((front.strip(b"\r\n") or len(front) == STRAY) and self._from_start(side) for side, front in enumerate(fronts)):
            self._give_up()
            return
        if not self.handshake_seen or any(intake.front is not None for intake in self._intake):
            self._join_midway(final=final)

    def _from_start(self, side: int) -> bool:
        """Whether a side's first byte is known to be its first: behind its SYN, the SYN that answered it, or a tunnel's opening."""
        own, peer = self._reassembly[side].facts, self._reassembly[1 - side].facts
        inside = self.proxy is not None or bool(self.secure)
        return inside or own.syn is not None or (side == self.client and peer.syn is not None)

    def _start_http(self, client: int) -> None:
        self.client = client
        self.carries = Carries.HTTP
        self._handshake = Handshake(self._intake[client], self._intake[1 - client], self._limits, self.sightings[Side.CLIENT])

    def _start_tls(self, side: int) -> None:
        if self.client is None:  # a server listens on the lower port; a ClientHello would have come with the SYN
            self.client = side if self.endpoints[side].port > self.endpoints[1 - side].port else 1 - side
        self.carries = Carries.TLS
        if len(self.secure) > self._limits.tunnels:
            self._give_up()
            return
        client, server = (self._intake[self._role(who)].drain() for who in Side)
        self._take_plain(self.secure.start(client, server))

    def _start_http2(self, client: int) -> None:
        """All streams from here on; without the packages that read them what it is can be said all the same."""
        self.client, self.carries = client, Carries.HTTP2
        pieces = [intake.drain() for intake in self._intake]
        if http2_blocks.installed():
            self._http2 = self.multiplexer(self, self._limits, self._room)
            self._http2.feed(Side.CLIENT, pieces[client])
            self._http2.feed(Side.SERVER, pieces[1 - client])

    def open_stream(self, first: Moment | None, sightings: tuple[Sightings, Sightings]) -> Sink:
        """The sink of an attempt that is a stream of HTTP/2; the first request on the connection begins with the connection."""
        assert self.first is not None
        self.sightings = sightings
        sink, self.sink = self._open(first or self._begin or self.first), None
        return sink

    def _give_up(self) -> None:
        """Nothing here is followed any more; an attempt that is open stays as it is."""
        http2 = in_http2([intake.pieces for intake in self._intake], final=True)
        self.carries = Carries.HTTP2 if http2 else Carries.UNKNOWN
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
            if response.grants:
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
        if request.upgrade or handshake.presumed or (response is not None and response.grants):
            return True
        if response is None or self._likely(request, response):
            return response is not None
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
        self._open(handshake.request_start if handshake.earlier else self._begin or self.first).requested(request)

    def _open(self, first: Moment) -> Sink:
        """Make the sink of an attempt, and tell it what it goes through."""
        self.sink = sink = self._open_session(self, first)
        if self.proxy is not None:
            sink.proxied(self.proxy)
        return sink

    def _join_midway(self, *, final: bool) -> None:
        """A WebSocket that was running when the capture began, if frames chain in what one side sent. Clients mask theirs."""
        pieces = (self._intake[0].pieces, self._intake[1].pieces)
        if in_http2(pieces, final=final):
            self._give_up()  # there are such frames too, but not one after the other
            return
        client = client_midway(pieces, self.client, self._limits.undecided, final=final)
        if client is not None:
            self.client = client
            assert self.first is not None
            self._open(self.first).joined()
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
            self._measure()
            facts = self.tcp(None)
            if answer is None:
                self.sink.finish(facts, self.last, tls=self.tls, over=self.over)
            else:
                client, server = (replace(one, fin=None, rst=None) for one in facts)
                self.sink.finish((client, server), answer, tls=self.tls, over=True)
            self.sink = None

    def tcp(self, healths: tuple[Health, Health] | None) -> tuple[Tcp, Tcp]:
        """The facts of TCP by side, with the health up to now or that of an earlier time (by table side)."""
        healths = healths or self._health.settle(self.last.time)
        one, two = (replace(half.facts, health=health) for half, health in zip(self._reassembly, healths, strict=True))
        return (two, one) if self.client_side else (one, two)

    def finish_without_bytes(self) -> None:
        """Tell of an attempt of which only TCP, or TLS, is in the capture."""
        assert self.first is not None
        sink = self._open(self._begin or self.first)
        if self._no_tunnel and self.proxy is not None:
            sink.requested(self.proxy.request)
            if self.proxy.response is not None:
                sink.answered(self.proxy.response)
        self._close_attempt()
