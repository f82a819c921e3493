"""What the rules about the signal share: when it can be judged, and which messages carried it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.model.session import Session
    from analyzer.model.track import Track

_SHORTEST_S = 1.0


def sound(session: Session) -> Track | None:
    """The client's audio where its signal means something: it decodes, is what was declared, and lasts a second."""
    track = session.client_audio
    if track is None or not session.audio_rows.size or not track.decodable or (track.duration_s or 0.0) < _SHORTEST_S:
        return None
    return None if track.actual is not None and track.actual.encoding != track.format.encoding else track


def throughout(session: Session, text: str, values: Mapping[str, object], severity: Severity = Severity.WARNING) -> Finding:
    """A finding about all audio of the client."""
    messages, rows = session.client.messages, session.audio_rows
    return Finding(
        severity,
        text,
        packets=session.client.packets(rows),
        time_s=session.seconds(int(messages.column("first_time")[rows[0]])),
        until_s=session.seconds(int(messages.column("last_time")[rows[-1]])),
        side=session.client.side.word,
        values=values,
    )
