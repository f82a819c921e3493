"""One session as a section of the page: verdict, time line, findings, frames, facts; and what the script needs of it.

In: a `SessionReport`, its place on the page, and what there is room for. Out: HTML that says everything without a script but the
frames.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from analyzer.model.dataclass import dataclass
from analyzer.model.playback import Playback
from analyzer.reports.html.columns import Room, frames
from analyzer.reports.html.columns import shown as rows_of
from analyzer.reports.html.figure import drawn, extent
from analyzer.reports.html.finding import Pages, finding
from analyzer.reports.html.markup import code, data, element, listed, marked, text
from analyzer.reports.phrases import WHOLE_LENGTH, advice, end, facts, plural, printable, seconds, shell_names, sound_facts, support

if TYPE_CHECKING:
    from analyzer.model.conversation import Head
    from analyzer.model.report import CaptureReport, SessionReport

AS_IT_STANDS = ("Request", "Request ID")
"""Facts that are captured strings to be copied."""
_TALKING = ("accepted", "not-captured")
"""Outcomes after which frames are to be expected."""
_NOTABLE_S = 1.0
"""Waits shorter than this are how TCP works, and are not drawn."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a session stands on the page."""

    key: str
    """Names its elements."""
    name: str
    alone: bool
    """The only one: its verdict is the page's heading."""
    framed: bool
    heard: Mapping[str, Playback]
    silent: bool
    """There is audio, and no room for it."""


def section(capture: "CaptureReport", session: "SessionReport", shown: Shown, pages: Pages, room: Room) -> Iterator[str]:
    """Write it."""
    severity = str(session.verdict.severity)
    heading = _verdict(session, shown)
    opened = severity in ("error", "warning") or shown.alone
    if shown.alone:
        yield f'<section class="session" id="{shown.key}" data-session="{shown.key}" aria-label="{text(shown.name)}">{heading}'
    else:
        yield f'<details class="session" id="{shown.key}" data-session="{shown.key}"{" open" if opened else ""}>'
        yield f"<summary>{heading}</summary>"
    if todo := advice(session):
        yield f'<p class="todo"><strong>What to do</strong> {marked(todo)}</p>'
    yield _figures(session)
    yield from _timeline(capture, session, shown)
    if session.findings:
        yield f'<section class="findings"><h3>{plural(len(session.findings), "finding")}</h3>'
        yield from (finding(one, f"{shown.key}-f{number}", pages) for number, one in enumerate(session.findings, 1))
        yield "</section>"
    yield from _frames(capture, session, shown)
    yield from _rest(capture, session)
    yield data(_of_script(session, shown, room), f"{shown.key}-data")
    yield "</section>" if shown.alone else "</details>"


def badge(severity: str) -> str:
    """A word in the colour of its severity; the word alone says it, too."""
    return element("span", "healthy" if severity == "ok" else text(severity), class_=f"badge {severity}")


def _verdict(session: "SessionReport", shown: Shown) -> str:
    severity, rule = str(session.verdict.severity), session.verdict.rule
    eyebrow = badge(severity) + (element("span", text(rule), class_="rule") if rule else "")
    name = element("span", text(shown.name), class_="name")
    level = "h1" if shown.alone else "h2"
    said = element(level, marked(session.verdict.text), class_="said")
    return element("div", element("p", f"{name}{eyebrow}", class_="eyebrow") + said, class_=f"verdict {severity}")


def _figures(session: "SessionReport") -> str:
    """The handful of facts that are asked for first."""
    track = session.audio.get("client")
    service = session.service
    pairs = [
        ("Began", session.start[:19].replace("T", " ") + " UTC"),
        ("Lasted", seconds(session.duration_s)),
        ("Audio sent", seconds(track.get("duration_s")) if track else ""),
        ("Results", f"{service['results']:,}" if service.get("results") else ""),
        ("Ended" if session.upgrade.get("outcome") in _TALKING else "Upgrade", end(session)),
        ("Provider", session.provider),
    ]
    shown = [(name, text(value)) for name, value in pairs if value]
    if session.upgrade.get("request_id"):
        shown.append(("Request ID", code(session.upgrade["request_id"], copy=True)))
    return listed(shown, class_="figures")


def _timeline(capture: "CaptureReport", session: "SessionReport", shown: Shown) -> Iterator[str]:
    figure = drawn(session, shown.heard, shown.name)
    if not figure:
        return
    yield '<section class="timeline"><h3>Time line</h3>'
    yield element("figure", figure)
    yield element("div", "", class_="stage", hidden=True)
    for side, played in shown.heard.items():
        source = f"data:{played.media_type};base64,{base64.b64encode(played.data).decode()}"
        label = f"{side.capitalize()} audio on the session's clock"
        sound = f'<audio controls preload="none" data-side="{side}" aria-label="{text(label)}" src="{source}"></audio>'
        yield f'<div class="sound"><span>{text(label)}</span>{sound}</div>'
    if note := _of_audio(capture, session, shown):
        yield f'<p class="aside">{note}</p>'
    if session.timeline.get("events"):
        rows = "".join(
            f'<li><span data-at="{float(at)}">{text(seconds(float(at)))}</span> {text(what)}</li>'
            for at, what in session.timeline["events"]
        )
        yield f'<details class="events"><summary>Events in order</summary><ol>{rows}</ol></details>'
    yield "</section>"


