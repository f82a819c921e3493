"""Rule service-error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import rule
from analyzer.rules._evidence import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_ERROR = "error"
_FIELDS = ("code", "variant", "description", "err_msg", "error")


@rule("service-error", rank=Rank.ENDING, generic="silent")
def service_error(session: Session) -> Iterator[Finding | Unjudged]:
    """Service reported an error or a warning in a message.

    What it means
    Besides close codes a service reports problems as messages: Deepgram's Error says which message it could not read or
    which setting it refuses, Warning what it did not do. After an Error many sessions end with a close that says nothing.

    How it is found
    A text message of the server whose type is one that the service uses for errors and warnings. An Error is an error,
    anything else a warning.

    When it stays silent
    In a session of no known service, whose vocabulary is not known.

    What to do
    Read the code and the description and correct the message they name; where the service is at fault, look at its status
    page and contact support with the request id.

    References
    Deepgram, pages on Configure, Flux errors, and voice agent errors and warnings.

    Example
    0.0 client GET /v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000
    0.02 server 101
    0.05 server text {"type":"Connected","request_id":"0d0b4a4c-8a30-4b0f-9d0c-5d2c2d1d3f6a","sequence_id":0}
    0.1 client audio 2560 x20 every 0.08
    1.8 server text {"type":"Error","sequence_id":1,"code":"INTERNAL_SERVER_ERROR","description":"An internal error occurred."}
    1.9 server close
    1.91 client close
    2.0 server fin
    2.0 client fin
    verdict: service-error
    """
    server, words = session.server, session.provider.error_words
    rows = server.rows(Kind.EVENT, words)
    if not rows.size:
        return
    errors = server.rows(Kind.EVENT, frozenset(word for word in words if word.casefold() == _ERROR))
    shown = errors if errors.size else rows
    first = server.moment(int(shown[0]))
    word = server.label(int(shown[0]))
    text = next((text.text for text in server.texts if text.row == shown[0]), "")
    details = _details(text)
    said = quoted(": ".join(details.values()) or text) if details or text else "without a text in the capture"
    many = "" if len(rows) == 1 else f" It sent {len(rows)} such messages."
    yield Finding(
        Severity.ERROR if errors.size else Severity.WARNING,
        f"The service sent {word} at {session.seconds(first.time):.2f} s: {said}.{many}",
        packets=server.packets(rows),
        time_s=session.seconds(first.time),
        until_s=session.seconds(server.moment(int(rows[-1])).time),
        side=server.side.word,
        count=len(rows),
        values={"errors": len(errors), "type": word, **details},
    )


def _details(text: str) -> dict[str, str]:
    """Read what the message says: its code and description, as far as they are text."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    fields = parsed if isinstance(parsed, dict) else {}
    return {name: fields[name][:200] for name in _FIELDS if isinstance(fields.get(name), str)}
