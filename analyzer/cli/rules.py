"""`analyzer rules`: the catalogue, one line per rule."""

import textwrap
from collections.abc import Iterator

import click

from analyzer.cli.output import on_terminal, width, write


@click.command(short_help="List what is looked for.")
def rules() -> None:
    """List every rule: its name and what it finds. `analyzer explain RULE` tells the rest."""
    write(_lines())


def _lines() -> Iterator[str]:
    from analyzer.rules import all_rules  # noqa: PLC0415 - imports every rule

    catalogue = all_rules()
    indent = max(len(rule.slug) for rule in catalogue) + 2
    for rule in catalogue:
        line = f"{rule.slug:<{indent}}{rule.title}"
        if on_terminal():
            line = textwrap.fill(line, max(width(), indent + 20), subsequent_indent=" " * indent, break_on_hyphens=False)
        yield f"{line}\n"
