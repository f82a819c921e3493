"""Rule malformed-control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import rule
from analyzer.rules._evidence import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session, Text


@rule("malformed-control", rank=Rank.MISUSE, generic="silent")
def malformed_control(session: Session) -> Iterator[Finding | Unjudged]:
    """Control message is not valid JSON or not of a known type.

    What it means
    The server reads every text message as JSON with an exact type. Single quotes, a wrong capital letter, a trailing blank
    in the type, a word of another endpoint or the name of an object instead of its content are refused or ignored, so that
    KeepAlive does not keep the session alive and CloseStream does not end it.

    How it is found
    A text message of the client that is not valid JSON, or whose type is none that this endpoint takes.

    When it stays silent
    Text that carries base64 audio has a rule of its own, base64-audio. A session of no known service is not judged, because
    its vocabulary is not known.

    What to do
    Build control messages with a JSON library and send exactly {"type":"KeepAlive"}, {"type":"Finalize"} or
    {"type":"CloseStream"}, with double quotes and these capitals; look up which of them the endpoint takes.

    In Python use json.dumps(message), not str(message). In JavaScript use JSON.stringify(message), and read a Blob with
    arrayBuffer() before sending. Flux (/v2/listen) takes neither KeepAlive nor Finalize.

    References
    Deepgram, WebSocket DATA and NET errors. RFC 8259 section 7 for quotes in JSON.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.2 client text {'type': 'CloseStream'}
    14.2 server close 1011 "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"
    14.21 client close 1011
    14.3 server fin
    14.3 client fin
    verdict: malformed-control
    """
    client = session.client
    rows = client.rows(Kind.MALFORMED)
    if _begins_with_settings(session):
        rows = rows[rows > 0]
    if not rows.size:
        return
    texts = [text for text in client.texts if text.kind is Kind.MALFORMED and text.row >= rows[0]]
    first, last = (client.moment(int(row)) for row in (rows[0], rows[-1]))
    example = f", {quoted(texts[0].text)}, which {_fault(session, texts[0])}" if texts else ""
    many = (
        "a text message that is no valid control message"
        if len(rows) == 1
        else f"{len(rows)} text messages that are no valid control messages"
    )
    yield Finding(
        Severity.ERROR,
        f"The client sent {many}, first at {session.seconds(first.time):.2f} s{example}.",
        packets=client.packets(rows),
        time_s=session.seconds(first.time),
        until_s=session.seconds(last.time),
        side=client.side.word,
        count=len(rows),
        values={"examples": [text.text[:200] for text in texts[:3]], "why": [text.why for text in texts[:3]]},
    )


def _begins_with_settings(session: Session) -> bool:
    """Whether the first message declares the format without having a type, as some services want it."""
    parameters = session.provider.parameters
    return session.opened == "handshake" and parameters.source == "message" and not parameters.message_type


def _fault(session: Session, text: Text) -> str:
    """Say what is wrong with a message, in the words after `which`."""
    start = text.text.strip()
    if not start:
        return "is empty"
    if start.startswith("[object"):
        return "is the name of a JavaScript object, not its content"
    if start.startswith("{") and '"' not in start and "'" in start:
        return "has single quotes and is no JSON"
    meant = {word.casefold(): word for word in session.provider.client_words}.get(text.label.strip().casefold())
    if meant and text.label:
        return f"is not spelled {meant}"
    if text.label:
        return f"is of the type {quoted(text.label, 40)} that this endpoint does not take"
    return "is no JSON with a type that this endpoint takes"
