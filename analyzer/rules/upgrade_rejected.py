"""Rule upgrade-rejected."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.model.session import Response, Session

# Python writes booleans with a capital; the others are what a language prints for a value that was never set.
_SLIPS = {"True", "False", "undefined", "null", "None", "NaN", "[object Object]", ""}
_PAGE = 4096
_MARKUP = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^>]*>?", re.DOTALL | re.IGNORECASE)
_PROXY = "Let the proxy or gateway pass WebSocket upgrades to the service, or connect without it."
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
    A complete HTTP answer to a request that asks for a WebSocket, with another status than 101.

    When it stays silent
    Where the answer is not in the capture.

    What to do
    Read the error text and correct what it names: 400 a parameter, 401 the credentials, 402 credits, 403 permissions, 404
    the path, 429 too many streams at once; after 5xx try again with a growing delay.

    When contacting support, include the error received, the request id, and any related code you are able to share.

    References
    Deepgram, WebSocket DATA and NET errors, "Failure to connect to Deepgram". RFC 6455 section 4.2.2, RFC 9110 section 15.

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
    foreign = bool(provider.request_id_headers) and not any(name in response.headers for name in provider.request_id_headers)
    proxy = " The answer has none of the service's headers, so that a proxy or gateway may have written it." if foreign else ""
    suspects = _suspects(request.query) if request else []
    doubt = f" Of the query look at {', '.join(suspects)}." if suspects else ""
    general = _GENERAL.get(response.status // 100, "Compare the request with the service's documentation.")
    yield Finding(
        Severity.ERROR,
        f"The server rejected the upgrade with {response.status} {response.reason}".rstrip() + f"{said}.{proxy}{doubt}",
        packets=packets_of(request.at if request else None, response.at),
        time_s=session.seconds(response.at.time),
        side=session.server.side.word,
        values={"status": response.status, "error": error or None, "service_headers": not foreign, "suspect_parameters": suspects},
        remedy=_PROXY if foreign else provider.advice.get(str(response.status), general),
    )


def _error(response: Response, names: tuple[str, ...]) -> str:
    """Find the error text: the service's header, else a message in the JSON body, else the body's beginning."""
    for name in names:
        if name in response.headers:
            return response.headers[name]
    body = response.body.decode("utf-8", "replace")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return _words(body)
    fields = parsed if isinstance(parsed, dict) else {}
    for name in ("err_msg", "message", "error", "reason", "detail", "error_message"):
        if isinstance(fields.get(name), str):
            return str(fields[name])
    return _words(body)


def _words(body: str) -> str:
    """The beginning of a body that is no JSON; of a page only what a browser shows."""
    head = body[:_PAGE]
    return " ".join(_MARKUP.sub(" ", head).split())[:200] if head.lstrip().startswith("<") else body[:200]


def _suspects(query: Mapping[str, str]) -> list[str]:
    """Name parameters whose value looks like a slip of a programming language."""
    return [quoted(f"{name}={value}", 60) for name, value in query.items() if value in _SLIPS][:5]
