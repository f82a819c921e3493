"""Whether the audio of a track decodes, under what format, and why not.

In: what was sent and declared, and what was measured as it flowed, or stored. Out: a `Judged`. The order of
questions: is it wrapped, is it a container, does the declaration allow that container, does a decoder get audio out
of it.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate, pairwise

from analyzer.audio import actual
from analyzer.audio.alignment import OddMessages
from analyzer.audio.bare import bare
from analyzer.audio.clock import Clocks
from analyzer.audio.codecs import CONTAINERS_OF, RAW, usable
from analyzer.audio.decode import Decoded, Recorder, decode_bare, decode_container, decode_recovered
from analyzer.audio.headers import Found, wav
from analyzer.audio.meter import Measured
from analyzer.audio.recovery import UnrecoverableError, recover
from analyzer.audio.sniff import WRAPPINGS, describe, repeated, sniff, sniff_middle, sniff_rtp
from analyzer.audio.store import Store
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.track import ActualFormat, AudioFormat

_INSIDE = {"ogg-opus": "opus"}
"""Declared encodings whose name is not that of the codec inside; `g729` may be inside anything."""


_HEADER = 256
"""Bytes in which a WAV header states the format."""
_FAILED, _FAILED_BARE = 0.5, 0.1
"""Shares of packets that may fail: in a container, and of bare packets, which take almost any bytes for a few of them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What there is to judge. `starts` are the first 12 bytes of the first messages, `sizes` how many they have."""

    declared: AudioFormat
    containers: bool
    missing: bool
    head: bytes
    starts: tuple[bytes, ...]
    limits: Limits
    clocks: Clocks
    sizes: tuple[int, ...] = ()
    odd: OddMessages | None = None

    def messages(self) -> list[bytes]:
        """The first messages, as far as they are whole in the head."""
        places = [place for place in accumulate(self.sizes, initial=0) if place <= len(self.head)]
        return [bytes(self.head[begin:end]) for begin, end in pairwise(places)]

    def found(self) -> Found | None:
        """What the bytes show themselves to be."""
        found = sniff(self.head) or sniff_rtp(self.starts)
        return found if found is not None or self.declared.encoding in RAW else sniff_middle(self.head)


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict; `container` names what the bytes are, for the file that holds them."""

    format: AudioFormat
    decodable: bool | None
    measured: Measured
    problem: str | None = None
    actual: ActualFormat | None = None
    container: str | None = None
    headless: str | None = None
    """The container whose header was never sent."""


def of_raw(sent: Sent, measured: Measured) -> Judged:
    """A raw encoding was declared. It always gives samples: only what shows itself to be something else is not decodable."""
    declared = replace(sent.declared, channels=sent.declared.channels or 1)
    found = sent.found()
    if found is None:
        reality = (
            _headers_inside(sent, declared)
            or actual.judge(sent.head, declared, sent.clocks, sent.sizes)
            or (sent.odd.judge(declared) if sent.odd is not None else None)
        )
        return Judged(declared, decodable=True, measured=measured, problem=_sentence(measured.remarks), actual=reality)
    reality = _reality(sent, found, declared)
    if found.container == "wav" and _same(found, declared):
        again = f"{reality.headers} WAV headers stand among the first messages and sound as clicks"
        once = "a WAV header stands in front of the raw audio and sounds as a click"
        measured.remarks.insert(0, again if reality.headers > 1 else once)
        return Judged(declared, True, measured, _sentence(measured.remarks), reality, found.container)
    problem = _sentence([f"{_stated(declared)} was declared, but the bytes are {describe(found)}"])
    return Judged(declared, False, measured, problem, reality, found.container, _headless(found))


