"""Bytes of one direction that no step has used yet: pieces in, looks at the front, rest out. A hole at the front stays visible."""

from collections import deque

import numpy as np

from analyzer.model.streams import Data, End, Gap, Origins, Piece, Run
from analyzer.wire import bulk

PIECE = 512
"""Bytes that a piece costs beside its own."""


def contiguous(run: Run) -> Data:
    """The same bytes in one piece, and in memory of their own."""
    return Data(run.begin, bulk.gathered(run.bytes, run.at, run.length), Origins(run.start, run.number, run.time))


def newest(pieces: list[Data | Gap], size: int) -> list[Data | Gap]:
    """The last `size` bytes of some pieces, and the holes among them."""
    kept: list[Data | Gap] = []
    for piece in reversed(pieces):
        if size <= 0:
            break
        if isinstance(piece, Data):
            kept.append(piece.cut(max(piece.start, piece.end - size)))
            size -= len(piece.bytes)
        else:
            kept.append(piece)
            size -= PIECE
    return kept[::-1]


class Intake:
    """A queue of Data, Run and Gap. Data that follow one another are joined, so that a header split over packets is seen whole.

    A Run lies in a batch, and only its first `head` bytes are copied to be looked at; `settle` makes it Data before the next batch
    comes.
    """

    def __init__(self, head: int) -> None:
        self._head = head
        self.hole = False
        """Bytes have come that wait behind a hole, which may still be filled."""
        self._pieces: deque[Piece] = deque()
        self._bytes = 0
        self._peeked: Data | None = None

    def add(self, piece: Piece) -> None:
        """Append a piece of the stream, which follows what is there."""
        last = self._pieces[-1] if self._pieces else None
        if isinstance(piece, Run) and isinstance(last, Data) and last.end == piece.begin:
            parts = self._parts(piece)
            self.add(contiguous(piece.slice(0, parts)))
            if parts == len(piece):
                return
            piece = piece.slice(parts, len(piece))
        elif isinstance(piece, Data):
            self._bytes += len(piece.bytes)
            if isinstance(last, Data) and last.end == piece.start:
                joined = np.concatenate((last.bytes, piece.bytes))
                piece = Data(last.start, joined, last.origins.joined(piece.origins, last.start))
                self._pieces.pop()
        self._pieces.append(piece)

    def settle(self) -> bool:
        """Copy what still lies in the batch; True when there was something."""
        pieces = self.drain()
        for piece in pieces:
            self.add(contiguous(piece) if isinstance(piece, Run) else piece)
        return any(isinstance(piece, Run) for piece in pieces)

    def _parts(self, run: Run) -> int:
        """How many parts of a run hold the bytes that are looked at."""
        return int(np.searchsorted(run.start, run.begin + self._head))

    @property
    def held(self) -> int:
        """Bytes kept: those in the queue, and what the pieces themselves cost."""
        return self._bytes + PIECE * len(self._pieces)

    @property
    def front(self) -> Piece | None:
        """The first piece, None when nothing waits."""
        return self._pieces[0] if self._pieces else None

    @property
    def data(self) -> Data | None:
        """The first piece when it is Data, or the head of a Run."""
        return None if isinstance(self.front, Gap) else self.ahead

    @property
    def ahead(self) -> Data | None:
        """The first Data or head of a Run, whether or not a hole is in front of it."""
        first = next((piece for piece in self._pieces if isinstance(piece, Data | Run)), None)
        if not isinstance(first, Run):
            return first
        if self._peeked is None:
            self._peeked = contiguous(first.slice(0, self._parts(first)))
        return self._peeked

    @property
    def pieces(self) -> list[Data | Gap]:
        """All that waits, in memory of its own."""
        return [contiguous(piece) if isinstance(piece, Run) else piece for piece in self._pieces if not isinstance(piece, End)]

    @property
    def cut(self) -> bool:
        """Whether a hole follows `data`, so that nothing more will join it."""
        front = self.front
        whole = isinstance(front, Data) or (isinstance(front, Run) and self._parts(front) == len(front))
        return whole and len(self._pieces) > 1 and isinstance(self._pieces[1], Gap)

    def skip(self, count: int) -> None:
        """Drop `count` bytes of `data`."""
        front = self._pieces.popleft()
        self._peeked = None
        rest: Data | Run | None
        if isinstance(front, Run):
            rest = front.after(count)
        else:
            assert isinstance(front, Data)
            self._bytes -= min(count, len(front.bytes))
            rest = front.cut(front.start + count) if count < len(front.bytes) else None
        if rest is not None:
            self._pieces.appendleft(rest)

    def drop_gap(self) -> Gap | None:
        """Take a hole from the front, None when there is none."""
        if isinstance(self.front, Gap):
            gap = self._pieces.popleft()
            assert isinstance(gap, Gap)
            return gap
        return None

    def drain(self) -> list[Piece]:
        """All pieces; the queue is empty then."""
        pieces = list(self._pieces)
        self._pieces.clear()
        self._bytes, self._peeked = 0, None
        return pieces
