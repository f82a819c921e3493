"""A picture of one side's audio on the clock: what the service understood, what the client said, waveform, spectrogram, findings.

In: the WAV file of the decoded audio, its `Placement`, and the marks of the session. Out: a PNG file. Time runs as in the report,
from the accepted upgrade on. matplotlib draws, which the extra `picture` installs.
"""

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.audio.columns import Columns
from analyzer.audio.placement import Placement
from analyzer.audio.timeline import blocks
from analyzer.audio.wav import Wav
from analyzer.model.errors import MissingDependencyError
from analyzer.model.track import Mark

_COLUMNS = 1400
_INCHES, _DPI = (16.0, 9.0), 100
_FLOOR_DB = -90.0
_SEVERITIES = {"error": "#c1121f", "warning": "#c76b00", "note": "#4b6b94"}
_SAID = {"keepalive": ("#1b7f72", "KeepAlive"), "control": ("#7d4f9e", "control message"), "close": ("#1d1d1f", "close")}
_WAVE, _GAP, _WORDS, _INK, _FAINT = "#24527a", "#ece7dd", "#dbe7f3", "#1d1d1f", "#6e6e73"
_LISTED = 6
"""Findings spelled out below the axis."""
_LINE = 190
"""Characters of such a line."""
_CHARACTER = 0.0052
"""Share of the width that a character of a transcript takes, about."""
_SHORTEST_WORDS = 4
"""Characters below which no transcript is written."""
_NARROWEST = 0.0015
"""Share of the width below which a stretch would not be seen."""


