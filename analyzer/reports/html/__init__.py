"""The HTML report: one file that needs no network, says everything without a script, and with it is played and searched.

In: a Report; for all that a page can show it has frames (`analyze(frames=True)`), messages (`Settings.contents`) and audio on the
clock (`Dump.timeline`). Out: the file in pieces. Its Content-Security-Policy lets nothing in but the style and the script whose
hashes it names.
"""

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import DEFAULT, Limits
from analyzer.reports.html.budget import Chosen, Play, choose
from analyzer.reports.html.columns import Room
from analyzer.reports.html.finding import Pages, finding, rule_pages
from analyzer.reports.html.markup import begin, code, element, listed, text
from analyzer.reports.html.session import Shown, badge, section
from analyzer.reports.phrases import (
    address,
    capture_line,
    clock,
    end,
    files_line,
    headline,
    other_line,
    plural,
    printable,
    seconds,
    shell_names,
    short_name,
    tally,
)

if TYPE_CHECKING:
    from analyzer.model.report import CaptureReport, Report, SessionReport

STYLE = "page.css"
SCRIPTS = ("base.js", "data.js", "draw.js", "timeline.js", "player.js", "frames.js", "page.js")
"""In this order they become one script."""
_NOTHING: Pages = {}
_TITLE = 200
"""Characters of the window's title."""


def pieces(report: "Report", pages: Pages = _NOTHING, *, play: Play | None = None, limits: Limits = DEFAULT) -> Iterator[str]:
    """Write the page session by session. `pages` are those of the rules by name, `play` compresses a WAV file for it."""
    style, script = (files(__name__) / "assets" / STYLE).read_text("utf-8"), _script()
    several, sessions = len(report.captures) > 1, sum(len(capture.sessions) for capture in report.captures)
    room = Room(limits.page_texts, limits.page_text)
    writing = _Writing(choose(report, limits, play), pages, room, several, alone=sessions == 1)
    title = f"{headline(report)}: {', '.join(short_name(capture.path) for capture in report.captures)}"
    yield _head(printable(title, _TITLE), style, script)
    yield '<body><a class="skip" href="#main">Skip to the report</a>'
    yield '<header class="bar"><span>WebSocket triage</span><span id="tools"></span></header><main id="main">'
    if not writing.alone:
        yield f"<h1>{text(headline(report))}</h1>"
    if sessions > 1:
        yield from _overview(report, writing)
    for number, capture in enumerate(report.captures):
        yield from _capture(capture, number, writing)
    yield from _rules(report, pages)
    name = f"{report.tool.get('name', 'analyzer')} {report.tool.get('version', '')}".strip()
    yield f"</main><footer>{text(name)}. This page holds all it shows and loads nothing.</footer>"
    yield f'<div id="status" role="status"></div><script>{script}</script></body></html>\n'


@dataclass(frozen=True, slots=True)
class _Writing:
    """What all parts of one page share."""

    chosen: Chosen
    pages: Pages
    room: Room
    several: bool
    """There is more than one capture."""
    alone: bool
    """There is one session, whose verdict is the heading."""

    def key(self, number: int, session: "SessionReport") -> str:
        """How the elements of a session are named."""
        return f"c{number + 1}s{session.id}" if self.several else f"s{session.id}"


def _script() -> str:
    """All scripts as one, which leaves no name behind."""
    folder = files(__name__) / "assets"
    body = "\n".join((folder / name).read_text("utf-8") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


def _head(title: str, style: str, script: str) -> str:
    sums = (base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in (script, style))
    policy = (
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; media-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    ).format(*sums)
    policies = begin("meta", http_equiv="Content-Security-Policy", content=policy)
    # `text` would write the quotes of the policy by number; browsers read both.
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{policies}'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<meta name="referrer" content="no-referrer"><title>{text(title)}</title><style>{style}</style></head>'
    )


