"""The only file that knows every step: source -> batches -> connections -> sessions -> findings -> report.

Memory does not grow with the capture but for one report per finished session. Sessions are judged when they end; their numbers,
which follow the order of their first packets, are given when all are known.
"""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from analyzer import __version__
from analyzer.audio.heads import Heads
from analyzer.audio.track import TrackBuilder
from analyzer.fleet import OneByOne, Progress, Task, fitting
from analyzer.model.anomalies import Sightings
from analyzer.model.archive import Archive, packed, unpacked
from analyzer.model.capture import Capture, CaptureLog, Source
from analyzer.model.dataclass import dataclass
from analyzer.model.errors import AnalyzerError, UsageError
from analyzer.model.numbering import Unnumbered
from analyzer.model.places import Endpoint, Moment
from analyzer.model.provider import Provider
from analyzer.model.redact import redact
from analyzer.model.report import CaptureReport, Report, SessionReport
from analyzer.model.schema import Side
from analyzer.model.secrets import TlsSecret, TlsSecrets
from analyzer.model.settings import Settings
from analyzer.model.track import AudioFormat
from analyzer.providers import by_words, likely, recognise, recogniser
from analyzer.rules import judge, judge_capture, numbered
from analyzer.session.builder import Services, SessionBuilder
from analyzer.session.marks import heading, marks, sending
from analyzer.session.side import TrackBuilder as Files
from analyzer.session.summary import iso, shown_finding, shown_settings, summarise
from analyzer.sources import is_har, open_capture
from analyzer.sources.ahead import ahead
from analyzer.sources.keylog import secrets_of
from analyzer.sources.order import OutOfOrderError
from analyzer.sources.rotated import rotated
from analyzer.wire.carries import Carries
from analyzer.wire.connection import Connection
from analyzer.wire.frames import FrameColumns
from analyzer.wire.link_names import link_name
from analyzer.wire.tcp import FlowTable, Packets, Watch

if TYPE_CHECKING:
    from analyzer.fleet.processes import Processes


def analyze(
    path: str | os.PathLike[str],
    *more_paths: str | os.PathLike[str],
    settings: Settings | None = None,
    frames: bool = True,
    progress: Progress | None = None,
    jobs: int | None = 1,
    unusable: Callable[[AnalyzerError], None] | None = None,
) -> Report:
    """Analyse captures one by one, or side by side.

    `path`: a capture file, `-` for standard input. Files of a rotated set, or with `settings.merge` all of them, are read as one
    capture in order of time, with packets numbered as in `mergecap -w`. `frames`: keep each session's table of frames in the report
    (spilled to a temporary file when large). `progress` is called per batch with the bytes read so far and the size of the file,
    None where it is not known. `jobs`: read so many captures at once, or one capture in so many shares, in processes of their
    own, with the same report (None: as many as pay); tables of frames, audio files and standard input stay in this process, so
    that captures are read one by one where there are any. (As with all that starts processes, a script must then have its main part
    under `if __name__ == "__main__"`.) `unusable` is called with the error of each capture that cannot be used, which is then left
    out; without it the first such error is raised. Raises UnusableInputError, MissingDependencyError or UsageError, and
    AnalyzerError when a process of its own dies.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"There must be at least one job, not {jobs}.")
    chosen = settings or Settings()
    paths = [os.fspath(one) for one in (path, *more_paths)]
    if chosen.dump is not None or "-" in paths or frames or chosen.contents:
        jobs = 1
    asked = jobs is not None
    captures = [tuple(paths)] if chosen.merge else rotated(paths)
    jobs = fitting([Task(files) for files in captures]) if jobs is None else jobs
    shares = jobs if len(captures) == 1 else 1
    tasks = [Task(files, share, shares) for files in captures for share in range(shares)]
    with _fleet(min(jobs, len(tasks)), asked, chosen, frames) as fleet:
        servers: set[tuple[str, int]] = set()
        bad: set[int] = set()
        for number, said in enumerate(fleet.read(tasks, progress)):
            if not isinstance(said, AnalyzerError):
                servers |= said
            elif unusable is None or isinstance(said, UsageError):
                raise said
            elif number // shares not in bad:  # all shares of a capture say the same
                bad.add(number // shares)
                unusable(said)
        usable = [number for number in range(len(tasks)) if number // shares not in bad]
        parts = zip(usable, fleet.complete(usable, frozenset(servers)), strict=True)
        reports = tuple(
            _report([part for _, part in of_one], chosen, f"capture-{one + 1}-" if len(captures) > 1 else "")
            for one, of_one in groupby(parts, lambda numbered: numbered[0] // shares)
        )
    if chosen.session is not None and reports and not any(report.sessions for report in reports):
        raise UsageError(f"There is no session {chosen.session} in the capture; `analyzer sessions` lists them.")
    return Report({"name": "analyzer", "version": __version__}, shown_settings(chosen), reports)


def _fleet(jobs: int, asked: bool, settings: Settings, frames: bool) -> "OneByOne | Processes":
    """Who reads the captures: this process where no others can be started, unless they were asked for."""
    read = partial(_read, settings, frames)
    if jobs == 1:
        return OneByOne(read)
    from analyzer.fleet.processes import Processes  # noqa: PLC0415 - needed for several captures only

    try:
        return Processes(jobs, read)
    except AnalyzerError:
        if asked:
            raise
        return OneByOne(read)


@dataclass(slots=True)
class _Finished:
    """A session that was judged. `tracks` (by side) hold its audio files, where some are written, until it has a number."""

    first: Moment
    tcp_stream: int | None
    stream: int
    """Of HTTP/2, 0 for none."""
    report: SessionReport | bytes
    whole: bool
    tracks: dict[str, Files]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one share of a capture adds to its report."""

    log: CaptureLog
    finished: list[_Finished]
    others: Counter[str]
    without_http2: int
    """Connections of HTTP/2 that were not read since the packages for it are not installed."""


