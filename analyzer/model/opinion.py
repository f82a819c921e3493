"""A second opinion: our frames against Wireshark's, as plain data. Every format renders this, none computes anything."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.places import Endpoint
from analyzer.model.schema import Column, Schema
from analyzer.model.tables import Array

DISSECTED: Schema = (
    Column("packet", "i8", "", "number of the packet in which Wireshark shows the frame: the one that completes it"),
    Column("port", "i4", "", "TCP port that it came from"),
    Column("opcode", "u1", "", "RFC 6455 opcode"),
    Column("fin", "u1", "", "1 on the last frame of a message"),
    Column("rsv", "u1", "", "RSV1 4, RSV2 2, RSV3 1"),
    Column("masked", "u1", "", "1 with a mask key"),
    Column("length", "i8", "bytes", "payload length that the header states"),
    Column("shown", "i8", "bytes", "payload bytes that Wireshark unmasked and shows"),
)
"""A frame as Wireshark dissected it."""
Columns = Mapping[str, Array]


def no_frames() -> dict[str, Array]:
    """An empty table of frames as Wireshark dissected them."""
    return {column.name: np.zeros(0, column.dtype) for column in DISSECTED}


class Agreement(StrEnum):
    """What comes of the comparison of one connection."""

    AGREES = "agrees"
    NOTHING = "no frames to compare"
    KNOWN_FAULT = "differs: known fault of tshark"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Difference:
    """One frame about which the two do not say the same. `kind`: `ours` (only we see it), `wireshark` (only Wireshark does),
    `unlike` (its header), `packet` (where it ends), `payload` (Wireshark shows other bytes than were sent). `fault` names the known
    fault that explains it, if one does.
    """

    kind: str
    side: str
    packet: int
    text: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """The comparison of one connection. `session` is None for one on which only Wireshark sees a WebSocket."""

    session: int | None
    tcp_stream: int
    client: Endpoint | None
    server: Endpoint | None
    verdict: Agreement
    frames: Mapping[str, Mapping[str, int]]
    """By side: `ours`, `wireshark`, and `agree`."""
    faults: Mapping[str, int]
    """Known faults by name, with the differences that each explains."""
    kinds: Mapping[str, int]
    """All differences by kind."""
    differences: tuple[Difference, ...] = ()
    """The first of them."""
    filter: str = ""
    """A display filter for the packets of these."""
    workarounds: Mapping[str, str] = field(default_factory=dict)
    """Options of tshark without which it saw less, by the fault that they work around."""


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What `analyzer verify` says."""

    tool: Mapping[str, str]
    path: str
    tshark: str
    """Its version."""
    sessions: tuple[Opinion, ...]
    meanings: Mapping[str, str] = field(default_factory=dict)
    """What the faults named above are."""

    @property
    def sound(self) -> bool:
        """Whether none differs but by known faults."""
        return all(one.verdict is not Agreement.DIFFERS for one in self.sessions)
