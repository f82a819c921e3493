"""What several rules ask of a session: what the capture does not cover, how the server closed, how to quote what was sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analyzer.model.anomalies import Anomaly
from analyzer.model.finding import Finding, Severity, Unjudged
from analyzer.model.provider import CloseToken
from analyzer.model.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analyzer.model.places import Moment
    from analyzer.model.session import Close, Direction, Session
    from analyzer.model.track import Pace

# Deepgram writes a code in a close reason as `NET-0001` or as the end of an address, `dpgr.am/net0001`.
_TOKEN = re.compile(r"\b(NET|DATA|MESSAGE|BIG)-?(\d{4})\b", re.IGNORECASE)
_IDLE = re.compile(r"time[ -]?out|timed out|inactiv|\bidle\b", re.IGNORECASE)
_EXCERPT = 120
_PACE_FROM_S = 2.0
_TELLING = 14

FASTEST = 1.25
"""Times real time: what comes faster the service slows down."""
PING_TIMEOUT = "keepalive ping timeout"
"""The reason that the Python library `websockets` gives when its pings stay unanswered."""


def quoted(text: str, limit: int = _EXCERPT) -> str:
    """Quote what was sent: one line, cut to `limit` characters, in backticks."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: limit * 4]).replace("`", "'").split())
    return f"`{line[:limit]}…`" if len(line) > limit or len(text) > limit * 4 else f"`{line}`"


def unseen(direction: Direction) -> str | None:
    """Say which messages of this side may not be in the capture, or cannot be read; None when all are known."""
    side = direction.side.word
    if not direction.tcp.packets:
        return f"no packet of the {side} is in the capture"
    if direction.blind:
        return (
            f"{direction.missing} bytes of the {side} are not in the capture"
            if direction.missing
            else f"where frames of the {side} begin is not known at first"
        )
    if direction.rows(Kind.UNREADABLE).size:
        return f"some messages of the {side} cannot be read"
    return None


def end_unseen(direction: Direction) -> str | None:
    """Say why the last message of this side may not be in the capture; None when the capture holds it."""
    if not direction.tcp.packets:
        return f"no packet of the {direction.side.word} is in the capture"
    if not direction.blind:
        return None
    times = direction.messages.column("first_time")
    if len(times) and int(times[-1]) > direction.blind[-1].begin.time:
        return None
    return f"the last bytes of the {direction.side.word} are not in the capture"


def acknowledgements_unseen(session: Session) -> str | None:
    """Say why acknowledgements may be missing from the capture; None when nothing speaks for it."""
    for direction in session.sides:
        if not direction.tcp.packets:
            return f"no packet of the {direction.side.word} is in the capture"
        if direction.missing:
            return f"bytes of the {direction.side.word} are missing from the capture, so that acknowledgements may be, too"
    return "packets are missing from the capture, so that acknowledgements may be, too" if session.capture_cut else None


def never_opened(session: Session) -> bool:
    """Whether a 101 came that the client had to refuse, and did: it sent no message."""
    response = session.upgrade.response
    return response is not None and response.accept_valid is False and not len(session.client.messages)


def not_offered(session: Session) -> str:
    """Say that the server's SETTINGS do not allow a WebSocket over HTTP/2 (RFC 8441 section 3); empty where they do."""
    if not session.client.anomaly_counts.get(Anomaly.CONNECT_NOT_OFFERED):
        return ""
    return " The server's SETTINGS do not allow WebSocket over HTTP/2 (no ENABLE_CONNECT_PROTOCOL)."


def server_close(session: Session) -> Close | None:
    """Take the server's close frame if it came first or names a code of the service; an echo of the client's does neither."""
    for close in session.server.closes:
        if close is session.close or close_token(session, close):
            return close
    return None


def close_token(session: Session, close: Close) -> CloseToken | None:
    """Read the service's code in a close reason, in either spelling or by the words that stand for it.

    The same code means different things at different endpoints of a service, so the meaning is the provider's.
    """
    if not close.reason or not session.provider.known:
        return None
    known = {token.token: token for token in session.provider.close_tokens}
    spelled = _TOKEN.search(close.reason)
    if spelled:
        name = f"{spelled[1].upper()}-{spelled[2]}"
        return known.get(name, CloseToken(name, "a code that this endpoint's documentation does not explain"))
    reason = close.reason.casefold()
    return next((token for token in known.values() if token.phrase and _says(reason, token.phrase.casefold())), None)


def _says(reason: str, phrase: str) -> bool:
    """Whether a reason holds a phrase, or breaks off in it, as one that a snap length cut does."""
    return phrase in reason or any(reason.endswith(phrase[:most]) for most in range(_TELLING, len(phrase)))


def code_text(close: Close, token: CloseToken | None) -> str:
    """Write a close as reports do, for instance `1011 NET-0001`."""
    words = "no code" if close.code is None else str(close.code)
    return f"{words} {token.token}" if token else words


def closed_for_silence(session: Session) -> Close | None:
    """Take the server's close when it closed because it was sent no audio, or nothing at all.

    NET-0000 says that the server had nothing to answer. It counts where nothing else explains that: audio sent as base64 text does.
    """
    close = session.close
    if close is None or close not in session.server.closes:
        return None
    token = close_token(session, close)
    if token is None:
        return close if _IDLE.search(close.reason) and close.reason != PING_TIMEOUT else None
    if token.token == "NET-0000":  # noqa: S105 - a close code of the service
        return None if session.client.rows(Kind.BASE64).size else close
    return close if token.token == "NET-0001" else None  # noqa: S105 - a close code of the service


def packets_of(*moments: Moment | None) -> tuple[int, ...]:
    """Packet numbers of what was seen, in order and without repetition."""
    return tuple(sorted({moment.packet for moment in moments if moment is not None and moment.packet > 0}))


def _judged_pace(session: Session) -> Pace | None:
    """Take the pace of the audio where it says something: from 2 s on, and where the bytes are what was declared.

    A wrong sample rate makes the ratio wrong by as much; format-mismatch names that cause.
    """
    track, pace = session.client_audio, session.pace
    if track is None or pace is None or pace.audio_s < _PACE_FROM_S or track.decodable is False:
        return None
    wrapped = track.actual is not None and track.actual.container == "wav" and track.actual.encoding == track.format.encoding
    return pace if track.actual is None or wrapped or track.actual.confidence == "hint" else None


def off_pace(session: Session, is_off: Callable[[float], bool]) -> Iterator[Finding | Unjudged]:
    """Find audio whose pace is off; `is_off` is given how many times as fast as real time it was sent."""
    pace = _judged_pace(session)
    if pace is None or not is_off(pace.ratio):
        return
    if session.client.blind:
        yield Unjudged("bytes of the client are missing from the capture, so that its pace is not known")
        return
    rows = session.audio_rows
    first, last = (session.seconds(session.client.moment(int(row)).time) for row in (rows[0], rows[-1]))
    yield Finding(
        Severity.WARNING,
        f"The client sent {pace.audio_s:.1f} s of audio in {pace.span_s:.1f} s, {pace.ratio:.2f} times as fast as real time.",
        packets=session.client.packets(rows),
        time_s=first,
        until_s=last,
        side=session.client.side.word,
        values={"ratio": round(pace.ratio, 4), "audio_s": pace.audio_s, "span_s": pace.span_s, "interval_s": pace.interval_s},
    )


def closed_with(session: Session, name: str) -> Iterator[Finding]:
    """Find the server's close frame with this code, and what the code means at this endpoint."""
    close = server_close(session)
    token = close_token(session, close) if close else None
    if close is None or token is None or token.token != name:
        return
    at = session.seconds(close.at.time)
    yield Finding(
        Severity.ERROR,
        f"The server closed at {at:.2f} s with {code_text(close, token)}: {token.meaning}.",
        packets=packets_of(close.at),
        time_s=at,
        side=close.side.word,
        values={"code": close.code, "reason": close.reason[:_EXCERPT], "closed_with": code_text(close, token)},
    )