def _capture(capture: "CaptureReport", number: int, writing: _Writing) -> Iterator[str]:
    """A file and its sessions; where there is one session, that comes first."""
    told = [session for session in capture.sessions if (number, session.id) in writing.chosen.told]
    if not writing.alone:
        yield from _about(capture, number, writing)
    for session in told:
        yield from _session(capture, number, session, writing)
    if writing.alone:
        yield from _about(capture, number, writing)
    if len(told) < len(capture.sessions):
        left = plural(len(capture.sessions) - len(told), "session")
        command = code(f"analyzer report {shell_names(capture)} --format html --session N -o FILE", copy=True)
        yield f'<p class="aside">There is no room to tell {left} more in full; to see one: {command}</p>'


def _session(capture: "CaptureReport", number: int, session: "SessionReport", writing: _Writing) -> Iterator[str]:
    place, chosen = (number, session.id), writing.chosen
    name = f"Capture {number + 1}, session {session.id}" if writing.several else f"Session {session.id}"
    framed, heard, silent = place in chosen.framed, chosen.heard.get(place, {}), place in chosen.silent
    shown = Shown(writing.key(number, session), name, writing.alone, framed, heard, silent)
    yield from section(capture, session, shown, writing.pages, writing.room)


def _about(capture: "CaptureReport", number: int, writing: _Writing) -> Iterator[str]:
    """What the file holds, and what was found of it."""
    name = text(short_name(capture.path))
    named = writing.several or not writing.alone
    rows = [] if named else [("File", name)]
    rows += [("Holds", f"{text(capture_line(capture))}; {text(tally(capture.sessions))}")]
    rows += [(label, text(value)) for label, value in (("Files", files_line(capture)), ("Besides", other_line(capture))) if value]
    rows += [("Comment", text(comment)) for comment in capture.comments]
    yield f'<section class="capture"><h2>{name if named else "Capture"}</h2>{listed(rows)}'
    yield from (finding(one, f"c{number + 1}-f{place}", writing.pages) for place, one in enumerate(capture.findings, 1))
    yield "</section>"


def _overview(report: "Report", writing: _Writing) -> Iterator[str]:
    """One line per session, of several captures under the name of each."""
    heads = ("Session", "Verdict", "Time, UTC", "Client", "Server", "Audio", "Ended")
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Sessions"><table class="sessions"><thead><tr>'
    yield "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr></thead>"
    left, chosen = 0, writing.chosen
    for number, capture in enumerate(report.captures):
        yield "<tbody>"
        if writing.several:
            name = text(short_name(capture.path)) + ("" if capture.sessions else ": no WebSocket session")
            yield f'<tr class="of"><th colspan="{len(heads)}" scope="rowgroup"><span>{name}</span></th></tr>'
        for session in capture.sessions:
            if (number, session.id) in chosen.listed:
                yield _line(session, writing.key(number, session) if (number, session.id) in chosen.told else "")
            else:
                left += 1
        yield "</tbody>"
    yield "</table></div>"
    if left:
        command = code(f"analyzer sessions {' '.join(map(shell_names, report.captures))}", copy=True)
        yield f'<p class="aside">{plural(left, "more session")}; to list all: {command}</p>'


def _line(session: "SessionReport", key: str) -> str:
    track = session.audio.get("client")
    verdict = session.verdict
    cells = (
        f"{badge(str(verdict.severity))} {text(verdict.rule or '')}",
        clock(session.start),
        text(address(session.client)),
        text(address(session.server)),
        seconds(track.get("duration_s")) if track else "none",
        text(end(session)),
    )
    link = element("a", str(session.id), href=f"#{key}") if key else str(session.id)
    return f'<tr><th scope="row">{link}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _rules(report: "Report", pages: Pages) -> Iterator[str]:
    """The pages of the rules that found something, in alphabetical order."""
    found = sorted({one.rule for one in report.findings} & pages.keys())
    if found:
        yield '<section class="rules" id="rules"><h2>What the rules say</h2>'
        yield from rule_pages(found, pages)
        yield "</section>"
