"""Rule tls-not-decrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("tls-not-decrypted", rank=Rank.QUALITY)
def tls_not_decrypted(session: Session) -> Iterator[Finding | Unjudged]:
    """TLS connection whose keys are not at hand.

    What it means
    What was sent is encrypted, and neither a key log nor secrets inside the capture open it. Only sizes and times can be
    seen.

    How it is found
    A TLS handshake to a server that counts as an attempt, and no secrets that fit it.

    When it stays silent
    Where the connection could be decrypted, or carries no TLS.

    What to do
    Capture again with the environment variable SSLKEYLOGFILE set for the client and give the file with --keylog, or capture
    a hop without TLS, such as the one between your proxy and your application.

    References
    The SSLKEYLOGFILE format (RFC 9850). Wireshark wiki, TLS.

    Example
    0.0 client tls
    0.1 server tls
    1.0 client fin
    1.0 server fin
    verdict: tls-not-decrypted
    """
    if not session.encrypted:
        return
    lasted = (session.last.time - session.first.time) / SECOND
    proxy = session.upgrade.proxy
    through = f" to {quoted(proxy.target)}, through a proxy," if proxy else ""
    yield Finding(
        Severity.NOTE,
        f"The connection{through} is encrypted with TLS and its keys are not at hand; it lasted {lasted:.1f} s.",
        packets=packets_of(session.first),
        time_s=session.seconds(session.first.time),
        until_s=session.seconds(session.last.time),
        values={"packets_client": session.client.tcp.packets, "packets_server": session.server.tcp.packets},
    )
