"""`analyzer explain RULE`: the page of one rule."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from analyzer.cli.output import colour, on_terminal, width, write
from analyzer.model.errors import UsageError
from analyzer.model.rule_page import EXAMPLE

if TYPE_CHECKING:
    from analyzer.model.rule_page import RulePage

_READABLE = 100
"""Longer lines tire the eye."""


@click.command(short_help="Explain a rule: what it means and what to do.")
@click.argument("rule")
def explain(rule: str) -> None:
    """Explain a rule: what it means, how it is found, when it stays silent, and what to do."""
    from analyzer.rules import all_rules, page  # noqa: PLC0415 - imports every rule

    slugs = [one.slug for one in all_rules()]
    slug = rule.strip().lower().replace("_", "-")
    if slug not in slugs:
        from difflib import get_close_matches  # noqa: PLC0415 - needed for a mistake only

        near = get_close_matches(slug, slugs) or [one for one in slugs if slug in one]
        hint = f"did you mean {' or '.join(near)}?" if near else "'analyzer rules' lists them."
        msg = f"There is no rule {rule!r}; {hint}"
        raise UsageError(msg)
    write(_lines(page(slug)))


def _lines(page: "RulePage") -> Iterator[str]:
    yield f"{_heading(page.slug)}\n{_filled(page.summary)}\n"
    for heading, text in page.sections():
        yield f"\n{_heading(heading)}\n"
        if heading == EXAMPLE:
            yield f"{textwrap.indent(text, '  ')}\n"
        else:
            yield "\n\n".join(_filled(paragraph) for paragraph in text.split("\n\n")) + "\n"


def _heading(text: str) -> str:
    return click.style(text, bold=True) if colour() else text


def _filled(paragraph: str) -> str:
    """Fit a paragraph to the terminal; elsewhere its lines stand as they are."""
    if not on_terminal():
        return paragraph
    return textwrap.fill(" ".join(paragraph.split()), min(width(), _READABLE), break_long_words=False, break_on_hyphens=False)
