"""Rule unacknowledged-data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import acknowledgements_unseen, packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.places import Moment
    from analyzer.model.session import Direction, Session

# A few retransmission timeouts: the first is 1 s at most once the round trip is known (RFC 6298), and then they double.
_PATIENCE = 3 * SECOND


@rule("unacknowledged-data", rank=Rank.PATH)
def unacknowledged_data(session: Session) -> Iterator[Finding | Unjudged]:
    """Data was sent that the other side never acknowledged.

    What it means
    From some moment on nothing that one side sent arrived any more, and TCP could not repair it: the path was cut. A NAT,
    firewall or load balancer had forgotten the connection, the machine changed its network (Wi-Fi, VPN) or slept, or the
    other end is gone without a word (half-open). The service then closes for want of audio, or the client gives up; both
    are only consequences.

    How it is found
    Bytes of one side that the other side's packets do not acknowledge up to the end of the connection, for 3 s or longer.
    It is an error when the session ended after that, with a close frame, FIN or RST, else a warning.

    When it stays silent
    Where the connection's last packet comes less than 3 s after the first byte that is not acknowledged, where the other
    side had closed or reset the connection, or its receive window, before, where the capture holds no packet of the other
    side, and where bytes of either side are missing from it.

    What to do
    Look at what lies between client and service at that time: a change of network, idle limits of NAT, firewall and load
    balancer (often 60 to 350 s), VPN. Send KeepAlive or audio often enough to hold the path open, and open a new session
    and send again what was not transcribed when answers stop coming.

    Let the operating system find dead paths sooner: TCP_USER_TIMEOUT, or WebSocket pings with a timeout of their own.

    References
    RFC 9293 sections 3.8.3 and 3.10, RFC 6298, RFC 5382 (what a NAT owes to TCP connections).

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.1 client unanswered audio 3200 x80 every 0.1
    3.0 client again
    6.0 client again
    10.1 client rst
    verdict: unacknowledged-data
    """
    for sender, peer in (session.sides, session.sides[::-1]):
        health = sender.tcp.health
        since = health.waiting_from
        if not health.unacknowledged or since is None or session.last.time - since.time < _PATIENCE or _ended(peer, since):
            continue
        why = acknowledgements_unseen(session)
        if why is not None:
            yield Unjudged(why)
            return
        yield _found(session, sender, peer, since)
        return


def _ended(peer: Direction, since: Moment) -> bool:
    """Whether the other side had taken its leave before."""
    ends = (peer.tcp.fin, peer.tcp.rst, *(close.at for close in peer.closes))
    return any(end.packet <= since.packet for end in ends if end is not None)


def _found(session: Session, sender: Direction, peer: Direction, since: Moment) -> Finding:
    """Describe what did not arrive."""
    health, begin, waited = sender.tcp.health, session.seconds(since.time), (session.last.time - since.time) / SECOND
    heard = peer.tcp.last is not None and peer.tcp.last.packet > since.packet
    again = f", sending {health.resent} packets again" if health.resent else ""
    fate = "although it still sent packets itself" if heard else "and sent nothing more itself"
    return Finding(
        Severity.ERROR if session.ended else Severity.WARNING,
        f"From {begin:.2f} s on the {peer.side.word} acknowledged nothing that the {sender.side.word} sent, {fate}: "
        f"{health.unacknowledged} bytes did not arrive in the {waited:.1f} s that it tried{again}.",
        packets=packets_of(since, sender.tcp.last),
        time_s=begin,
        until_s=session.seconds(session.last.time),
        side=sender.side.word,
        values={
            "bytes": health.unacknowledged,
            "waited_s": round(waited, 6),
            "resent": health.resent,
            "peer_heard": heard,
        },
    )