def draw(audio: Wav, placement: Placement, marks: tuple[Mark, ...], title: str, folder: Path) -> Path:
    """Draw to a file with a temporary name in `folder`.

    Raises MissingDependencyError without matplotlib, OSError or RuntimeError where files cannot be read or written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra, and slow to load
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        msg = "Pictures need matplotlib. Install it with: python -m pip install 'analyzer[picture]'"
        raise MissingDependencyError(msg) from error
    import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

    with audio.samples() as file:
        columns = Columns(_COLUMNS, placement.frames, audio.sample_rate)
        for at, block in blocks(file, placement):
            full = 1.0 if block.dtype.kind == "f" else float(np.iinfo(block.dtype).max)
            columns.feed(at, np.clip(np.nan_to_num(block / full), -1, 1).mean(axis=1, dtype=np.float32))
    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    words, said, wave, spectrum = figure.subplots(
        4, 1, sharex=True, height_ratios=(1, 0.8, 3, 3), gridspec_kw={"hspace": 0.08, "left": 0.07, "right": 0.98, "top": 0.88}
    )
    seconds = max(placement.frames / placement.sample_rate, 1e-3)
    wave.set_xlim(0, seconds * 1.01)  # so that the close at the end is not on the frame
    _words(words, placement, marks, seconds)
    _said(said, marks)
    _wave(wave, columns, seconds)
    _spectrum(spectrum, columns, seconds)
    listed = [mark for mark in marks if mark.kind == "finding"]
    for axes in (words, said, wave, spectrum):
        _gaps(axes, placement, label=axes is wave)
        _findings(axes, listed, seconds, numbered=axes is words)
        axes.tick_params(labelsize=9, colors=_INK, bottom=axes is spectrum)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    _texts(figure, title, listed)
    handle, name = tempfile.mkstemp(prefix=".analyzer-", suffix=".png", dir=folder)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with os.fdopen(handle, "wb") as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font does not have: transcripts come in every script
        figure.savefig(out, format="png", metadata={"Software": "analyzer"})
    return Path(name)


def _words(axes: Any, placement: Placement, marks: tuple[Mark, ...], seconds: float) -> None:  # noqa: ANN401 - untyped library
    """What the service understood, where it was said; where that is not known, when it came."""
    for mark in marks:
        if mark.kind != "result":
            continue
        pieces = placement.heard(*mark.audio_s) if mark.audio_s is not None else [(mark.time_s, mark.time_s)]
        bars = [(begin, max(end - begin, _NARROWEST * seconds)) for begin, end in pieces]
        axes.broken_barh(bars, (0.15, 0.7), facecolor=_WORDS, edgecolor=_WAVE, linewidth=0.8)
        begin, width = max(bars, key=lambda bar: bar[1])
        room = int(width / seconds / _CHARACTER)
        if room >= _SHORTEST_WORDS:
            text = mark.text if len(mark.text) <= room else f"{mark.text[: room - 1]}…"
            _write(axes, begin + width / 2, 0.5, text, ha="center", va="center", size=8, clip_on=True)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.5], ["results"])


def _said(axes: Any, marks: tuple[Mark, ...]) -> None:  # noqa: ANN401 - untyped library
    """KeepAlives, other control messages, and closes."""
    for kind, (colour, label) in _SAID.items():
        times = [mark.time_s for mark in marks if mark.kind == kind]
        if times:
            axes.vlines(times, 0.15, 0.85, colors=colour, linewidth=2, label=f"{label} ({len(times)})" if len(times) > 1 else label)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper left", ncols=3, fontsize=8, frameon=False, borderpad=0.1)
    axes.set_ylim(0, 1.9)
    axes.set_yticks([0.5], ["control"])


def _wave(axes: Any, columns: Columns, seconds: float) -> None:  # noqa: ANN401 - untyped library
    """The waveform, between its lowest and its highest sample."""
    times = (np.arange(len(columns.low)) + 0.5) * seconds / len(columns.low)
    axes.fill_between(times, columns.low, columns.high, color=_WAVE, linewidth=0.6, step="mid")
    axes.axhline(0, color=_FAINT, linewidth=0.4)
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks([-1, -0.5, 0, 0.5, 1])
    axes.set_ylabel("full scale", fontsize=9, color=_INK)


def _spectrum(axes: Any, columns: Columns, seconds: float) -> None:  # noqa: ANN401 - untyped library
    """The spectrogram; what is not sent stays white."""
    extent = (0.0, seconds, 0.0, columns.top_hz / 1000)
    shown = np.ma.masked_invalid(columns.spectra)
    axes.imshow(shown, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=_FLOOR_DB, vmax=0, interpolation="nearest")
    axes.set_ylabel("kHz", fontsize=9, color=_INK)
    axes.set_xlabel("seconds of the session", fontsize=9, color=_INK)


def _gaps(axes: Any, placement: Placement, *, label: bool) -> None:  # noqa: ANN401 - untyped library
    """Time without audio, the wait for the first one included."""
    rate = placement.sample_rate
    first = [(0, int(placement.at[0]))] if len(placement.at) else []
    last = int(placement.at[-1] + placement.length[-1]) if len(placement.at) else 0
    for begin, end in (*first, *placement.gaps, (last, placement.frames)):
        if (end - begin) / placement.frames < _NARROWEST:
            continue
        axes.axvspan(begin / rate, end / rate, facecolor=_GAP, edgecolor="none", zorder=0)
        if label and (end - begin) / placement.frames > 14 * _CHARACTER:  # room for the words
            _write(
                axes, (begin + end) / 2 / rate, 0.85, f"no audio\n{(end - begin) / rate:.1f} s", ha="center", va="center", size=8
            )


def _findings(axes: Any, listed: Sequence[Mark], seconds: float, *, numbered: bool) -> None:  # noqa: ANN401 - untyped library
    """Where each finding is, by its number."""
    for number, mark in enumerate(listed[:_LISTED], 1):
        colour = _SEVERITIES.get(mark.severity, _INK)
        end = mark.time_s if mark.until_s is None else mark.until_s
        axes.axvline(mark.time_s, color=colour, linewidth=1.2)
        if end - mark.time_s > _NARROWEST * seconds:
            axes.axvspan(mark.time_s, end, color=colour, alpha=0.08, linewidth=0)
        if numbered and 0 <= mark.time_s <= seconds:
            same = sum(abs(mark.time_s - other.time_s) < 0.015 * seconds for other in listed[: number - 1])  # a number's width
            place = (mark.time_s + same * 0.015 * seconds, 1.04)
            _write(axes, *place, str(number), ha="center", va="bottom", size=9, color=colour, weight="bold")


def _texts(figure: Any, title: str, listed: Sequence[Mark]) -> None:  # noqa: ANN401 - untyped library
    """The heading, and the findings spelled out."""
    head, _, rest = title.partition("\n")
    _write(figure, 0.07, 0.965, rest, size=12, weight="bold", color=_INK, va="center")
    _write(figure, 0.07, 0.935, head, size=9, color=_FAINT, va="center")
    lines = [f"{number}  {mark.text[:_LINE]}" for number, mark in enumerate(listed[:_LISTED], 1)]
    if len(listed) > _LISTED:
        lines.append(f"and {len(listed) - _LISTED} more")
    figure.subplots_adjust(bottom=0.075 + 0.022 * len(lines))
    for number, line in enumerate(lines):
        colour = _SEVERITIES.get(listed[number].severity, _INK) if number < _LISTED else _FAINT
        _write(figure, 0.07, 0.022 * (len(lines) - number) - 0.01, line, size=8.5, color=colour, va="center")


def _write(where: Any, x: float, y: float, text: str, **how: Any) -> None:  # noqa: ANN401 - untyped library
    """Captured text as it stands: a dollar sign begins no formula."""
    where.text(x, y, "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text), parse_math=False, **how)
