"""`analyzer frames CAPTURE...`: every WebSocket frame, for the eye or for a program."""

from pathlib import Path
from typing import Any

import click

from analyzer.cli.lists import format_option, write_columns
from analyzer.cli.options import captures_argument, input_options, output_option, settings
from analyzer.cli.output import write
from analyzer.cli.progress import progress


@click.command(short_help="List every WebSocket frame.")
@captures_argument
@format_option
@output_option("the frames")
@input_options
def frames(captures: tuple[str, ...], form: str, output: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - options
    """List every WebSocket frame of a capture, or of several, in order of capture.

    Times count from the accepted upgrade of the frame's session; packets are numbered as in Wireshark.
    """
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps
    from analyzer.reports.frames import FIELDS, columns, lines  # noqa: PLC0415 - not for --help

    with progress() as show:
        report = analyze(*captures, settings=settings(**chosen), frames=True, progress=show)
    if form == "parquet":
        write_columns(columns(report), FIELDS, output)
    else:
        write(lines(report, form), output)
