"""Rule keepalive-as-binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("keepalive-as-binary", rank=Rank.MISUSE, generic="warning")
def keepalive_as_binary(session: Session) -> Iterator[Finding | Unjudged]:
    """KeepAlive is sent as a binary message.

    What it means
    The service takes control messages as text only. KeepAlive in a binary message has no effect as a KeepAlive: its bytes
    are read as a little audio, which may spoil the stream, and the session may close in the next pause.

    How it is found
    A short binary message of the client whose payload is JSON with the type KeepAlive, in any spelling, or the service's own
    word for it.

    When it stays silent
    KeepAlive sent as text is right, however often. A session of no known service gets a warning at most.

    What to do
    Send {"type":"KeepAlive"} as a text message: pass a string, not bytes, to the library's send function, or set its
    message type to text.

    Send it every 3 to 5 seconds while there is no audio.

    References
    Deepgram, WebSocket DATA and NET errors, "Using KeepAlive to maintain connection". RFC 6455 section 5.6 for text and
    binary.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    3.0 client binary {"type":"KeepAlive"}
    7.0 client binary {"type":"KeepAlive"}
    11.0 client binary {"type":"KeepAlive"}
    23.0 server close 1011 "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"
    23.01 client close 1011
    23.1 server fin
    23.1 client fin
    verdict: keepalive-as-binary
    """
    rows = session.client.rows(Kind.MISPLACED, session.provider.keepalive_words)
    if not rows.size:
        return
    first, last = (session.client.moment(int(row)) for row in (rows[0], rows[-1]))
    times = "once" if len(rows) == 1 else f"{len(rows)} times"
    yield Finding(
        Severity.ERROR,
        f"The client sent KeepAlive {times} as a binary message, first at {session.seconds(first.time):.2f} s, "
        "where only text counts.",
        packets=session.client.packets(rows),
        time_s=session.seconds(first.time),
        until_s=session.seconds(last.time),
        side=session.client.side.word,
        count=len(rows),
        values={"keepalives_as_text": int(session.client.rows(Kind.CONTROL, session.provider.keepalive_words).size)},
    )
