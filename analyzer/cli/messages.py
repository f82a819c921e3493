"""`analyzer messages CAPTURE...`: every WebSocket message with what it says, for the eye or for a program."""

from pathlib import Path
from typing import Any

import click

from analyzer.cli.lists import format_option, write_rows
from analyzer.cli.options import captures_argument, input_options, output_option, settings, transcripts_option
from analyzer.cli.progress import progress


@click.command(short_help="List every WebSocket message and what it says.")
@captures_argument
@format_option
@output_option("the messages")
@transcripts_option
@input_options
def messages(captures: tuple[str, ...], form: str, output: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - options
    """List every WebSocket message: whole, unmasked and inflated, with its text where it is text.

    Credentials in it are redacted. Audio is left out: `analyzer audio` writes it.
    """
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps
    from analyzer.reports.messages import FIELDS, rows  # noqa: PLC0415 - not for --help

    with progress() as show:
        report = analyze(*captures, settings=settings(contents=True, **chosen), frames=False, progress=show)
    write_rows(rows(report), FIELDS, form, output)
