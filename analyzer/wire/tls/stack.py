"""The TLS connections of one TCP connection, one inside the other: behind a tunnel that was asked for in TLS a further one begins.

In: pieces of both sides. Out: what the innermost one gives out, by side. Without any, pieces go by.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from analyzer.model.anomalies import Sightings
from analyzer.model.limits import Limits
from analyzer.model.schema import Side
from analyzer.model.streams import Ints, Piece
from analyzer.model.tls import Tls
from analyzer.wire.tls.layer import SecretsOf, TlsLayer


class TlsStack:
    """State of one TCP connection."""

    def __init__(self, secrets_of: SecretsOf, limits: Limits, sightings: tuple[Sightings, Sightings]) -> None:
        self._secrets_of = secrets_of
        self._limits = limits
        self._sightings = sightings
        self._layers: list[TlsLayer] = []
        self._finished = 0
        self.placed: Callable[[int, Side, Ints, Ints, Ints], None] | None = None
        """Asked to note where plaintext lies, see `Half.placed`; first, how many are around the one that hid it."""
        self.opened: Callable[[int, Side, Piece], None] | None = None
        """Told of each piece of plaintext before it goes on; first, how many hid it."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._layers)

    def start(self, client: Iterable[Piece], server: Iterable[Piece]) -> Iterator[tuple[Side, Piece]]:
        """A further one begins with these pieces."""
        self._layers.append(TlsLayer(self._secrets_of, self._limits, self._sightings))
        depth = len(self._layers) - 1
        if self.placed is not None:
            self._layers[depth].note(partial(self.placed, depth))
        yield from self._through(Side.CLIENT, client, depth)
        yield from self._through(Side.SERVER, server, depth)

    def feed(self, side: Side, pieces: Iterable[Piece]) -> Iterator[tuple[Side, Piece]]:
        """Take the next pieces of a side."""
        return self._through(side, pieces, 0)

    def _through(self, side: Side, pieces: Iterable[Piece], depth: int) -> Iterator[tuple[Side, Piece]]:
        if depth and self.opened is not None:
            pieces = self._told(side, pieces, depth, self.opened)
        if depth == len(self._layers):
            yield from ((side, piece) for piece in pieces)
            return
        for who, piece in self._layers[depth].feed(side, pieces):
            yield from self._through(who, (piece,), depth + 1)

    @staticmethod
    def _told(side: Side, pieces: Iterable[Piece], depth: int, told: Callable[[int, Side, Piece], None]) -> Iterator[Piece]:
        for piece in pieces:
            told(depth, side, piece)
            yield piece

    def finish(self, ends: tuple[int, int]) -> Iterator[tuple[Side, Piece]]:
        """Nothing follows; TCP ends at these stream offsets. May be called again when another one has begun since."""
        for depth in range(self._finished, len(self._layers)):
            self._finished = depth + 1
            if depth:
                ends = (self._layers[depth - 1].position(Side.CLIENT), self._layers[depth - 1].position(Side.SERVER))
            for who, piece in self._layers[depth].finish(ends):
                yield from self._through(who, (piece,), depth + 1)

    def position(self, side: Side) -> int:
        """Offset of the next byte that the innermost one gives out."""
        return self._layers[-1].position(side)

    def positions(self, side: Side) -> list[int]:
        """Offset of the next byte that each one gives out."""
        return [layer.position(side) for layer in self._layers]

    @property
    def sealed(self) -> list[bytes]:
        """Client randoms of those for which no secrets were there."""
        return [layer.random for layer in self._layers if layer.random is not None and layer.sealed]

    def lighten(self, most: int) -> int:
        """Rows of sizes and times that are kept of all records: none when there are more than so many."""
        rows = sum(layer.rows for layer in self._layers)
        if rows <= most:
            return rows
        for layer in self._layers:
            layer.forget_records()
        return 0

    @property
    def names(self) -> list[str]:
        """Names of servers, as clients gave them."""
        return [layer.sni for layer in self._layers if layer.sni]

    @property
    def facts(self) -> Tls | None:
        """What the innermost one shows."""
        return self._layers[-1].facts() if self._layers else None
