"""Rule wrong-accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("wrong-accept", rank=Rank.HANDSHAKE)
def wrong_accept(session: Session) -> Iterator[Finding | Unjudged]:
    """Server answers 101 with a Sec-WebSocket-Accept that does not fit the request's key.

    What it means
    The answer proves that its sender read this request and speaks WebSocket. A value that does not fit comes from a cache,
    a proxy that changed the key, or a faulty server. A client that follows the standard drops the connection at once.

    How it is found
    The SHA-1 hash of the request's Sec-WebSocket-Key and the constant of RFC 6455, in base64, is compared with the answer.

    When it stays silent
    Where the request or its key is not in the capture, and over HTTP/2, which has no such header.

    What to do
    Connect without the proxy or gateway between, or let it pass WebSocket upgrades through untouched and uncached.

    References
    RFC 6455 sections 4.1 and 4.2.2.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101 wrong-accept
    0.1 client fin
    0.1 server fin
    verdict: wrong-accept
    """
    response, request = session.upgrade.response, session.upgrade.request
    if response is None or response.accept_valid is not False or not session.accepted:
        return
    yield Finding(
        Severity.ERROR,
        "The server's Sec-WebSocket-Accept does not fit the key of the request, so that a client must drop the connection.",
        packets=packets_of(request.at if request else None, response.at),
        time_s=session.seconds(response.at.time),
        side=session.server.side.word,
    )
