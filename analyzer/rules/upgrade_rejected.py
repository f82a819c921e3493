"""Rule upgrade-rejected."""

from __future__ import annotations

import html
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import not_offered, packets_of, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.model.session import Proxy, Response, Session

# Python writes booleans with a capital; the others are what a language prints for a value that was never set.
_SLIPS = {"True", "False", "undefined", "null", "None", "NaN", "[object Object]", ""}
_PAGE = 4096
_NESTED = 2
_MARKUP = re.compile(r"<!--.*?(?:-->|\Z)|<(style|script|title)\b.*?(?:</\1>|\Z)|<[^>]*>?", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^>]*>(.*?)(?:</title|\Z)", re.DOTALL | re.IGNORECASE)
_FIELDS = ("err_msg", "message", "reason", "error", "detail", "error_message", "error_description", "title")
_CUT_FIELD = re.compile(r'"(?P<name>\w+)"\s*:\s*(?P<text>"(?:[^"\\]|\\.)*")')
_PROXY = "Let the proxy or gateway pass WebSocket upgrades to the service, or connect without it."
_AUTHENTICATION, _FORBIDDEN, _GATEWAY = 407, 403, 500
_CREDENTIALS = (
    "Give the client the proxy's user name and password, mostly as part of the proxy's address "
    "(HTTPS_PROXY=http://user:password@proxy:port), or let the proxy pass connections to the service without them."
)
_NO_TUNNEL = {
    _FORBIDDEN: "Ask whoever runs the proxy to allow CONNECT to this host and port, or connect without the proxy.",
    _GATEWAY: (
        "The proxy itself could not reach the service: check the host name and port, and that the proxy resolves the name and may "
        "connect to it, or connect without the proxy."
    ),
}
_GENERAL = {
    3: "Connect to the address that the answer's Location header names; WebSocket clients do not follow redirects.",
    4: "Correct the request as the error text says, and compare its path, query and credentials with the service's documentation.",
    5: "Try again with a growing delay; if it stays, ask the operator of the server with the request id and the time.",
}


