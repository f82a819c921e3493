"""Rule closed-with-error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Side
from analyzer.rules import rule
from analyzer.rules._evidence import PING_TIMEOUT, close_token, code_text, packets_of, quoted, server_close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Close, Session

_GOING_AWAY = 1001
_APPLICATION_CODES = 4000
_OWN_RULES = {"NET-0000", "NET-0001", "DATA-0000"}
# RFC 6455 section 7.4.1 and the IANA registry of WebSocket close codes.
_MEANINGS = {
    1001: "it is going away",
    1002: "protocol error",
    1003: "a kind of data that it does not take",
    1007: "data that does not fit the kind of message, such as text that is not UTF-8",
    1008: "against its policy",
    1009: "message too big",
    1010: "an extension is missing",
    1011: "an unexpected condition on its side",
    1012: "it restarts",
    1013: "overloaded, try again later",
    1014: "bad answer of a server behind it",
    3000: "not authorised",
    3003: "forbidden",
    3008: "timeout",
}


@rule("closed-with-error", rank=Rank.ENDING)
def closed_with_error(session: Session) -> Iterator[Finding | Unjudged]:
    """Session was closed with an error code.

    What it means
    The side that closed first gave a code that stands for no normal end. Codes of the 1000s are those of the WebSocket
    standard, the 3000s are registered, the 4000s are the application's own. The reason, where there is one, says more than
    the code.

    How it is found
    The first close frame has a code other than the service's normal ones. It is an error when the server sent it and a
    warning when the client did, or for 1001, which servers and browsers send when they go away.

    When it stays silent
    For NET-0000, NET-0001 and DATA-0000 and for unanswered pings, which have rules of their own, and for a client that
    closes without a code or with 1000 or 1001. In a session of no known service an application's own code (4000 to 4999) is
    a warning.

    What to do
    Look up the code and the reason in the service's documentation; for 1012, 1013 and 1001 connect again with a growing
    delay, for 1002 and 1007 see protocol-violation, for 1009 send smaller messages.

    When contacting support, include the error received, the request id, a sample of your audio, and any related code you
    are able to share.

    References
    RFC 6455 sections 5.5.1 and 7.4. Deepgram, WebSocket DATA and NET errors, "Abrupt WebSocket closures".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x10 every 0.1
    1.0 server text {"type":"Results","is_final":false,"start":0,"duration":0.9,"channel":{"alternatives":[{"transcript":"a"}]}}
    1.2 server close 1013 "try again later"
    1.21 client close 1013
    1.3 server fin
    1.3 client fin
    verdict: closed-with-error
    """
    close = session.close
    if close is None or close.reason.startswith(PING_TIMEOUT):
        return
    by_server = close.side is Side.SERVER
    token = close_token(session, close) if by_server else None
    named = server_close(session)
    named_token = close_token(session, named) if named else None
    if named_token and named_token.token in _OWN_RULES:
        return
    normal = session.provider.normal_close | (frozenset() if by_server else {None, 1000, _GOING_AWAY})
    if close.code in normal and token is None:
        return
    at = session.seconds(close.at.time)
    meaning = token.meaning if token else _meaning(close)
    reason = f", reason {quoted(close.reason)}" if close.reason else ""
    values = {"code": close.code, "reason": close.reason[:200]}
    if by_server:
        values["closed_with"] = code_text(close, token)
    yield Finding(
        _severity(session, close),
        f"The {close.side.word} closed at {at:.2f} s with {code_text(close, token)} ({meaning}){reason}.",
        packets=packets_of(close.at),
        time_s=at,
        side=close.side.word,
        values=values,
    )


def _severity(session: Session, close: Close) -> Severity:
    """Weigh a close code that stands for no normal end."""
    own = not session.provider.known and close.code is not None and close.code >= _APPLICATION_CODES
    mild = close.side is Side.CLIENT or close.code in (None, _GOING_AWAY) or own
    return Severity.WARNING if mild else Severity.ERROR


def _meaning(close: Close) -> str:
    """Say what a code stands for."""
    if close.code is None:
        return "a close frame without a code, where the service's normal end has one"
    own = "a code of the application's own" if close.code >= _APPLICATION_CODES else "a code without a registered meaning"
    return _MEANINGS.get(close.code, own)
