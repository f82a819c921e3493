"""A sanitised capture of one session, for strangers: reads the capture once more and writes the session's packets anew.

In: the paths and settings of an analysis, and the report of one of its sessions. Out: a pcapng file that opens in Wireshark and in
which `analyze` finds the same; or one sentence that says why there is none. What befell other streams of an HTTP/2 connection is
not found again, and where some of its own bytes are missing, a few more or less may be missing in the copy. Like the pipeline it
knows several steps: the capture comes by the same way as for the report, as far as its connection.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import BinaryIO

from analyzer.copies.frames import Deflate
from analyzer.copies.multiplexed import UnsureError
from analyzer.copies.recording import Recording, stops_of
from analyzer.copies.sanitise import Sanitised, Wishes
from analyzer.model.capture import PacketBatch, Source
from analyzer.model.dataclass import dataclass
from analyzer.model.report import SessionReport
from analyzer.model.schema import Side
from analyzer.model.secrets import TlsSecret
from analyzer.model.settings import Settings
from analyzer.providers import by_name, likely
from analyzer.sources import open_capture
from analyzer.sources.keylog import secrets_of
from analyzer.sources.order import OutOfOrderError
from analyzer.wire import http1
from analyzer.wire.deflate import Inflater
from analyzer.wire.frames import FrameColumns
from analyzer.wire.tapped import TappedConnection
from analyzer.wire.tcp import FlowTable, Packets, Rows, Watch

WINDOW = 15
"""Bits of the window of permessage-deflate where nothing else was agreed on (RFC 7692 section 7.1.2)."""
ALL = 1 << 30
"""More TLS connections, one inside the other, than there are."""
TAKEN_OFF = (
    "TLS was taken off: the packets of port {port} hold in clear what was encrypted. "
    "Where Wireshark takes them for TLS: tshark -d tcp.port=={port},{protocol}"
)
"""The comment of such a file."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was written. `why` says why nothing was, None where something was."""

    packets: int = 0
    overwritten: int = 0
    """Bytes that differ from what was sent."""
    tls_removed: bool = False
    """What TLS protected stands there in clear."""
    why: str | None = None


def excerpt(
    paths: Sequence[str],
    settings: Settings,
    session: SessionReport,
    target: BinaryIO,
    *,
    replace_addresses: bool = False,
    transcripts: bool = True,
    audio: bool = True,
) -> Excerpt:
    """Write the connection of a session, of HTTP/2 its stream, as a capture of its own; nothing where that cannot be done.

    `paths` and `settings`: those of the report, of one capture. `replace_addresses`: IP addresses become those of documentation.
    Without `transcripts` the words that the service heard, and those that it is to speak, are overwritten. Without `audio` the
    audio becomes noise: what rules say of sound, and of codecs that hear it, may differ then. Raises UnusableInputError,
    MissingDependencyError or UsageError where the capture cannot be read any more.
    """
    if "-" in paths:
        return Excerpt(why="The capture came by standard input, which cannot be read a second time.")
    decrypted = session.tls is not None and bool(session.tls["decrypted"])
    search = _read(paths, settings, session, ALL if decrypted else 0)
    if search.connection is not None and not decrypted and len(search.connection.secure) > 1:
        search = _read(paths, settings, session, len(search.connection.secure) - 1)  # the way to a proxy could be decrypted
    connection, recording = search.connection, search.recording
    if connection is None or recording is None:
        return Excerpt(why="The connection of the session was not found again in the capture.")
    if decrypted and (connection.tls is None or not connection.tls.decrypted):
        return Excerpt(why="The TLS of the session could not be decrypted again.")
    if (recording.multiplexed is None) != (recording.number is None):
        return Excerpt(why="The HTTP/2 connection of the session could not be read again.")
    recording.client = connection.client_side
    if connection.proxy is not None:
        recording.proxied(connection.proxy)
    wishes = _wishes(session, replace_addresses=replace_addresses, transcripts=transcripts, audio=audio)
    deflate = _deflate(recording, settings)
    try:
        sanitised = Sanitised(recording, wishes, deflate, settings.limits, connection.reached, connection.bases)
    except UnsureError as error:
        return Excerpt(why=str(error))
    removed = bool(recording.opened)
    protocol = "http" if recording.multiplexed is None else "http2"
    sanitised.write(target, comment=TAKEN_OFF.format(port=session.server.port, protocol=protocol) if removed else "")
    return Excerpt(sanitised.packets, sanitised.overwritten, removed)


def _wishes(session: SessionReport, *, replace_addresses: bool, transcripts: bool, audio: bool) -> Wishes:
    """What is overwritten, for the session's service."""
    provider = by_name(session.provider)
    names = provider.redact_keys if audio else provider.redact_keys | frozenset(provider.text_audio_field[-1:])
    return Wishes(names, (provider.client_audio, provider.server_audio), replace_addresses, transcripts, audio)


