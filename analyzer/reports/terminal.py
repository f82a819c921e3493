"""The terminal report: what is wrong comes first, then the facts, a time line, and the findings with their evidence.

The only report that uses rich. Captured strings travel as `Text` without markup and without control characters, so that a hostile
capture cannot steer the terminal. Colours are the terminal's own sixteen, which fit light and dark backgrounds.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from analyzer.reports.phrases import (
    address,
    advice,
    capture_line,
    clock,
    end,
    facts,
    files_line,
    headline,
    other_line,
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
ROOMY = 110
"""From here on the table of sessions shows every column."""
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
            if len(report.captures) > 1:
                console.print(_text(tally(capture.sessions), "dim"))
    return _trimmed(captured.get())


def sessions_table(report: "Report", *, width: int | None = None, colour: bool = False) -> str:
    """Write one line per session, as a table for a terminal."""
    columns = max(width or 100, NARROW)
    console = _console(columns, colour)
    with console.capture() as captured:
        for capture in report.captures:
            if len(report.captures) > 1:
                console.print(_text(short_name(capture.path), "bold"))
            for part in _overview(capture, columns):
                console.print(part)
            console.print(_text("; ".join(filter(None, (tally(capture.sessions), other_line(capture)))), "dim"))
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
    yield from (_text(line, "dim") for line in (files_line(capture), other_line(capture)) if line)
    for comment in capture.comments:
        yield Padding(_text(f"Comment: {comment}", "italic"), (0, 0, 0, 2))
    for finding in capture.findings:
        yield from _finding(finding)
    if len(capture.sessions) > FEW:
        yield Text()
        yield from _overview(capture, width)
    told = [
        session for session in capture.sessions if len(capture.sessions) <= FEW or session.verdict.severity in ("error", "warning")
    ]
    for session in told[:DETAILED]:
        yield from _session(session, width)
    if len(told) > DETAILED:
        yield Text()
        yield Text(f"{len(told) - DETAILED:,} more sessions have an error or a warning; show one with --session N.", "bold")


def _overview(capture: "CaptureReport", width: int) -> Iterator[RenderableType]:
    """Give each session one line. What is the same for all of them is said once, below."""
    wide = width >= ROOMY
    servers = {(address(session.server), session.provider) for session in capture.sessions}
    where_to = len(servers) > 1
    which = wide and len({provider for _, provider in servers}) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("#", justify="right", no_wrap=True)
    for name in ("time", "client", *(("server",) if where_to else ()), *(("provider",) if which else ())):
        table.add_column(name, overflow="fold")
    table.add_column("audio", justify="right", no_wrap=True)
    table.add_column("end", overflow="fold")
    table.add_column("verdict", overflow="fold", min_width=12)
    for session in capture.sessions:
        track = session.audio.get("client")
        severity = str(session.verdict.severity)
        table.add_row(
            str(session.id),
            clock(session.start) if wide else clock(session.start)[:8],
            address(session.client),
            *((address(session.server),) if where_to else ()),
            *((_text(session.provider),) if which else ()),
            seconds(track.get("duration_s")) if track else "none",
            end(session),
            Text(session.verdict.rule or severity, ACCENTS.get(severity, "")),
        )
    yield table
    if not where_to:
        yield from (_text(f"All to {server}, {provider}.", "dim") for server, provider in servers)


def _session(session: "SessionReport", width: int) -> Iterator[RenderableType]:
    severity = str(session.verdict.severity)
    yield Text()
    yield Rule(Text(f"Session {session.id}", "bold"), align="left", style="dim")
    yield Text.assemble((f" {severity.upper()} ", BADGES.get(severity, "bold")), " ", (session.verdict.rule or "", "bold"))
    yield _text(session.verdict.text, "bold")
    if todo := advice(session):
        yield Text.assemble(("To do  ", "dim"), printable(todo))
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
    for finding in session.findings:
        yield from _finding(finding)
    if session.not_judged:
        yield Text()
        yield Text("Not judged", "bold")
        yield from (Padding(_text(f"{one['rule']}: {one['why']}"), (0, 0, 0, 2)) for one in session.not_judged)


def _finding(finding: "Finding") -> Iterator[RenderableType]:
    severity = str(finding.severity)
    head = Text.assemble((f"{severity:<8}", f"bold {ACCENTS.get(severity, '')}"), (finding.rule, "bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, value in (("Evidence", where(finding)), ("Wireshark", finding.filter), ("To do", finding.remedy)):
        if value:
            grid.add_row(label, _text(value))
    yield Text()
    yield Group(head, Padding(Group(_text(finding.text), grid), (0, 0, 0, 8)))
