"""`analyzer diff GOOD BAD`: a session that worked and one that did not, side by side."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import input_options, output_option, settings
from analyzer.cli.output import on_terminal, width, write
from analyzer.cli.progress import progress
from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.model.report import SessionReport
    from analyzer.model.settings import Settings


@click.command(short_help="Compare a session that worked with one that did not.")
@click.argument("good", metavar="GOOD")
@click.argument("bad", metavar="BAD")
@click.option("--good-session", metavar="N|REQUEST-ID", help="Which session of GOOD. Default: the first healthy one.")
@click.option("--bad-session", metavar="N|REQUEST-ID", help="Which session of BAD. Default: the first of the worst ones.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "json"]),
    help="How to write it. Default: terminal on a terminal, markdown otherwise.",
)
@click.option("--all", "everything", is_flag=True, help="Show what is alike, too.")
@output_option("the comparison")
@input_options
def diff(
    good: str,
    bad: str,
    good_session: str | None,
    bad_session: str | None,
    form: str | None,
    everything: bool,
    output: Path | None,
    **chosen: Any,  # noqa: ANN401 - options
) -> None:
    """Compare two sessions, fact by fact: request, format, rhythm of audio and KeepAlives, results, end, network, findings.

    GOOD and BAD are captures, and may be the same one. Numbers count as different from a fifth on.
    """
    from analyzer.compare.sessions import difference  # noqa: PLC0415 - numpy
    from analyzer.reports.diff import lines  # noqa: PLC0415 - not for --help

    common = settings(contents=True, **chosen)
    one = _session(good, good_session, common, worst=False)
    two = _session(bad, bad_session, common, worst=True)
    if good == bad and one.id == two.id:
        msg = f"Both are session {one.id} of {good}; choose two with --good-session and --bad-session."
        raise UsageError(msg)
    form = form or ("terminal" if output is None and on_terminal() else "markdown")
    write(lines((good, one), (bad, two), difference(one, two), form, width=width(), everything=everything), output)


def _session(path: str, number: str | None, common: "Settings", *, worst: bool) -> "SessionReport":
    """The session of a capture that was chosen, or the one that fits best."""
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps

    with progress() as show:
        report = analyze(path, settings=replace(common, session=number or common.session), frames=False, progress=show)
    if not report.sessions:
        msg = f"There is no WebSocket session in {path}."
        raise UsageError(msg)
    pick = min if worst else max
    return pick(report.sessions, key=lambda session: session.verdict.weight)
