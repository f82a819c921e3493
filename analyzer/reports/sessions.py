"""The sessions of a report as lines with tabs between the fields, for scripts. The terminal has its own table."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.reports.phrases import address, close, outcome, printable

if TYPE_CHECKING:
    from analyzer.model.report import Report

FIELDS = (
    *("id", "start", "client", "server", "provider", "upgrade", "request_id", "duration_s", "audio_s", "close"),
    *("severity", "rule", "verdict"),
)


def lines(report: "Report") -> Iterator[str]:
    """Write a head and one line per session or failed attempt; a field that the capture does not tell is empty. Lines of several
    captures begin with the capture's path.
    """
    several = len(report.captures) > 1
    yield "\t".join((*(("capture",) if several else ()), *FIELDS)) + "\n"
    for path, session in ((capture.path, session) for capture in report.captures for session in capture.sessions):
        track = session.audio.get("client")
        audio = track.get("duration_s") if track else None
        verdict = session.verdict
        fields = (
            session.id,
            session.start,
            address(session.client),
            address(session.server),
            session.provider,
            outcome(session),
            session.upgrade.get("request_id") or "",
            f"{session.duration_s:.6f}",
            "" if audio is None else f"{audio:.6f}",
            close(session),
            verdict.severity,
            verdict.rule or "",
            verdict.text,
        )
        yield "\t".join(printable(field) for field in (*((path,) if several else ()), *fields)) + "\n"