@dataclass(slots=True)
class _State:
    """One capture on its way through the steps."""

    settings: Settings
    frames: bool
    open_track: Callable[[AudioFormat, Provider, Side], TrackBuilder]
    watch: Watch
    log: CaptureLog = field(default_factory=lambda: CaptureLog("", ""))
    room: FrameColumns = field(default_factory=FrameColumns)
    damaged: bool = False
    """Whether the file was found damaged up to here."""
    live: dict[int, Connection] = field(default_factory=dict)
    finished: list[_Finished] = field(default_factory=list)
    carrying: set[tuple[str, int]] = field(default_factory=set)
    """Servers of sessions."""
    unfinished: set[SessionBuilder] = field(default_factory=set)
    candidates: list[Connection] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    secrets: TlsSecrets = field(default_factory=lambda: TlsSecrets(0))
    sealed: list[bytes] = field(default_factory=list)
    """Client randoms of connections for which there were no secrets."""
    told: int = 0
    """Secrets of the capture that were taken over."""
    without_http2: int = 0
    rows: int = 0
    """TLS records of which `candidates` keep sizes and times."""
    now: int = 0

    def open_session(self, connection: Connection, first: Moment) -> SessionBuilder:
        """A builder for one attempt on a connection, which has itself judged when it is finished."""
        client, ends = connection.client_side, connection.endpoints
        return self.builder(connection.stream, (ends[client], ends[1 - client]), first, connection.sightings)

    def builder(
        self, stream: int | None, ends: tuple[Endpoint, Endpoint], first: Moment, sightings: tuple[Sightings, Sightings]
    ) -> SessionBuilder:
        """A builder for one attempt, client first."""
        services = Services(recogniser(self.settings.provider), by_words, self.open_track)
        builder = SessionBuilder(stream, ends, first, self.settings, services, sightings, self.judge)
        self.unfinished.add(builder)
        return builder

    def judge(self, builder: SessionBuilder) -> None:
        """Freeze a session that is over, judge it, and keep only what the report needs."""
        session = builder.freeze(capture_damaged=self.damaged)
        judgement = judge(session)
        numbering = self.log.numbering
        findings = judgement.findings if numbering is None else numbered(judgement.findings, numbering)
        report = summarise(session, findings, judgement.not_judged, judgement.verdict, frames=self.frames, numbering=numbering)
        tracks = builder.tracks if self.settings.dump is not None else {}
        if tracks:
            shown, title = marks(session, findings), heading(session, judgement.verdict)
            for side in Side:
                if side.word in tracks:
                    tracks[side.word].present(sending(session, side), shown, title)
        whole = tracks or self.frames or self.settings.contents or len(self.finished) < self.settings.limits.reports
        kept = report if whole else packed(report)
        stream = session.upgrade.stream.id if session.upgrade.stream else 0
        self.finished.append(_Finished(session.first, session.tcp_stream, stream, kept, session.whole, tracks))
        self.carrying.add((report.server.ip, report.server.port))
        if session.upgrade.proxy is not None:
            self.carrying.add(session.upgrade.proxy.server)
        if session.tls is not None and session.tls.sni:
            self.carrying.add((session.tls.sni, report.server.port))
        self.unfinished.discard(builder)

    def servers(self) -> frozenset[tuple[str, int]]:
        """Servers that carry a session."""
        return frozenset(self.carrying)

    def complete(self, servers: frozenset[tuple[str, int]]) -> "_Part":
        """What the report is made of, when the servers of all captures are known."""
        _attempts_without_bytes(self, servers)
        return _Part(replace(self.log, secrets=[], numbering=None), self.finished, self.others, self.without_http2)

    def discard(self) -> None:
        """Remove the files that got no name: they are temporary."""
        for tracks in (*(one.tracks for one in self.finished), *(builder.tracks for builder in self.unfinished)):
            for track in tracks.values():
                track.discard()


