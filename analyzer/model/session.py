"""One attempt to open a WebSocket and all that came of it, as rules see it. Nothing here changes once it is built."""

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.anomalies import Anomaly, Sighting
from analyzer.model.contents import Contents
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import SECOND
from analyzer.model.places import Endpoint, Hole, Moment, Span
from analyzer.model.provider import Provider
from analyzer.model.schema import Kind, Side
from analyzer.model.settings import Settings
from analyzer.model.tables import Table
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Estimate, Tls
from analyzer.model.track import Pace, Track, Transcript

Rows = npt.NDArray[np.intp]
KINDS = tuple(Kind)
NO_ROWS: Rows = np.zeros(0, np.intp)
NO_ROWS.flags.writeable = False
PORT_DIGITS = 5
SWITCHING, HTTP2 = 101, "2"
"""The status that grants an upgrade in HTTP/1.1; the version in which a WebSocket is a stream."""


@dataclass(frozen=True, slots=True)
class Request:
    """The upgrade request. Header names are lower case, values as sent, secrets included: redaction is on the road to output."""

    target: str
    path: str
    query: Mapping[str, str]
    version: str
    headers: Mapping[str, str]
    at: Moment
    """The packet that completes it."""
    upgrade: bool = True
    """False when it does not ask for a WebSocket, as far as can be seen."""
    method: str = "GET"
    partial: bool = False
    """Part of the head is not in the capture: what stands here was there whole."""

    @property
    def asks(self) -> bool:
        """Whether it asks for a WebSocket, or may in the part that is not in the capture."""
        return self.upgrade or (self.partial and self.method in ("GET", ""))


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to the upgrade request."""

    status: int
    reason: str
    version: str
    headers: Mapping[str, str]
    body: bytes
    at: Moment
    """The packet that completes its head."""
    accept_valid: bool | None = None
    """Whether Sec-WebSocket-Accept fits the request's key (RFC 6455 section 4.2.2); None when one of them is not there."""
    coding: str = ""
    """What the body is encoded with still (`br`), where it could not be decoded; the body is empty then."""
    partial: bool = False
    """Part of the head is not in the capture."""

    @property
    def grants(self) -> bool:
        """Whether frames follow: status 101, or over HTTP/2, where CONNECT asks for them, any 2xx (RFC 8441 section 5)."""
        return self.status // 100 == 2 if self.version == HTTP2 else self.status == SWITCHING  # noqa: PLR2004 - see above


@dataclass(frozen=True, slots=True)
class Http2Stream:
    """The stream of an HTTP/2 connection that an attempt is (RFC 8441)."""

    id: int
    reset: str | None = None
    """Error code of the first RST_STREAM, as RFC 9113 section 7 names it; empty where it is not in the capture."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A tunnel that the client asked a proxy for (RFC 9110 section 9.3.6); `response` is None where its answer is not there."""

    request: Request
    response: Response | None

    @property
    def target(self) -> str:
        """Host and port as the client named them, without credentials."""
        return self.request.target.rpartition("@")[2]

    @property
    def server(self) -> tuple[str, int]:
        """Host name in lower case and port, 0 for none."""
        host, _, port = self.target.rpartition(":")
        return host.strip("[]").lower(), int(port) if port.isascii() and port.isdigit() and len(port) <= PORT_DIGITS else 0


@dataclass(frozen=True, slots=True)
class Upgrade:
    """How the attempt went. `outcome` as in the JSON report."""

    outcome: str
    request: Request | None = None
    """The request for a tunnel where the proxy opened none."""
    response: Response | None = None
    proxy: Proxy | None = None
    unread: bool = False
    """The server sent something for an answer, which is not in the capture or is no HTTP."""
    stream: Http2Stream | None = None
    """Where the attempt is a stream of an HTTP/2 connection."""

    @property
    def partial(self) -> bool:
        """Whether part of the head of the request or of the answer is not in the capture."""
        return any(head is not None and head.partial for head in (self.request, self.response))

    @property
    def at_proxy(self) -> bool:
        """Whether the attempt came no further than a proxy that was asked for a tunnel."""
        return self.proxy is not None and self.request is self.proxy.request


