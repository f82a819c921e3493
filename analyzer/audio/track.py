"""From the audio messages of one side to a `Track`: hash, duration, levels, what the bytes are, whether they decode.

In: contiguous payload of whole messages, many at a time, and holes. Raw encodings are measured as they flow;
everything else is stored and decoded at the end. Out: a `Track`, and files where they were asked for.
"""

import hashlib

import numpy as np

from analyzer.audio import mapping, verdict
from analyzer.audio.alignment import OddMessages
from analyzer.audio.clock import Clocks
from analyzer.audio.codecs import CONTAINERS_OF, RAW, usable
from analyzer.audio.heads import Heads
from analyzer.audio.meter import RawMeter
from analyzer.audio.recording import Recording
from analyzer.audio.repeats import RepeatFinder
from analyzer.audio.sniff import sniff, sniff_middle
from analyzer.audio.store import Store
from analyzer.audio.verdict import Judged, Sent
from analyzer.model.limits import KIB, Limits
from analyzer.model.schema import Side
from analyzer.model.settings import Dump
from analyzer.model.streams import Bytes, Ints
from analyzer.model.track import AudioFormat, Mark, Pace, Sending, Track

_TELLING = 16 * KIB
"""First bytes that are enough to tell a container: without any, undeclared bytes need not be stored further."""
_STARTS = 64
"""Messages whose first bytes are kept, to see what each message begins with."""
_START = 12
"""Bytes kept of each: an RTP header."""
_SHOWN = 4 * KIB
"""First bytes that the finished track keeps."""


