"""The catalogue of what parsers may find odd. A parser records one and stays in step; only rules judge."""

from dataclasses import field
from enum import IntFlag, StrEnum

from analyzer.model.dataclass import dataclass


class FrameAnomaly(IntFlag):
    """What is wrong with one WebSocket frame; the `anomalies` column of FRAMES is the sum of these bits."""

    UNMASKED_CLIENT = 1
    """A client frame without mask (RFC 6455 section 5.1: the server must close)."""
    MASKED_SERVER = 2
    """A server frame with mask (RFC 6455 section 5.1: the client must close)."""
    RESERVED_BITS = 4
    """RSV bits set that no negotiated extension gives a meaning (section 5.2)."""
    RESERVED_OPCODE = 8
    """An opcode from 3 to 7 or 11 to 15 (section 5.2)."""
    OVERSIZED_CONTROL = 16
    """A control frame with more than 125 bytes (section 5.5)."""
    FRAGMENTED_CONTROL = 32
    """A control frame without FIN (section 5.5)."""
    LENGTH_NOT_MINIMAL = 64
    """A length written in more bytes than it needs (section 5.2)."""
    LENGTH_IMPOSSIBLE = 128
    """A 64-bit length with its highest bit set (section 5.2): the walk stops here."""
    STRAY_CONTINUATION = 256
    """A continuation frame while no message is open (section 5.4)."""
    MESSAGE_INTERRUPTED = 512
    """A new data frame while a fragmented message is open (section 5.4)."""
    AFTER_CLOSE = 1024
    """A frame that its sender sent after its own close frame (section 5.5.1)."""

    @property
    def slug(self) -> str:
        """The name shown to users, as in `unmasked-client`."""
        return (self.name or "").lower().replace("_", "-")

    @classmethod
    def slugs(cls, bits: int) -> list[str]:
        """The names of all bits that are set."""
        return [one.slug for one in cls if bits & one]


class Anomaly(StrEnum):
    """What is odd above or below frames."""

    BAD_UTF8 = "bad-utf8"
    """A text message that is not UTF-8 (RFC 6455 section 8.1)."""
    INFLATE_FAILED = "inflate-failed"
    """A compressed message that does not inflate: damaged, or its context is missing (RFC 7692 section 7.2.2)."""
    INFLATE_LIMIT = "inflate-limit"
    """A compressed message that would inflate beyond the limit."""
    CLOSE_PAYLOAD = "close-payload"
    """A close frame whose body is one byte, or whose reason is not UTF-8 (RFC 6455 section 5.5.1)."""
    CLOSE_CODE = "close-code"
    """A close code that must not be sent (RFC 6455 section 7.4)."""
    HTTP_SYNTAX = "http-syntax"
    """Bytes where an HTTP message was expected that are none (RFC 9112)."""
    TLS_RENEGOTIATION = "tls-renegotiation"
    """A new handshake inside a connection (RFC 5246 section 7.4.1), behind which nothing is decrypted."""
    RESYNC = "resync"
    """Frames were lost in a hole; the walk went on at a later frame boundary."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where an anomaly was seen: `packet` as Wireshark numbers it, `time` in ns since the epoch."""

    anomaly: Anomaly
    packet: int
    time: int
    detail: str = ""


@dataclass(slots=True)
class Sightings:
    """Counts every anomaly of one direction, keeps the first places of each kind."""

    limit: int
    places: list[Sighting] = field(default_factory=list)
    counts: dict[Anomaly, int] = field(default_factory=dict)

    def record(self, anomaly: Anomaly, packet: int, time: int, detail: str = "") -> None:
        """Count one, and keep its place while there is room."""
        seen = self.counts.get(anomaly, 0)
        self.counts[anomaly] = seen + 1
        if seen < self.limit:
            self.places.append(Sighting(anomaly, packet, time, detail))
