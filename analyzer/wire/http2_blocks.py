"""What HTTP/2 frames say: header lists, settings, and why a stream or a connection was ended (RFC 9113 section 6, RFC 7541).

In: the frames of one direction but DATA, as `http2_frames.py` gives them. Out: what each one says. A header block that is not all
there changed the table for all later ones in a way that nobody knows, so that none is read from there on: `lost` says since when.
"""

from collections.abc import Iterator

from analyzer.model.dataclass import dataclass
from analyzer.model.http2 import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PUSH_PROMISE, RST_STREAM
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.wire.http2_frames import Frame

ENABLE_CONNECT_PROTOCOL = 8
"""RFC 8441 section 3."""
ERRORS = (
    *(
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
    ),
    *(
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ),
)
"""RFC 9113 section 7."""
BLOCKS = (HEADERS, PUSH_PROMISE, CONTINUATION)
SAID = 200
"""Bytes kept of the words in a GOAWAY."""


def installed() -> bool:
    """Whether the packages are there that read HTTP/2."""
    try:
        import hpack  # noqa: F401, PLC0415 - may be missing
        import hyperframe  # noqa: F401, PLC0415 - may be missing
    except ImportError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Headers:
    """A header list, None when it cannot be read. `promised`: of a request that the server made itself. `start`: the offset of its
    first frame.
    """

    stream: int
    fields: list[tuple[str, str]] | None
    ends: bool
    first: Moment
    at: Moment
    start: int
    promised: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """RST_STREAM."""

    stream: int
    code: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Settings:
    """SETTINGS; `connect` says whether they allow extended CONNECT, None where they do not speak of it."""

    connect: bool | None


@dataclass(frozen=True, slots=True)
class GoAway:
    """GOAWAY."""

    code: str
    words: str
    at: Moment


Said = Headers | Reset | Settings | GoAway


class BlockReader:
    """State of one direction."""

    def __init__(self, limits: Limits) -> None:
        from hpack import Decoder  # noqa: PLC0415 - late, since it may be missing

        self._limits = limits
        self._decoder = Decoder(max_header_list_size=limits.http_head)
        # An observer enforces nothing: the bound is ours, whatever the peer's SETTINGS allow.
        self._decoder.max_allowed_table_size = limits.hpack_table
        self._begun: Frame | None = None
        """The HEADERS or PUSH_PROMISE whose block goes on ..."""
        self._block = bytearray()
        """... and what there is of it."""
        self.lost: str | None = None
        """Why no header block can be read any more."""

    def lose(self, why: str) -> bool:
        """A header block may be missing; True when it is the first."""
        self._begun, self._block = None, bytearray()
        first, self.lost = self.lost is None, self.lost or why
        return first

    def feed(self, frame: Frame) -> Iterator[Said]:
        """Take the next frame."""
        if self._begun is not None and (frame.kind != CONTINUATION or frame.stream != self._begun.stream):
            yield from self._unreadable(self._begun, "a header block breaks off")
        if frame.payload is not None:
            yield from self._parsed(frame, frame.payload)
        elif frame.kind in BLOCKS:
            yield from self._unreadable(self._begun or frame, "part of a header block is not in the capture, or it is too long")
        elif frame.kind == RST_STREAM:
            yield Reset(frame.stream, "", frame.at)

    def _parsed(self, frame: Frame, payload: bytes) -> Iterator[Said]:
        """What a frame says that is all there."""
        from hyperframe import frame as kinds  # noqa: PLC0415 - late, since it may be missing
        from hyperframe.exceptions import HyperframeError  # noqa: PLC0415

        try:
            parsed, _ = kinds.Frame.parse_frame_header(memoryview(frame.header))
            parsed.parse_body(memoryview(payload))
        except (HyperframeError, ValueError):
            if frame.kind in BLOCKS:
                yield from self._unreadable(frame, "a header block in a frame that cannot be")
            return
        if isinstance(parsed, kinds.HeadersFrame | kinds.PushPromiseFrame | kinds.ContinuationFrame):
            yield from self._take_block(frame, parsed.data)
        elif isinstance(parsed, kinds.RstStreamFrame):
            yield Reset(frame.stream, _error(parsed.error_code), frame.at)
        elif isinstance(parsed, kinds.GoAwayFrame):
            yield GoAway(_error(parsed.error_code), parsed.additional_data[:SAID].decode("utf-8", "replace"), frame.at)
        elif isinstance(parsed, kinds.SettingsFrame) and "ACK" not in parsed.flags:
            stated = parsed.settings.get(ENABLE_CONNECT_PROTOCOL)
            yield Settings(None if stated is None else stated == 1)

    def _take_block(self, frame: Frame, data: bytes) -> Iterator[Headers]:
        """A block, or a part of one (RFC 9113 section 4.3)."""
        if frame.kind == CONTINUATION and self._begun is None:
            yield from self._unreadable(frame, "the beginning of a header block is not in the capture")
            return
        begun = self._begun or frame
        self._begun = begun
        self._block += data
        if len(self._block) > self._limits.http_head:
            yield from self._unreadable(begun, "a header block is too long")
        elif frame.header[4] & END_HEADERS:
            fields = self._decode(bytes(self._block))
            self._begun, self._block = None, bytearray()
            yield _headers(begun, fields, frame.at)

    def _decode(self, block: bytes) -> list[tuple[str, str]] | None:
        from hpack import HPACKError  # noqa: PLC0415 - late, since it may be missing

        if self.lost is not None:
            return None
        try:
            fields = self._decoder.decode(block, raw=True)
            return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in fields]
        except (HPACKError, IndexError, ValueError) as error:
            self.lose(f"a header block does not decompress: {error}")
            return None

    def _unreadable(self, frame: Frame, why: str) -> Iterator[Headers]:
        self.lose(why)
        yield _headers(frame, None, frame.at)


def _headers(begun: Frame, fields: list[tuple[str, str]] | None, at: Moment) -> Headers:
    ends, promised = begun.kind == HEADERS and bool(begun.header[4] & END_STREAM), begun.kind == PUSH_PROMISE
    return Headers(begun.stream, fields, ends, begun.first, at, begun.start, promised)


def _error(code: int) -> str:
    """The name of an error code."""
    return ERRORS[code] if code < len(ERRORS) else f"error {code}"
