"""Rule tcp-zero-window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import FASTEST, packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Direction, Session

# Shorter ones do not matter to a listener, and buffers of that size are common.
_SHORTEST = SECOND
# Seconds of audio from which on its pace says something.
_ENOUGH_S = 1.0

_REMEDY = {
    "client": "Read while you send: receive messages in a task of its own, and hand them on without waiting, so that the client's "
    "receive buffer cannot fill up.",
    "server": "Send audio in real time, in chunks of 20 to 250 ms, and never a backlog at once; if the client does, the server or "
    "the proxy in front of it is overloaded: tell its operator the time and the request id.",
}


@rule("tcp-zero-window", rank=Rank.PATH)
def tcp_zero_window(session: Session) -> Iterator[Finding]:
    """Receiver stopped reading, so that the sender had to wait.

    What it means
    A program that does not read lets its receive buffer fill up; TCP then tells the other side to stop (zero window). What
    is sent from then on waits on the sender's machine: audio reaches the service late, or transcripts the client. The
    network is not the cause. A server or proxy does it when it is overloaded or slows down what comes too fast; a client
    when it is blocked or never reads.

    How it is found
    The longest time from a packet with a receive window of zero to the next one of the same side with another, 1 s or
    longer. It is a note when the server did it after audio had come faster than 1.25 times real time: then see pacing-fast.

    When it stays silent
    With shorter times, and where the window closed after the first close frame, FIN or RST.

    What to do
    Let the side that the finding names read all the time: in a client, receive in a task of its own, do no blocking work
    in it, and do not wait for it when you send.

    References
    RFC 9293 section 3.8.6 (managing the window) and 3.8.6.1 (zero-window probing).

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.05 server window 0
    5.05 server window 64240
    5.1 client audio 3200 x10 every 0.1
    6.2 client text {"type":"CloseStream"}
    6.3 server text {"type":"Metadata","duration":3.0,"channels":1}
    6.3 server close 1000
    6.31 client close 1000
    6.32 server fin
    6.32 client fin
    verdict: tcp-zero-window
    """
    reader = max(session.sides, key=lambda direction: direction.tcp.health.zero)
    health = reader.tcp.health
    if health.zero < _SHORTEST or health.zero_from is None or _over(session, health.zero_from.packet):
        return
    yield _found(session, reader)


def _over(session: Session, packet: int) -> bool:
    """Whether the session had ended before this packet."""
    ends = [end for side in session.sides for end in (side.tcp.fin, side.tcp.rst)] + [session.close.at if session.close else None]
    return any(end.packet <= packet for end in ends if end is not None)


def _found(session: Session, reader: Direction) -> Finding:
    """Describe the longest time."""
    health, word, peer = reader.tcp.health, reader.side.word, reader.side.peer.word
    assert health.zero_from is not None
    begin, longest = session.seconds(health.zero_from.time), health.zero / SECOND
    more = (
        f" It did so {health.zero_windows} times, for {health.zero_total / SECOND:.1f} s together."
        if health.zero_windows > 1
        else ""
    )
    pace = _pace_before(session, health.zero_from.time)
    fast = word == "server" and pace > FASTEST
    slowed = " Audio came faster than real time, which the service slows down." if fast else ""
    return Finding(
        Severity.NOTE if fast else Severity.WARNING,
        f"The {word} stopped reading: its receive window was closed for {longest:.1f} s from {begin:.2f} s on, so that the {peer} "
        f"could not send.{more}{slowed}",
        packets=packets_of(health.zero_from),
        time_s=begin,
        until_s=round(begin + longest, 6),
        side=word,
        count=health.zero_windows,
        values={
            "longest_s": round(longest, 6),
            "total_s": round(health.zero_total / SECOND, 6),
            "pace_before": round(pace, 4),
        },
        remedy=_REMEDY[word],
    )


def _pace_before(session: Session, time: int) -> float:
    """Seconds of audio that the client had sent by this time, over the seconds that this took; 0 where that is not known."""
    track, rows, messages = session.client_audio, session.audio_rows, session.client.messages
    if track is None or not track.duration_s:
        return 0.0
    rows = rows[messages.column("first_time")[rows] <= time]
    if not len(rows):
        return 0.0
    spent = (time - session.client.moment(int(rows[0])).time) / SECOND
    audio = int(messages.column("size")[rows].sum()) / (track.bytes / track.duration_s)
    return audio / spent if spent > 0 and audio > _ENOUGH_S else 0.0
