"""`analyzer report --format html`: what the page needs besides a report, from analysis to file.

In: what `analyzer report` was given. Out: the page, written. Audio is decoded into a temporary folder, which is removed.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from analyzer.cli.options import settings
from analyzer.cli.output import on_terminal, write
from analyzer.cli.progress import progress
from analyzer.model.errors import AnalyzerError, UsageError
from analyzer.model.limits import DEFAULT
from analyzer.model.schema import Side
from analyzer.model.settings import Dump

if TYPE_CHECKING:
    from analyzer.model.report import Report


def page(
    captures: tuple[str, ...],
    output: Path | None,
    unusable: Callable[[AnalyzerError], None],
    change: "Callable[[Report], Report] | None" = None,
    *,
    audio: bool,
    transcripts: bool,
    **chosen: Any,  # noqa: ANN401 - one value per option
) -> "Report":
    """Analyse and write; `change` is made to the report before that. Raises UsageError where it would go to a terminal."""
    if output is None and on_terminal():
        msg = "An HTML page is no text for a terminal; name a file with -o FILE, or redirect the output."
        raise UsageError(msg)
    from analyzer.audio.playback import playback  # noqa: PLC0415 - numpy
    from analyzer.pipeline import analyze  # noqa: PLC0415 - all steps
    from analyzer.reports.html import pieces  # noqa: PLC0415 - not for --help
    from analyzer.rules import pages  # noqa: PLC0415 - imports every rule

    with TemporaryDirectory(prefix="analyzer-") as folder:
        dump = Dump(Path(folder), frozenset(Side), timeline=True, speech=False) if audio else None
        asked = settings(dump=dump, contents=True, transcripts=transcripts, **chosen)
        with progress() as show:
            report = analyze(*captures, settings=asked, frames=True, progress=show, unusable=unusable)
        report = report if change is None else change(report)
        if report.captures:
            write(pieces(report, pages(), play=partial(playback, limits=DEFAULT)), output)
    return report
