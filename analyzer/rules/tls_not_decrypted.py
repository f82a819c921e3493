"""Rule tls-not-decrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of, quoted
from analyzer.rules._tls import client_word, how_to_record, user_agent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session
    from analyzer.model.tls import Tls, Upload


@rule("tls-not-decrypted", rank=Rank.QUALITY)
def tls_not_decrypted(session: Session) -> Iterator[Finding | Unjudged]:
    """TLS connection whose keys are not at hand.

    What it means
    What was sent is encrypted, and neither a key log nor secrets inside the capture open it. Only sizes and times can be
    seen. That alone says nothing against the session.

    How it is found
    A TLS connection to a server that counts as an attempt, and no secrets that fit it.

    When it stays silent
    Where the connection could be decrypted, or carries no TLS, or where the handshake failed in clear, so that there is nothing
    to decrypt (see tls-handshake-failed).

    What to do
    Capture again with the environment variable SSLKEYLOGFILE set for the client and give the file with --keylog, or capture
    a hop without TLS, such as the one between your proxy and your application.

    A program made with Node wants --tls-keylog=FILE instead, one in Go KeyLogWriter in its code, one on Java an agent. The
    finding says which it is, where the ClientHello or the request for a tunnel shows it.

    References
    The SSLKEYLOGFILE format (RFC 9850). Wireshark wiki, TLS.

    Example
    0.0 client tls api.deepgram.com
    0.03 server tls
    0.05 client finished
    0.06 client record 400
    0.1 server record 150
    0.2 client record 3208 x20 every 0.1
    1.3 server record 700
    2.3 client record 28
    2.4 server record 4
    2.4 client record 8
    2.5 server fin
    2.5 client fin
    verdict: tls-not-decrypted
    """
    tls = session.tls
    if tls is None or not session.encrypted or tls.no_tls is not None or any(alert.fatal for alert in tls.alerts):
        return
    lasted = (session.last.time - session.first.time) / SECOND
    agent = user_agent(session)
    named = f" The request for a tunnel names {quoted(agent, 80)}." if agent else ""
    yield Finding(
        Severity.NOTE,
        f"The connection{_to(session, tls)} is encrypted with {_suite(tls)} and {_why(tls)}; it lasted {lasted:.1f} s."
        f"{_volume(session)}{named}",
        packets=packets_of(session.first),
        time_s=session.seconds(session.first.time),
        until_s=session.seconds(session.last.time),
        values={
            "packets_client": session.client.tcp.packets,
            "packets_server": session.server.tcp.packets,
            "client": client_word(session),
            "bytes_per_second": upload.rate if (upload := _upload(session)) else None,
        },
        remedy=how_to_record(client_word(session)),
    )


def _to(session: Session, tls: Tls) -> str:
    """Name whom the client wanted."""
    proxy = session.upgrade.proxy
    through = f" to {quoted(proxy.target)}, through a proxy," if proxy else ""
    return through or (f" to {quoted(tls.sni, 80)}" if tls.sni else "")


def _suite(tls: Tls) -> str:
    """Name version, cipher suite and protocol."""
    parts = [part for part in (tls.cipher, f"ALPN {quoted(tls.alpn, 20)}" if tls.alpn else None) if part]
    return (tls.version or "TLS") + (f" ({', '.join(parts)})" if parts else "")


def _why(tls: Tls) -> str:
    """Say why it could not be decrypted."""
    return f"could not be decrypted, because {tls.why}" if tls.why else "its keys are not at hand"


def _upload(session: Session) -> Upload | None:
    found = session.estimate
    return found.upload if found is not None and found.streamed else None


def _volume(session: Session) -> str:
    """Say how much was sent each way, and at which rate while the client streamed."""
    found = session.estimate
    if found is None or not sum(found.records):
        return ""
    about = "" if found.exact else "at most "
    sent, received = found.bytes
    text = f" The client sent {about}{sent} bytes in {found.records[0]} records, the server {about}{received} bytes."
    upload = _upload(session)
    if upload is None:
        return text
    like = f", as {upload.like} takes" if upload.like else ""
    return f"{text} The client streamed {upload.rate:.0f} bytes per second{like}."
