"""What a TLS connection shows: what its handshake says in clear, whether it could be decrypted, and sizes and times of records."""

from dataclasses import field

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.tables import Table


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that could be read (RFC 8446 section 6): one in clear, or of a connection that is decrypted."""

    side: Side
    fatal: bool
    code: int
    at: Moment

    @property
    def name(self) -> str:
        """Its name in the registry, as in `unknown_ca`."""
        return ALERTS.get(self.code, f"alert {self.code}")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The server's own certificate (RFC 5280), which TLS 1.2 sends in clear. Times are ns since the epoch."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """DNS names and IP addresses that it is for."""
    begins: int
    ends: int
    self_signed: bool
    chain: int = 1
    """Certificates that the server sent."""


@dataclass(frozen=True, slots=True)
class Tls:
    """One TLS connection. What is None is not in the capture, or not visible."""

    version: str | None = None
    """As OpenSSL writes it: `TLSv1.3`."""
    cipher: str | None = None
    """Name in the IANA registry; in hexadecimal for one that is not known here."""
    sni: str | None = None
    """Server name that the client asked for (RFC 6066 section 3)."""
    offered: tuple[str, ...] = ()
    """Versions that the client offered, the one that it likes best first."""
    alpn: str | None = None
    """Protocol that was chosen (RFC 7301), where it can be seen."""
    alpn_offered: tuple[str, ...] = ()
    client: str | None = None
    """What the client is built on, as its ClientHello shows."""
    retried: bool = False
    """The server asked for another ClientHello (HelloRetryRequest)."""
    resumed: bool = False
    """An earlier session goes on, or a pre-shared key is used."""
    early_data: str | None = None
    """0-RTT: `offered`, `accepted`, or `rejected`."""
    certificate: Certificate | None = None
    alerts: tuple[Alert, ...] = ()
    no_tls: Moment | None = None
    """What the server sent instead of TLS."""
    established: Moment | None = None
    """The first packet in which application data may be."""
    decrypted: bool = False
    why: str | None = None
    """Why it could not be decrypted, or no further: a clause that goes on behind `because`."""
    unread: int = 0
    """Records that did not authenticate or decrypt."""
    records: tuple[Table, Table] | None = field(default=None, compare=False)
    """TLS_RECORDS of client and server, where it is not decrypted."""
    overhead: int | None = None
    """Bytes of a record beyond what it carries, its header left out; None where that is not fixed."""
    torn: tuple[tuple[Moment, ...], tuple[Moment, ...]] = ((), ())
    """The first places of client and server behind which bytes of records are missing."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Longer than `--gap` without a record of the client that can carry audio. `begin` and `end` are what bounds it."""

    begin: Moment
    end: Moment
    keepalives: int
    """Records of the size of a KeepAlive inside; any small one where sizes are not exact."""
    others: int
    """Records of the size of an empty frame, or of a ping or its answer."""
    widest_step: int
    """Longest time (ns) inside it without a record of the size of a KeepAlive."""
    ended_by: str
    """`record` of the client, `client` or `server` that ended the connection, or `capture-end`."""

    @property
    def duration(self) -> int:
        """Length in ns."""
        return self.end.time - self.begin.time


@dataclass(frozen=True, slots=True)
class Upload:
    """How fast the client sent while it streamed: payload bytes over time, pauses of more than 1 s taken out."""

    bytes: int
    records: int
    span_s: float
    rate: float
    """Bytes per second."""
    like: str | None
    """The raw format that takes as many."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What sizes and times of encrypted records tell of a connection that may be a WebSocket. Pairs are client and server; records
    are those that may hold application data.
    """

    exact: bool
    """Whether sizes of plaintext are known to the byte, as they are with every cipher but CBC."""
    records: tuple[int, int]
    bytes: tuple[int, int]
    """Plaintext; an upper bound where sizes are not exact."""
    first: tuple[Moment | None, Moment | None] = (None, None)
    streamed: bool = False
    """The client sent records one after the other as audio in real time is sent, and far more of them than the server."""
    quiet: tuple[Quiet, ...] = ()
    upload: Upload | None = None
    empties: tuple[Moment, ...] = ()
    """The first records of the client of the size of an empty frame, which are no part of a ping and its answer."""
    empty_count: int = 0
    ended_by: Side | None = None
    """Who was the first to end it: with close_notify, FIN or RST."""
    farewell: bool = False
    """Somebody sent a close_notify, or a record of the size of a close frame at the end."""
    reason: str | None = None
    """Code of the service whose close frame is as long as the server's last record."""
    reason_at: Moment | None = None
    shaken: Moment | None = None
    """Where the handshake is over, as far as it shows."""
    alert: tuple[Side, Moment] | None = None
    """A side's only record behind the handshake has the size of an alert."""


ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}
"""The TLS Alerts registry of IANA."""
