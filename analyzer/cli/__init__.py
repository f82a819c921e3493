"""The command line: the only code that prints or exits. `main` is the program; one file here is one command.

A command's file is imported when the command or the list of commands is asked for, and imports numpy, rich and the pipeline
only when it runs. Exit status: 0 done, 1 findings at or above `--fail-on`, 2 the command line or the input cannot be used,
130 interrupted.
"""

import gc
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from analyzer import __version__
from analyzer.model.errors import AnalyzerError

COMMANDS = (
    *("report", "sessions", "frames", "messages", "findings", "audio", "bundle", "annotate", "har", "diff", "verify"),
    *("rules", "explain", "doctor"),
)
UNUSABLE, INTERRUPTED = 2, 130


class Commands(click.Group):
    """Imports commands on demand, and turns every expected failure into one sentence and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the commands in the order of use, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; None for a word that is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"analyzer.cli.{cmd_name}"), cmd_name)
        return command

    def main(self, *args: Any, **extra: Any) -> NoReturn:  # noqa: ANN401 - click's signature
        """Run a command and exit with its status."""
        gc.set_threshold(200_000)  # much is made, hardly any of it in cycles: looking for those costs a twentieth of the time
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's BLAS would start threads that nothing here uses; costs 20 ms
        for stream in (sys.stdout, sys.stderr):  # a capture may hold what a console's encoding does not
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        extra["standalone_mode"] = False
        try:
            status = super().main(*args, **extra)
        except click.Abort:
            _fail("Interrupted.", INTERRUPTED)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except AnalyzerError as error:
            _fail(str(error), UNUSABLE)
        gc.freeze()  # what is left goes with the process: looking through it for cycles once more costs 10 ms
        sys.exit(status or 0)


def _fail(sentence: str, status: int) -> NoReturn:
    """Print one line on standard error and exit."""
    click.echo(f"analyzer: {' '.join(sentence.split())}", err=True)
    sys.exit(status)


def _version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:  # noqa: ARG001 - click's signature
    """Print the version."""
    if wanted and not ctx.resilient_parsing:
        click.echo(f"analyzer {__version__}")
        ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Find out from a packet capture why a WebSocket speech-to-text session failed.

    Give it a pcap or pcapng file: it finds every WebSocket session, reads its frames, decodes its audio and names the cause
    of what went wrong, with packet numbers to look at in Wireshark.

    Start with: analyzer report capture.pcapng
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
