"""A connection that also says where everything lies: for copies, which need the bytes of the wire and not what they mean.

In: what `Connection` takes. Out: besides the calls on sinks those on a `Tap`, each before the connection itself goes on.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from analyzer.model.channel import Sink, Tap
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.session import Request, Response
from analyzer.model.streams import Piece
from analyzer.wire.connection import Connection
from analyzer.wire.frames import FrameColumns
from analyzer.wire.tcp import Opening
from analyzer.wire.tls.layer import SecretsOf


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
