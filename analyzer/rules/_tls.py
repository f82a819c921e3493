"""What rules say of TLS connections: what an alert means, what is wrong with a certificate, how keys are recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from analyzer.model.limits import SECOND
from analyzer.model.schema import Side
from analyzer.rules._evidence import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session
    from analyzer.model.tls import Alert, Certificate, Tls

_SHOWN = 5
_OF_CERTIFICATE = {
    41: "it was sent no certificate",
    42: "it does not accept the certificate of the {peer}: the certificate is damaged, or not for the name that was asked for",
    43: "the certificate of the {peer} is of a kind that it does not support",
    44: "the certificate of the {peer} was revoked",
    45: "the certificate of the {peer} has expired, or one of the two clocks is wrong",
    46: "it does not accept the certificate of the {peer}, for a reason that it does not tell",
    48: "it does not know who signed the certificate of the {peer}: a proxy in between that opens TLS, a certificate signed by "
    "itself, or a list of authorities that is missing or old",
    116: "it wants a certificate of the {peer}",
}
_OF_REST = {
    10: "it got a message out of order",
    20: "what it got was changed on the way, or the two disagree about keys",
    22: "what it got is longer than TLS allows, as bytes are that are no TLS",
    40: "the two have no cipher suite, curve or signature in common, or it lacks something that it wants, "
    "such as a certificate of the {peer}",
    47: "it got a value that is not allowed",
    49: "it does not let the {peer} in",
    50: "it cannot read what it got",
    51: "a signature or a Finished is wrong: something in between may have changed the handshake",
    70: "it takes none of the TLS versions that the {peer} offered",
    71: "it finds the ciphers of the {peer} too weak",
    80: "it failed for reasons of its own",
    86: "the {peer} fell back to an older version although both know a newer one",
    90: "somebody cancelled it",
    109: "an extension is missing",
    110: "it got an extension that it did not ask for",
    112: "it has nothing under the name that was asked for (SNI)",
    115: "it does not know the key that was agreed before",
    120: "it speaks none of the protocols that were offered (ALPN)",
}
_TRUST = (
    "Give the client the certificate of the authority that signed the server's: of a proxy that opens TLS, its own. Python takes "
    "it from SSL_CERT_FILE, Node from NODE_EXTRA_CA_CERTS, Java from its trust store, others from the system. Do not turn the "
    "check off."
)
_NAMED = "Connect with a name that the server has and that its certificate is for, and let the client send it (SNI)."
_VALID = "Have the server's certificate renewed, and check the clock of the client."
_COMMON = "Allow TLS 1.2 or 1.3 with common cipher suites on both sides: update the older of the two, or its TLS library."
_ASKED = "Give the client the certificate that the server wants, and its key."
_REMEDIES = dict.fromkeys((42, 43, 46, 48), _TRUST) | dict.fromkeys((44, 45), _VALID) | {112: _NAMED, 116: _ASKED}
_REMEDIES |= dict.fromkeys((40, 47, 70, 71, 86, 109, 110, 120), _COMMON)

_GIVE = (
    "Then give the file with `analyzer report CAPTURE --keylog FILE`, or put it into the capture: `editcap "
    "--inject-secrets tls,FILE CAPTURE OUT.pcapng`."
)
_ELSE = "Or capture a hop without TLS, such as the one between your proxy and your application."
_RECORD = {
    "python": "Set the environment variable SSLKEYLOGFILE=FILE for the client, which looks like Python: contexts made by "
    "`ssl.create_default_context()` write their keys there, and `websockets` and aiohttp use them.",
    "node": "Start the client, which looks like Node, with `node --tls-keylog=FILE`; SSLKEYLOGFILE does nothing there.",
    "openssl": "The client uses OpenSSL: set the environment variable SSLKEYLOGFILE=FILE, which curl and Python honour, and "
    "OpenSSL itself when it was built with enable-sslkeylog; in other programs set a callback with SSL_CTX_set_keylog_callback.",
    "chromium": "Close all windows of the browser, which is built on Chromium, and start it with the environment variable "
    "SSLKEYLOGFILE=FILE or the option --ssl-key-log-file=FILE.",
    "firefox": "Close Firefox and start it with the environment variable SSLKEYLOGFILE=FILE.",
    "go": "The client is written in Go: set KeyLogWriter in its tls.Config to an open file; there is no variable for it.",
    "java": "The client runs on Java, which writes no key log by itself: start it with an agent that does (-javaagent, such as "
    "jSSLKeyLog or extract-tls-secrets).",
    "rustls": "The client uses rustls: set `config.key_log = Arc::new(rustls::KeyLogFile::new())` in its code and start it with "
    "SSLKEYLOGFILE=FILE.",
    "gnutls": "The client uses GnuTLS: start it with the environment variable SSLKEYLOGFILE=FILE.",
    "schannel": "The client uses the TLS of Windows (Schannel, .NET), which writes no keys.",
    "apple": "The client uses the TLS of Apple's systems, which writes no keys for other programs than those that ask for it.",
}
_UNKNOWN = (
    "Capture again with the environment variable SSLKEYLOGFILE=FILE set for the client (browsers, Python, curl), or as its library "
    "wants it: `node --tls-keylog=FILE`, KeyLogWriter in Go, an agent for Java."
)
_WITHOUT_KEYS = ("schannel", "apple")
_AGENTS = (  # what a User-Agent holds, in lower case: the more telling first
    ("node", "node"),
    ("undici", "node"),
    ("go-http-client", "go"),
    ("java", "java"),
    ("okhttp", "java"),
    ("python", "python"),
    ("aiohttp", "python"),
    ("firefox/", "firefox"),
    ("chrome/", "chromium"),
    ("curl/", "openssl"),
)


def alert_text(alert: Alert) -> str:
    """Say in plain words what an alert means; it was sent by a side about its peer."""
    text = _OF_CERTIFICATE.get(alert.code) or _OF_REST.get(alert.code) or "which says no more"
    return text.format(peer=alert.side.peer.word)


def alert_remedy(alert: Alert) -> str:
    """Advise what to do about an alert; empty where nothing in particular helps."""
    about_client = alert.side is Side.SERVER and alert.code in _OF_CERTIFICATE
    return _ASKED if about_client else _REMEDIES.get(alert.code, "")


def about_certificates(alert: Alert) -> bool:
    """Whether the client speaks of the server's certificate."""
    return alert.side is Side.CLIENT and alert.code in _OF_CERTIFICATE


