"""Rule encrypted-empty-frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("encrypted-empty-frame", rank=Rank.MISUSE)
def encrypted_empty_frame(session: Session) -> Iterator[Finding]:
    """Client sends records of the size of an empty frame, in a connection without keys.

    What it means
    An empty binary message ends a session early, because the service takes it as the end of the audio (see
    empty-binary-frame). Without keys only its size is seen: six bytes, which is a masked frame without payload. An empty ping,
    or a pong that nobody asked for, as .NET sends every 30 s, is as long.

    How it is found
    Records of the client with six bytes of plaintext behind the upgrade, none of the server's pings or pongs near them. A hint,
    and a note.

    When it stays silent
    With CBC cipher suites, which hide sizes. Where the client did not stream. For the last record of the client, which may be
    a close frame without a code.

    What to do
    Check the length of every buffer before it is sent, and send no empty ones. To be sure, record the keys of the connection.

    References
    RFC 6455 section 5.2. Deepgram, "Close Stream".

    Example
    0.0 client tls api.deepgram.com
    0.03 server tls
    0.05 client finished
    0.06 client record 400
    0.1 server record 150
    0.2 client record 3208 x20 every 0.1
    1.25 client record 6
    2.2 client record 28
    2.3 server record 4
    2.3 client record 8
    2.4 server fin
    2.4 client fin
    verdict: tls-not-decrypted
    """
    found = session.estimate
    if not session.encrypted or found is None or not found.empties or not found.streamed:
        return
    at = found.empties[0]
    many = "1 record" if found.empty_count == 1 else f"{found.empty_count} records"
    yield Finding(
        Severity.NOTE,
        f"The client sent {many} of the size of an empty frame, the first at {session.seconds(at.time):.2f} s; it may be an empty "
        "binary message, or a ping.",
        packets=packets_of(*found.empties),
        time_s=session.seconds(at.time),
        side=session.client.side.word,
        confidence=Confidence.HINT,
        count=found.empty_count,
        values={"records": found.empty_count},
    )
