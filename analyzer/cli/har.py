"""`analyzer har CAPTURE -o FILE.har`: the sessions as a browser's dev tools would have saved them."""

from pathlib import Path
from typing import Any

import click

from analyzer.cli.options import captures_argument, input_options, output_option, settings, transcripts_option
from analyzer.cli.output import write
from analyzer.cli.progress import progress


@click.command(short_help="Write the sessions as a HAR.")
@captures_argument
@output_option("the HAR")
@transcripts_option
@input_options
def har(captures: tuple[str, ...], output: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - options
    """Write the sessions of captures as a HAR with Chrome's `_webSocketMessages`, audio included, credentials redacted.

    Pings, pongs and close frames have no place in a HAR; the close code is in `_close`. A HAR can be analysed like a capture:
    analyzer report FILE.har
    """
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps
    from analyzer.reports.har import left_out, pieces  # noqa: PLC0415 - not for --help
    from analyzer.reports.phrases import plural  # noqa: PLC0415 - as above

    with progress() as show:
        report = analyze(*captures, settings=settings(contents=True, **chosen), frames=False, progress=show)
    write(pieces(report), output)
    if left := left_out(report):
        click.echo(f"analyzer: {plural(left, 'session')} in TLS left out: without keys nothing of it can be shown.", err=True)
