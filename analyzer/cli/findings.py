"""`analyzer findings CAPTURE...`: every finding on a line, for scripts and spreadsheets."""

from pathlib import Path
from typing import Any

import click

from analyzer.cli.lists import format_option, write_rows
from analyzer.cli.options import captures_argument, input_options, output_option, settings
from analyzer.cli.progress import progress


@click.command(short_help="List every finding.")
@captures_argument
@format_option
@output_option("the findings")
@input_options
def findings(captures: tuple[str, ...], form: str, output: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - options
    """List the findings of captures and their sessions, one on a line, those of the file first."""
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps
    from analyzer.reports.findings import FIELDS, rows  # noqa: PLC0415 - not for --help

    with progress() as show:
        report = analyze(*captures, settings=settings(**chosen), frames=False, progress=show, jobs=None)
    write_rows(rows(report), FIELDS, form, output)
