"""From a Report to text: one file per format, pure functions, no counting and no thresholds.

`render(report, format)` is the way in. A format is imported when it is asked for, so that JSON never pays for the
terminal's colours.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.model.report import Report

FORMATS = ("terminal", "markdown", "json")
"""Each is a module of this package with `render(report, *, width, colour) -> str`."""


def render(report: "Report", format: str, *, width: int | None = None, colour: bool = False) -> str:  # noqa: A002 - the option's name
    """Write the report in one of FORMATS. `width` (columns) and `colour` matter to the terminal only. Raises UsageError."""
    if format not in FORMATS:
        msg = f"There is no report format {format!r}; choose one of {', '.join(FORMATS)}."
        raise UsageError(msg)
    text: str = import_module(f"analyzer.reports.{format}").render(report, width=width, colour=colour)
    return text
