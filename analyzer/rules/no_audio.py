"""Rule no-audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.model.schema import Opcode
from analyzer.rules import rule
from analyzer.rules._evidence import never_opened, packets_of, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_PATIENCE_S = 10.0


@rule("no-audio", rank=Rank.IDLE, generic="silent")
def no_audio(session: Session) -> Iterator[Finding | Unjudged]:
    """Client sends no audio at all.

    What it means
    The session was opened and no audio message ever followed: the source never started, the audio goes to another
    connection, it is sent as text, or the client waits for a message that the server sends only after it got audio.

    How it is found
    An accepted session without one audio message of the client, to its end or for at least 10 s.

    When it stays silent
    Where the beginning of the session or bytes of the client are not in the capture, at endpoints that take no audio from
    the client, and in a session of no known service.

    What to do
    Check that the data you intend to send is being sent: write the audio to a file where it is sent and play it, and start
    sending as soon as the connection is open, without waiting for a message of the server.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1011 - NET-0001".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    5.0 client text {"type":"CloseStream"}
    5.02 server text {"type":"Metadata","duration":0.0,"channels":1}
    5.1 server close 1000
    5.11 client close 1000
    5.2 server fin
    5.2 client fin
    verdict: no-audio
    """
    if not session.accepted or not session.provider.client_audio or session.audio_rows.size or never_opened(session):
        return
    why = "the beginning of the session is not in the capture" if session.opened != "handshake" else unseen(session.client)
    if why is not None:
        yield Unjudged(why)
        return
    end = session.close.at if session.close else session.last
    lasted = (end.time - session.origin) / SECOND
    if not session.ended and lasted < _PATIENCE_S:
        yield Unjudged(f"the capture ends {lasted:.1f} s after the upgrade")
        return
    opcodes = session.client.messages.column("opcode")
    sent = int(((opcodes == Opcode.TEXT) | (opcodes == Opcode.BINARY)).sum())
    other = "nothing else" if not sent else "1 other message" if sent == 1 else f"{sent} other messages"
    yield Finding(
        Severity.WARNING,
        f"The client sent no audio in the {lasted:.1f} s of the session, and {other}.",
        packets=packets_of(session.upgrade.response.at if session.upgrade.response else session.first, end),
        time_s=0.0,
        until_s=session.seconds(end.time),
        side=session.client.side.word,
        values={"duration_s": round(lasted, 6), "other_messages": sent},
    )
