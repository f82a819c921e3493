"""Where a command's text goes: standard output or a file, with the console's width and colour asked for in one place."""

import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from analyzer.cli.whole import whole
from analyzer.model.errors import UsageError


def write(texts: Iterable[str], path: Path | None = None) -> None:
    """Write pieces of text as they come; a file is there when it is whole. A reader who has seen enough (`| head`) ends it quietly.

    Raises UsageError when a file or standard output cannot be written.
    """
    if path is not None:
        with whole(path) as file, io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n") as out:
            out.writelines(texts)
        return
    try:
        for text in texts:
            click.echo(
                text, nl=False, color=True
            )  # what must have no colour was made without; old Windows consoles get theirs translated
    except (BrokenPipeError, ConnectionResetError):
        _close_quietly()
    except OSError as error:
        if sys.platform != "win32":
            msg = f"Cannot write to standard output: {error.strerror}."
            raise UsageError(msg) from error
        _close_quietly()  # Windows reports a closed pipe as EINVAL


def _close_quietly() -> None:
    """Let Python's flush at exit go nowhere, where it cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def on_terminal() -> bool:
    """Tell whether a person sees standard output as it is written."""
    return sys.stdout.isatty()


def colour() -> bool:
    """Tell whether to use colour: on a terminal, unless NO_COLOR (no-color.org) or a dumb terminal forbids it."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns of the terminal (or of COLUMNS), 100 where there is none."""
    import shutil  # noqa: PLC0415 - a few milliseconds that most runs need not pay

    return shutil.get_terminal_size((100, 24)).columns