@rule("upgrade-rejected", rank=Rank.HANDSHAKE)
def upgrade_rejected(session: Session) -> Iterator[Finding | Unjudged]:
    """Server answers the upgrade request with an HTTP status other than 101.

    What it means
    The request reached a server that refused to open a WebSocket. The reason stands in the answer: Deepgram gives it in the
    header dg-error and in the body, and the request id in dg-request-id. A browser shows none of it and reports only close
    code 1006. An answer without these headers was not written by Deepgram but by a proxy or gateway in between.

    How it is found
    A complete HTTP answer to a request that asks for a WebSocket, with another status than 101 (over HTTP/2: than 2xx); or a
    proxy's answer to CONNECT that opens no tunnel to the service (RFC 9110 section 9.3.6), such as 407 without or with wrong
    credentials.

    When it stays silent
    Where the answer is not in the capture.

    What to do
    Read the error text and correct what it names: 400 a parameter, 401 the credentials, 402 credits, 403 permissions, 404
    the path, 407 the proxy's credentials, 429 too many streams at once; after 5xx try again with a growing delay.

    When contacting support, include the error received, the request id, and any related code you are able to share.

    References
    Deepgram, WebSocket DATA and NET errors, "Failure to connect to Deepgram". RFC 6455 section 4.2.2, RFC 9110 sections 9.3.6
    and 15.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.1 server 401 {"dg-error":"Invalid credentials.","dg-request-id":"5002d33e-31f3-4a45-a26e-da2763dfeabd"}
    0.2 server fin
    0.2 client fin
    verdict: upgrade-rejected
    """
    response, request, provider = session.upgrade.response, session.upgrade.request, session.provider
    if session.upgrade.outcome != "rejected" or response is None:
        return
    error = _error(response, provider.error_headers)
    said = f": {quoted(error)}" if error else ""
    if not error and response.coding:
        said = f", with a body that is encoded as {quoted(response.coding, 20)} and cannot be read here"
    status = f"{response.status} {response.reason}".rstrip()
    if session.upgrade.proxy is not None and session.upgrade.at_proxy:
        yield _refused_by_proxy(session, session.upgrade.proxy, status + said, error)
        return
    foreign = bool(provider.request_id_headers) and not any(name in response.headers for name in provider.request_id_headers)
    proxy = " The answer has none of the service's headers, so that a proxy or gateway may have written it." if foreign else ""
    suspects = _suspects(request.query) if request else []
    doubt = f" Of the query look at {', '.join(suspects)}." if suspects else ""
    general = _GENERAL.get(response.status // 100, "Compare the request with the service's documentation.")
    yield Finding(
        Severity.ERROR,
        f"The server rejected the upgrade with {status}{said}.{proxy}{doubt}{not_offered(session)}",
        packets=packets_of(request.at if request else None, response.at),
        time_s=session.seconds(response.at.time),
        side=session.server.side.word,
        values={"status": response.status, "error": error or None, "service_headers": not foreign, "suspect_parameters": suspects},
        remedy=_remedy(response, general, provider.advice, foreign=foreign),
    )


def _remedy(response: Response, general: str, advice: Mapping[str, str], *, foreign: bool) -> str:
    """Choose what to do; only proxies ask for authentication with 407."""
    if response.status == _AUTHENTICATION:
        return _CREDENTIALS
    return _PROXY if foreign else advice.get(str(response.status), general)


def _refused_by_proxy(session: Session, proxy: Proxy, said: str, error: str) -> Finding:
    """Find a tunnel that a proxy did not open; of its demand for credentials quote the schemes that it takes."""
    request, response = proxy.request, proxy.response
    assert response is not None
    asked = response.headers.get("proxy-authenticate", "")
    sent = "proxy-authorization" in request.headers
    about = ""
    if response.status == _AUTHENTICATION:
        about = " The credentials that the client sent were not accepted." if sent else " The client sent no credentials."
        about += f" The proxy asks for {quoted(asked)}." if asked else ""
    remedy = _NO_TUNNEL[_GATEWAY] if response.status >= _GATEWAY else _NO_TUNNEL[_FORBIDDEN]
    return Finding(
        Severity.ERROR,
        f"The proxy refused the tunnel to {quoted(proxy.target)} with {said}.{about}",
        packets=packets_of(request.at, response.at),
        time_s=session.seconds(response.at.time),
        side=session.server.side.word,
        values={"status": response.status, "error": error or None, "proxy_target": proxy.target, "credentials_sent": sent},
        remedy=_CREDENTIALS if response.status == _AUTHENTICATION else remedy,
    )


def _error(response: Response, names: tuple[str, ...]) -> str:
    """Find the error text: the service's header, else a message in the JSON body, cut short or not, else the body's beginning."""
    for name in names:
        if name in response.headers:
            return response.headers[name]
    body = response.body.decode("utf-8", "replace")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = _cut_fields(body)
    return _message(parsed, 0) or _words(body)


def _message(value: object, depth: int) -> str:
    """Find the field that says why; some services put it into an object or a list."""
    if depth < _NESTED and isinstance(value, list) and value:
        return value[0] if isinstance(value[0], str) else _message(value[0], depth + 1)
    if not isinstance(value, dict):
        return ""
    texts = [value[name] for name in _FIELDS if isinstance(value.get(name), str) and value[name]]
    if texts or depth >= _NESTED:
        return str(texts[0]) if texts else ""
    return next(filter(None, (_message(value.get(name), depth + 1) for name in ("error", "errors", "message", "detail"))), "")


def _cut_fields(body: str) -> dict[str, str]:
    """Read the texts at the front of an object of which the end is missing."""
    if not body.lstrip().startswith("{"):
        return {}
    found: dict[str, str] = {}
    for field in _CUT_FIELD.finditer(body[:_PAGE]):
        with suppress(ValueError):
            found.setdefault(field["name"], json.loads(field["text"], strict=False))
    return found


def _words(body: str) -> str:
    """The beginning of a body that is no JSON; of a page its title, then what else a browser shows."""
    head = body[:_PAGE]
    if not head.lstrip().startswith("<"):
        return body[:200]
    found = _TITLE.search(head)
    title, rest = (_shown(text) for text in (found[1] if found else "", _MARKUP.sub(" ", head)))
    return f"{title} {rest.removeprefix(title) if title else rest}".strip()[:200]


def _shown(text: str) -> str:
    """Text of a page on one line."""
    return " ".join(html.unescape(text).split())


def _suspects(query: Mapping[str, str]) -> list[str]:
    """Name parameters whose value looks like a slip of a programming language."""
    return [quoted(f"{name}={value}", 60) for name, value in query.items() if value in _SLIPS][:5]
