"""What one side sent, while it flows: tables, labels, close frames, texts to quote, and audio on its way to a track."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.channel import MessageBatch
from analyzer.model.contents import Contents
from analyzer.model.limits import Limits
from analyzer.model.places import Endpoint, Hole, Moment, Span
from analyzer.model.schema import FRAMES, MESSAGES, Kind, Side
from analyzer.model.session import Close, Direction, Text
from analyzer.model.streams import Bytes, Ints
from analyzer.model.tables import Table
from analyzer.model.tcp import Tcp
from analyzer.model.track import AudioFormat, Mark, Pace, Sending, Track
from analyzer.wire import bulk

VALID_CLOSE = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""Codes that may be on the wire (RFC 6455 section 7.4 and the IANA registry)."""
QUOTED = {Kind.MALFORMED: "malformed", Kind.BASE64: "base64"}


class TrackBuilder(Protocol):
    """What `analyzer.audio` builds a track with."""

    def feed(self, data: Bytes, lengths: Ints, *, goes_on: bool = False) -> None:
        """Take messages. With `goes_on` the first of them is one more piece of the message before."""

    def lost(self, length: int, *, goes_on: bool = False) -> None:
        """Take a hole: the beginning of a message, or with `goes_on` a piece of the one before."""

    def redeclare(self, declared: AudioFormat) -> None:
        """Learn the format before the first message."""

    def finish(self, pace: Pace | None, missing: bool, counted_s: float | None = None) -> Track:
        """Judge."""

    def present(self, sending: Sending, marks: tuple[Mark, ...], title: str) -> None:
        """Write what shows the audio."""

    def keep(self, name: str) -> dict[str, object]:
        """Name the files."""

    def discard(self) -> None:
        """Let the files go."""


class SideBuilder:
    """Grows with what its side sends; bounded by `limits`."""

    def __init__(self, side: Side, limits: Limits, sightings: Sightings, contents: Contents | None = None) -> None:
        self.side = side
        self.contents = contents
        self.frames = Table(FRAMES, limits.table_in_memory)
        self.messages = Table(MESSAGES, limits.table_in_memory)
        self.labels: dict[str, int] = {}
        self.closes: list[Close] = []
        self.holes: list[Hole] = []
        self._blind: list[Span] = []
        self.sightings = sightings
        self.bytes = 0
        self.audio = 0
        """Audio bytes so far."""
        self.track: TrackBuilder | None = None
        self.declared = AudioFormat()
        self._texts: list[Text] = []
        self._limits = limits

    def label(self, word: str) -> int:
        """The index of a label, -1 for none. Hostile vocabularies end at the limit."""
        if not word or (word not in self.labels and len(self.labels) >= self._limits.labels):
            return -1
        return self.labels.setdefault(word, len(self.labels))

    def hole(self, hole: Hole) -> None:
        """Keep a place where bytes are missing. Beyond the limit the last two but one become one."""
        self.holes.append(hole)
        if len(self.holes) > self._limits.holes:
            one, two = self.holes[-3:-1]
            self.holes[-3:-1] = [Hole(one.start, one.length + two.length, one.before, two.after)]

    def blind(self, span: Span) -> None:
        """Keep a time of which frames may be missing. Beyond the limit the last two become one."""
        if len(self._blind) == self._limits.holes:
            span = Span(self._blind.pop().begin, span.end)
        self._blind.append(span)

    def close(self, content: bytes, at: Moment, *, whole: bool = True) -> None:
        """Code and reason of a close frame (RFC 6455 section 5.5.1); as far as they are there of one that is not `whole`."""
        code = int.from_bytes(content[:2], "big") if len(content) > 1 else None
        reason = content[2:].decode("utf-8", "replace" if whole else "ignore")
        if whole and ((content and code is None) or reason.encode() != content[2:]):
            self.sightings.record(Anomaly.CLOSE_PAYLOAD, at.packet, at.time, f"{len(content)} bytes")
        elif code is not None and code not in VALID_CLOSE:
            self.sightings.record(Anomaly.CLOSE_CODE, at.packet, at.time, str(code))
        if len(self.closes) < self._limits.anomalies:
            self.closes.append(Close(self.side, code, reason, at))

    def keep(self, kind: Kind, label: str, text: str, at: Moment, row: int) -> None:
        """Keep a text that a rule may quote: of a QUOTED kind, or an event that the service calls an error."""
        if len(self._texts) < self._limits.notable_texts:
            self._texts.append(Text(row, kind, label, text[: self._limits.text_excerpt], QUOTED.get(kind, "error"), at))

    def feed(
        self, batch: MessageBatch, heard: npt.NDArray[np.bool_], decoded: dict[int, bytes], open_track: Callable[[], TrackBuilder]
    ) -> None:
        """Messages that are `heard` (some are) to the track, in order, with the holes between them. `decoded` replaces the
        content of text rows.
        """
        columns = batch.columns
        track = self.track = self.track or open_track()
        if batch.whole and not decoded and heard.all():  # nearly always
            track.feed(batch.content, columns["part"])
            return
        rows = np.flatnonzero(heard)
        starts = (columns["lost"][rows] > 0) | (columns["begins"][rows] == 0)  # a group begins with each torn piece
        if decoded:
            alone = np.isin(rows, list(decoded))
            starts[1:] |= alone[:-1]
            starts |= alone
        starts[0] = True
        for begin, end in pairwise([*np.flatnonzero(starts).tolist(), len(rows)]):
            some = rows[begin:end]
            row, goes_on = int(some[0]), not columns["begins"][some[0]]
            if columns["lost"][row]:
                track.lost(int(columns["lost"][row]), goes_on=goes_on)
                goes_on = True
            sizes = np.ascontiguousarray(columns["part"][some])
            begin_at, end_at = int(columns["at"][row]), int(columns["at"][some[-1]] + sizes[-1])
            if row in decoded:
                content = np.frombuffer(decoded[row], np.uint8)
                track.feed(content, np.array([len(content)], np.int64), goes_on=goes_on)
            elif end_at - begin_at == int(sizes.sum()):  # nothing lies between them
                track.feed(batch.content[begin_at:end_at], sizes, goes_on=goes_on)
            else:
                track.feed(bulk.gathered(batch.content, columns["at"][some], sizes), sizes, goes_on=goes_on)

    def finish_track(self, pace: Pace | None, counted_s: float | None = None, *, joined: bool) -> Track | None:
        """The track, judged. `counted_s`: how much the other side says it got; `joined`: the beginning is not in the capture."""
        if self.track is None:
            return None
        kinds = self.messages.column("kind")
        unreadable = bool((kinds == Kind.UNREADABLE).any())
        track = self.track.finish(pace, joined or unreadable or bool(self.holes), counted_s)
        # The track counts the parts of torn and of very long messages.
        return replace(track, messages=int(np.count_nonzero(kinds == Kind.AUDIO)))

    def freeze(self, endpoint: Endpoint, tcp: Tcp) -> Direction:
        """The direction as rules see it."""
        return Direction(
            side=self.side,
            endpoint=endpoint,
            frames=self.frames,
            messages=self.messages,
            labels=tuple(self.labels),
            texts=tuple(self._texts),
            closes=tuple(self.closes),
            sightings=tuple(self.sightings.places),
            anomaly_counts=dict(self.sightings.counts),
            bytes=self.bytes,
            missing=sum(hole.length for hole in self.holes),
            holes=tuple(self.holes),
            blind=tuple(self._blind),
            tcp=tcp,
            contents=self.contents,
        )
