"""The time line of a session as rows of characters: audio (or what TLS hides) by volume, KeepAlives, server messages, events, an
axis.

In: `SessionReport.timeline` and `gaps`. Out: rows of (text, style) pairs, each as wide as asked for or narrower.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from analyzer.reports.phrases import printable, seconds

if TYPE_CHECKING:
    from analyzer.model.report import SessionReport

Row = list[tuple[str, str]]
BLOCKS = "▂▄██"
"""Up to a quarter, a half, all of a busy column: finer steps would show how buckets fall on columns, not how it was sent."""
LABEL = 11
EVENTS = 8
"""Events spelled out below the axis."""
TICK = 16
"""Columns between two numbers of the axis."""
HOLE_S = 0.5
"""A pause shorter than this is how messages fall on buckets, and is not shown."""
_STEPS = (1, 2, 5)


def rows(session: "SessionReport", width: int) -> list[Row]:
    """Draw the time line in `width` columns; nothing for a session without length."""
    timeline = session.timeline
    buckets = len(timeline.get("audio_bytes", ()))
    length = buckets * float(timeline.get("bucket_s", 0))
    columns = min(width - LABEL, 120)
    if length <= 0 or columns < TICK:
        return []
    scale = columns / length
    audio = _resampled(_steady(timeline["audio_bytes"], round(HOLE_S * buckets / length)), columns)
    drawn: list[Row] = []
    if any(audio):
        drawn.append([("audio".ljust(LABEL), "dim"), *_audio(session, audio, scale)])
    for name, counts in timeline.get("record_bytes", {}).items():
        volume = _resampled(_steady(counts, round(HOLE_S * buckets / length)), columns)
        if any(volume):
            drawn.append([(name.ljust(LABEL), "dim"), *_audio(session, volume, scale)])
    for name, key, sign, style in (("keepalive", "keepalives", "k", "cyan"), ("server", "server_messages", "▪", "blue")):
        counts = timeline.get(key, ())
        marked = {index * columns // len(counts) for index, count in enumerate(counts) if count}
        if marked:
            drawn.append(
                [(name.ljust(LABEL), "dim"), ("".join(sign if column in marked else " " for column in range(columns)), style)]
            )
    events = [(float(at), printable(what, 60)) for at, what in timeline.get("events", ())]
    if events:
        drawn.append([("events".ljust(LABEL), "dim"), *_marks(events, scale, columns)])
    if not drawn:
        return []
    drawn.append([("".ljust(LABEL), ""), (_axis(length, columns), "dim")])
    if events:
        said = [f"{seconds(at)} {what}" for at, what in events[:EVENTS]]
        said += [f"{len(events) - EVENTS:,} more"] if len(events) > EVENTS else []
        drawn += [[("".ljust(LABEL), ""), (line, "")] for line in _filled(said, columns)]
    return drawn


def _steady(counts: Sequence[int], hole: int) -> list[int]:
    """Spread a bucket over the empty ones behind it, where no more than `hole` of them part it from the next one."""
    spread = list(counts)
    filled = [index for index, count in enumerate(counts) if count]
    for here, after in pairwise(filled):
        if after - here <= hole + 1:
            spread[here:after] = [max(counts[here] // (after - here), 1)] * (after - here)
    return spread


def _resampled(counts: Sequence[int], columns: int) -> list[int]:
    """Sum buckets into columns, or spread them where there are fewer buckets than columns."""
    if not counts:
        return [0] * columns
    if len(counts) < columns:
        return [counts[column * len(counts) // columns] for column in range(columns)]
    summed = [0] * columns
    for index, count in enumerate(counts):
        summed[index * columns // len(counts)] += count
    return summed


def _audio(session: "SessionReport", audio: list[int], scale: float) -> Row:
    """Draw bytes as blocks, and reported gaps as a line."""
    busy = sorted(filter(None, audio))
    top = busy[len(busy) * 3 // 4]  # one burst, or the last message alone in its column, must not dwarf the rest
    spans = [(gap["start_s"] * scale, (gap["start_s"] + gap["duration_s"]) * scale) for gap in session.gaps]
    drawn: Row = []
    for column, count in enumerate(audio):
        gap = not count and any(begin - 1 < column < end for begin, end in spans)
        sign = BLOCKS[min(-(-count * len(BLOCKS) // top), len(BLOCKS)) - 1] if count else ("╌" if gap else " ")
        style = "green" if count else "magenta"
        if drawn and drawn[-1][1] == style:
            drawn[-1] = (drawn[-1][0] + sign, style)
        else:
            drawn.append((sign, style))
    return drawn


def _marks(events: list[tuple[float, str]], scale: float, columns: int) -> Row:
    """Mark events: a cross for what closes, an arrow for the others."""
    line = [" "] * columns
    for at, what in events:
        column = min(max(int(at * scale), 0), columns - 1)
        line[column] = "✕" if "close" in what.lower().split() or line[column] == "✕" else "▴"
    return [("".join(line), "bold")]


def _axis(length: float, columns: int) -> str:
    """Write numbers at round seconds."""
    wanted = length * TICK / columns
    step = next(step * 10.0**power for power in range(-4, 7) for step in _STEPS if step * 10.0**power >= wanted)
    line = [" "] * (columns + 1)
    for index in range(int(length / step) + 1):
        label = seconds(index * step)
        column = int(index * step * columns / length)
        if column + len(label) + 1 < len(line):
            line[column : column + len(label) + 1] = f"╵{label}"
    return "".join(line).rstrip()


def _filled(parts: list[str], width: int) -> list[str]:
    """Put phrases into lines no wider than `width`, separated by commas."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= width:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines
