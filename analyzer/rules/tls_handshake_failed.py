"""Rule tls-handshake-failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.model.schema import Side
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of, quoted
from analyzer.rules._tls import about_certificates, alert_remedy, alert_text, certificate_problems, certificate_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.places import Moment
    from analyzer.model.session import Session
    from analyzer.model.tls import Alert, Tls

# A client that waits so long for the server's part of the handshake has waited in vain: libraries give up after 5 to 10 s.
_WAITED = 5 * SECOND
# Who leaves so soon after the handshake has not used it; browsers open connections that they may not need.
_AT_ONCE = 2 * SECOND
_BROWSERS = ("chromium", "firefox", "apple")

_PLAIN = (
    "Nothing on this port speaks TLS: connect to the port that does (443 in most cases), or use ws:// where the way is trusted. "
    "Check that no proxy or captive portal answers in place of the server."
)
_CHECK = (
    "Look at the error that the client shows, which names the reason; above all check whether it trusts the server's certificate, "
    "and whether the certificate is for this name. Node takes further authorities from NODE_EXTRA_CA_CERTS, Python from "
    "SSL_CERT_FILE."
)


@rule("tls-handshake-failed", rank=Rank.HANDSHAKE)
def tls_handshake_failed(session: Session) -> Iterator[Finding | Unjudged]:
    """TLS connection never came to be.

    What it means
    Client and server did not agree on TLS, so that no byte of the WebSocket was sent. Most often the client does not trust the
    server's certificate, because a proxy in between opens TLS with one of its own, because the list of authorities is missing
    or old, or because the certificate is for another name or has ended. Else the two have no TLS version or cipher suite in
    common, the server does not know the name that was asked for, or the port speaks no TLS at all.

    How it is found
    A fatal alert in clear, an answer to the ClientHello that is no TLS, or the end of TCP before application data. In TLS 1.3
    the client's alert about a certificate is encrypted: its only record behind the ServerHello has the size of an alert where
    its Finished should be (likely). A client that leaves right behind the handshake and has sent nothing may have checked the
    certificate only then, as Node does (likely).

    When it stays silent
    Where application data was sent, and where the beginning of the connection is not in the capture. A browser that opens a
    connection and does not use it is none.

    What to do
    Look at the error that the client shows, which names the reason; above all check whether it trusts the server's certificate, and
    whether the certificate is for this name.

    To see what a server sends: `openssl s_client -connect HOST:443 -servername HOST`.

    References
    RFC 8446 sections 4 and 6, RFC 5246 sections 7.2 and 7.3.

    Example
    0.0 client tls12 api.deepgram.com
    0.03 server tls12
    0.05 client alert unknown_ca
    0.06 client fin
    0.07 server fin
    verdict: tls-handshake-failed
    """
    tls = session.tls
    if tls is None or not tls.offered or session.upgrade.response is not None or session.accepted:
        return
    if not session.server.tcp.packets:
        yield Unjudged("no packet of the server is in the capture")
        return
    if tls.no_tls is not None:
        yield _no_tls(session, tls.no_tls)
        return
    alert = min((one for one in tls.alerts if one.fatal), key=lambda one: one.at.time, default=None)
    found = session.estimate
    sent = found is not None and found.first[Side.CLIENT] is not None
    if alert is not None and not sent:
        yield _refused(session, tls, alert)
    elif found is not None and found.alert is not None:
        yield _alert_by_size(session, tls, *found.alert)
    elif not sent and not tls.decrypted:
        yield from _ended(session, tls)


def _refused(session: Session, tls: Tls, alert: Alert) -> Finding:
    """Name who refused and why, in the words of its alert."""
    who = alert.side.word
    about = certificate_text(tls, alert.at.time) if about_certificates(alert) else ""
    asked = ""
    if alert.name == "protocol_version" and tls.offered:
        asked = f" The client offered {', '.join(tls.offered)}."
    elif alert.name == "unrecognized_name" and tls.sni:
        asked = f" The client asked for {quoted(tls.sni, 80)}."
    elif alert.name == "no_application_protocol" and tls.alpn_offered:
        asked = f" The client offered {', '.join(quoted(one, 20) for one in tls.alpn_offered[:5])}."
    return Finding(
        Severity.ERROR,
        f"The {who} refused the TLS handshake with {alert.name}: {alert_text(alert)}.{asked}{about}",
        packets=packets_of(session.first, alert.at),
        time_s=session.seconds(alert.at.time),
        side=who,
        values={"alert": alert.name, "code": alert.code, "certificate": _problems(tls, alert.at)},
        remedy=alert_remedy(alert) or _CHECK,
    )


def _problems(tls: Tls, at: Moment) -> list[str]:
    return [] if tls.certificate is None else list(certificate_problems(tls.certificate, tls.sni, at.time))


def _alert_by_size(session: Session, tls: Tls, side: Side, at: Moment) -> Finding:
    """Take a record of the size of an alert for one: of the client in place of its Finished, of the server in place of answers."""
    if side is Side.CLIENT:
        why = "most likely it does not accept the server's certificate"
        text = f"The client broke off the TLS handshake with a record of the size of an alert; {why}."
    else:
        why = "it may want a certificate of the client, or not accept the one that it got"
        text = f"The server ended the connection right behind the TLS handshake, with a record of the size of an alert; {why}."
    return Finding(
        Severity.ERROR,
        f"{text}{certificate_text(tls, at.time) if side is Side.CLIENT else ''}",
        packets=packets_of(session.first, at),
        time_s=session.seconds(at.time),
        side=side.word,
        confidence=Confidence.LIKELY,
        values={"alert": None, "code": None, "certificate": _problems(tls, at)},
        remedy=_CHECK,
    )


def _no_tls(session: Session, at: Moment) -> Finding:
    server = session.server.endpoint
    return Finding(
        Severity.ERROR,
        f"The server {server.ip} answered the TLS ClientHello with something that is no TLS: port {server.port} speaks plain text.",
        packets=packets_of(session.first, at),
        time_s=session.seconds(at.time),
        side=session.server.side.word,
        values={"port": server.port},
        remedy=_PLAIN,
    )


def _ended(session: Session, tls: Tls) -> Iterator[Finding | Unjudged]:
    """Find that TCP ended, or that nothing came, before application data."""
    if any(tls.torn):
        yield Unjudged("bytes of the TLS connection are missing from the capture")
        return
    how, _, word = session.tcp_end.partition("-")
    sender = session.client if word == "client" else session.server
    at = (sender.tcp.rst if how == "rst" else sender.tcp.fin) or session.last
    ended = {"fin": "ended the TCP connection (FIN)", "rst": "reset the TCP connection (RST)"}.get(how, "")
    waited = at.time - session.first.time
    certain, remedy = Confidence.CERTAIN, _CHECK
    shaken = session.estimate.shaken if session.estimate is not None else None
    if shaken is not None:
        if not ended or at.time - shaken.time > _AT_ONCE or tls.client in _BROWSERS:
            return
        certain = Confidence.LIKELY
        text = f"The {word} {ended} right behind the TLS handshake, before the client had sent anything"
        if word == "client":
            text += "; most likely it does not accept the server's certificate"
    elif tls.version is not None:
        if not ended:
            return
        text = f"The {word} {ended} in the middle of the TLS handshake"
        if word == "client":
            text += "; it may not accept the server's certificate"
    elif not ended and (waited < _WAITED or session.capture_cut):
        return
    else:
        named = f" for {quoted(tls.sni, 80)}" if tls.sni else ""
        text = f"The server never answered the TLS ClientHello{named}, in {waited / SECOND:.1f} s"
        text += f"; the {word} {ended}" if ended else ""
        remedy = "Check host name and port, and whether a firewall or proxy on the way lets TLS to this name through."
    yield Finding(
        Severity.ERROR,
        f"{text}.{certificate_text(tls, at.time) if word == 'client' else ''}",
        packets=packets_of(session.first, shaken, at),
        time_s=session.seconds(at.time),
        side=word or "server",
        confidence=certain,
        values={"tcp_end": session.tcp_end, "certificate": _problems(tls, at)},
        remedy=remedy,
    )
