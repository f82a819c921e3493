"""Rule control-as-binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("control-as-binary", rank=Rank.MISUSE, generic="warning")
def control_as_binary(session: Session) -> Iterator[Finding | Unjudged]:
    """Control message such as CloseStream is sent as a binary message.

    What it means
    The service takes control messages as text only. CloseStream, Finalize or Configure in a binary message has no effect:
    its bytes are read as a little audio. After a CloseStream of this kind the server waits for more and closes with an
    error.

    How it is found
    A short binary message of the client whose payload is a JSON object with a type, whether the service knows that type or
    not, and no base64 in it. KeepAlive has a rule of its own, keepalive-as-binary.

    When it stays silent
    Control messages sent as text are right. A session of no known service gets a warning at most.

    What to do
    Send control messages as text messages: pass a string such as {"type":"CloseStream"}, not bytes, to the library's send
    function.

    References
    Deepgram, WebSocket DATA and NET errors, "Closing the WebSocket connection". RFC 6455 section 5.6 for text and binary.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.2 client binary {"type":"CloseStream"}
    14.2 server close 1011 "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"
    14.21 client close 1011
    14.3 server fin
    14.3 client fin
    verdict: control-as-binary
    """
    client = session.client
    others = frozenset(client.labels) - session.provider.keepalive_words
    rows = client.rows(Kind.MISPLACED, others)
    if not rows.size:
        return
    words = sorted({client.label(int(row)) for row in rows[:100]})
    first, last = (client.moment(int(row)) for row in (rows[0], rows[-1]))
    times = "as a binary message" if len(rows) == 1 else f"in {len(rows)} binary messages"
    yield Finding(
        Severity.ERROR,
        f"The client sent {' and '.join(words)} {times}, first at {session.seconds(first.time):.2f} s, where only text counts.",
        packets=client.packets(rows),
        time_s=session.seconds(first.time),
        until_s=session.seconds(last.time),
        side=client.side.word,
        count=len(rows),
        values={"words": words},
    )