def of_stored(sent: Sent, store: Store | None, record: Recorder) -> Judged:
    """No raw encoding was declared. `store` is None when the first bytes showed no container and none was declared."""
    if sent.declared.encoding in CONTAINERS_OF and store is not None:
        return _of_codec(sent, store, record)
    found = sent.found()
    if found is None or (found.container in WRAPPINGS and not sent.containers):
        return _of_unknown(sent)
    if found.container in WRAPPINGS:
        problem = _sentence([f"no encoding was declared, and the bytes are {describe(found)}: no audio until it is unwrapped"])
        return Judged(sent.declared, False, Measured(), problem, _reality(sent, found, sent.declared), found.container)
    shown = AudioFormat(found.container, found.encoding, found.sample_rate, found.channels, "sniffed")
    if found.headless or store is None:
        return _without_header(sent, store, found, shown, record)
    stated_rate = found.sample_rate if found.encoding == "opus" else None
    decoded = decode_container(store, found.container, stated_rate, sent.limits, record)
    shown = replace(
        shown,
        encoding=found.encoding or decoded.encoding,
        sample_rate=stated_rate or decoded.sample_rate or found.sample_rate,
        channels=decoded.channels or found.channels,
    )
    return _outcome(sent, store, decoded, Judged(shown, None, decoded.measured, container=found.container), found)


def _of_codec(sent: Sent, store: Store, record: Recorder) -> Judged:
    """A codec was declared: right in its own container, or bare where packets say enough."""
    declared = replace(sent.declared, channels=sent.declared.channels or 1)
    found = sent.found()
    if found is None:
        decoded = decode_bare(store, declared, sent.limits, record)
        judged = _outcome(sent, store, decoded, Judged(declared, None, decoded.measured), None)
        return judged if judged.decodable else replace(judged, actual=bare(sent.head, sent.sizes, sent.clocks.pace))
    encoding = declared.encoding or ""
    fits = found.container in CONTAINERS_OF[encoding] and (
        encoding == "g729" or found.encoding in (None, _INSIDE.get(encoding, encoding))
    )
    if not fits or found.headless:
        reality = _reality(sent, found, declared)
        problem = _sentence([f"{_stated(declared)} was declared, but the bytes are {describe(found)}"])
        if found.headless and fits:
            return _without_header(sent, store, found, declared, record)
        return Judged(declared, False, Measured(), problem, reality, found.container, _headless(found))
    shown = replace(declared, container=found.container)
    decoded = decode_container(store, found.container, usable(declared.sample_rate, 1)[0], sent.limits, record)
    reality_of_packets = actual.from_container(found) if encoding == "opus" else None
    return _outcome(sent, store, decoded, Judged(shown, None, decoded.measured, None, reality_of_packets, found.container), found)


def _without_header(sent: Sent, store: Store | None, found: Found, shown: AudioFormat, record: Recorder) -> Judged:
    """The service cannot decode it. What can be recovered is decoded all the same, so that it can be heard."""
    remarks = [f"a container whose header was never sent: the audio begins with {found.sign}"]
    decoded = Decoded()
    if store is not None:
        try:
            recovered = recover(store, found.container)
        except UnrecoverableError as error:
            remarks.append(f"nothing can be recovered: {error}")
        else:
            with recovered.file:
                decoded = decode_recovered(store, recovered.file, found.container, sent.limits, record)
            left_out = f", {recovered.skipped} bytes before it were left out" if recovered.skipped else ""
            seconds = decoded.measured.duration_s or 0.0
            remarks.append(f"{seconds:.2f} s recovered from the next {recovered.next} on, under a header made up here{left_out}")
            remarks += decoded.measured.remarks
            if decoded.frames and shown.source == "sniffed":
                shown = replace(shown, encoding=decoded.encoding, sample_rate=decoded.sample_rate, channels=decoded.channels)
    decodable = None if sent.missing else False
    return Judged(shown, decodable, decoded.measured, _sentence(remarks), None, found.container, found.container)


