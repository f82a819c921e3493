"""The verdict: of all findings the one that is the cause, in one sentence, with the consequence where one was found too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzer.model.session import Session
    from analyzer.model.track import Track

# A sentence ends at a full stop before a capital letter, but not inside a quotation in backticks.
_SENTENCE = re.compile(r"((?:`[^`]*`|[^`])*?[.!?])(?=\s+[A-Z`])")


def first_sentence(text: str) -> str:
    """Cut a text behind its first sentence."""
    found = _SENTENCE.match(text)
    return found.group(1) if found else text


def verdict(session: Session, findings: Sequence[Finding], ranks: Mapping[str, Rank]) -> Verdict:
    """Choose the cause from findings that are sorted by severity, rank and time.

    Notes are no cause. What is said about the capture itself (Rank.QUALITY) is taken only when nothing else was found.
    """
    loud = [finding for finding in findings if finding.severity is not Severity.NOTE and ranks[finding.rule] is not Rank.QUALITY]
    about_capture = [finding for finding in findings if ranks[finding.rule] is Rank.QUALITY]
    if not loud and not about_capture:
        return Verdict(None, "ok", healthy(session))
    cause = (loud or about_capture)[0]
    sentence = first_sentence(cause.text)
    errors = [finding for finding in loud if finding.severity is Severity.ERROR]
    closing = next((finding.values["closed_with"] for finding in errors if finding.values.get("closed_with")), None)
    if closing and ranks[cause.rule] is not Rank.ENDING:
        sentence = f"{sentence.rstrip('.')}, so the server closed with {closing}."
    return Verdict(cause.rule, cause.severity.value, sentence)


def healthy(session: Session) -> str:
    """Say in one sentence what was streamed and how it ended."""
    streamed = [
        f"{side} {_streamed(track)}"
        for side, track in (("the client", session.client_audio), ("the server", session.server_audio))
        if track
    ]
    what = " and ".join(streamed) or "no audio was sent"
    return f"{what[0].upper()}{what[1:]}; {_ending(session)}."


def _streamed(track: Track) -> str:
    """Say what one side streamed."""
    form = track.format.encoding or track.format.container
    kind = f"{form} audio" if form else "audio"
    length = f"{track.duration_s:.1f} s of {kind}" if track.duration_s is not None else f"{track.bytes} bytes of {kind}"
    return f"streamed {length} in {track.messages} message{'' if track.messages == 1 else 's'}"


def _ending(session: Session) -> str:
    """Say how the session ended."""
    close = session.close
    if close is not None:
        code = "without a code" if close.code is None else f"with {close.code}"
        return f"the {close.side.word} closed {code}"
    return (
        "the capture ends while the session is open" if session.tcp_end == "open" else "the connection ended without a close frame"
    )
