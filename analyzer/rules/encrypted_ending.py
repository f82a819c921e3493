"""Rule encrypted-ending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("encrypted-ending", rank=Rank.ENDING)
def encrypted_ending(session: Session) -> Iterator[Finding | Unjudged]:
    """Connection without keys ends as a failed session does.

    What it means
    A WebSocket ends with a close frame of each side, and TLS with a close_notify. Where neither can have been sent, a process
    was ended, or something in between cut the connection (see abrupt-close). And where the server's last record is as long as
    its close frame with a known reason, that reason was probably given (see net-0001, net-0000 and data-0000).

    How it is found
    By the size of each side's last record: 2 or 4 bytes for a server's close frame without a reason, 6 or 8 for a client's,
    four bytes more than the server's for its echo, 2 for a close_notify of TLS 1.3; 112 for NET-0001, 102 for NET-0000. A hint,
    and a note.

    When it stays silent
    With CBC cipher suites, which hide sizes; where the connection is still open when the capture ends, or bytes are missing.

    What to do
    Look into the logs of both sides at this time for what ended the session. To be sure, record the keys of the connection.

    References
    RFC 6455 section 5.5.1, RFC 8446 section 6.1. Deepgram, WebSocket DATA and NET errors.

    Example
    0.0 client tls api.deepgram.com
    0.03 server tls
    0.05 client finished
    0.06 client record 400
    0.1 server record 150
    0.2 client record 3208 x20 every 0.1
    1.3 server record 700
    2.2 client rst
    verdict: tls-not-decrypted
    """
    found = session.estimate
    if not session.encrypted or found is None or not found.exact or None in found.first or session.tcp_end == "open":
        return
    if session.tls is None or any(session.tls.torn):
        yield Unjudged("bytes of the TLS connection are missing from the capture")
        return
    how, _, word = session.tcp_end.partition("-")
    sender = session.client if word == "client" else session.server
    at = (sender.tcp.rst if how == "rst" else sender.tcp.fin) or session.last
    values = {"tcp_end": session.tcp_end, "reason": found.reason}
    if found.reason is not None and found.reason_at is not None:
        text = f"The server's last record is as long as its close frame with {found.reason}."
        at, word = found.reason_at, "server"
    elif not found.farewell:
        text = (
            f"The {word} ended the TCP connection ({how.upper()}) at {session.seconds(at.time):.2f} s, and neither side had sent a "
            "close_notify or a record of the size of a close frame."
        )
    else:
        return
    yield Finding(
        Severity.NOTE,
        text,
        packets=packets_of(at),
        time_s=session.seconds(at.time),
        side=word,
        confidence=Confidence.HINT,
        values=values,
    )
