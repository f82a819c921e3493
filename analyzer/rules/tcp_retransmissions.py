"""Rule tcp-retransmissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import acknowledgements_unseen, packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Direction, Session

# TCP repairs a loss in a round trip or two; what takes longer than this a listener to live captions notices.
_HURTS = 2 * SECOND
# Below these a loss now and then, as any path has it.
_FEWEST, _SHARE = 3, 0.01
# What waits for an acknowledgement was sent at most this long before the wait began.
_BEFORE = SECOND


@rule("tcp-retransmissions", rank=Rank.PATH)
def tcp_retransmissions(session: Session) -> Iterator[Finding]:
    """Packets were lost and had to be sent again.

    What it means
    The path loses packets: a weak Wi-Fi signal, an overloaded uplink, a bad cable or VPN. TCP sends them again, so that
    nothing is missing, but what comes behind a lost packet has to wait: audio reaches the service late and in bursts.

    How it is found
    At least three packets and 1 % of a side's packets were sent again: bytes that the capture has twice, or that fill a
    hole later than a packet that was only overtaken. It is a warning when it hurt: bytes of that side waited for 2 s or
    longer for an acknowledgement while audio or answers were due, and then went on. Copies of a packet that the capture has
    twice, as from a mirror port, are not counted: they share IP identification and checksum.

    When it stays silent
    With less. No warning comes where bytes of either side are missing from the capture, since acknowledgements may be, too,
    and where the wait never ended, see unacknowledged-data.

    What to do
    Test the path at that time: use a cable instead of Wi-Fi, and look for other traffic that fills the uplink, for a VPN,
    and for errors that the network card counts. Send less at once: a codec such as Opus needs a tenth of raw audio.

    Capture at both ends to see where packets get lost: sent again and seen twice means lost behind the place of capture.

    References
    RFC 9293 section 3.8.1, RFC 6298, RFC 8985. Wireshark, "TCP Analysis".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.1 client unanswered audio 3200
    2.4 client again
    3.0 client again
    4.2 client again
    6.6 client again arrives
    6.7 client audio 3200 x9 every 0.1
    7.7 client text {"type":"CloseStream"}
    7.8 server text {"type":"Metadata","duration":3.0,"channels":1}
    7.8 server close 1000
    7.81 client close 1000
    7.82 server fin
    7.82 client fin
    verdict: tcp-retransmissions
    """
    sides = [side for side in session.sides if _many(side) or _hurt(session, side)]
    if not sides:
        return
    worst = max(sides, key=lambda side: (_hurt(session, side), side.tcp.health.resent))
    yield _found(session, worst)


def _many(side: Direction) -> bool:
    """Whether more was lost than any path loses."""
    health = side.tcp.health
    return health.resent >= _FEWEST and health.resent >= _SHARE * health.packets


def _hurt(session: Session, side: Direction) -> bool:
    """Whether audio or answers came late by a lot, and did come."""
    health = side.tcp.health
    begin = health.stall_from
    if not health.resent or begin is None or health.stall < _HURTS or begin == health.waiting_from or not session.accepted:
        return False
    rows = session.audio_rows if side is session.client else slice(None)
    times = side.messages.column("first_time")[rows]
    due = len(times) > 0 and int(times[-1]) >= begin.time - _BEFORE
    return due and acknowledgements_unseen(session) is None


def _found(session: Session, side: Direction) -> Finding:
    """Describe one side's losses."""
    health, word = side.tcp.health, side.side.word
    hurt = _hurt(session, side)
    begin = health.stall_from if hurt else health.first_resent
    seen = [
        f"{count} {words}"
        for count, words in ((health.retransmissions, "seen before"), (health.late, "lost before the place of capture"))
        if count
    ]
    many = "1 packet" if health.resent == 1 else f"{health.resent} of {health.packets} packets"
    overtaken = f" {health.out_of_order} came out of order." if health.out_of_order else ""
    waited = health.stall / SECOND
    if hurt and health.stall_from:
        effect = f"and what it sent waited for {waited:.1f} s from {session.seconds(health.stall_from.time):.2f} s on"
    elif health.unacknowledged:
        effect = f"and {health.unacknowledged} bytes are not acknowledged up to the end"
    else:
        effect = f"and TCP repaired it; the longest wait for an acknowledgement was {waited:.2f} s"
    return Finding(
        Severity.WARNING if hurt else Severity.NOTE,
        f"The {word} had to send {many} again ({', '.join(seen)}), {effect}.{overtaken}",
        packets=packets_of(health.first_resent, begin),
        time_s=None if begin is None else session.seconds(begin.time),
        until_s=round(session.seconds(begin.time) + waited, 6) if hurt and begin else None,
        side=word,
        count=health.resent,
        values={
            "retransmissions": health.retransmissions,
            "retransmitted_bytes": health.retransmitted_bytes,
            "late": health.late,
            "out_of_order": health.out_of_order,
            "duplicates": health.duplicates,
            "longest_stall_s": round(waited, 6),
        },
    )
