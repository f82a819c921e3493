"""The terminal report: what is wrong comes first, then the facts, a time line, and the findings with their evidence.

The only report that uses rich. Captured strings travel as `Text` without markup and without control characters, so that a hostile
capture cannot steer the terminal. Colours are the terminal's own sixteen, which fit light and dark backgrounds.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from analyzer.reports.phrases import (
    address,
    capture_line,
    clock,
    close,
    facts,
    headline,
    other_line,
    outcome,
    printable,
    seconds,
    short_name,
    tally,
    where,
)
from analyzer.reports.timeline import rows

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.report import CaptureReport, Report, SessionReport

FEW = 3
"""With more sessions a table comes first, and only those with an error or a warning are told in full."""
DETAILED = 10
"""Sessions told in full at most; `--session N` shows another."""
NARROW, WIDE = 60, 160
"""A report is never laid out for less or more columns than these."""
BADGES = {
    "error": "bold white on red",
    "warning": "bold black on yellow",
    "note": "bold white on blue",
    "ok": "bold black on green",
}
ACCENTS = {"error": "red", "warning": "magenta", "note": "blue", "ok": "green"}


def render(report: "Report", *, width: int | None = None, colour: bool = False) -> str:
    """Write the report for a terminal of `width` columns (100 without), with escape sequences only when `colour` is true."""
    columns = min(max(width or 100, NARROW), WIDE)
    console = _console(columns, colour)
    with console.capture() as captured:
        console.print(Text(headline(report), "bold"))
        for capture in report.captures:
            for part in _capture(capture, columns):
                console.print(part)
    return _trimmed(captured.get())


def sessions_table(report: "Report", *, width: int | None = None, colour: bool = False) -> str:
    """Write one line per session, as a table for a terminal."""
    console = _console(max(width or 100, NARROW), colour)
    with console.capture() as captured:
        for capture in report.captures:
            console.print(_overview(capture))
            console.print(_text(f"{tally(capture.sessions)}. {other_line(capture)}", "dim"))
    return _trimmed(captured.get())


def _console(width: int, colour: bool) -> Console:
    """Make a console that writes to memory and takes nothing from the environment."""
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _trimmed(text: str) -> str:
    """Take the blanks off the ends of lines, which would be copied into tickets."""
    return "".join(f"{line.rstrip()}\n" for line in text.split("\n")[:-1])


def _text(text: object, style: str = "") -> Text:
    return Text(printable(text), style)


def _capture(capture: "CaptureReport", width: int) -> Iterator[RenderableType]:
    yield Text()
    yield Text.assemble((short_name(capture.path), "bold"), "  ", (printable(capture_line(capture)), "dim"))
    yield _text("; ".join(filter(None, (tally(capture.sessions), other_line(capture)))), "dim")
    for comment in capture.comments:
        yield Padding(_text(f"Comment: {comment}", "italic"), (0, 0, 0, 2))
    if capture.findings:
        yield Text()
        yield from (_finding(finding) for finding in capture.findings)
    if len(capture.sessions) > FEW:
        yield Text()
        yield _overview(capture)
    told = [
        session for session in capture.sessions if len(capture.sessions) <= FEW or session.verdict.severity in ("error", "warning")
    ]
    for session in told[:DETAILED]:
        yield from _session(session, width)
    if len(told) > DETAILED:
        yield Text()
        yield Text(f"{len(told) - DETAILED:,} more sessions have an error or a warning; show one with --session N.", "bold")


def _overview(capture: "CaptureReport") -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="bold")
    table.add_column("#", justify="right", no_wrap=True)
    for name, minimum in (("time", 12), ("client", 9), ("server", 9), ("provider", 8), ("upgrade", 8)):
        table.add_column(name, min_width=minimum, overflow="fold")
    table.add_column("audio", justify="right")
    table.add_column("close", max_width=28, overflow="fold")
    table.add_column("verdict", min_width=12, overflow="fold")
    for session in capture.sessions:
        track = session.audio.get("client")
        severity = str(session.verdict.severity)
        table.add_row(
            str(session.id),
            clock(session.start),
            address(session.client),
            address(session.server),
            _text(session.provider),
            outcome(session),
            seconds(track.get("duration_s")) if track else "none",
            _text(close(session)),
            Text(session.verdict.rule or severity, ACCENTS.get(severity, "")),
        )
    return table


def _session(session: "SessionReport", width: int) -> Iterator[RenderableType]:
    severity = str(session.verdict.severity)
    yield Text()
    yield Rule(Text(f"Session {session.id}", "bold"), align="left", style="dim")
    yield Text.assemble((f" {severity.upper()} ", BADGES.get(severity, "bold")), " ", (session.verdict.rule or "", "bold"))
    yield _text(session.verdict.text, "bold")
    yield Text()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for label, value in facts(session):
        table.add_row(label, _text(value))
    yield Padding(table, (0, 0, 0, 2))
    picture = rows(session, width - 4)
    if picture:
        yield Text()
        yield Padding(Group(*(Text.assemble(*row, no_wrap=True, overflow="crop") for row in picture)), (0, 0, 0, 2))
    if session.findings:
        yield Text()
        yield from (_finding(finding) for finding in session.findings)
    if session.not_judged:
        yield Text("Not judged", "bold")
        yield from (Padding(_text(f"{one['rule']}: {one['why']}"), (0, 0, 0, 2)) for one in session.not_judged)


def _finding(finding: "Finding") -> RenderableType:
    severity = str(finding.severity)
    head = Text.assemble((f"{severity:<8}", f"bold {ACCENTS.get(severity, '')}"), (finding.rule, "bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, value in (("Evidence", where(finding)), ("Wireshark", finding.filter), ("To do", finding.remedy)):
        if value:
            grid.add_row(label, _text(value))
    return Group(head, Padding(_text(finding.text), (0, 0, 0, 8)), Padding(grid, (0, 0, 1, 8)))
