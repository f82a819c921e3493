"""What is shown beside the audio of a session, on its time line: findings, KeepAlives and other control messages, results, closes.

In: a frozen Session and what the rules found. Out: `Mark`s in order of time, every secret in them redacted, and when the audio of
a side was sent.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from analyzer.model.finding import Finding, Verdict
from analyzer.model.redact import redact_value
from analyzer.model.schema import Kind, Side
from analyzer.model.session import Session
from analyzer.model.track import Mark, Sending
from analyzer.session.summary import iso, secrets_in

_TEXT = 160
"""Characters of a mark."""


def sending(session: Session, side: Side) -> Sending:
    """When the audio messages of a side were sent, and where each begins in its audio."""
    direction = session.sides[side]
    rows = direction.rows(Kind.AUDIO)
    times = direction.messages.column("first_time")[rows] - session.origin
    end = max(session.last.time - session.origin, 0)
    return Sending(times, direction.messages.column("audio_at")[rows], end, session.origin)


def heading(session: Session, verdict: Verdict) -> str:
    """Whose session it is, when it began, and what became of it: two lines."""
    client, server = session.client.endpoint, session.server.endpoint
    ends = f"{client.ip} port {client.port} to {server.ip} port {server.port}"
    return f"{ends}, 0 s is {iso(session.origin)}\n{redact_value(verdict, secrets_in(session)).text}"


def marks(session: Session, findings: tuple[Finding, ...]) -> tuple[Mark, ...]:
    """The marks, as many as the limit allows."""
    secrets = secrets_in(session)
    found = chain(_findings(findings), _results(session), _closes(session), _controls(session))
    kept = sorted(islice(found, session.settings.limits.marks), key=lambda mark: mark.time_s)
    whole = (redact_value(mark, secrets) for mark in kept)
    # Cut at last: a secret cut in two would not be recognised.
    return tuple(replace(mark, text=_short(" ".join(mark.text.split()))) for mark in whole)


def _short(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"


def _findings(findings: tuple[Finding, ...]) -> Iterator[Mark]:
    for one in findings:
        if one.time_s is not None:
            yield Mark(one.time_s, one.until_s, "finding", f"{one.rule}: {one.text}", str(one.severity))


def _results(session: Session) -> Iterator[Mark]:
    for said in session.service.transcripts:
        heard = (said.begin, said.end) if said.begin is not None and said.end is not None and said.end > said.begin >= 0 else None
        words = said.text if session.settings.transcripts else "(words not shown)"
        kind = "" if said.final else "interim: "
        yield Mark(session.seconds(said.at.time), None, "result", f"{kind}{words}", audio_s=heard)


def _closes(session: Session) -> Iterator[Mark]:
    for direction in session.sides:
        for close in direction.closes:
            code = "without a code" if close.code is None else str(close.code)
            said = f"{direction.side.word} close {code} {close.reason}".rstrip()
            yield Mark(session.seconds(close.at.time), None, "close", said)


def _controls(session: Session) -> Iterator[Mark]:
    """Control messages of the client, as text or, by mistake, as binary; and its empty messages."""
    client, keepalive = session.client, session.provider.keepalive_words
    for kind, note in ((Kind.CONTROL, ""), (Kind.MISPLACED, " as binary"), (Kind.EMPTY, "empty binary message")):
        for row in client.rows(kind).tolist():
            word = client.label(row)
            time = session.seconds(client.moment(row).time)
            yield Mark(time, None, "keepalive" if word in keepalive else "control", f"{word}{note}")
