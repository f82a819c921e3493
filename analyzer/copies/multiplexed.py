"""What a copy of one stream of HTTP/2 keeps of its connection.

In: what a Tap is told of the connection, and a Sink of the stream. Out: the content of the stream and its headers, where they come
from, and what else it takes to tell them from those of others; bounded by `limits.copied_headers` and, in memory, by
`limits.copied_stream`.
"""

from array import array

from analyzer.copies.store import StreamStore
from analyzer.model.limits import Limits
from analyzer.model.session import Response
from analyzer.model.streams import Gap, Run

FIELD = 32
"""What a header takes besides its letters (RFC 7541 section 4.1)."""
Fields = list[tuple[str, str]]


class UnsureError(Exception):
    """It cannot be told what belongs to the stream; says so in a sentence."""

    def __init__(self) -> None:
        super().__init__("Of the session's HTTP/2 connection it cannot be told which bytes are the session's.")


class Multiplexed:
    """What is kept of a connection, for its stream `number`; sides are those of the table, and it begins at these offsets."""

    def __init__(self, number: int, begins: tuple[int, int], shifts: tuple[int, int], limits: Limits) -> None:
        self.number = number
        self.begins = begins
        self.contents = (StreamStore(limits.copied_stream), StreamStore(limits.copied_stream))
        """What its DATA carry."""
        self.attempts = 0
        """How many sessions it was; peers that go by the rules use no number twice (section 5.1.1)."""
        self.answer: Response | None = None
        """The final one."""
        self.followed = False
        """Whether it is a WebSocket."""
        self.others = False
        """Whether the connection has other streams, too."""
        self.blocks: tuple[dict[int, Fields], dict[int, Fields]] = ({}, {})
        """Headers by the offset of their first frame, those that could be read: those of the stream, and none for the first request
        of another one before it, since a connection begins with its first request.
        """
        self.astray: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        """Where it is not known where frames begin."""
        self.sizes: tuple[array[int], array[int]] = (array("q"), array("q"))
        self.starts: tuple[array[int], array[int]] = (array("q"), array("q"))
        """What is there of the content, in order: sizes, and offsets in it, -1 where it is not followed."""
        self._shifts = shifts
        self._room = limits.copied_headers

    @property
    def unsure(self) -> bool:
        """Whether what is kept is not that of one stream, or not all of it."""
        return self.attempts > 1 or self._room < 0

    @property
    def alone(self) -> bool:
        """Whether all that is said on the connection is said about the stream."""
        return not self.others and not any(self.astray)

    def answered(self, response: Response) -> None:
        """The final answer came."""
        self.answer, self.followed = response, response.grants

    def lost(self, side: int, lost: int, found: int) -> None:
        """Frames are missing."""
        self.astray[side].append((lost + self._shifts[side], found + self._shifts[side]))

    def block(self, side: int, start: int, stream: int, fields: Fields | None, *, request: bool) -> None:
        """Headers came."""
        self.others |= stream != self.number
        if fields is None:
            return
        if stream == self.number:
            self._room -= sum(len(name) + len(value) + FIELD for name, value in fields)
            if self._room >= 0:
                self.blocks[side][start + self._shifts[side]] = fields
        elif request and not self.blocks[side]:
            self.blocks[side][start + self._shifts[side]] = []

    def content(self, side: int, stream: int, piece: Run | Gap) -> None:
        """Content came."""
        self.others |= stream != self.number
        if stream == self.number and isinstance(piece, Run):
            self.contents[side].take(piece)
            self._note(side, piece.size, piece.begin)

    def passed(self, side: int, stream: int, size: int) -> None:
        """Content came that is not followed."""
        self.others |= stream != self.number
        if stream == self.number:
            self._note(side, size, -1)

    def _note(self, side: int, size: int, start: int) -> None:
        sizes, starts = self.sizes[side], self.starts[side]
        if sizes and ((start < 0 and starts[-1] < 0) or (start >= 0 and 0 <= starts[-1] == start - sizes[-1])):
            sizes[-1] += size
        else:
            sizes.append(size)
            starts.append(start)
