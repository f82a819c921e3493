"""A connection that also says where everything lies: for copies, which need the bytes of the wire and not what they mean.

In: what `Connection` takes. Out: besides the calls on sinks those on a `Tap`, each before the connection itself goes on.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from analyzer.model.channel import Sink, Tap
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.session import Request, Response
from analyzer.model.streams import Gap, Piece, Run
from analyzer.wire.connection import Connection
from analyzer.wire.frames import FrameColumns
from analyzer.wire.http2 import Attempt, Host, Http2
from analyzer.wire.http2_blocks import Headers, Said
from analyzer.wire.http2_frames import Astray, Content, Walked
from analyzer.wire.tcp import Opening
from analyzer.wire.tls.layer import SecretsOf


class TappedHttp2(Http2):
    """See Http2. `side_of` gives the side of the table."""

    def __init__(self, host: Host, limits: Limits, room: FrameColumns, *, tap: Tap, side_of: Callable[[Side], int]) -> None:
        super().__init__(host, limits, room)
        self._tap = tap
        self._side_of = side_of

    def _take(self, side: Side, found: Walked) -> None:
        if isinstance(found, Astray):
            self._tap.astray(self._side_of(side), found.start, found.end)
        super()._take(side, found)

    def _hear(self, side: Side, said: Said) -> None:
        if isinstance(said, Headers) and not said.promised:
            self._tap.block(self._side_of(side), said.start, said.stream, said.fields)
        super()._hear(side, said)

    def _content(self, side: Side, found: Content) -> None:
        numbers, rows = np.unique(found.stream, return_inverse=True)
        sizes = np.bincount(rows, found.length).astype(np.int64)
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True):
            attempt = self._attempts.get(number)
            if attempt is None or attempt.deaf:
                self._tap.passed(self._side_of(side), number, size)
        super()._content(side, found)

    def _give(self, attempt: Attempt, side: Side, piece: Run | Gap) -> None:
        self._tap.content(self._side_of(side), attempt.id, piece)
        super()._give(attempt, side, piece)


class TappedConnection(Connection):
    """See Connection. Sides are those of the table."""

    def __init__(
        self,
        flow: int,
        opening: Opening,
        limits: Limits,
        room: FrameColumns,
        open_session: Callable[[Connection, Moment], Sink],
        likely: Callable[[Request, Response | None], bool],
        secrets_of: SecretsOf,
        tap: Tap,
    ) -> None:
        super().__init__(flow, opening, limits, room, open_session, likely, secrets_of)
        self._tap = tap
        self.multiplexer = partial(TappedHttp2, tap=tap, side_of=self._role)
        self.secure.placed = lambda depth, who, *where: tap.placed(self._role(who), depth, *where)
        self.secure.opened = lambda depth, who, piece: tap.plain(self._role(who), piece, depth)

    @property
    def bases(self) -> tuple[int | None, int | None]:
        """Sequence number of each side's stream offset 0."""
        one, two = self._reassembly
        return one.base, two.base

    @property
    def reached(self) -> tuple[list[int], list[int]]:
        """Where each side's TCP stream ends, and the one in each TLS."""
        one, two = (half.next for half in self._reassembly)
        return [one, *self.secure.positions(self._role(0))], [two, *self.secure.positions(self._role(1))]

    def _through(self, side: int, pieces: Iterable[Piece]) -> None:
        super()._through(side, self._told(side, pieces))

    def _told(self, side: int, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            self._tap.stream(side, piece)
            yield piece

    def _start_tls(self, side: int) -> None:
        self._tap.secured(self._begins(), len(self.secure))
        super()._start_tls(side)

    def _start_http2(self, client: int) -> None:
        self._tap.http2(self._begins(), len(self.secure), client)
        super()._start_http2(client)

    def _start_http(self, client: int) -> None:
        super()._start_http(client)
        assert self._handshake is not None
        self._handshake.seen = partial(self._head, len(self.secure))

    def _head(self, depth: int, who: Side, start: int, length: int, at: Moment) -> None:
        self._tap.head(self._role(who), depth, start, length, at)

    def _start_websocket(self, response: Response | None, *, in_step: tuple[bool, bool]) -> None:
        self._tap.websocket(self._begins(), len(self.secure), self.client_side, response)
        super()._start_websocket(response, in_step=in_step)

    def _begins(self) -> tuple[int, int]:
        """Each side's offset of the first byte that no step has used."""
        one, two = (
            intake.front.begin if intake.front is not None else self._position(side) for side, intake in enumerate(self._intake)
        )
        return one, two
