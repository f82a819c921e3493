"""`analyzer report CAPTURE...`: analyse, and print what went wrong."""

from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import captures_argument, input_options, output_option, settings, transcripts_option
from analyzer.cli.output import colour, on_terminal, width, write
from analyzer.cli.progress import progress
from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.model.errors import AnalyzerError


@click.command(short_help="Analyse captures and print what went wrong.")
@captures_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "json", "html", "sarif", "junit"]),
    help="How to write it. Default: terminal on a terminal, markdown otherwise.",
)
@output_option("the report")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="never",
    show_default=True,
    help="Exit with status 1 when there is a finding at least this severe.",
)
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Show, and fail on, only what is not in this earlier report (of --format json).",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Read so many captures at once, or one capture in so many shares, each in a process of its own. "
    "Unless it is said, a large capture is divided among the processors, and several are read one by one.",
)
@click.option("--no-audio", is_flag=True, help="Leave the audio out of the HTML page.")
@transcripts_option
@input_options
def report(
    captures: tuple[str, ...],
    form: str | None,
    output: Path | None,
    fail_on: str,
    baseline: Path | None,
    jobs: int | None,
    no_audio: bool,
    transcripts: bool,
    **chosen: Any,  # noqa: ANN401 - options
) -> int:
    """Analyse captures (pcap or pcapng, - for standard input) and print a triage report.

    For each WebSocket session it says whether something went wrong, names the cause, and cites the packets that prove it.
    """
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps

    known = None
    if baseline is not None:
        from analyzer.compare.baseline import read, since  # noqa: PLC0415 - not for --help

        known = read(baseline)
    problems: list[AnalyzerError] = []
    if form == "html":
        from analyzer.cli.page import page  # noqa: PLC0415 - not for the other formats

        new = None if known is None else partial(since, known=known)
        result = page(captures, output, problems.append, new, audio=not no_audio, transcripts=transcripts, **chosen)
    elif no_audio or not transcripts:
        msg = "--no-audio and --no-transcripts are for --format html: the other formats hold neither audio nor transcripts."
        raise UsageError(msg)
    else:
        with progress() as show:
            asked = settings(**chosen)
            result = analyze(*captures, settings=asked, frames=False, progress=show, jobs=jobs, unusable=problems.append)
        if known is not None:
            result = since(result, known)
        if result.captures:
            from analyzer.reports import pieces  # noqa: PLC0415 - not for --help
            from analyzer.rules import pages  # noqa: PLC0415 - not for --help

            form = form or ("terminal" if output is None and on_terminal() else "markdown")
            columns, coloured = width() if form == "terminal" else None, output is None and colour()
            write(pieces(result, form, width=columns, colour=coloured, pages=pages()), output)
    for problem in problems:
        click.echo(f"analyzer: {problem}", err=True)
    if problems:
        return 2
    weights = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
    found = chain.from_iterable(
        chain([capture.findings], (one.findings for one in capture.sessions)) for capture in result.captures
    )
    return int(any(finding.severity in weights for findings in found for finding in findings))
