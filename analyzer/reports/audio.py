"""What `analyzer audio` says of the files it wrote: format, length, levels and whether it decodes, per session and side."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from analyzer.reports.phrases import address, audio_format, printable, seconds, sound_facts, track_facts

if TYPE_CHECKING:
    from analyzer.model.report import Report

_LABEL = 22


def lines(report: "Report") -> Iterator[str]:
    """Write what was found, session by session; sessions without audio are counted in one line."""
    silent = 0
    several = len(report.captures) > 1
    for number, session in ((number, one) for number, capture in enumerate(report.captures, 1) for one in capture.sessions):
        name = f"Capture {number}, session" if several else "Session"
        tracks = [(side, track) for side, track in session.audio.items() if track and (track.get("files") or side == "client")]
        silent += not tracks
        for side, track in tracks:
            yield f"{name} {session.id}, {side}, {address(session.client)} to {address(session.server)}\n"
            for label, value in track_facts("Audio" if side == "client" else "Server audio", track):
                yield f"  {label:<{_LABEL}}{printable(value)}\n"
            for label, value in sound_facts(track.get("sound") or {}):
                yield f"  {label:<{_LABEL}}{printable(value)}\n"
            for kind, path in (track.get("files") or {}).items():
                yield f"  {f'File ({kind})':<{_LABEL}}{printable(path)}\n"
            if track.get("guess_s") is not None:
                yield f"  {'Guess':<{_LABEL}}{_guessed(track)}\n"
    if silent:
        yield f"{silent:,} session{'' if silent == 1 else 's'} without audio\n"
    if not report.sessions:
        yield "There is no WebSocket session in the capture.\n"


def _guessed(track: Mapping[str, Any]) -> str:
    """Say as what the guess was decoded."""
    actual = track["format"]["actual"]
    moved = ", whole samples only" if actual.get("offset") or actual.get("shifted_at") is not None else ""
    return printable(f"{seconds(track['guess_s'])} decoded as {audio_format(actual)}{moved} ({actual['confidence']})")