def _of_unknown(sent: Sent) -> Judged:
    """Neither a known encoding nor a container: only a service that wants one of them makes that wrong."""
    encoding = sent.declared.encoding
    if encoding is not None:
        problem = _sentence([f"the encoding {encoding[:40]!r} is not one that can be decoded here"])
        return Judged(sent.declared, None, Measured(), problem)
    if not sent.containers or sent.missing:
        return Judged(sent.declared, None, Measured())
    problem = "Raw bytes without a declaration: no encoding was declared, and the bytes begin with no container that would tell it."
    reality = actual.undeclared(sent.head, sent.clocks) or bare(sent.head, sent.sizes, sent.clocks.pace)
    return Judged(sent.declared, False, Measured(), problem, reality)


def _outcome(sent: Sent, store: Store, decoded: Decoded, judged: Judged, found: Found | None) -> Judged:
    """What the decoders made of it."""
    if not decoded.frames or decoded.failed > (_FAILED_BARE if found is None else _FAILED):
        what = describe(found) if found is not None else _stated(judged.format)
        reasons = decoded.reasons or decoded.measured.remarks
        problem = _sentence([f"nothing decodes as {what}: {'; '.join(dict.fromkeys(reasons))}"])
        return replace(judged, decodable=None if sent.missing else False, measured=Measured(), problem=problem)
    remarks = list(decoded.measured.remarks)
    again = repeated(found, sent.starts) if found is not None else 1
    if found is not None and again > 1:
        remarks.insert(
            0, f"{again} messages begin with a {describe(found)} header of their own, and the audio of all is joined here"
        )
    if store.lost:
        remarks.append(f"{store.lost} bytes are missing from the capture")
    if store.cut:
        remarks.append(f"only the first {store.size} bytes were kept to be decoded, {store.cut} were not")
    return replace(judged, decodable=True, problem=_sentence(remarks))


def _reality(sent: Sent, found: Found, declared: AudioFormat) -> ActualFormat:
    """What was sniffed, what it holds if it is a wrapping, and whether every message begins with it anew."""
    if found.container in WRAPPINGS:
        return actual.from_wrapping(found, sent.messages(), declared)
    reality, again = actual.from_container(found), repeated(found, sent.starts)
    if again < 2:  # noqa: PLR2004 - once is what a container has
        return reality
    text = f"{reality.evidence} Of the first {len(sent.starts)} messages {again} begin with such a header."
    return replace(reality, evidence=text, headers=again)


def _headers_inside(sent: Sent, declared: AudioFormat) -> ActualFormat | None:
    """A WAV header at the start of one of the first messages, after raw audio."""
    first = next((row for row, start in enumerate(sent.starts) if start[:4] == b"RIFF" and start[8:12] == b"WAVE"), None)
    if first is None:
        return None
    at = sum(sent.sizes[:first])
    inside = wav(bytes(sent.head[at : at + _HEADER]))
    text = f"Raw audio goes on for {at} bytes, and then there is a WAV header: it states {describe(inside)}."
    encoding = inside.encoding or declared.encoding
    return ActualFormat(
        encoding,
        inside.sample_rate,
        inside.channels,
        "wav",
        "likely",
        text,
        headers=sum(start[:4] == b"RIFF" for start in sent.starts),
    )


def _headless(found: Found) -> str | None:
    return found.container if found.headless else None


def _same(found: Found, declared: AudioFormat) -> bool:
    """Whether a header states what was declared, or nothing against it."""
    pairs: tuple[tuple[object, object], ...] = (
        (found.encoding, declared.encoding),
        (found.sample_rate, declared.sample_rate),
        (found.channels, declared.channels),
    )
    return all(stated is None or told is None or stated == told for stated, told in pairs)


def _stated(declared: AudioFormat) -> str:
    rate = f" at {declared.sample_rate} Hz" if declared.sample_rate else ""
    return f"{declared.encoding}{rate}"


def _sentence(remarks: Iterable[str]) -> str | None:
    """Remarks as one sentence, None for none."""
    text = "; ".join(remarks)
    return f"{text[0].upper()}{text[1:]}." if text else None
