"""`analyzer report CAPTURE...`: analyse, and print what went wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import capture_argument, input_options, output_option, settings
from analyzer.cli.output import colour, on_terminal, width, write
from analyzer.cli.progress import progress
from analyzer.model.errors import AnalyzerError, UsageError

if TYPE_CHECKING:
    from analyzer.model.report import Report
    from analyzer.model.settings import Settings


@click.command(short_help="Analyse captures and print what went wrong.")
@capture_argument(several=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "json"]),
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
@input_options
def report(captures: tuple[str, ...], form: str | None, output: Path | None, fail_on: str, **chosen: Any) -> int:  # noqa: ANN401 - options
    """Analyse captures (pcap or pcapng, - for standard input) and print a triage report.

    For each WebSocket session it says whether something went wrong, names the cause, and cites the packets that prove it.
    """
    result, problems = _analyze(captures, settings(**chosen))
    if result is not None:
        from analyzer.reports import render  # noqa: PLC0415 - not for --help

        form = form or ("terminal" if output is None and on_terminal() else "markdown")
        write([render(result, form, width=width() if form == "terminal" else None, colour=output is None and colour())], output)
    for problem in problems:
        click.echo(f"analyzer: {problem}", err=True)
    if problems or result is None:
        return 2
    weights = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
    return int(any(finding.severity in weights for finding in result.findings))


def _analyze(captures: Sequence[str], chosen: "Settings") -> tuple["Report | None", list[str]]:
    """Analyse all captures together. Where one is unusable, the others are analysed without it, and it leaves one sentence."""
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps

    try:
        with progress() as show:
            return analyze(*captures, settings=chosen, frames=False, progress=show), []
    except UsageError:
        raise
    except AnalyzerError:
        if len(captures) == 1 or "-" in captures:  # standard input cannot be read twice
            raise
    usable, problems = [], []
    for path in captures:
        try:
            analyze(path, settings=chosen, frames=False)
        except AnalyzerError as error:
            problems.append(str(error))
        else:
            usable.append(path)
    return (analyze(*usable, settings=chosen, frames=False) if usable else None), problems