class TrackBuilder:
    """Builds the track of one side of one session. Memory is bounded by `limits`, whatever is sent.

    `containers`: the service recognises containers when no encoding is declared. `dump`: write files of this side to its folder.
    `heads` lends memory to one track after the other.
    """

    def __init__(
        self, declared: AudioFormat, limits: Limits, *, containers: bool, side: Side, dump: Dump | None, heads: Heads | None = None
    ) -> None:
        self._limits = limits
        self._dump = dump
        self._mapping: mapping.Mapping | None = None
        self._sound: dict[str, object] = {}
        self._containers = containers
        self._recording = Recording(dump, side)
        self._hash = hashlib.sha256()
        self._head = (heads or Heads(limits.audio_head)).head()
        self._starts: list[bytes] = []
        self._sizes: list[int] = []
        self._odd: OddMessages | None = None
        self._bytes = self._messages = self._lost = 0
        self._told = False
        """Whether enough was seen to tell a container."""
        self._kind: str | None = None
        """What the bytes are, for the name of the file that holds them."""
        self._declare(declared)

    def _declare(self, declared: AudioFormat) -> None:
        rate, channels = usable(declared.sample_rate, declared.channels)
        codec = RAW.get(declared.encoding or "")
        self._declared = declared
        self._odd = OddMessages() if declared.encoding == "linear16" else None
        self._meter: RawMeter | None = None
        self._repeats: RepeatFinder | None = None
        self._store: Store | None = None
        self._sent: Store | None = None
        """The bytes as sent for the best guess, the same store where they are kept anyway."""
        if codec is None:
            self._store = Store(self._limits)
        if self._recording.guesses:
            self._sent = self._store or Store(self._limits)
        if codec is None:
            return
        wav = self._recording.start(rate, channels, codec.subtype) if rate is not None else None
        self._meter = RawMeter(codec(channels), rate, self._limits, wav)
        self._repeats = RepeatFinder()

    def redeclare(self, declared: AudioFormat) -> None:
        """The format became known after the builder was made. Raises ValueError once audio was fed."""
        if self._messages or self._lost:
            raise ValueError("the format cannot change after audio was fed")
        self._let_go()
        self._declare(declared)

    def feed(self, data: Bytes, lengths: Ints, *, goes_on: bool = False) -> None:
        """Take whole messages: `data` is a contiguous uint8 array, `lengths` (int64) the size of each message in it. With `goes_on`
        the first of them is one more piece of the message before.
        """
        self._bytes += len(data)
        self._messages += len(lengths)
        self._hash.update(np.ascontiguousarray(data).data)
        self._recording.sent(data)
        self._look(data, lengths)
        if self._odd is not None:
            self._odd.add(data, lengths)
        if self._meter is not None:
            self._meter.feed(data)
        if self._repeats is not None:
            self._repeats.feed(data, lengths)
        if self._sent is not None and self._sent is not self._store:
            self._sent.feed(data, lengths, goes_on=goes_on)
        if self._store is not None:
            self._store.feed(data, lengths, goes_on=goes_on)
            if not self._told and self._head.held >= _TELLING:
                self._told = True
                head = self._head.octets()
                if self._declared.encoding not in CONTAINERS_OF and (sniff(head) or sniff_middle(head)) is None:
                    if self._sent is None:
                        self._store.discard()
                    self._store = None

    def _look(self, data: Bytes, lengths: Ints) -> None:
        """Keep the first bytes of the track and of its first messages."""
        self._head.add(data)
        if len(self._starts) < _STARTS:
            first = lengths[: _STARTS - len(self._starts)].tolist()
            view, at = memoryview(data), 0
            for length in first:
                self._starts.append(bytes(view[at : at + min(length, _START)]))
                self._sizes.append(length)
                at += length

    def lost(self, length: int, *, goes_on: bool = False) -> None:
        """`length` payload bytes are missing from the capture here; `goes_on` as for `feed`."""
        self._lost += length
        if self._meter is not None:
            self._meter.lost(length)
        if self._repeats is not None:
            self._repeats.skip(length)
        if self._sent is not None and self._sent is not self._store:
            self._sent.lose(length, goes_on=goes_on)
        if self._store is not None:
            self._store.lose(length, goes_on=goes_on)

    def finish(self, pace: Pace | None, missing: bool, counted_s: float | None = None) -> Track:
        """Decode what was stored and judge. Call it once.

        `missing`: audio bytes of this side are missing somewhere. `counted_s`: how much audio the service says it got.
        """
        missing = missing or self._lost > 0
        sent = Sent(
            self._declared,
            self._containers,
            missing,
            self._head.octets(),
            tuple(self._starts),
            self._limits,
            Clocks(pace, self._bytes, counted_s),
            tuple(self._sizes),
            None if missing else self._odd,
        )
        if self._meter is not None:
            judged = verdict.of_raw(sent, self._meter.finish())
        else:
            judged = verdict.of_stored(sent, self._store, self._recording.start)
        guess_s = self._guess(judged)
        self._recording.close()
        if self._recording.audio is not None:
            self._mapping = self._mapped(judged.container)
        self._let_go()
        self._kind = judged.container or (self._declared.encoding if self._meter is not None else None)
        measured, head = judged.measured, bytes(sent.head[:_SHOWN])
        self._head.close()
        return Track(
            bytes=self._bytes,
            messages=self._messages,
            sha256=None if missing else self._hash.hexdigest(),
            format=judged.format,
            actual=judged.actual,
            decodable=judged.decodable,
            problem=judged.problem,
            duration_s=measured.duration_s,
            peak_dbfs=measured.peak_dbfs,
            rms_dbfs=measured.rms_dbfs,
            digital_silence_s=measured.digital_silence_s,
            silent_spans=measured.silent_spans,
            bytes_per_second=measured.bytes_per_second,
            head=head,
            headless=judged.headless,
            dc_offset=measured.dc_offset,
            clipped_share=measured.clipped_share,
            repeats=self._repeats.finish() if self._repeats is not None else None,
            guess_s=guess_s,
        )

    def _mapped(self, container: str | None) -> mapping.Mapping:
        """Where in the decoded audio the bytes are heard."""
        if self._meter is not None:
            return mapping.by_width(self._meter.width)
        clock = self._dump is not None and (self._dump.timeline or self._dump.picture)
        return (
            mapping.of_stored(self._store.file, self._bytes, container) if clock and self._store else mapping.by_share(self._bytes)
        )

    def _guess(self, judged: Judged) -> float | None:
        """Write the audio as what it really is, where that is asked for and something else than what was declared."""
        if self._sent is None or judged.actual is None:
            return None
        from analyzer.audio.guess import decode  # noqa: PLC0415 - few runs ask for it

        seconds = decode(self._sent, judged.actual, self._declared, self._limits, self._recording.start_guess)
        if seconds is None:
            self._recording.drop_guess()
        return seconds

    def _let_go(self) -> None:
        for store in (self._store, self._sent):
            if store is not None:
                store.discard()

    def present(self, sending: Sending, marks: tuple[Mark, ...], title: str) -> None:
        """After `finish`: listen to the WAV file, and write what was asked for beside it."""
        if self._dump is not None and self._recording.audio is not None and self._mapping is not None:
            from analyzer.audio.presentation import present  # noqa: PLC0415 - not needed for a report

            self._sound = present(self._recording, self._mapping, sending, marks, title, self._dump, self._limits)

    def keep(self, name: str) -> dict[str, object]:
        """After `finish`: name the files `<name>.wav`, `<name>.guess.wav`, `<name>.<kind of the bytes>` and so on; returns their
        paths by kind as `files`, and what `present` heard as `sound`.
        """
        return {"files": self._recording.keep(name, self._kind), "sound": self._sound}

    def discard(self) -> None:
        """Let everything go, files included."""
        self._let_go()
        self._recording.discard()
