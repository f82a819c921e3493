"""Rule silence-gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import close_token, closed_for_silence, code_text, packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import AudioGap, Session

# KeepAlive text at least this often holds a session in a pause: the service's documented window.
_HOLDS = 10 * SECOND
# A stream of audio: at least so many binary messages, half of them no further apart than this.
_STREAM_MESSAGES, _STREAM_STEP = 10, SECOND

_WITHOUT_KEEPALIVE = "This endpoint takes no KeepAlive: send audio all the time, silence in pauses, and say when all audio is sent."


@rule("silence-gap", rank=Rank.IDLE, generic="warning")
def silence_gap(session: Session) -> Iterator[Finding | Unjudged]:
    """Client sends no audio for longer than the service waits.

    What it means
    Deepgram closes a session that brings it neither audio nor text for about 10 s, with NET-0001. A wait between the
    upgrade and the first audio counts too, and KeepAlive does not bridge that one before the server has sent something.
    Typical causes: a microphone that starts late or stops, muted or held calls, a client that waits for a message of the
    server before it sends, or all audio sent and no CloseStream behind it.

    How it is found
    Time without an audio message of the client for longer than the limit (--gap, 10 s), from the upgrade or an audio
    message to the next audio message, CloseStream, a close frame or the end of the capture. It is an error when the server
    closed because of it, else a note when KeepAlive text came at least every 10 s, else a warning.

    When it stays silent
    Where bytes of the client are missing inside the gap. In a session of no known service before a stream of binary
    messages was seen, and then it is a warning at most.

    What to do
    Send audio within 10 seconds after opening, send {"type":"KeepAlive"} as a text message every 3 to 5 seconds while there
    is none, and {"type":"CloseStream"} when all audio is sent.

    Silent audio works as well: the service answers it with an empty transcript. Open the connection when there is something
    to send.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1011 - NET-0001" and "Using KeepAlive to maintain connection".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    14.1 server close 1011 "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"
    14.11 client close 1011
    14.2 server fin
    14.2 client fin
    verdict: silence-gap
    """
    if not session.accepted or not session.provider.client_audio:
        return
    for gap in session.gaps:
        if not session.provider.known and not _streamed_before(session, gap):
            continue
        if gap.covered:
            yield _found(session, gap)
        else:
            begin, end = session.seconds(gap.begin.time), session.seconds(gap.end.time)
            yield Unjudged(f"bytes of the client are missing from the capture between {begin:.2f} s and {end:.2f} s")


def _found(session: Session, gap: AudioGap) -> Finding:
    """Describe one gap and weigh it."""
    closed = closed_for_silence(session) if gap.ended_by == "close" else None
    held = gap.keepalives > 0 and gap.widest_step <= _HOLDS
    begin, end = session.seconds(gap.begin.time), session.seconds(gap.end.time)
    if gap.keepalives:
        many = "1 KeepAlive message" if gap.keepalives == 1 else f"{gap.keepalives} KeepAlive messages"
        bridged = f", with {many} in it and never more than {gap.widest_step / SECOND:.1f} s without one"
    else:
        bridged = ", without KeepAlive as text" if session.provider.keepalive_words else ""
    audio = session.audio_rows
    waited = not audio.size or gap.begin.time < session.client.moment(int(audio[0])).time
    what = "did not send its first audio" if waited else "sent no audio"
    reason = f" The server then closed with {code_text(closed, close_token(session, closed))}." if closed else ""
    return Finding(
        Severity.ERROR if closed else Severity.NOTE if held else Severity.WARNING,
        f"The client {what} for {gap.duration / SECOND:.1f} s ({begin:.2f} s to {end:.2f} s){bridged}.{reason}",
        packets=packets_of(gap.begin, gap.end),
        time_s=begin,
        until_s=end,
        side=session.client.side.word,
        values={
            "duration_s": round(gap.duration / SECOND, 6),
            "keepalives": gap.keepalives,
            "widest_step_s": round(gap.widest_step / SECOND, 6),
            "ended_by": gap.ended_by,
        },
        remedy="" if session.provider.keepalive_words or not session.provider.known else _WITHOUT_KEEPALIVE,
    )


def _streamed_before(session: Session, gap: AudioGap) -> bool:
    """Whether binary messages came like audio before the gap: many of them, close together."""
    times = session.client.messages.column("first_time")[session.audio_rows]
    times = times[times <= gap.begin.time]
    steps = times[1:] - times[:-1]
    steps.sort()
    return len(times) >= _STREAM_MESSAGES and bool(steps[len(times) // 2 - 1] <= _STREAM_STEP)