def certificate_text(tls: Tls, time: int) -> str:
    """Say whose certificate it was and what can be seen to be wrong with it at a time (ns)."""
    certificate = tls.certificate
    if certificate is None:
        return ""
    wrong = list(certificate_problems(certificate, tls.sni, time))
    signed = "itself" if certificate.self_signed else quoted(certificate.issuer, 80)
    found = f" The server's certificate is that of {quoted(certificate.subject, 80)}, signed by {signed}."
    return f"{found} It {', and it '.join(wrong)}." if wrong else found


def certificate_problems(certificate: Certificate, sni: str | None, time: int) -> Iterator[str]:
    """Name what can be seen to be wrong, each as a clause."""
    if certificate.self_signed:
        yield "is signed by itself"
    if certificate.ends < time:
        yield f"ended on {_day(certificate.ends)}"
    if certificate.begins > time:
        yield f"begins on {_day(certificate.begins)}"
    names = certificate.names or (certificate.subject,)
    if sni and not any(_fits(name, sni) for name in names):
        shown = ", ".join(quoted(name, 60) for name in names[:_SHOWN])
        yield f"is for {shown} and not for {quoted(sni, 80)}"


def _day(time: int) -> str:
    return f"{datetime.fromtimestamp(time // SECOND, UTC):%Y-%m-%d}"


def _fits(name: str, wanted: str) -> bool:
    """Compare names as RFC 9525 section 6.3 has it: a star stands for one label."""
    one, other = name.lower().rstrip("."), wanted.lower().rstrip(".")
    return one == other or (one.startswith("*.") and other.partition(".")[2] == one[2:])


def user_agent(session: Session) -> str | None:
    """Give the program that the request for a tunnel names."""
    proxy = session.upgrade.proxy
    return proxy.request.headers.get("user-agent") if proxy else None


def client_word(session: Session) -> str | None:
    """Tell what the client is built on: by its ClientHello, else or more closely by the User-Agent of its request for a tunnel."""
    known = session.tls.client if session.tls else None
    agent = (user_agent(session) or "").lower()
    named = next((word for part, word in _AGENTS if part in agent), None)
    if known is None or (known == "openssl" and named in ("python", "node")):
        return named
    return known


def how_to_record(word: str | None) -> str:
    """Advise how this client's keys get into a file, and the file into the report."""
    advice = _RECORD.get(word or "", _UNKNOWN)
    return f"{advice} {_ELSE}" if word in _WITHOUT_KEYS else f"{advice} {_GIVE} {_ELSE}"