def _track_opener(settings: Settings) -> Callable[[AudioFormat, Provider, Side], TrackBuilder]:
    """How a track is begun."""
    heads = Heads(settings.limits.audio_head)

    def open_track(declared: AudioFormat, provider: Provider, side: Side) -> TrackBuilder:
        dump = settings.dump if settings.dump is not None and side in settings.dump.sides else None
        return TrackBuilder(declared, settings.limits, containers=provider.containers, side=side, dump=dump, heads=heads)

    return open_track


def _read(settings: Settings, frames: bool, task: Task, progress: Progress | None) -> _State:
    """One capture, from its first packet to its last; of its connections those of the task's share."""
    disordered, secrets = False, list[TlsSecret]()
    while True:
        try:
            return _through(settings, frames, task, progress, secrets, disordered=disordered)
        except OutOfOrderError:
            disordered = True
        except _LateSecretsError as late:
            secrets = late.secrets
        gc.collect()  # what was made of it so far


class _LateSecretsError(Exception):
    """TLS secrets stand in the capture behind the packets that need them."""

    def __init__(self, secrets: list[TlsSecret]) -> None:
        super().__init__()
        self.secrets = secrets


def _through(
    settings: Settings, frames: bool, task: Task, progress: Progress | None, known: list[TlsSecret], *, disordered: bool
) -> _State:
    """One capture through all steps. `known`: the secrets in it, where it has been read before."""
    state = _State(settings, frames, _track_opener(settings), Watch(task.share, task.shares))
    state.secrets = secrets_of(settings)
    state.secrets.add(known)
    try:
        if len(task.paths) == 1 and settings.source == "auto" and is_har(task.paths[0]):
            _replay(state, task)
            return state
        with open_capture(task.paths, settings, disordered=disordered) as source:
            state.log = source.log
            total = task.size
            for packets in ahead(_decoded(source, state)):
                _batch(state, packets)
                if progress is not None:
                    progress(source.log.bytes, total)
            if progress is not None:
                progress(source.log.bytes, total)
        state.damaged = bool(state.log.problems)
        for flow in sorted(state.live):
            _end(state, state.live.pop(flow))
        if not known and task.repeatable and {one.random for one in state.log.secrets}.intersection(state.sealed):
            raise _LateSecretsError(state.log.secrets)  # noqa: TRY301 - what is open is let go the same way
        state.room, state.open_track = (
            FrameColumns(0),
            _track_opener(settings),
        )  # captures wait for one another without their memory
    except BaseException:
        state.discard()
        raise
    return state


def _replay(state: _State, task: Task) -> None:
    """Sessions that were recorded as messages."""
    from analyzer.sources.har import read_har  # noqa: PLC0415 - needed for HAR only

    settings = state.settings
    state.log, recordings = read_har(task.paths[0], settings.limits)
    state.log.numbering, state.damaged = Unnumbered(), bool(state.log.problems)
    for one in recordings if not task.share else ():
        if settings.wants(one.endpoints) and (settings.since or 0) <= one.end and one.begin <= (settings.until or one.begin):
            sightings = Sightings(settings.limits.anomalies), Sightings(settings.limits.anomalies)
            state.builder(None, one.endpoints, Moment(one.number, one.begin), sightings).replay(one)


def _decoded(source: Source, state: _State) -> Iterator[Packets]:
    """The packets of one batch after the other."""
    settings = state.settings
    table = FlowTable(settings.limits)
    for batch in source.batches():
        yield table.decode(batch, source.log, state.watch, settings.since, settings.until)


def _batch(state: _State, packets: Packets) -> None:
    """Hand the packets of a batch to their connections; let go of those that are over."""
    limits = state.settings.limits
    state.damaged, state.now = packets.damaged, packets.now
    state.secrets.add(state.log.secrets[state.told : packets.secrets])
    state.told = packets.secrets
    for rows, index in packets.connections(state.watch):
        connection = state.live.get(rows.flow)
        if connection is None:
            opening = packets.opening(index)
            calls = (state.open_session, likely, state.secrets.of)
            connection = Connection(rows.flow, opening, limits, state.room, *calls)
            if not state.settings.wants(connection.endpoints):
                state.watch.forget(rows.flow)
                continue
            if len(state.live) >= limits.live:
                _make_room(state)
            state.live[rows.flow] = connection
        connection.feed(rows, packets.columns, packets.data)
        if connection.carries is Carries.UNKNOWN and connection.sink is None:
            _end(state, state.live.pop(rows.flow))
    for flow, connection in list(state.live.items()):
        if connection.expired(state.now):
            _end(state, state.live.pop(flow))


