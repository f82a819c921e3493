"""Rule keepalive-without-audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.model.schema import Kind, Opcode
from analyzer.rules import rule
from analyzer.rules._evidence import close_token, closed_for_silence, code_text, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_SUMMARY = SECOND
"""The server sends its summary this shortly before its close at most; hosted, about 25 ms."""


@rule("keepalive-without-audio", rank=Rank.IDLE, generic="silent")
def keepalive_without_audio(session: Session) -> Iterator[Finding | Unjudged]:
    """KeepAlive is sent before any audio.

    What it means
    KeepAlive holds a session only after the server has sent at least one message, and the server sends none before it got
    enough audio. KeepAlives on a fresh connection do not prevent the close.

    How it is found
    KeepAlive text of the client, and no audio, before the first message of the server or, when it sent none but the summary
    that comes with its close, before the close. It is an error when the server then closed for it, else a warning.

    When it stays silent
    With KeepAlives after the server's first message. Where the beginning of the session or bytes of the client are not in
    the capture, or the capture ends before either moment.

    What to do
    Open the connection when there is audio to send, or send silent audio at once: the service answers it with an empty
    transcript.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1011 - NET-0001".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    4.0 client text {"type":"KeepAlive"} x7 every 4.0
    30.0 server close 1011 "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000"
    30.01 client close 1011
    30.1 server fin
    30.1 client fin
    verdict: keepalive-without-audio
    """
    client, server = session.client, session.server
    keepalives = client.rows(Kind.CONTROL, session.provider.keepalive_words)
    if not session.accepted or not session.provider.client_audio or not keepalives.size:
        return
    closes = [session.close.at.time] if session.close else []
    opcodes, said = server.messages.column("opcode"), server.messages.column("first_time")
    answers = said[(opcodes == Opcode.TEXT) | (opcodes == Opcode.BINARY)]
    if server.closes:  # what comes with its close is the summary, no answer
        answers = answers[answers < server.closes[0].at.time - _SUMMARY]
    closes += answers[:1].tolist()
    until = min(closes, default=session.last.time)
    times = client.messages.column("first_time")
    early = keepalives[times[keepalives] < until]
    if not early.size or (session.audio_rows.size and times[session.audio_rows[0]] < until):
        return
    why = "the beginning of the session is not in the capture" if session.opened != "handshake" else unseen(client)
    if why is None and not closes and not session.ended:
        why = "the capture ends before the server's first message or the close"
    if why is not None:
        yield Unjudged(why)
        return
    closed = closed_for_silence(session) if session.close and until == session.close.at.time else None
    end = session.seconds(until)
    sent = "KeepAlive once" if len(early) == 1 else f"KeepAlive {len(early)} times"
    reason = f" The server then closed with {code_text(closed, close_token(session, closed))}." if closed else ""
    yield Finding(
        Severity.ERROR if closed else Severity.WARNING,
        f"The client sent {sent} but no audio in the first {end:.1f} s, and KeepAlive alone does not hold a fresh session.{reason}",
        packets=client.packets(early),
        time_s=0.0,
        until_s=end,
        side=client.side.word,
        count=len(early),
        values={"first_keepalive_s": session.seconds(int(times[early[0]]))},
    )
