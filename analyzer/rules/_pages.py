"""The page of a rule, parsed from its docstring: a title line, then sections under fixed headings, each heading alone on its line.

A missing, misplaced or empty section raises ValueError, so that a rule without its page cannot be registered.
"""

from __future__ import annotations

import inspect
from itertools import pairwise

from analyzer.model.rule_page import HEADINGS, RulePage


def parse(slug: str, docstring: str | None) -> RulePage:
    """Read a docstring. Raises ValueError that names the rule and what its docstring lacks."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    found = [line for line in lines if line in HEADINGS]
    if found != list(HEADINGS):
        message = f"The docstring of rule {slug} has the headings {found}, expected {list(HEADINGS)}."
        raise ValueError(message)
    cuts = [lines.index(heading) for heading in HEADINGS] + [len(lines)]
    texts = ["\n".join(lines[begin + 1 : end]).strip("\n") for begin, end in pairwise(cuts)]
    summary = " ".join(" ".join(lines[: cuts[0]]).split())
    if not summary or not all(texts):
        message = f"The docstring of rule {slug} has an empty title or section."
        raise ValueError(message)
    return RulePage(slug, summary, *texts)
