"""Rule connection-refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("connection-refused", rank=Rank.HANDSHAKE)
def connection_refused(session: Session) -> Iterator[Finding | Unjudged]:
    """Server refuses the TCP connection.

    What it means
    The first packet of the connection was answered with a reset: nothing listens on that port, or a firewall refuses it.
    Nothing of the WebSocket was tried yet.

    How it is found
    A SYN answered by a RST before any connection came to be.

    When it stays silent
    A reset later in the connection is an abrupt end, see abrupt-close; a SYN without any answer see no-response.

    What to do
    Check host name and port, that the server runs and listens on this address, and that no firewall refuses the connection.

    Test your network by making a cURL request that transcribes audio hosted by the service.

    References
    RFC 9293 section 3.5.2 (reset generation). Deepgram, WebSocket DATA and NET errors.

    Example
    0.0 client syn
    0.001 server rst
    verdict: connection-refused
    """
    if session.upgrade.outcome != "refused":
        return
    server = session.server.endpoint
    yield Finding(
        Severity.ERROR,
        f"The server {server.ip} refused the TCP connection to port {server.port}.",
        packets=packets_of(session.client.tcp.syn, session.server.tcp.rst) or packets_of(session.first),
        time_s=session.seconds((session.server.tcp.rst or session.first).time),
        side=session.server.side.word,
        values={"port": server.port, "attempts": 1 + session.client.tcp.health.syn_retries},
    )
