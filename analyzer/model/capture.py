"""What a source says of a capture, and the batches in which packets travel."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Protocol

from analyzer.model.dataclass import dataclass
from analyzer.model.numbering import Numbering
from analyzer.model.secrets import TlsSecret
from analyzer.model.streams import Bytes, Columns, Ints


@dataclass(frozen=True, slots=True)
class Interface:
    """One capture interface. `link_type` is a LINKTYPE_ number (tcpdump.org/linktypes), `snap_length` 0 for unlimited."""

    link_type: int
    snap_length: int = 0
    name: str = ""
    dropped: int | None = None
    """Packets that the interface says it lost (pcapng interface statistics); None where it says nothing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Damage of the capture file, in one sentence; `packet` is the last packet before it, 0 for none."""

    text: str
    packet: int = 0


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The clock was set back: after packet `packet` (as the file numbers it), by `step` ns, which times from there on go on by."""

    packet: int
    step: int


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """One file of several that are read as one."""

    path: str
    format: str
    packets: int
    bytes: int


@dataclass(slots=True)
class CaptureLog:
    """Facts about the file that a source collects while it reads. `format` is `pcap`, `pcapng`, or what the source calls it."""

    path: str
    format: str
    packets: int = 0
    bytes: int = 0
    """Bytes of the capture read so far, after decompression."""
    interfaces: list[Interface] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    """Section, interface and packet comments, the first hundred."""
    secrets: list[TlsSecret] = field(default_factory=list, repr=False)
    """TLS secrets that the file holds, in its Decryption Secrets Blocks and comments; never written anywhere."""
    truncated: int = 0
    """Packets that the snap length cut."""
    first_time: int | None = None
    last_time: int | None = None
    link_packets: dict[int, int] = field(default_factory=dict)
    """Packets per link type."""
    unread: dict[str, int] = field(default_factory=dict)
    """Packets that could not be followed to TCP although they may hold it (fragments, tunnels, unknown links), by reason."""
    clock_steps: list[ClockStep] = field(default_factory=list)
    files: list[CaptureFile] = field(default_factory=list)
    """Where several files are read as one: each of them."""
    other_entries: int = 0
    """Of a HAR: entries that are no WebSocket."""
    numbering: Numbering | None = None
    """From places in order of time to packet numbers, where the two differ."""


@dataclass(frozen=True, slots=True)
class PacketBatch:
    """Packets in order of capture. `data` may be overwritten when the next batch is asked for: keep a copy or keep nothing.

    `records` has the RECORDS columns as equal-length arrays; row i is packet number `first_number + i`. Where packets were put in
    order of time that is their place in this order, and the log's `numbering` leads from there to the number in the file, which
    `numbers` has for each row. An empty batch carries only `now` (ns): the time has come this far without a packet.
    """

    data: Bytes
    records: Columns
    first_number: int
    now: int | None = None
    numbers: Ints | None = None


class Source(Protocol):
    """One opened capture."""

    log: CaptureLog

    def batches(self) -> Iterator[PacketBatch]:
        """All packets, once. Damage ends the iteration and is a Problem in the log; it never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Capture:
    """What capture rules judge: the log when all is read, and the connections that were no session, by what they carry."""

    log: CaptureLog
    sessions: int
    incomplete_sessions: int
    """Sessions of which bytes or the handshake are missing."""
    other_connections: Mapping[str, int]
    without_http2: int = 0
    """Connections of HTTP/2 among them that would be read if the packages for it were installed."""
