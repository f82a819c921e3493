"""Bytes of one direction that no step has used yet: pieces in, looks at the front, rest out. A hole at the front stays visible."""

from collections import deque

import numpy as np

from analyzer.model.streams import Data, Gap, Origins, Piece, Run
from analyzer.wire import bulk

PIECE = 512
"""Bytes that a piece costs beside its own."""


def contiguous(run: Run) -> Data:
    """The same bytes in one piece, and in memory of their own."""
    own = np.empty(run.size, np.uint8)
    bulk.gather(run.bytes, np.ascontiguousarray(run.at), np.ascontiguousarray(run.length), own)
    return Data(run.begin, own, Origins(run.start, run.number, run.time))


class Intake:
    """A queue of Data, Run and Gap. Data that follow one another are joined, so that a header split over packets is seen whole.

    A Run lies in a batch: before the next one comes, `settle` makes it Data.
    """

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._bytes = 0

    def add(self, piece: Piece) -> None:
        """Append a piece of the stream, which follows what is there."""
        last = self._pieces[-1] if self._pieces else None
        if isinstance(piece, Data):
            self._bytes += len(piece.bytes)
            if isinstance(last, Data) and last.end == piece.start:
                joined = np.concatenate((last.bytes, piece.bytes))
                piece = Data(last.start, joined, last.origins.joined(piece.origins, last.start))
                self._pieces.pop()
        self._pieces.append(piece)

    def settle(self) -> bool:
        """Copy what still lies in the batch; True when there was something."""
        pieces, self._pieces, self._bytes = self._pieces, deque(), 0
        for piece in pieces:
            self.add(contiguous(piece) if isinstance(piece, Run) else piece)
        return any(isinstance(piece, Run) for piece in pieces)

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
        """The first piece when it is Data."""
        front = self.front
        return front if isinstance(front, Data) else None

    @property
    def ahead(self) -> Data | None:
        """The first Data, whether or not a hole is in front of it."""
        return next((piece for piece in self._pieces if isinstance(piece, Data)), None)

    @property
    def cut(self) -> bool:
        """Whether a hole follows the Data at the front, so that nothing more will join it."""
        return len(self._pieces) > 1 and isinstance(self._pieces[0], Data) and isinstance(self._pieces[1], Gap)

    def skip(self, count: int) -> None:
        """Drop `count` bytes of the Data at the front."""
        front = self._pieces[0]
        assert isinstance(front, Data)
        self._bytes -= min(count, len(front.bytes))
        if count >= len(front.bytes):
            self._pieces.popleft()
        else:
            self._pieces[0] = front.cut(front.start + count)

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
        self._bytes = 0
        return pieces
