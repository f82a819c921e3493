"""What the wire hands to a session while it flows: the upgrade, frames, messages, holes. The session implements `Sink`, a copy of
a connection `Tap`, too.
"""

from typing import Protocol

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Hole, Moment, Span
from analyzer.model.schema import Side
from analyzer.model.session import Http2Stream, Proxy, Request, Response
from analyzer.model.streams import Bytes, Columns, Gap, Ints, Piece, Run
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Tls


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """Whole messages of one direction, or parts of one too long to keep, in order.

    `columns` are those of MESSAGES but `kind`, `label` and `audio_at`, and besides them, per row: `at` (where the content starts in
    `content`), `part` (its bytes there), `lost` (content bytes missing before it), `begins` and `ends` (1 for a whole message) and
    `readable` (0 when it did not inflate). `content` is unmasked and inflated; the rows' contents lie in it in order. It is
    overwritten when the next batch of any direction is made: keep a copy or keep nothing.
    """

    columns: Columns
    content: Bytes
    whole: bool
    """Whether every row is a whole message that is complete and readable."""

    def __len__(self) -> int:
        return len(self.columns["at"])

    def part(self, row: int) -> bytes:
        """The content of one row."""
        at = int(self.columns["at"][row])
        return self.content[at : at + int(self.columns["part"][row])].tobytes()


class Sink(Protocol):
    """One attempt to open a WebSocket, from its first packet on."""

    def proxied(self, proxy: Proxy) -> None:
        """The tunnel that the attempt goes through, or was refused; comes first."""

    def multiplexed(self, stream: Http2Stream) -> None:
        """The HTTP/2 stream that the attempt is; again when it is known how it ended."""

    def requested(self, request: Request) -> None:
        """The upgrade request, or the request for a tunnel that came to nothing."""

    def answered(self, response: Response) -> None:
        """The answer to it; only one with a body cut short is given twice."""

    def unread(self) -> None:
        """The server sent something for an answer that is not in the capture, or is no HTTP."""

    def joined(self) -> None:
        """The session was running when the capture began, or its upgrade is missing from it."""

    def frames(self, side: Side, columns: Columns) -> None:
        """FRAMES columns of frames that ended."""

    def messages(self, side: Side, batch: MessageBatch) -> None:
        """Messages that ended, or parts of a long one."""

    def covered(self, side: Side, count: int) -> None:
        """So many more stream bytes after the upgrade are in the capture."""

    def hole(self, side: Side, hole: Hole) -> None:
        """Stream bytes after the upgrade that are not."""

    def blind(self, side: Side, span: Span) -> None:
        """A time in which frames may be missing: from where the step was lost to where it was found again."""

    def finish(self, tcp: tuple[Tcp, Tcp], last: Moment, *, tls: Tls | None, over: bool) -> None:
        """Nothing follows. `tcp` is by side, `last` the connection's last packet, `tls` what it goes through, `over` whether TCP
        ended.
        """


class Tap(Protocol):
    """What a connection says to one who copies it. `side` is the table's; `depth` counts the TLS around what is spoken of, and
    offsets are those of the stream in it.
    """

    def stream(self, side: int, piece: Piece) -> None:
        """The next piece of a TCP stream."""

    def plain(self, side: int, piece: Piece, depth: int) -> None:
        """The next piece of the plaintext of TLS; may come twice."""

    def placed(self, side: int, depth: int, at: Ints, start: Ints, size: Ints) -> None:
        """Plaintext of the TLS that begins there: where in the stream around it it lies, byte for byte, and its own offsets."""

    def secured(self, starts: tuple[int, int], depth: int) -> None:
        """One more TLS begins at these offsets."""

    def head(self, side: int, depth: int, start: int, length: int, at: Moment) -> None:
        """The head of an HTTP message, or as much of it as is there; `at` is the packet with its last byte. May come twice."""

    def websocket(self, starts: tuple[int, int], depth: int, client: int, response: Response | None) -> None:
        """Frames begin at these offsets; `client` is the client's side, `response` the answer, where it is in the capture."""

    def http2(self, starts: tuple[int, int], depth: int, client: int) -> None:
        """HTTP/2 begins at these offsets, the client's preface included. What follows is said of the streams in it."""

    def astray(self, side: int, lost: int, found: int) -> None:
        """Between these offsets it is not known where frames of HTTP/2 begin."""

    def block(self, side: int, start: int, stream: int, fields: list[tuple[str, str]] | None) -> None:
        """The headers whose first frame begins at `start`; None where they cannot be read."""

    def content(self, side: int, stream: int, piece: Run | Gap) -> None:
        """The next piece of what an attempt's DATA carry, counted from 0."""

    def passed(self, side: int, stream: int, size: int) -> None:
        """The next bytes in DATA that are not followed."""
