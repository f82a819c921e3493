"""What rules say of a session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad. The order of definition is the order of weight."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def weight(self) -> int:
        """0 for the heaviest."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    """How sure: the capture proves it, it speaks for it, or it only hints at it."""

    CERTAIN = "certain"
    LIKELY = "likely"
    HINT = "hint"


class Rank(IntEnum):
    """Causes before consequences: among findings of one severity the lowest rank is the verdict."""

    HANDSHAKE = 1
    """The session never came to be."""
    MISUSE = 2
    """The client broke the service's protocol."""
    FORMAT = 3
    """The bytes are not what was declared."""
    PATH = 4
    """What was sent did not arrive, or late: the network, or a peer that does not read."""
    IDLE = 5
    """Nothing, or too little, was sent."""
    SIGNAL = 6
    """The audio is decodable but wrong in level or pace."""
    ENDING = 7
    """How it ended; mostly a consequence."""
    QUALITY = 8
    """About the capture. The verdict only when nothing else was found."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, as in the JSON report. Rules leave `rule`, `tcp_stream` and `filter` to the engine.

    `time_s` and `until_s` are seconds since the accepted upgrade (or the first packet without one), `packets` the packet numbers
    that show it, as Wireshark counts them. `remedy` is the rule's own advice, never anything captured: it alone is not redacted,
    because it names headers and parameters that would look like secrets.
    """

    severity: Severity
    text: str
    packets: tuple[int, ...] = ()
    time_s: float | None = None
    until_s: float | None = None
    side: str | None = None
    confidence: Confidence = Confidence.CERTAIN
    count: int = 1
    values: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""
    rule: str = ""
    tcp_stream: int | None = None
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A rule says that the capture does not cover what it would have to see."""

    why: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The cause, in one sentence. `rule` is None and `severity` is `ok` for a healthy session."""

    rule: str | None
    severity: str
    text: str

    @property
    def weight(self) -> int:
        """0 for the heaviest, as that of a severity; a healthy session weighs least."""
        return [*Severity, "ok"].index(self.severity)