def _deflate(recording: Recording, settings: Settings) -> tuple[Deflate | None, Deflate | None]:
    """What inflates the messages of each role, as `wire` decides it."""
    response = recording.response
    offered = http1.extension_parameters(response.headers.get("sec-websocket-extensions") if response else None)
    agreed = offered.get("permessage-deflate")
    if agreed is None and response is not None and not response.partial:
        return None, None

    def of(side: Side) -> Deflate:
        takeover = f"{side.word}_no_context_takeover" not in (agreed or {})
        bits = (agreed or {}).get(f"{side.word}_max_window_bits", "")
        window = int(bits) if bits.isdecimal() and 8 <= int(bits) <= WINDOW else WINDOW  # noqa: PLR2004 - RFC 7692 section 7.1.2.1
        return Deflate(Inflater(settings.limits.inflated_message, takeover=takeover), takeover, window)

    return of(Side.CLIENT), of(Side.SERVER)


@dataclass(slots=True)
class _Search:
    """The connection of a session on its way through the capture."""

    settings: Settings
    session: SessionReport
    layers: int
    """TLS connections to take off, one inside the other."""
    watch: Watch = field(default_factory=Watch)
    room: FrameColumns = field(default_factory=FrameColumns)
    connection: TappedConnection | None = None
    recording: Recording | None = None

    def wants(self, packets: Packets, rows: Rows, index: int) -> bool:
        """Whether this may be it: of those with its number the last one that began before it did. Others are left out."""
        if self.connection is not None and self.connection.flow == rows.flow:
            return True
        opening = packets.opening(index)
        first = min(int(packets.columns["time"][begin]) for begin, end in rows.sides if end > begin)
        ends = {opening.endpoints[0], opening.endpoints[1]}
        if (
            opening.stream == self.session.tcp_stream
            and ends == {self.session.client, self.session.server}
            and (self.connection is None or first <= self.session.start_ns)
        ):
            return True
        self.watch.forget(rows.flow)
        return False


def _read(paths: Sequence[str], settings: Settings, session: SessionReport, layers: int) -> _Search:
    """The capture up to the end of the session's connection; again where its secrets stand behind the packets that need them, or
    where packets are out of order.
    """
    disordered, known = False, list[TlsSecret]()
    while True:
        search = _Search(settings, session, layers)
        try:
            with open_capture(paths, settings, disordered=disordered) as source:
                _through(source, search, known)
        except OutOfOrderError:
            disordered = True
            continue
        sealed = search.connection.secure.sealed if search.connection is not None else []
        if known or not layers or not {one.random for one in source.log.secrets}.intersection(sealed):
            return search
        known = source.log.secrets


def _through(source: Source, search: _Search, known: list[TlsSecret]) -> None:
    """Every batch, until the connection is over as the pipeline has it; all of them where secrets may stand behind it."""
    settings = search.settings
    table, secrets, told = FlowTable(settings.limits), secrets_of(settings), 0
    secrets.add(known)
    for batch in source.batches():
        packets = table.decode(batch, source.log, search.watch, settings.since, settings.until)
        secrets.add(source.log.secrets[told : packets.secrets])
        told = packets.secrets
        for rows, index in packets.connections(search.watch):
            if not search.wants(packets, rows, index):
                continue
            if search.connection is None or search.connection.flow != rows.flow:
                opening = packets.opening(index)
                number = search.session.upgrade["stream_id"]
                recording = search.recording = Recording(opening.endpoints, settings.limits, search.layers, number)
                calls = (lambda *_, sink=recording: sink.attempt(), likely, secrets.of)
                search.connection = TappedConnection(rows.flow, opening, settings.limits, search.room, *calls, recording)
            _take(search, packets, rows, batch)
        connection = search.connection
        if connection is not None and connection.expired(packets.now):
            if not search.layers and connection.last.time >= search.session.start_ns:
                break  # another connection of its number would begin later than the session
            search.watch.forget(connection.flow)
    if search.connection is not None:
        search.connection.finish()


def _take(search: _Search, packets: Packets, rows: Rows, batch: PacketBatch) -> None:
    """The connection's packets of a batch."""
    assert search.connection is not None
    assert search.recording is not None
    begin = min(begin for begin, end in rows.sides if end > begin)
    stop = max(end for begin, end in rows.sides if end > begin)
    columns = {name: column[begin:stop] for name, column in packets.columns.items()}
    stops = stops_of(columns, batch.first_number, batch.records, len(batch.data))
    own = tuple((max(0, one - begin), max(0, two - begin)) for one, two in rows.sides)
    search.recording.packets(columns, (own[0], own[1]), packets.data, stops)
    search.connection.feed(rows, packets.columns, packets.data)
