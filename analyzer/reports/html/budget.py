"""Which sessions a page tells in full, and which of these with their frames and audio: those with findings first.

In: the captures and the limits. Out: `Chosen`. A page of many sessions stays one that can be sent and opened.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from analyzer.model.dataclass import dataclass
from analyzer.model.playback import Playback
from analyzer.reports.html.columns import shown

if TYPE_CHECKING:
    from analyzer.model.limits import Limits
    from analyzer.model.report import Report, SessionReport

Place = tuple[int, int]
"""Number of the capture, from 0, and of the session."""
Play = Callable[[str, int], Playback | None]
"""Compresses the WAV file of this path to at most so many bytes, or gives None."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Sessions by place."""

    listed: frozenset[Place]
    """Those with a line in the table; the others are counted."""
    told: frozenset[Place]
    framed: frozenset[Place]
    """Those with frames."""
    heard: dict[Place, dict[str, Playback]]
    """Audio by side, of those that have some."""
    silent: frozenset[Place]
    """Those whose audio there is no room for."""


def choose(report: "Report", limits: "Limits", play: Play | None) -> Chosen:
    """Decide, and compress the audio of the chosen."""
    order = sorted(_sessions(report), key=lambda found: found[1].verdict.weight)
    told = order[: limits.page_sessions]
    frames, room = limits.page_frames, limits.page_audio
    framed: set[Place] = set()
    silent: set[Place] = set()
    heard: dict[Place, dict[str, Playback]] = {}
    for number, (place, session) in enumerate(told):
        detailed = number < limits.page_detailed
        count, _ = shown(session)
        if detailed and count <= frames:
            framed.add(place)
            frames -= count
        for side, track in session.audio.items():
            path = ((track or {}).get("files") or {}).get("timeline")
            if path is None or play is None:
                continue
            played = play(path, room) if detailed else None
            if played is None:
                silent.add(place)
                continue
            room -= len(played.data)
            heard.setdefault(place, {})[side] = played
    listed = frozenset(place for place, _ in order[: limits.page_listed])
    return Chosen(listed, frozenset(place for place, _ in told), frozenset(framed), heard, frozenset(silent))


def _sessions(report: "Report") -> "Iterator[tuple[Place, SessionReport]]":
    for number, capture in enumerate(report.captures):
        for session in capture.sessions:
            yield (number, session.id), session
