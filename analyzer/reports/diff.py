"""Two sessions side by side as text: what differs comes first, what is alike is counted or, when asked for, shown.

In: two sessions with where they come from, and their `Difference`. Out: text for a terminal, Markdown, or JSON.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from analyzer.reports.json import escaped
from analyzer.reports.markdown import code, escape, prose
from analyzer.reports.phrases import address, printable, seconds, short_name

if TYPE_CHECKING:
    from analyzer.model.difference import Difference, Fact, Value
    from analyzer.model.finding import Finding
    from analyzer.model.report import SessionReport

FORMATS = ("terminal", "markdown", "json")
Shown = tuple[str, "SessionReport"]
"""The path of a capture and a session in it."""
_LABEL, _LONGEST = 34, 200
"""Columns of a label, and characters of a value."""


def lines(good: Shown, bad: Shown, found: "Difference", format: str, *, width: int, everything: bool) -> Iterator[str]:  # noqa: A002 - the option's name
    """Write in one of FORMATS. `everything`: with the facts that are alike."""
    if format == "json":
        yield escaped(json.dumps(_plain(good, bad, found), ensure_ascii=False, indent=2)) + "\n"
        return
    shown = [fact for fact in found.facts if everything or fact.differs]
    alike = len(found.facts) - sum(fact.differs for fact in found.facts)
    heads = (("good", good), ("bad", bad))
    if format == "markdown":
        yield "# Two sessions\n\n"
        for name, (path, session) in heads:
            yield f"- **{name}**: {code(short_name(path))}, {escape(_title(session))}: {prose(session.verdict.text)}\n"
        yield f"\n## What differs\n\n{'| | good | bad |' if shown else 'Nothing.'}\n{'|---|---|---|' if shown else ''}\n"
        for fact in shown:
            name = f"{fact.topic}: {fact.name}"
            yield f"| {escape(name)} | {escape(_said(fact, fact.good))} | {escape(_said(fact, fact.bad))} |\n"
        yield f"\n{alike} facts are alike.\n"
        for title, findings in (("Only in the bad one", found.only_bad), ("Only in the good one", found.only_good)):
            yield f"\n## {title}\n\n" if findings else ""
            yield from (f"- **{one.severity}** {code(one.rule)}: {prose(one.text)}\n" for one in findings)
        return
    for name, (path, session) in heads:
        yield f"{name:<5} {short_name(path)}, {_title(session)}\n"
        yield f"      {session.verdict.severity}: {printable(session.verdict.text)}\n"
    room = max((width - _LABEL - 6) // 2, 16)
    for topic, facts in groupby(shown, key=lambda fact: fact.topic):
        yield f"\n{topic}\n"
        for fact in facts:
            yield from _row(fact, room)
    yield f"\n{alike} facts are alike.\n" if shown else "\nNothing differs.\n"
    for title, findings in (("Only in the bad one", found.only_bad), ("Only in the good one", found.only_good)):
        yield f"\n{title}\n" if findings else ""
        yield from (f"  {one.severity:<8}{one.rule}: {printable(one.text)}\n" for one in findings)


def _row(fact: "Fact", room: int) -> Iterator[str]:
    """One fact on as many lines as its longer value needs."""
    sides = [_wrapped(_said(fact, value), room) for value in (fact.good, fact.bad)]
    sign = "≠" if fact.differs else " "
    labels = _wrapped(fact.name, _LABEL - 1)
    for number in range(max(len(labels), *map(len, sides))):
        label, good, bad = (part[number] if number < len(part) else "" for part in (labels, *sides))
        yield f"{sign if not number else ' '} {label:<{_LABEL}}  {good:<{room}}  {bad}".rstrip() + "\n"


def _wrapped(text: str, room: int) -> list[str]:
    return [text[start : start + room] for start in range(0, len(text), room)] or [""]


def _title(session: "SessionReport") -> str:
    return f"session {session.id}, {address(session.client)} to {address(session.server)}"


def _said(fact: "Fact", value: "Value") -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return seconds(value) if fact.unit == "s" else f"{value:,} {fact.unit}".rstrip()
    return printable(value, _LONGEST) or '""'


def _plain(good: Shown, bad: Shown, found: "Difference") -> dict[str, Any]:
    return {
        "schema": "analyzer-diff/1",
        **{
            name: {
                "path": path,
                "session": session.id,
                "request_id": session.upgrade.get("request_id"),
                "verdict": {
                    "rule": session.verdict.rule,
                    "severity": str(session.verdict.severity),
                    "text": session.verdict.text,
                },
            }
            for name, (path, session) in (("good", good), ("bad", bad))
        },
        "facts": [
            {"topic": fact.topic, "name": fact.name, "unit": fact.unit, "good": fact.good, "bad": fact.bad, "differs": fact.differs}
            for fact in found.facts
        ],
        "only_good": [_finding(one) for one in found.only_good],
        "only_bad": [_finding(one) for one in found.only_bad],
    }


def _finding(one: "Finding") -> dict[str, Any]:
    return {"rule": one.rule, "severity": str(one.severity), "side": one.side, "text": one.text, "packets": list(one.packets)}
