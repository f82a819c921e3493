"""What `frames`, `messages` and `findings` have in common: their formats, and where a list goes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analyzer.cli.output import write
from analyzer.cli.whole import whole
from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.reports.listing import Field

Command = TypeVar("Command", bound=Callable[..., Any])


def format_option(command: Command) -> Command:
    """Add `--format`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "jsonl", "csv", "parquet"]),
        default="table",
        show_default=True,
        help="How to write it; parquet needs -o and analyzer[parquet].",
    )(command)


def write_rows(rows: Iterable[dict[str, Any]], fields: "tuple[Field, ...]", form: str, output: Path | None) -> None:
    """Write a list in a format of `format_option`."""
    if form == "parquet":
        from analyzer.reports.parquet import columns_of  # noqa: PLC0415 - not for --help

        write_columns(columns_of(rows, fields), fields, output)
    else:
        from analyzer.reports.listing import lines  # noqa: PLC0415 - not for --help

        write(lines(rows, fields, form), output)


def write_columns(columns: Iterable[dict[str, list[Any]]], fields: "tuple[Field, ...]", output: Path | None) -> None:
    """Write a list as Parquet. Raises UsageError without a file."""
    if output is None:
        msg = "Parquet is binary: name a file with -o FILE."
        raise UsageError(msg)
    from analyzer.reports.parquet import write as write_parquet  # noqa: PLC0415 - not for --help

    with whole(output) as file:
        write_parquet(file, fields, columns)
