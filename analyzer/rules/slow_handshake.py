"""Rule slow-handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_SLOW_UPGRADE = 2 * SECOND
_SLOW_PATH = 300_000_000


@rule("slow-handshake", rank=Rank.PATH)
def slow_handshake(session: Session) -> Iterator[Finding]:
    """Opening the session took long.

    What it means
    The first words are spoken before the session is open. A client that records meanwhile sends a backlog, one that does
    not loses them. A long round trip of TCP means a far or crowded path; a late answer to the upgrade alone means that a
    proxy, the service's authentication or its load balancer was slow.

    How it is found
    More than 2 s from the upgrade request to its answer, more than 0.3 s from SYN to SYN-ACK or from SYN-ACK to ACK
    (whichever side the capture was taken on, the longer one holds the network), or a SYN that was sent again. A note.

    When it stays silent
    With less, and where the handshake is not in the capture.

    What to do
    Open the session before it is needed, and keep audio until it is open. Use the nearest regional endpoint, and measure
    the way there without VPN and proxy.

    References
    RFC 9293 section 3.5. Deepgram, "Measuring streaming latency".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    2.8 server 101
    2.9 client audio 3200 x20 every 0.1
    3.9 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    5.1 client close 1000
    5.1 server close 1000
    5.2 server fin
    5.2 client fin
    verdict: no-close-stream
    """
    request, response = session.upgrade.request, session.upgrade.response
    client, server = session.client.tcp, session.server.tcp
    path = max(client.health.waited or 0, server.health.waited or 0)
    answered = response.at.time - request.at.time if request and response else 0
    retries = client.health.syn_retries if server.syn else 0
    lacks = []
    if retries:
        lacks.append(f"the SYN had to be sent {1 + retries} times")
    if path > _SLOW_PATH:
        lacks.append(f"the round trip of TCP took {path / SECOND:.2f} s")
    if answered > _SLOW_UPGRADE:
        lacks.append(f"the upgrade request was answered after {answered / SECOND:.1f} s")
    if not lacks:
        return
    yield Finding(
        Severity.NOTE,
        f"The session opened slowly: {' and '.join(lacks)}.",
        packets=packets_of(client.syn, server.syn, request.at if request else None, response.at if response else None),
        time_s=session.seconds(session.first.time),
        until_s=session.seconds(response.at.time) if response else None,
        values={"round_trip_s": round(path / SECOND, 6), "answered_s": round(answered / SECOND, 6), "syn_retries": retries},
    )
