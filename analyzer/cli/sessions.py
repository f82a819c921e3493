"""`analyzer sessions CAPTURE...`: one line per WebSocket session and per failed attempt."""

from typing import Any

import click

from analyzer.cli.options import captures_argument, input_options, settings
from analyzer.cli.output import colour, on_terminal, width, write
from analyzer.cli.progress import progress


@click.command(short_help="List WebSocket sessions and failed attempts.")
@captures_argument
@input_options
def sessions(captures: tuple[str, ...], **chosen: Any) -> None:  # noqa: ANN401 - options
    """List the WebSocket sessions of captures, and the attempts that failed.

    A table on a terminal; otherwise lines with tabs between the fields.
    """
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps

    with progress() as show:
        report = analyze(*captures, settings=settings(**chosen), frames=False, progress=show, jobs=None)
    if on_terminal():
        from analyzer.reports.terminal import sessions_table  # noqa: PLC0415 - rich

        write([sessions_table(report, width=width(), colour=colour())])
    else:
        from analyzer.reports.sessions import lines  # noqa: PLC0415 - not for --help

        write(lines(report))
