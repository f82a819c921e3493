"""The Markdown report, to be pasted into a ticket: verdict, facts, findings with their evidence, and what support needs.

Captured strings are escaped, so that they show as they were and never become markup, HTML, a link or a table cell.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.reports.phrases import (
    address,
    advice,
    capture_line,
    clock,
    close,
    facts,
    files_line,
    headline,
    other_line,
    outcome,
    printable,
    seconds,
    short_name,
    support,
    tally,
    where,
)

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.report import CaptureReport, Report, SessionReport

MANY = 3
"""With more sessions a table comes first, and only those with an error or a warning are told in full."""
DETAILED = 20
"""Sessions told in full at most; a ticket that is longer is not read."""
_MARKUP = re.compile(r"[\\`*\[\]|~]|^#|(?<![^\W_])_|_(?![^\W_])")
_LINK = re.compile(r"(?i)\b(https?|ftp|www)(?=[:.])")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")


def render(report: "Report", *, width: int | None = None, colour: bool = False) -> str:  # noqa: ARG001 - the signature of all formats
    """Write the report as GitHub-flavoured Markdown."""
    lines = [f"# WebSocket triage: {headline(report)}", ""]
    for capture in report.captures:
        lines += _capture(capture)
    lines.append(f"*{escape(report.tool.get('name', 'analyzer'))} {escape(report.tool.get('version', ''))}*")
    return "\n".join(lines) + "\n"


def escape(text: object) -> str:
    """Make a captured string plain prose: no markup, HTML, mention or link comes out of it."""
    return _escaped(printable(text).strip())


def _escaped(shown: str) -> str:
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _MARKUP.sub(lambda found: f"\\{found[0]}", shown)
    return _MENTION.sub("@<!-- -->", _LINK.sub(lambda found: f"{found[0]}\\", shown))


def code(text: object) -> str:
    """Make a captured string a code span."""
    shown = printable(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown[:1] == "`" or shown[-1:] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown.strip() else ""


def cell(text: object) -> str:
    """Make a captured string a code span inside a table, which is parted at bars before anything else."""
    return code(text).replace("|", r"\|")


def prose(text: object) -> str:
    """Make a sentence Markdown in which words between backquotes are code, as rules write them."""
    parts = printable(text).strip().split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(code(part) if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _capture(capture: "CaptureReport") -> Iterator[str]:
    yield f"## Capture {code(short_name(capture.path))}"
    yield ""
    yield f"{escape(capture_line(capture))}; {tally(capture.sessions)}."
    if files := files_line(capture):
        yield f"{escape(files)}."
    if capture.other_connections and (others := other_line(capture)):
        yield f"{others} hold no WebSocket." if not others.startswith("1 ") else f"{others} holds no WebSocket."
    yield ""
    for comment in capture.comments:
        yield f"> {escape(comment)}"
        yield ""
    for finding in capture.findings:
        yield from _finding(finding)
    if len(capture.sessions) > MANY:
        yield from _overview(capture)
    told = [
        session for session in capture.sessions if len(capture.sessions) <= MANY or session.verdict.severity in ("error", "warning")
    ]
    for session in told[:DETAILED]:
        yield from _session(capture, session)
    if len(told) > DETAILED:
        yield f"{len(told) - DETAILED:,} more sessions have findings; show one with `--session N`."
        yield ""


def _overview(capture: "CaptureReport") -> Iterator[str]:
    yield "| session | time | client | server | provider | upgrade | request ID | audio | close | verdict |"
    yield "|--:|---|---|---|---|---|---|--:|---|---|"
    for session in capture.sessions:
        track = session.audio.get("client")
        cells = (
            str(session.id),
            clock(session.start),
            address(session.client),
            address(session.server),
            escape(session.provider),
            outcome(session),
            cell(session.upgrade.get("request_id") or ""),
            seconds(track.get("duration_s")) if track else "none",
            escape(close(session)),
            f"{session.verdict.severity} {session.verdict.rule or ''}".strip(),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _session(capture: "CaptureReport", session: "SessionReport") -> Iterator[str]:
    verdict = session.verdict
    rule = f" ({code(verdict.rule)})" if verdict.rule else ""
    yield f"### Session {session.id}: {verdict.severity}{rule}"
    yield ""
    yield f"**{prose(verdict.text)}**"
    yield ""
    if todo := advice(session):
        yield f"To do: {prose(todo)}"
        yield ""
    yield "| | |"
    yield "|---|---|"
    for label, value in facts(session):
        yield f"| {label} | {cell(value) if label in ('Request', 'Request ID') else escape(value)} |"
    yield ""
    if session.findings:
        yield "#### Findings"
        yield ""
    for finding in session.findings:
        yield from _finding(finding)
    if session.not_judged:
        yield "#### Not judged"
        yield ""
        yield from (f"- {code(one['rule'])}: {prose(one['why'])}" for one in session.not_judged)
        yield ""
    if verdict.severity == "error":
        yield from _support(capture, session)


def _finding(finding: "Finding") -> Iterator[str]:
    yield f"- **{finding.severity}** {code(finding.rule)}: {prose(finding.text)}"
    place = where(finding)
    if place:
        yield f"  - Evidence: {escape(place)}"
    if finding.filter:
        yield f"  - Wireshark: {code(finding.filter)}"
    if finding.remedy:
        yield f"  - To do: {prose(finding.remedy)}"
    yield ""


def _support(capture: "CaptureReport", session: "SessionReport") -> Iterator[str]:
    """List what the service's support asks for."""
    yield "#### For support"
    yield ""
    for label, value, copied in support(capture, session):
        yield f"- {escape(label)}: {code(value) if copied else escape(value)}"
    yield ""
