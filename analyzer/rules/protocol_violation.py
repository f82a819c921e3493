"""Rule protocol-violation."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING

from analyzer.model.anomalies import Anomaly, FrameAnomaly
from analyzer.model.dataclass import dataclass
from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.places import Moment
    from analyzer.model.session import Direction, Session

_HARMLESS = {FrameAnomaly.LENGTH_NOT_MINIMAL.slug, FrameAnomaly.AFTER_CLOSE.slug}
_MESSAGE_ANOMALIES = (Anomaly.BAD_UTF8, Anomaly.INFLATE_FAILED, Anomaly.CLOSE_PAYLOAD, Anomaly.CLOSE_CODE)
# What only looks wrong because an earlier frame, or the handshake's extensions, are not in the capture.
_NEEDS_PAST = FrameAnomaly.RESERVED_BITS | FrameAnomaly.STRAY_CONTINUATION | FrameAnomaly.MESSAGE_INTERRUPTED


@dataclass(slots=True)
class _Seen:
    """What one side did wrong, by name, and where first."""

    counts: Counter[str] = field(default_factory=Counter)
    places: list[Moment] = field(default_factory=list)


@rule("protocol-violation", rank=Rank.MISUSE)
def protocol_violation(session: Session) -> Iterator[Finding | Unjudged]:
    """WebSocket frames break RFC 6455.

    What it means
    One side sends frames that the standard forbids: a client frame without mask, a control frame that is too long or in
    parts, a reserved opcode or bit, a continuation without a beginning, text that is not UTF-8, compressed data that does
    not inflate. The other side must close the connection for it, mostly with 1002 or 1007. The cause is a hand-written or
    faulty library, or a proxy that changes bytes.

    How it is found
    Every frame header is checked, every text message for UTF-8, every close frame for its code, every compressed message
    for whether it inflates. The finding counts each kind. A length that is longer than it needs to be and frames behind the
    sender's own close frame are a warning.

    When it stays silent
    Frames behind a hole in the capture are not judged, and in a capture without the handshake nothing that depends on
    earlier frames or on the negotiated extensions.

    What to do
    Use a maintained WebSocket library of the current version instead of frames written by hand, and test without the proxy
    between.

    References
    RFC 6455 sections 5.1 to 5.5, 7.4 and 8.1; RFC 7692 section 7.2.2.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client unmasked binary "abcd"
    0.2 server close 1002 "no mask"
    0.21 client close 1002
    0.3 server fin
    0.3 client fin
    verdict: protocol-violation
    """
    if not any(one.frames.column("anomalies").any() or one.anomaly_counts for one in session.sides):
        return
    seen = {direction.side.word: _seen(session, direction) for direction in session.sides}
    guilty = [side for side, one in seen.items() if one.counts]
    if not guilty:
        return
    places = sorted((place for one in seen.values() for place in one.places), key=lambda place: (place.time, place.packet))
    parts = [f"{count} {name} by the {side}" for side in guilty for name, count in seen[side].counts.most_common()]
    harmless = all(name in _HARMLESS for side in guilty for name in seen[side].counts)
    first = session.seconds(places[0].time)
    yield Finding(
        Severity.WARNING if harmless else Severity.ERROR,
        f"What was sent breaks the WebSocket protocol, first at {first:.2f} s: {', '.join(parts)}.",
        packets=tuple(dict.fromkeys(place.packet for place in places)),
        time_s=first,
        until_s=session.seconds(places[-1].time),
        side=guilty[0] if len(guilty) == 1 else None,
        count=sum(seen[side].counts.total() for side in guilty),
        values={side: dict(seen[side].counts) for side in guilty},
    )


def _seen(session: Session, direction: Direction) -> _Seen:
    """Collect what one side did wrong, as far as the capture proves it."""
    from analyzer.model.places import Moment  # noqa: PLC0415 - brings numpy, which the catalogue of rules does without

    seen = _Seen()
    limit = session.settings.limits.finding_packets
    known_until = direction.blind[0].begin.time if direction.blind else None
    bits = direction.frames.column("anomalies").copy()
    if session.opened != "handshake":
        bits &= 0xFFFF & ~int(_NEEDS_PAST)
    if known_until is not None:
        bits[direction.frames.column("first_time") > known_until] = 0
    (odd,) = bits.nonzero()
    for one in FrameAnomaly:
        count = int((bits[odd] & int(one) != 0).sum())
        if count:
            seen.counts[one.slug] = count
    packets, times = direction.frames.column("first_packet"), direction.frames.column("first_time")
    seen.places = [Moment(int(packets[row]), int(times[row])) for row in odd[:limit]]
    whole = session.opened == "handshake" and known_until is None
    for anomaly in _MESSAGE_ANOMALIES if whole else ():
        count = direction.anomaly_counts.get(anomaly, 0)
        if count:
            seen.counts[anomaly.value] = count
            seen.places += [Moment(sight.packet, sight.time) for sight in direction.sightings if sight.anomaly is anomaly]
    return seen