@dataclass(frozen=True, slots=True)
class Close:
    """A close frame: `code` is None when its body is empty."""

    side: Side
    code: int | None
    reason: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Text:
    """A text message that a rule may quote: `row` in the direction's messages, `text` cut to the limit, `why` it was kept."""

    row: int
    kind: Kind
    label: str
    text: str
    why: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Direction:
    """All that one side sent."""

    side: Side
    endpoint: Endpoint
    frames: Table
    messages: Table
    labels: tuple[str, ...]
    """What the `label` column of `messages` points into."""
    texts: tuple[Text, ...]
    closes: tuple[Close, ...]
    sightings: tuple[Sighting, ...]
    anomaly_counts: Mapping[Anomaly, int]
    bytes: int
    """Stream bytes after the upgrade that are in the capture."""
    missing: int
    """Stream bytes after the upgrade that are not."""
    holes: tuple[Hole, ...]
    blind: tuple[Span, ...]
    """When frames may have been sent of which nothing is known. A hole inside one frame is none: its header says how long it is."""
    tcp: Tcp
    contents: Contents | None = None
    """What the messages said, where a report shows it."""
    _rows: dict[Kind | tuple[Kind, frozenset[str]], Rows] = field(default_factory=dict, compare=False, repr=False)
    """What `rows` found before: rules ask for the same kinds and words again and again."""

    def rows(self, kind: Kind, labels: frozenset[str] | None = None) -> Rows:
        """Rows of `messages` of a kind, and with one of these labels where given. The array is shared: do not write to it."""
        if not self._rows:  # most kinds do not occur, and to look for a byte costs next to nothing
            occurring = self.messages.column("kind").tobytes()
            self._rows.update((absent, NO_ROWS) for absent in KINDS if absent not in occurring)
        found = self._rows.get(kind)
        if found is None:
            found = self._rows[kind] = (self.messages.column("kind") == int(kind)).nonzero()[0]
        if labels is None or not len(found):
            return found
        chosen = self._rows.get((kind, labels))
        if chosen is None:
            wanted = np.array([*(label in labels for label in self.labels), False])  # the last one for -1, no label
            chosen = self._rows[kind, labels] = found[wanted[self.messages.column("label")[found]]]
        return chosen

    def label(self, row: int) -> str:
        """The control word or event type of a message, empty for none."""
        index = int(self.messages.column("label")[row])
        return self.labels[index] if index >= 0 else ""

    def moment(self, row: int) -> Moment:
        """First packet of a message."""
        return Moment(int(self.messages.column("first_packet")[row]), int(self.messages.column("first_time")[row]))

    def packets(self, rows: Rows, limit: int = 20) -> tuple[int, ...]:
        """First packet numbers of these messages, in order and without repetition, at most `limit`."""
        numbers = self.messages.column("first_packet")[rows[: limit * 4]]
        return tuple(dict.fromkeys(int(number) for number in numbers))[:limit]


@dataclass(frozen=True, slots=True)
class AudioGap:
    """No audio from the client for longer than `--gap`. `begin` and `end` are what bounds it, `keepalives` those sent as text
    inside.
    """

    begin: Moment
    end: Moment
    keepalives: int
    widest_step: int
    """Longest time (ns) inside it without a KeepAlive or audio."""
    ended_by: str
    """`audio`, `close-stream`, `close` or `capture-end`."""
    covered: bool
    """False when frames of the client may be missing inside it, so that audio may have been sent."""

    @property
    def duration(self) -> int:
        """Length in ns."""
        return self.end.time - self.begin.time


@dataclass(frozen=True, slots=True)
class Service:
    """What the service itself said."""

    results: int = 0
    metadata: Mapping[str, Any] | None = None
    """`duration_s`, `sha256`, `channels` of the last summary, where it states them."""
    transcript_cursor_s: float | None = None
    first_result: Moment | None = None
    last_event: Moment | None = None
    transcripts: tuple[Transcript, ...] = ()
    """Results with words in them, in order: final ones, and interim ones that none replaced."""


@dataclass(frozen=True)
class Session:
    """One attempt to open a WebSocket, frozen. Times are ns since the epoch."""

    id: int
    tcp_stream: int | None
    """None where the input holds no packets."""
    first: Moment
    """First packet of the attempt."""
    last: Moment
    opened: str
    upgrade: Upgrade
    provider: Provider
    client: Direction
    server: Direction
    client_audio: Track | None
    server_audio: Track | None
    gaps: tuple[AudioGap, ...]
    pace: Pace | None
    service: Service
    tcp_end: str
    settings: Settings
    tls: Tls | None = None
    estimate: Estimate | None = None
    """What sizes and times of its records tell, where it is encrypted."""
    capture_cut: bool = False
    """The capture file itself ends before the connection does, or lacks packets."""
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def origin(self) -> int:
        """Where the session's seconds count from: the packet that completes the 101, else the first packet (ns)."""
        response = self.upgrade.response
        return response.at.time if self.accepted and response is not None else self.first.time

    @property
    def encrypted(self) -> bool:
        """Whether TLS hides what was sent."""
        return self.tls is not None and not self.tls.decrypted

    @property
    def accepted(self) -> bool:
        """Whether frames may follow: a 101 was seen, or the session was running when the capture began."""
        return self.upgrade.outcome in ("accepted", "not-captured")

    @cached_property
    def close(self) -> Close | None:
        """The first close frame of either side."""
        closes = (*self.client.closes, *self.server.closes)
        return min(closes, key=lambda close: (close.at.time, close.at.packet), default=None)

    @property
    def sides(self) -> tuple[Direction, Direction]:
        """Client and server."""
        return self.client, self.server

    @property
    def ended(self) -> bool:
        """Whether the capture shows how the session ended: a close frame, a FIN or a RST."""
        return self.close is not None or self.tcp_end != "open"

    @property
    def whole(self) -> bool:
        """Whether the capture holds every byte of both directions, from the handshake on."""
        upgrade = self.upgrade
        if (
            upgrade.partial
            or upgrade.unread
            or (upgrade.response is not None and upgrade.request is None)
            or upgrade.outcome == "not-captured"
        ):
            return False
        return self.opened == "handshake" and not self.client.missing and not self.server.missing

    def seconds(self, time: int) -> float:
        """A time (ns since the epoch) as seconds of the session, rounded to a microsecond."""
        return round((time - self.origin) / SECOND, 6)

    @cached_property
    def audio_rows(self) -> Rows:
        """Rows of the client's audio messages."""
        return self.client.rows(Kind.AUDIO)
