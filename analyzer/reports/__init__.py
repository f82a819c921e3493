"""From a Report to text: one file per format, pure functions, no counting and no thresholds.

`render(report, format)` is the way in. A format is imported when it is asked for, so that JSON never pays for the
terminal's colours.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.model.report import Report

FORMATS = ("terminal", "markdown", "json", "html")
"""Each is a module of this package with `render(report, *, width, colour) -> str`, and `pieces(report)` where it can be long."""


def render(report: "Report", format: str, *, width: int | None = None, colour: bool = False) -> str:  # noqa: A002 - the option's name
    """Write the report in one of FORMATS. `width` (columns) and `colour` matter to the terminal only. Raises UsageError."""
    return "".join(pieces(report, format, width=width, colour=colour))


def pieces(
    report: "Report",
    format: str,  # noqa: A002 - the option's name
    *,
    width: int | None = None,
    colour: bool = False,
) -> Iterable[str]:
    """The same text piece by piece, where a format can be written so."""
    if format not in FORMATS:
        msg = f"There is no report format {format!r}; choose one of {', '.join(FORMATS)}."
        raise UsageError(msg)
    module = import_module(f"analyzer.reports.{format}")
    in_pieces: Iterable[str] = (
        module.pieces(report) if hasattr(module, "pieces") else [module.render(report, width=width, colour=colour)]
    )
    return in_pieces
