"""The report: plain data with the names of the JSON contract. Every format renders this, none computes anything.

Strings in here have passed the redactor: `pipeline.py` builds a `SessionReport` by way of `redact` and nothing else builds one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzer.model.conversation import Conversation
from analyzer.model.finding import Finding, Verdict
from analyzer.model.places import Endpoint
from analyzer.model.tables import Array, Table

SCHEMA = "analyzer-report/1"


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One entry of `sessions`. The mappings have the keys of the contract."""

    id: int
    client: Endpoint
    server: Endpoint
    start: str
    duration_s: float
    provider: str
    opened: str
    tls: Mapping[str, Any] | None
    upgrade: Mapping[str, Any]
    message_counts: Mapping[str, Mapping[str, int]]
    frame_counts: Mapping[str, Mapping[str, int]]
    empty_binary: Mapping[str, int]
    keepalives: Mapping[str, int]
    audio: Mapping[str, Any]
    gaps: tuple[Mapping[str, Any], ...]
    close: Mapping[str, Any] | None
    tcp_end: str
    tcp_stream: int | None
    """None where the input holds no packets."""
    tcp: Mapping[str, Any]
    """How TCP carried it: the handshake's round trip, and per side what was sent again, copied or overtaken, and who waited."""
    coverage: Mapping[str, Mapping[str, int]]
    verdict: Verdict
    service: Mapping[str, Any]
    findings: tuple[Finding, ...]
    not_judged: tuple[Mapping[str, str], ...]
    """Rules that stayed silent because the capture does not cover what they need: `rule`, `why`."""
    timeline: Mapping[str, Any]
    """`bucket_s` and per bucket: `audio_bytes`, `keepalives`, `server_messages`; `events` as (`time_s`, `what`)."""
    origin_ns: int
    """Where the session's seconds count from, in ns since the epoch."""
    start_ns: int = 0
    """`start`, in ns since the epoch."""
    first_packet: int = 0
    """The packet that it begins with, 0 where the input has none; not part of the JSON report."""
    frame_table: Table | None = field(default=None, compare=False)
    """FRAMES rows of both sides with a `side` column, only when frames were asked for; not part of the JSON report."""

    conversation: Conversation | None = field(default=None, compare=False)
    """Every message with what it says, only when `Settings.contents` asks for it; not part of the JSON report."""

    @property
    def frames(self) -> dict[str, Array]:
        """Every frame of the session as columns (see `analyzer.model.schema.FRAMES`); empty when frames were not asked for."""
        return self.frame_table.columns() if self.frame_table is not None else {}


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """One entry of `captures`."""

    path: str
    format: str
    packets: int
    bytes: int
    first_time: str | None
    last_time: str | None
    link_types: tuple[str, ...]
    complete: bool
    findings: tuple[Finding, ...]
    other_connections: Mapping[str, int]
    """TCP connections that are no session, by what they carry: `http`, `tls`, `refused`, `unknown`."""
    comments: tuple[str, ...]
    sessions: Sequence[SessionReport]
    """In order of their first packets; where there are many, each is unpacked when it is asked for."""
    files: tuple[Mapping[str, Any], ...] = ()
    """Where several files were read as one: `path`, `format`, `packets` and `bytes` of each."""


@dataclass(frozen=True, slots=True)
class Report:
    """What `analyze()` returns and `analyzer report --format json` prints."""

    tool: Mapping[str, str]
    settings: Mapping[str, Any]
    captures: tuple[CaptureReport, ...]
    schema: str = SCHEMA

    @property
    def sessions(self) -> tuple[SessionReport, ...]:
        """The sessions of all captures, in order."""
        return tuple(session for capture in self.captures for session in capture.sessions)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all captures and sessions."""
        return tuple(
            finding
            for capture in self.captures
            for found in (capture.findings, *(session.findings for session in capture.sessions))
            for finding in found
        )
