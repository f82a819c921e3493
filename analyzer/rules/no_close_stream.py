"""Rule no-close-stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.model.provider import EmptyBinary
from analyzer.model.schema import Kind
from analyzer.rules import rule
from analyzer.rules._evidence import packets_of, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.places import Moment
    from analyzer.model.session import Session

_WARNING = "warning"


@rule("no-close-stream", rank=Rank.ENDING, generic="silent")
def no_close_stream(session: Session) -> Iterator[Finding | Unjudged]:
    """Client ended the session without CloseStream.

    What it means
    The service keeps some audio back for context. CloseStream makes it finish that, send the last results and a summary,
    and close. A client that closes the WebSocket or the connection itself loses the last words.

    How it is found
    A session with audio that the client ended first, by a close frame, a FIN or a RST, and that has no CloseStream, or the
    service's own word for the end of the audio, as text.

    When it stays silent
    When the server closed first, when the service had taken an empty message for the end, when it had reported an error
    before, and where bytes of the client are missing.

    What to do
    Send {"type":"CloseStream"} as text when all audio is sent, go on reading until the server's close frame, and only then
    close.

    References
    Deepgram, WebSocket DATA and NET errors, "Closing the WebSocket connection".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.2 client close 1000
    2.21 server close 1000
    2.3 server fin
    2.3 client fin
    verdict: no-close-stream
    """
    provider, client = session.provider, session.client
    audio = session.audio_rows
    if not session.accepted or not provider.client_audio or not provider.end_words or not audio.size:
        return
    end = _ended_by_client(session)
    if end is None or client.rows(Kind.CONTROL, provider.end_words).size or _ended_otherwise(session, end):
        return
    why = unseen(client)
    if why is not None:
        yield Unjudged(why)
        return
    word = min(provider.end_words)
    last = client.moment(int(audio[-1]))
    at = session.seconds(end.time)
    yield Finding(
        Severity.WARNING,
        f"The client ended the session at {at:.2f} s, {(end.time - last.time) / SECOND:.2f} s after its last audio, "
        f"and never sent {word}.",
        packets=packets_of(last, end),
        time_s=at,
        side=client.side.word,
        values={"ended_by": "close" if session.close else session.tcp_end, "last_audio_s": session.seconds(last.time)},
    )


def _ended_by_client(session: Session) -> Moment | None:
    """When the client ended the session, None when it did not end or the server ended it."""
    if session.close is not None:
        return session.close.at if session.close.side is session.client.side else None
    tcp = session.client.tcp
    return {"fin-client": tcp.fin, "rst-client": tcp.rst}.get(session.tcp_end)


def _ended_otherwise(session: Session, end: Moment) -> bool:
    """Whether the service had ended the audio before: it took an empty message as the end, or reported an error."""
    if session.provider.empty_binary is not EmptyBinary.NOTHING and session.client.rows(Kind.EMPTY).size:
        return True
    errors = frozenset(word for word in session.provider.error_words if word.casefold() != _WARNING)
    rows = session.server.rows(Kind.EVENT, errors)
    return bool(rows.size) and session.server.moment(int(rows[0])).time <= end.time
