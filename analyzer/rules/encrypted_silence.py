"""Rule encrypted-silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session
    from analyzer.model.tls import Estimate, Quiet

# KeepAlive at least this often holds a session in a pause: the service's documented window.
_HOLDS = 10 * SECOND


@rule("encrypted-silence", rank=Rank.IDLE, generic="warning")
def encrypted_silence(session: Session) -> Iterator[Finding | Unjudged]:
    """Client sends nothing that can be audio, in a connection without keys.

    What it means
    In an encrypted connection records show when something was sent, and how much. A client that had streamed sent nothing for
    longer than the service waits, or only records as small as a KeepAlive. Deepgram closes a session that brings it neither
    audio nor text for about 10 s (NET-0001); see silence-gap, which judges the same where keys are at hand.

    How it is found
    Time without a record of the client that can carry audio for longer than the limit (--gap, 10 s), from the first record
    behind the handshake, in a connection whose client sent as one does that streams in real time: ten records or more, no
    further apart than a second, and twice as many as the server. Records of the size of a KeepAlive message, of an empty frame
    or of a ping carry none. It is an error when the server then ended the connection, a note when records of the size of a
    KeepAlive came at least every 10 s, else a warning; always likely, never certain.

    When it stays silent
    Where keys are at hand, where the client did not stream, or bytes of it are missing. Behind a short last record, which may
    be the CloseStream message. With compression (permessage-deflate) a KeepAlive has another size, and ends a silence.

    What to do
    Send audio within 10 seconds after opening, send {"type":"KeepAlive"} as a text message every 3 to 5 seconds while there is
    none, and {"type":"CloseStream"} when all audio is sent. To be sure, record the keys of the connection.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1011 - NET-0001". RFC 6455 section 5.2, RFC 8446 section 5.

    Example
    0.0 client tls api.deepgram.com
    0.03 server tls
    0.05 client finished
    0.06 client record 400
    0.1 server record 150
    0.2 client record 3208 x20 every 0.1
    14.3 server record 112
    14.31 client record 8
    14.35 server record 2
    14.4 server fin
    14.4 client fin
    verdict: encrypted-silence
    """
    found = session.estimate
    if not session.encrypted or found is None or not found.quiet or not session.provider.client_audio:
        return
    torn = session.tls.torn[0] if session.tls is not None else ()
    for quiet in found.quiet:
        if any(quiet.begin.time <= at.time <= quiet.end.time for at in torn):
            yield Unjudged("bytes of the client are missing from the capture")
        else:
            yield _finding(session, found, quiet)


def _finding(session: Session, found: Estimate, quiet: Quiet) -> Finding:
    """Describe one silence and weigh it."""
    begin, end = session.seconds(quiet.begin.time), session.seconds(quiet.end.time)
    held, closed = quiet.keepalives > 0 and quiet.widest_step <= _HOLDS, quiet.ended_by == "server"
    if quiet.keepalives:
        what = "a KeepAlive" if found.exact else "a KeepAlive, or less"
        many = f"{quiet.keepalives} {'record' if quiet.keepalives == 1 else 'records'} of the size of {what}"
        inside = f", with {many} in it and never more than {quiet.widest_step / SECOND:.1f} s without one"
    else:
        inside = ""
    probably = ", so the server probably closed for it" if closed and not held else ""
    reason = f" Its last record is as long as a close frame with {found.reason}." if closed and found.reason else ""
    severity = Severity.WARNING if closed == held else Severity.ERROR if closed else Severity.NOTE
    return Finding(
        severity,
        f"The client sent no record that can carry audio for {quiet.duration / SECOND:.1f} s ({begin:.2f} s to {end:.2f} s)"
        f"{inside}{probably}.{reason}",
        packets=packets_of(quiet.begin, quiet.end),
        time_s=begin,
        until_s=end,
        side=session.client.side.word,
        confidence=Confidence.LIKELY,
        values={
            "duration_s": round(quiet.duration / SECOND, 6),
            "keepalives": quiet.keepalives,
            "other_small_records": quiet.others,
            "widest_step_s": round(quiet.widest_step / SECOND, 6),
            "ended_by": quiet.ended_by,
        },
    )
