"""Rule ping-timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import rule
from analyzer.rules._evidence import PING_TIMEOUT, packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("ping-timeout", rank=Rank.ENDING)
def ping_timeout(session: Session) -> Iterator[Finding | Unjudged]:
    """Session was closed because pings stayed unanswered.

    What it means
    A WebSocket library sends pings of its own and closes with 1011 when no pong comes back in time. In the application's
    log that looks like the server's 1011, but here this side sent it. The event loop was blocked, so that the pong was not
    read, the network was saturated or gone, or a proxy drops pings. It is not the service's timeout.

    How it is found
    The first close frame has the reason "keepalive ping timeout". The finding counts the pings of that side and the pongs
    that came back: with as many pongs as pings the side did not read them.

    When it stays silent
    With any other close, see closed-with-error.

    What to do
    Keep the event loop free: move blocking work to a thread, send audio in small chunks, read while you send; then raise
    ping_interval and ping_timeout of the library if the network needs it.

    References
    RFC 6455 sections 5.5.2 and 5.5.3. The documentation of the Python library websockets on keepalive.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x30 every 0.1
    1.0 client ping
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    3.2 client close 1011 "keepalive ping timeout"
    3.3 client fin
    3.4 server fin
    verdict: ping-timeout
    """
    close = session.close
    if close is None or not close.reason.startswith(PING_TIMEOUT):
        return
    sender, peer = session.sides if close.side is session.client.side else session.sides[::-1]
    pings, pongs = sender.rows(Kind.PING), peer.rows(Kind.PONG)
    last = sender.moment(int(pings[-1])) if pings.size else None
    at = session.seconds(close.at.time)
    yield Finding(
        Severity.ERROR,
        f"The {close.side.word} itself closed at {at:.2f} s with {close.code} because its pings stayed unanswered: "
        f"pings sent {len(pings)}, pongs received {len(pongs)}.",
        packets=packets_of(last, close.at),
        time_s=at,
        side=close.side.word,
        values={"pings": len(pings), "pongs": len(pongs), "code": close.code},
    )
