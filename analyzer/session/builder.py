"""Builds one Session from what the wire tells of it: the only mutable thing between a connection and the rules.

In: the calls of `Sink`. Out: a frozen `Session` from `freeze`. Python runs per batch and per text message; audio goes through
untouched.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.contents import Contents
from analyzer.model.dataclass import dataclass
from analyzer.model.places import Endpoint, Hole, Moment, Span
from analyzer.model.provider import Provider
from analyzer.model.recording import Recording
from analyzer.model.schema import Kind, Opcode, Side
from analyzer.model.session import Http2Stream, Proxy, Request, Response, Session, Upgrade
from analyzer.model.settings import Settings
from analyzer.model.streams import Columns
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Tls
from analyzer.model.track import AudioFormat
from analyzer.session import classify
from analyzer.session.declared import declared_in_message, declared_in_query
from analyzer.session.encrypted import estimate
from analyzer.session.service import ServiceFacts
from analyzer.session.side import QUOTED, SideBuilder, TrackBuilder
from analyzer.session.silence import find_gaps, find_pace, raw_bytes_per_second, usual_bytes_per_second
from analyzer.wire import stream_kernels

AUDIO, BINARY = int(Kind.AUDIO), int(Opcode.BINARY)
"""As plain numbers: numpy asks an enumeration for its ways at every comparison."""
KINDS = np.full(16, Kind.BINARY, np.uint8)
KINDS[[Opcode.TEXT, Opcode.CLOSE, Opcode.PING, Opcode.PONG]] = [Kind.TEXT, Kind.CLOSE, Kind.PING, Kind.PONG]


@dataclass(frozen=True, slots=True)
class Services:
    """What the pipeline lends to sessions, so that no step imports another."""

    recognise: Callable[[str | None, str | None, Mapping[str, str]], Provider]
    by_words: Callable[[frozenset[str], frozenset[str]], Provider | None]
    track: Callable[[AudioFormat, Provider, Side], TrackBuilder]


class SessionBuilder:
    """One attempt, from its first packet. `first` is that packet, `sightings` are by side and shared with the
    connection, `done` is called when nothing follows.
    """

    def __init__(
        self,
        tcp_stream: int | None,
        endpoints: tuple[Endpoint, Endpoint],
        first: Moment,
        settings: Settings,
        services: Services,
        sightings: tuple[Sightings, Sightings],
        done: Callable[["SessionBuilder"], None],
    ) -> None:
        self.tcp_stream = tcp_stream
        self.endpoints = endpoints
        self.first = first
        self._settings = settings
        self._services = services
        self._done = done
        client, server = (
            SideBuilder(side, settings.limits, sightings[side], Contents(settings.limits) if settings.contents else None)
            for side in Side
        )
        self._sides = client, server
        self._request: Request | None = None
        self._response: Response | None = None
        self._proxy: Proxy | None = None
        self._stream: Http2Stream | None = None
        self._joined = self._unread = False
        self._failure = ""
        self._over = False
        self._tls: Tls | None = None
        self._service = ServiceFacts(settings.limits)
        self._tcp = (Tcp(), Tcp())
        self._last = first
        self._provider = services.recognise(settings.path, None, {})

    # Sink

    def proxied(self, proxy: Proxy) -> None:
        """The client told the proxy which server it wants."""
        self._proxy = proxy
        self._recognise()

    def multiplexed(self, stream: Http2Stream) -> None:
        """Keep which stream it is."""
        self._stream = stream

    def requested(self, request: Request) -> None:
        """The upgrade request names the endpoint and mostly the format."""
        self._request = request
        self._recognise()

    def answered(self, response: Response) -> None:
        """The answer may give the service away where the path does not."""
        self._response = response
        self._recognise()

    def unread(self) -> None:
        """Something stood where the answer should be."""
        self._unread = True

    def joined(self) -> None:
        """The session was running when the capture began."""
        self._joined = True
        self._recognise()

    def frames(self, side: Side, columns: Columns) -> None:
        """Keep the rows."""
        self._sides[side].frames.append(columns)

    def covered(self, side: Side, count: int) -> None:
        """Count."""
        self._sides[side].bytes += count

    def hole(self, side: Side, hole: Hole) -> None:
        """Keep the place."""
        self._sides[side].hole(hole)

    def blind(self, side: Side, span: Span) -> None:
        """Keep the time."""
        self._sides[side].blind(span)

    def messages(self, side: Side, batch: MessageBatch) -> None:
        """Classify, hand audio to the track, keep the rows of messages that ended."""
        half, columns = self._sides[side], batch.columns
        if half.contents is not None:
            half.contents.add(columns, batch.content)
        kinds, labels = np.empty(len(batch), np.uint8), np.full(len(batch), -1, np.int16)
        asked = self._sort(side, batch, kinds)
        audio: dict[int, bytes] = {}
        if len(asked):
            binary = columns["opcode"][asked] == BINARY
            for row in asked[binary].tolist():
                found = classify.client_binary(batch.part(row), self._provider)
                if found is not None:
                    kinds[row], labels[row] = found.kind, half.label(found.label)
            audio = self._texts(half, batch, asked[~binary], kinds, labels)
        heard = kinds == AUDIO
        if heard.any():
            sizes = np.where(heard, columns["part"] if batch.whole else columns["part"] + columns["lost"], 0)
            for row, content in audio.items():
                sizes[row] = len(content)
            ends = np.cumsum(sizes)
            before = ends - sizes + half.audio
            half.audio += int(ends[-1])
            half.feed(batch, heard, audio, lambda: self._services.track(half.declared, self._provider, side))
        else:
            before = np.full(len(batch), half.audio, np.int64)
        rows = {**columns, "kind": kinds, "label": labels, "audio_at": before}
        if not batch.whole and not columns["ends"].all():
            ended = columns["ends"] == 1
            rows = {name: column[ended] for name, column in rows.items()}
        half.messages.append(rows)

    def finish(self, tcp: tuple[Tcp, Tcp], last: Moment, *, tls: Tls | None, over: bool) -> None:
        """Nothing follows."""
        self._tcp, self._last, self._tls, self._over = tcp, last, tls, over
        if tls is not None and tls.sni and self._request is None:
            self._recognise()
        self._done(self)

    def replay(self, recording: Recording) -> None:
        """A whole session that was recorded as messages."""
        if recording.request is None:
            self.joined()
        else:
            self.requested(recording.request)
        self._failure = recording.failure
        if recording.response is not None:
            self.answered(recording.response)
        for side, batch in recording.batches():
            self.covered(side, len(batch.content))
            self.messages(side, batch)
        self.finish((Tcp(), Tcp()), Moment(recording.number, recording.end), tls=None, over=False)

    # Classification

    def _recognise(self) -> None:
        """The provider from path, host and headers, and what the query declares."""
        if self._settings.provider is None:
            request, response = self._request, self._response
            path = self._settings.path or (request.path if request else None)
            host = request.headers.get("host") if request else None
            if self._proxy is not None:
                host = self._proxy.server[0]
            elif host is None and self._tls is not None:
                host = self._tls.sni
            self._provider = self._services.recognise(path, host, response.headers if response else {})
        self._declare()

    def _declare(self) -> None:
        """The format as far as it is known before any audio."""
        for side in Side:
            declared = declared_in_query(self._provider, self._request, self._settings)
            self._sides[side].declared = declared
            track = self._sides[side].track
            if track is not None and not self._sides[side].audio:
                track.redeclare(declared)

    def _sort(self, side: Side, batch: MessageBatch, kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Fill `kinds` as far as whole columns tell; returns the rows that have to be read: texts, closes, and short binary
        messages of the client that may be a control word in the wrong place.
        """
        columns, provider = batch.columns, self._provider
        takes = provider.client_audio if side is Side.CLIENT else provider.server_audio
        whole = columns["ends"]
        if not batch.whole:
            whole = columns["begins"] & columns["ends"] & columns["complete"] & columns["readable"]
        longest, bare = -1, -1
        if side is Side.CLIENT:
            longest, bare = classify.LONGEST_CONTROL, max(map(len, provider.bare_words), default=-1)
        asked = np.empty(len(batch), np.int64)
        count = stream_kernels.sort_messages(
            *(memoryview(columns[name]) for name in ("opcode", "part", "at", "readable")),
            memoryview(whole),
            memoryview(batch.content),
            memoryview(KINDS),
            Kind.AUDIO if takes else Kind.BINARY,
            Kind.EMPTY,
            Kind.UNREADABLE,
            longest,
            bare,
            memoryview(kinds),
            memoryview(asked),
        )
        return asked[:count]

    def _texts(
        self,
        half: SideBuilder,
        batch: MessageBatch,
        said: npt.NDArray[np.int64],
        kinds: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.int16],
    ) -> dict[int, bytes]:
        """Texts and closes in order; returns the audio that texts held, by row."""
        columns = batch.columns
        audio: dict[int, bytes] = {}
        if not len(said):
            return audio
        content = memoryview(batch.content)
        ended_before = np.cumsum(columns["ends"], dtype=np.int64)[said] - columns["ends"][said] + len(half.messages)
        names = ("opcode", "complete", "readable", "begins", "ends", "at", "part", "first_packet", "first_time")
        values = (*(columns[name][said].tolist() for name in names), ended_before.tolist())
        for row, opcode, complete, readable, begins, ends, at, part, packet, time, number in zip(
            said.tolist(), *values, strict=True
        ):
            if opcode == Opcode.CLOSE:
                half.close(bytes(content[at : at + part]), Moment(packet, time), whole=bool(complete))
            elif not (complete and readable):
                kinds[row] = Kind.UNREADABLE
            elif begins and ends and (found := self._text(half, content[at : at + part], packet, time, number)) is not None:
                kinds[row], labels[row] = found.kind, half.label(found.label)
                if found.audio is not None:
                    audio[row] = found.audio
        return audio

    def _text(self, half: SideBuilder, content: memoryview, packet: int, time: int, row: int) -> classify.Classified | None:
        """One whole text message; None when it is not UTF-8. `row` is its row in the messages. The hottest Python there is."""
        try:
            text = str(content, "utf-8")
        except UnicodeDecodeError as error:
            half.sightings.record(Anomaly.BAD_UTF8, packet, time, str(error.reason))
            return None
        read = classify.server_text if half.side else classify.client_text
        provider = self._provider
        found = read(text, provider)
        label = found.label
        if not provider.known and label and label not in half.labels and self._by_words(half.side, label):
            provider = self._provider
            found = read(text, provider)
        if found.value is not None:
            if half.side:
                self._service.event(label, found.value, packet, time)
            if provider.parameters.source == "message":
                self._declare_by_message(label, found.value)
        if found.kind in QUOTED or label in provider.error_words:
            half.keep(found.kind, label, text, Moment(packet, time), row)
        return found

    def _by_words(self, side: Side, label: str) -> bool:
        """Whether a control word or an event type gives a service away that path and headers did not."""
        if self._settings.provider is not None:
            return False
        words = frozenset({label, *self._sides[side].labels})
        others = frozenset(self._sides[side.peer].labels)
        found = self._services.by_words(words, others) if side is Side.CLIENT else self._services.by_words(others, words)
        if found is None:
            return False
        self._provider = found
        self._declare()
        return True

    def _declare_by_message(self, label: str, value: Mapping[str, Any]) -> None:
        """Some services declare the format in their first message."""
        for side in Side:
            declared = declared_in_message(self._provider, label, value, self._settings, side)
            if declared is not None and not self._sides[side].audio:
                self._sides[side].declared = declared
                track = self._sides[side].track
                if track is not None:
                    track.redeclare(declared)

    # The end

    def freeze(self, *, capture_damaged: bool) -> Session:
        """The session as rules see it; `id` is 0 until all sessions are known."""
        close = min((c for half in self._sides for c in half.closes), key=lambda c: (c.at.time, c.at.packet), default=None)
        client, server = (half.freeze(self.endpoints[half.side], self._tcp[half.side]) for half in self._sides)
        upgrade = self._upgrade()
        origin = self._response.at if self._response and upgrade.outcome == "accepted" else self.first
        accepted = upgrade.outcome in ("accepted", "not-captured")
        gaps = find_gaps(client, self._provider, origin, self._last, close, self._settings) if accepted else ()
        declared, service = self._sides[Side.CLIENT].declared, self._service.freeze()
        pace = find_pace(client, raw_bytes_per_second(declared))
        sending = pace or find_pace(client, usual_bytes_per_second(client))
        counted_s = (service.metadata or {}).get("duration_s")
        client_audio = self._sides[Side.CLIENT].finish_track(sending, counted_s, joined=self._joined)
        server_audio = self._sides[Side.SERVER].finish_track(None, joined=self._joined)
        if pace is None and client_audio is not None and client_audio.duration_s and client_audio.headless is None:
            pace = find_pace(client, client_audio.bytes / client_audio.duration_s)  # a container or codec, by its mean
        return Session(
            id=0,
            tcp_stream=self.tcp_stream,
            first=self.first,
            last=self._last,
            opened="midstream" if self._joined and self._request is None else "handshake",
            upgrade=upgrade,
            provider=self._provider,
            client=client,
            server=server,
            client_audio=client_audio,
            server_audio=server_audio,
            gaps=gaps,
            pace=pace,
            service=service,
            tcp_end=self._tcp_end(),
            settings=self._settings,
            tls=self._tls,
            estimate=None if self._tls is None else estimate(self._tls, self._tcp, self._last, self._settings),
            capture_cut=capture_damaged and not self._over,
        )

    @property
    def tracks(self) -> dict[str, TrackBuilder]:
        """After `freeze`: the builders of the tracks by side, which hold the files that were written."""
        return {half.side.word: half.track for half in self._sides if half.track is not None}

    def _upgrade(self) -> Upgrade:
        """How the attempt went."""
        server = self._tcp[Side.SERVER]
        if self._response is not None:
            outcome = "accepted" if self._response.grants else "rejected"
        elif self._joined:
            outcome = "not-captured"
        elif self._tls is not None and not self._tls.decrypted:
            outcome = "encrypted"
        elif self._request is not None:
            outcome = self._failure or "no-response"
        elif server.rst is not None and server.syn is None:
            outcome = "refused"
        else:
            outcome = "unreachable" if server.packets == 0 else "no-response"
        return Upgrade(outcome, self._request, self._response, self._proxy, self._unread, self._stream)

    def _tcp_end(self) -> str:
        """What ended TCP first."""
        client, server = self._tcp
        ends = [("fin-client", client.fin), ("fin-server", server.fin), ("rst-client", client.rst), ("rst-server", server.rst)]
        seen = [(at.packet, word) for word, at in ends if at is not None]
        return min(seen)[1] if seen else "open"
