"""From a Report to text: one file per format, pure functions, no counting and no thresholds.

`render(report, format)` is the way in. A format is imported when it is asked for, so that JSON never pays for the
terminal's colours.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.model.report import Report
    from analyzer.model.rule_page import RulePage

FORMATS = ("terminal", "markdown", "json", "html", "sarif", "junit")
"""Each is a module of this package with `render(report, *, width, colour) -> str`, or `pieces(report)` where it can be long."""
EXPLAINING = frozenset({"html", "sarif"})
"""Formats that hold the pages of rules: `pieces(report, pages)`."""


def render(
    report: "Report",
    format: str,  # noqa: A002 - the option's name
    *,
    width: int | None = None,
    colour: bool = False,
    pages: "Mapping[str, RulePage] | None" = None,
) -> str:
    """Write the report in one of FORMATS. `width` (columns) and `colour` matter to the terminal only, `pages` (of rules, by name)
    to EXPLAINING ones. Raises UsageError.
    """
    return "".join(pieces(report, format, width=width, colour=colour, pages=pages))


def pieces(
    report: "Report",
    format: str,  # noqa: A002 - the option's name
    *,
    width: int | None = None,
    colour: bool = False,
    pages: "Mapping[str, RulePage] | None" = None,
) -> Iterable[str]:
    """The same text piece by piece, where a format can be written so."""
    if format not in FORMATS:
        msg = f"There is no report format {format!r}; choose one of {', '.join(FORMATS)}."
        raise UsageError(msg)
    module = import_module(f"analyzer.reports.{format}")
    in_pieces: Iterable[str]
    if format in EXPLAINING:
        in_pieces = module.pieces(report, pages or {})
    elif hasattr(module, "pieces"):
        in_pieces = module.pieces(report)
    else:
        in_pieces = [module.render(report, width=width, colour=colour)]
    return in_pieces
