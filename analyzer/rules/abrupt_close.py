"""Rule abrupt-close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.anomalies import Anomaly
from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import end_unseen, never_opened, packets_of, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Direction, Http2Stream, Session
    from analyzer.model.tcp import Health

# A few retransmission timeouts (RFC 6298).
_GAVE_UP = 3 * SECOND
# Lifetimes and idle limits that proxies and load balancers commonly have, in seconds.
_ROUND_TIMES = (60, 100, 300, 350, 600, 900, 3600)


@rule("abrupt-close", rank=Rank.ENDING)
def abrupt_close(session: Session) -> Iterator[Finding | Unjudged]:
    """TCP ended without a close frame.

    What it means
    TCP ended (FIN or RST) and neither side had sent a WebSocket close frame; a browser shows 1006. A process crashed or was
    ended, a client dropped its connection, or a proxy, load balancer or firewall in between cut it. What the service had
    not sent yet is lost.

    How it is found
    The FIN or RST of an accepted session, and no close frame of either side in the capture before or after it. Of a RST the
    finding says what it came after: a FIN, bytes that were not acknowledged, or nothing. Over HTTP/2 the session is one
    stream: END_STREAM stands for FIN and RST_STREAM for RST, and the finding gives the code of RST_STREAM and of GOAWAY.

    When it stays silent
    Where the upgrade was not accepted, or its answer was one that the client had to refuse, the connection is still open
    when the capture ends, or the last bytes of a side are not in the capture.

    What to do
    Find out who ended the connection, as the finding says, and let that side close properly: CloseStream, wait for the
    server's close frame, answer it, then close TCP.

    Where it happens after the same round time again and again, raise the idle or lifetime limit of the proxy or load
    balancer.

    References
    RFC 6455 sections 7.1.4 to 7.1.5. Deepgram, WebSocket DATA and NET errors, "Closing the WebSocket connection".
    RFC 1122 section 4.2.2.13 (a close with unread data is a RST). RFC 8441 section 5.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.2 client rst
    verdict: abrupt-close
    """
    if not session.accepted or session.close is not None or never_opened(session):
        return
    if session.tcp_end == "open":
        yield Unjudged("the capture ends while the connection is open")
        return
    why = end_unseen(session.client) or end_unseen(session.server)
    if why is not None:
        yield Unjudged(why)
        return
    how, _, word = session.tcp_end.partition("-")
    side: Direction = session.client if word == "client" else session.server
    health = side.tcp.health
    at = (side.tcp.rst if how == "rst" else side.tcp.fin) or session.last
    lasted = (at.time - session.origin) / SECOND
    near = next((limit for limit in _ROUND_TIMES if abs(lasted - limit) <= 1), None)
    over = session.upgrade.stream
    hint = f" It had lasted close to {near} s, a common limit of proxies and load balancers." if near else ""
    why = f" {_of_reset(health, word, side.side.peer.word)}" if how == "rst" and over is None else ""
    did = "reset the TCP connection (RST)" if how == "rst" else "ended the TCP connection (FIN)"
    if over is not None:
        did, why = _of_stream(session, how, over)
    yield Finding(
        Severity.ERROR,
        f"The {word} {did} at {lasted:.2f} s, and neither side had sent a close frame.{hint}{why}",
        packets=packets_of(at),
        time_s=session.seconds(at.time),
        side=word,
        confidence=Confidence.CERTAIN,
        values={
            "tcp_end": session.tcp_end,
            "lasted_s": round(lasted, 6),
            "resent_client": session.client.tcp.health.resent,
            **({"reset_unread": health.reset_unread, "reset_after_fin": health.reset_closed} if how == "rst" and not over else {}),
            **({"stream_id": over.id, "reset_code": over.reset} if over else {}),
        },
    )


def _of_stream(session: Session, how: str, stream: Http2Stream) -> tuple[str, str]:
    """Say how an HTTP/2 stream ended, or the connection below it; and what was said of the whole connection before."""
    code = f", {stream.reset}" if stream.reset else ""
    if how == "rst":
        did = f"reset the session's HTTP/2 stream {stream.id} (RST_STREAM{code}) or its connection"
        if stream.reset is not None:
            did = f"reset the session's HTTP/2 stream {stream.id} (RST_STREAM{code})"
    else:
        did = f"ended the session's HTTP/2 stream {stream.id} (END_STREAM or FIN)"
    said = [
        f" The {one.side.word} had given up the connection (GOAWAY, {quoted(sight.detail)})."
        for one in session.sides
        for sight in one.sightings
        if sight.anomaly is Anomaly.GOAWAY
    ]
    return did, said[0] if said else ""


def _of_reset(health: Health, word: str, peer: str) -> str:
    """Say what the RST came after; what sends it in this case, by RFC 9293 section 3.10.7 and RFC 1122 section 4.2.2.13."""
    if health.unacknowledged and health.stall_from == health.waiting_from and health.stall >= _GAVE_UP:
        return f"It gave up: what it had sent was not acknowledged for {health.stall / SECOND:.1f} s."
    if health.reset_closed:
        return f"The RST answers what the {peer} sent after the {word} had closed."
    if health.reset_unread:
        return (
            f"The RST answers bytes of the {peer} that the {word} had not acknowledged: nobody there held the connection any more."
        )
    if health.reset_left:
        return f"The {peer} had ended its side with FIN before."
    return f"The RST came on its own: the {word}'s program was ended or closed with unread data, or a device in between sent it."
