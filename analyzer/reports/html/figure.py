"""The time line of a session as a drawing: what is printed, and what is seen where scripts do not run.

In: `SessionReport.timeline`, gaps and findings, the waveforms. Out: SVG, which the page's style sheet colours.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.model.playback import Playback
from analyzer.reports.html.markup import element, text
from analyzer.reports.phrases import seconds

if TYPE_CHECKING:
    from analyzer.model.report import SessionReport

WIDTH, LEFT, RIGHT = 1000, 96, 12
_WAVE, _LANE, _AXIS = 56, 18, 22
_POINTS = 450
"""Columns of a waveform."""
_TICKS = 10
_STEPS = (1, 2, 5)
_ROUND = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
"""Steps of ten seconds and more, as clocks have them."""
_ROOM = 90
"""Width below which a gap is not labelled."""


def extent(session: "SessionReport", heard: Mapping[str, Playback]) -> tuple[float, float]:
    """First and last second that the time line shows. Audio that was sent faster than it plays lasts longer than its session."""
    timeline = session.timeline
    end = len(timeline.get("audio_bytes", ())) * float(timeline.get("bucket_s", 0))
    return 0.0, max(end, *(one.seconds for one in heard.values()), 0.001) if heard else max(end, 0.001)


def drawn(session: "SessionReport", heard: Mapping[str, Playback], name: str) -> str:
    """Draw it; empty where nothing was sent."""
    length = extent(session, heard)[1]
    lanes: list[tuple[str, int, str]] = []
    findings = [one for one in session.findings if one.time_s is not None]
    if findings:
        over = sorted(findings, key=lambda one: -one.severity.weight)  # the heaviest on top
        marks = "".join(_span(one.time_s or 0.0, one.until_s, length, f"finding {one.severity}") for one in over)
        lanes.append(("findings", _LANE, marks))
    lanes += [(f"{side} audio", _WAVE, _wave(played, length)) for side, played in heard.items()]
    lanes += [(label, _WAVE - 16, bars) for label, bars in _volumes(session, heard, length) if bars]
    for label, key in (("KeepAlives", "keepalives"), ("from server", "server_messages")):
        counts = session.timeline.get(key, ())
        ticks = "".join(_tick((index + 0.5) * length / len(counts), length, key) for index, count in enumerate(counts) if count)
        if ticks:
            lanes.append((label, _LANE, ticks))
    events = "".join(_tick(float(at), length, "event") for at, _ in session.timeline.get("events", ()))
    if events:
        lanes.append(("events", _LANE, events))
    if not lanes:
        return ""
    body, at = [], 6
    for label, height, marks in lanes:
        gaps = _gaps(session, length, height) if label == "client audio" else ""
        inner = f'{gaps}<g transform="scale(1 {height})">{marks}</g>' if height == _LANE else f"{gaps}{marks}"
        caption = f'<text x="{LEFT - 10}" y="{height / 2 + 4}" text-anchor="end">{text(label)}</text>'
        body.append(f'<g transform="translate(0 {at})">{caption}{inner}</g>')
        at += height + 6
    body.append(f'<g transform="translate(0 {at})" class="axis">{_axis(length)}</g>')
    title = f"Time line of {name}: {seconds(length)}"
    return element(
        "svg", f"<title>{text(title)}</title>{''.join(body)}", viewBox=f"0 0 {WIDTH} {at + _AXIS}", role="img", aria_label=title
    )


def _x(second: float, length: float) -> float:
    return round(LEFT + min(max(second / length, 0.0), 1.0) * (WIDTH - LEFT - RIGHT), 1)


def _span(begin: float, end: float | None, length: float, kind: str) -> str:
    left, right = _x(begin, length), _x(begin if end is None else end, length)
    return f'<rect class="{kind}" x="{left}" y="0.1" width="{round(max(right - left, 3), 1)}" height="0.8"/>'


def _tick(at: float, length: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{round(_x(at, length) - 1, 1)}" y="0.1" width="2" height="0.8"/>'


def _gaps(session: "SessionReport", length: float, height: int) -> str:
    found = []
    for gap in session.gaps:
        left, right = _x(gap["start_s"], length), _x(gap["start_s"] + gap["duration_s"], length)
        found.append(f'<rect class="gap" x="{left}" y="0" width="{round(right - left, 1)}" height="{height}"/>')
        if right - left > _ROOM:
            said = text(f"no audio, {seconds(gap['duration_s'])}")
            found.append(f'<text class="gap-label" x="{(left + right) / 2:.1f}" y="14" text-anchor="middle">{said}</text>')
    return "".join(found)


def _wave(played: Playback, length: float) -> str:
    """Write the waveform as one closed path."""
    import numpy as np  # noqa: PLC0415 - formats without audio never load it

    low, high = (np.frombuffer(side, np.int8).astype(np.int64) for side in (played.low, played.high))
    count = min(_POINTS, len(low))
    starts = np.arange(count) * len(low) // count
    low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    places = [_x((index + 0.5) * played.seconds / count, length) for index in range(count)]
    middle, half = _WAVE / 2, _WAVE / 2 - 2
    tops = [f"{x} {middle - value / 127 * half - 0.4:.1f}" for x, value in zip(places, high.tolist(), strict=True)]
    bottoms = [f"{x} {middle - value / 127 * half + 0.4:.1f}" for x, value in zip(places, low.tolist(), strict=True)]
    return f'<path class="wave" d="M{"L".join([*tops, *reversed(bottoms)])}Z"/>'


def _volumes(session: "SessionReport", heard: Mapping[str, Playback], length: float) -> list[tuple[str, str]]:
    """Bytes per bucket as bars, where no waveform shows more: of audio, or of what TLS hides."""
    timeline: Mapping[str, Any] = session.timeline
    rows: list[tuple[str, Sequence[int]]] = [] if "client" in heard else [("client audio", timeline.get("audio_bytes", ()))]
    rows += [(f"{side} sent", counts) for side, counts in timeline.get("record_bytes", {}).items()]
    return [(label, _bars(counts, timeline, length)) for label, counts in rows]


def _bars(counts: Sequence[int], timeline: Mapping[str, Any], length: float) -> str:
    top, tall, step = max(counts, default=0), _WAVE - 16, float(timeline.get("bucket_s", 0))
    if not top:
        return ""
    shown = []
    for index, count in enumerate(counts):
        if count:
            left, right = _x(index * step, length), _x((index + 1) * step, length)
            height = max(count / top * (tall - 2), 2)
            place = f'x="{left}" y="{tall - height:.1f}" width="{right - left:.1f}" height="{height:.1f}"'
            shown.append(f'<rect class="wave" {place}/>')
    return "".join(shown)


def _axis(length: float) -> str:
    """Write numbers at round seconds."""
    fine = (step * 10.0**power for power in range(-4, 1) for step in _STEPS)
    step = next((step for step in (*fine, *_ROUND) if step >= length / _TICKS), length)
    parts = [f'<line x1="{LEFT}" y1="0" x2="{WIDTH - RIGHT}" y2="0"/>']
    for index in range(int(length / step) + 1):
        x = _x(index * step, length)
        parts.append(f'<line x1="{x}" y1="0" x2="{x}" y2="4"/>')
        if x < WIDTH - RIGHT - 30 or index == 0:
            parts.append(f'<text x="{x}" y="17">{text(seconds(index * step))}</text>')
    return "".join(parts)
