"""Rule no-response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import not_offered, packets_of, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


_AT_ONCE = 1.0


@rule("no-response", rank=Rank.HANDSHAKE)
def no_response(session: Session) -> Iterator[Finding | Unjudged]:
    """Server never answers the connection or the upgrade request.

    What it means
    Either no packet came back at all (wrong address, a firewall that drops, no route), or the connection opened and the
    HTTP request was never answered: something that is no WebSocket server listens there, a proxy holds the request back, or
    the server hangs.

    How it is found
    A SYN without SYN and ACK, or an upgrade request without one byte of an HTTP answer.

    When it stays silent
    Where the capture holds only the client's packets, lacks what the server sent, or breaks off before the client gave up or
    repeated itself.

    What to do
    Check address, port and whether it wants TLS (wss://), then test your network by making a cURL request that transcribes
    audio hosted by the service; if that works, let firewall and proxy pass WebSocket connections to this address.

    References
    Deepgram, WebSocket DATA and NET errors. RFC 6455 section 4.1, RFC 9293 section 3.5.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    6.0 client fin
    6.01 server fin
    verdict: no-response
    """
    outcome, client, server = session.upgrade.outcome, session.client, session.server
    waited = (session.last.time - session.first.time) / SECOND
    if outcome == "unreachable":
        if session.capture_cut and not client.tcp.health.syn_retries:
            yield Unjudged("the capture breaks off behind the first packet of the connection")
            return
        yield Finding(
            Severity.ERROR,
            f"The server {server.endpoint.ip} never answered the connection to port {server.endpoint.port}, which the client tried "
            f"{f'{1 + client.tcp.health.syn_retries} times' if client.tcp.health.syn_retries else 'once'} in {waited:.1f} s.",
            packets=packets_of(client.tcp.syn or session.first, client.tcp.last),
            time_s=session.seconds((client.tcp.syn or session.first).time),
            until_s=session.seconds(session.last.time),
            side=server.side.word,
            values={"waited_s": waited, "attempts": 1 + client.tcp.health.syn_retries},
        )
        return
    request = session.upgrade.request
    if outcome != "no-response" or request is None:
        return
    if not server.tcp.packets and session.tcp_stream is not None:
        yield Unjudged("no packet of the server is in the capture")
        return
    if session.upgrade.unread:
        yield Unjudged("what the server sent for an answer is not in the capture, or is no HTTP")
        return
    if session.tcp_end == "open" and session.capture_cut:
        yield Unjudged("the capture breaks off before the client gave up")
        return
    waited = (session.last.time - request.at.time) / SECOND
    who, what = "server", "the upgrade request"
    opened = "" if session.tcp_stream is None else "accepted the connection but "
    if session.upgrade.at_proxy:
        who, what = "proxy", f"the request for a tunnel to {quoted(session.upgrade.proxy.target if session.upgrade.proxy else '')}"
    # A TLS library that is sent HTTP gives up at once, without a word that HTTP knows.
    at_once = session.tcp_end in ("fin-server", "rst-server") and waited < _AT_ONCE
    port = " It ended the connection at once, as a server does that wants TLS on this port (wss://)." if at_once else ""
    yield Finding(
        Severity.ERROR,
        f"The {who} {opened}never answered {what}, in the {waited:.1f} s that it was watched.{not_offered(session)}{port}",
        packets=packets_of(request.at, client.tcp.fin or client.tcp.rst, server.tcp.fin or server.tcp.rst),
        time_s=session.seconds(request.at.time),
        until_s=session.seconds(session.last.time),
        side=server.side.word,
        values={"waited_s": waited, "ended_by": session.tcp_end},
    )