def _of_audio(capture: "CaptureReport", session: "SessionReport", shown: Shown) -> str:
    """Tell what is heard, or how to hear it."""
    said = []
    tracks = {side: track for side, track in session.audio.items() if track}
    if any(((track.get("format") or {}).get("actual")) for track in tracks.values()) and shown.heard:
        said.append("The audio is heard as it was declared, which is not what the bytes are: the service heard the same.")
    if any(not played.lossless for played in shown.heard.values()):
        said.append("It is compressed as MP3 here.")
    if shown.silent or (shown.heard and any(not played.lossless for played in shown.heard.values())):
        which = "For all of it" if shown.silent else "For what was sent, bit by bit"
        command = f"analyzer audio {shell_names(capture)} -o audio --session {session.id} --timeline --side both"
        said.append(f"{which}: {code(command, copy=True)}")
    if shown.silent and not shown.heard:
        said.insert(0, "There is no room for the audio in this page.")
    return " ".join(said)


def _frames(capture: "CaptureReport", session: "SessionReport", shown: Shown) -> Iterator[str]:
    count, unit = rows_of(session)
    if not count:
        return
    yield f'<section class="frames"><h3>{plural(count, unit)}</h3>'
    command = code(f"analyzer {unit}s {shell_names(capture)} --session {session.id}", copy=True)
    if shown.framed:
        yield f'<p class="aside no-script">The list of {unit}s needs a browser that runs scripts; as text: {command}</p>'
        yield '<div class="browser" hidden></div>'
    else:
        yield f'<p class="aside">There is no room for them in this page: {command}</p>'
    yield "</section>"


def _handshake(session: "SessionReport") -> str:
    """Both heads as they were sent, secrets redacted; open where the upgrade is what went wrong."""
    if session.conversation is None:
        return ""
    heads = [head for head in (session.conversation.request, session.conversation.response) if head is not None]
    if not heads:
        return ""
    shown = "".join(element("pre", "\n".join(text(line, WHOLE_LENGTH) for line in _lines(head))) for head in heads)
    opened = session.upgrade.get("outcome") == "rejected"
    summary = f"<summary>{plural(len(heads), 'head')} of the handshake</summary>"
    return f'<section class="handshake"><h3>Handshake</h3>{element("details", summary + shown, open=opened)}</section>'


def _lines(head: "Head") -> Iterator[str]:
    yield head.line
    yield from (f"{name}: {value}" for name, value in head.headers.items())
    if head.body:
        yield from ("", *head.body[:WHOLE_LENGTH].split("\n"))


def _rest(capture: "CaptureReport", session: "SessionReport") -> Iterator[str]:
    rows = [(label, code(value, copy=True) if label in AS_IT_STANDS else text(value)) for label, value in facts(session)]
    for side, track in session.audio.items():
        sound = sound_facts((track or {}).get("sound") or {})
        rows += [(label if side == "client" else f"Server {label.lower()}", text(value)) for label, value in sound]
    yield f'<section class="facts"><h3>Facts</h3>{listed(rows)}</section>'
    yield _handshake(session)
    if str(session.verdict.severity) == "error":
        asked = [(label, code(value, copy=True) if copied else text(value)) for label, value, copied in support(capture, session)]
        yield f'<section class="support"><h3>For support</h3>{listed(asked, data_copy_all=True)}</section>'
    if session.not_judged:
        rows = [(one["rule"], text(one["why"])) for one in session.not_judged]
        yield f'<section class="unjudged"><h3>Not judged</h3>{listed(rows)}</section>'


def _of_script(session: "SessionReport", shown: Shown, room: Room) -> dict[str, Any]:
    """What the script draws."""
    begin, until = extent(session, shown.heard)
    sound = (session.audio.get("client") or {}).get("sound") or {}
    return {
        "name": shown.name,
        "origin": session.origin_ns / 1e6,
        "begin": begin,
        "end": until,
        "session_end": len(session.timeline.get("audio_bytes", ())) * float(session.timeline.get("bucket_s", 0)),
        "gaps": [[gap["start_s"], gap["duration_s"], f"no audio, {seconds(gap['duration_s'])}"] for gap in session.gaps],
        "events": [[float(at), printable(what)] for at, what in session.timeline.get("events", ())],
        "waits": list(_waits(session.tcp)),
        "findings": [
            [one.time_s, one.until_s, str(one.severity), one.rule, f"{shown.key}-f{number}", printable(one.text)]
            for number, one in enumerate(session.findings, 1)
            if one.time_s is not None
        ],
        "results": [[begin, end, printable(words)] for begin, end, words in sound.get("results", ())],
        "volumes": {
            "bucket": session.timeline.get("bucket_s", 0),
            "rows": [
                [f"{side} sent", list(counts)] for side, counts in session.timeline.get("record_bytes", {}).items() if any(counts)
            ]
            or [["client audio", list(session.timeline.get("audio_bytes", ()))]],
        },
        "waves": [[side, played.seconds, _wave(played.low), _wave(played.high)] for side, played in shown.heard.items()],
        "frames": frames(session, room) if shown.framed and rows_of(session)[0] else None,
    }


def _waits(tcp: Mapping[str, Any]) -> Iterator[list[Any]]:
    """When TCP stood still, as [side, from, until, what]."""
    for side in ("client", "server"):
        of_side = tcp.get(side, {})
        for begin, length, what in (
            ("zero_window_from_s", "longest_zero_window_s", "did not read"),
            ("stall_from_s", "longest_stall_s", "was not acknowledged"),
        ):
            if of_side.get(begin) is not None and (of_side.get(length) or 0) >= _NOTABLE_S:
                yield [side, of_side[begin], of_side[begin] + of_side[length], f"{side} {what} for {seconds(of_side[length])}"]


def _wave(column: bytes) -> str:
    return base64.b64encode(column).decode()