def _make_room(state: _State) -> None:
    """End the connection that was followed for the longest; one that carries a WebSocket goes to the end of the queue."""
    flow = next(iter(state.live))
    connection = state.live.pop(flow)
    if connection.busy:
        state.live[flow] = connection
    else:
        _end(state, connection)


def _end(state: _State, connection: Connection) -> None:
    """A connection is over: its attempt is finished, or it may be an attempt of which no byte was seen."""
    state.watch.forget(connection.flow)
    attempts = len(state.finished)
    connection.finish()
    if len(state.sealed) < state.settings.limits.candidates:
        state.sealed += connection.secure.sealed
    if len(state.finished) > attempts or connection.followed:
        return
    if connection.hidden and any(recognise(None, name, {}).known for name, _ in _servers(connection)):
        connection.finish_without_bytes()
        return
    refused = connection.carries is Carries.UNDECIDED and connection.refused_or_unanswered
    if (refused or connection.hidden) and len(state.candidates) < state.settings.limits.candidates:
        state.candidates.append(connection)
        state.rows += connection.secure.lighten(state.settings.limits.sealed_records - state.rows)
        return
    state.others["refused" if refused else str(connection.carries)] += 1
    state.without_http2 += connection.unread


def _servers(connection: Connection) -> list[tuple[str, int]]:
    """Whom the client wanted, by name and port: behind a proxy as it asked for it, and as it named the server in TLS."""
    end = connection.endpoints[1 - connection.client_side]
    server = (end.ip, end.port) if connection.proxy is None else connection.proxy.server
    return [server, *((name, server[1]) for name in connection.secure.names)]


def _attempts_without_bytes(state: _State, servers: frozenset[tuple[str, int]]) -> None:
    """Decide on connections that were refused, unanswered or encrypted, or that a proxy did not let through.

    They are attempts when their server carries a WebSocket somewhere in the captures, was named, or when their capture holds
    nothing else. (A share of it knows no more than `servers`, which are those of this capture, as only one is divided.)
    """
    found = [(connection, _servers(connection)) for connection in state.candidates]
    carrying = servers if state.watch.divided else state.carrying
    alone = not carrying and all(servers.isdisjoint(wanted) for _, wanted in found)
    for connection, wanted in found:
        endpoints = state.settings.endpoints
        named = any(server == host.lower() and port in (None, number) for server, number in wanted for host, port in endpoints)
        if alone or named or not servers.isdisjoint(wanted):
            connection.finish_without_bytes()
        else:
            bare = connection.carries is Carries.UNDECIDED
            state.others["refused" if bare else str(connection.carries)] += 1


def _report(parts: list[_Part], settings: Settings, prefix: str) -> CaptureReport:
    """Number the sessions, judge the file, of which every share read all. `prefix` goes before the names of audio files."""
    log, others = parts[0].log, sum((part.others for part in parts), Counter[str]())
    finished = [one for part in parts for one in part.finished]
    finished.sort(key=lambda one: (one.first.packet, one.tcp_stream or 0, one.stream))
    incomplete = sum(not one.whole for one in finished)
    capture = Capture(log, len(finished), incomplete, dict(others), sum(part.without_http2 for part in parts))
    sessions: list[tuple[int, SessionReport | bytes]] = []
    for number, one in enumerate(finished, 1):
        if settings.session is not None and not _chosen(unpacked(one.report), number, settings.session):
            continue
        for side, builder in one.tracks.items():
            report = unpacked(one.report)
            kept = builder.keep(f"{prefix}session-{number}-{side}")
            one.report = replace(report, audio={**report.audio, side: {**report.audio[side], **kept}})
        one.tracks.clear()
        sessions.append((number, one.report))
    findings = tuple(map(shown_finding, judge_capture(capture)))
    damaged = bool(log.problems or log.truncated or any(interface.dropped for interface in log.interfaces))
    return CaptureReport(
        path=log.path,
        format=log.format,
        packets=log.packets,
        bytes=log.bytes,
        first_time=iso(log.first_time),
        last_time=iso(log.last_time),
        link_types=tuple(link_name(link) for link in sorted(log.link_packets)),
        complete=not damaged,
        findings=findings,
        other_connections=dict(sorted(others.items())),
        comments=tuple(redact(comment) for comment in log.comments),
        files=tuple({"path": one.path, "format": one.format, "packets": one.packets, "bytes": one.bytes} for one in log.files),
        sessions=Archive(sessions),
    )


def _chosen(report: SessionReport, number: int, wanted: str) -> bool:
    """Whether `--session` names this one, by number or request id."""
    return wanted in (str(number), report.upgrade["request_id"])
