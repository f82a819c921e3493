"""Rows as text: JSON lines, CSV or a table. What a list has millions of (frames) is written by templates of its own instead.

In: rows as dicts with the keys of `fields`, in any number. Out: an iterator of strings to be written one after the other.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from analyzer.model.errors import UsageError
from analyzer.reports.json import escaped
from analyzer.reports.phrases import printable

FORMATS = ("table", "jsonl", "csv")
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""A cell that begins like this (in full width, too, and behind blanks) is run by spreadsheets; a captured text must not be."""


class Field(NamedTuple):
    """One column. `width` is that of the table (0: not in it, negative: to the left); `meaning` is its documentation."""

    name: str
    kind: str
    width: int
    meaning: str


def lines(rows: Iterable[dict[str, Any]], fields: tuple[Field, ...], format: str) -> Iterator[str]:  # noqa: A002 - the option's name
    """Write rows in one of FORMATS. Raises UsageError for another one."""
    if format not in FORMATS:
        msg = f"There is no list format {format!r}; choose one of {', '.join(FORMATS)}."
        raise UsageError(msg)
    if format == "jsonl":
        for row in rows:
            yield escaped(json.dumps(row, ensure_ascii=False)) + "\n"
    elif format == "csv":
        yield ",".join(field.name for field in fields) + "\n"
        for row in rows:
            cells = io.StringIO()
            csv.writer(cells, lineterminator="\n").writerow([_cell(row[field.name]) for field in fields])
            yield cells.getvalue()
    else:
        shown = [field for field in fields if field.width]
        yield " ".join(_fitted(field.name, field.width) for field in shown).rstrip() + "\n"
        for row in rows:
            yield " ".join(_fitted(_word(row[field.name]), field.width) for field in shown).rstrip() + "\n"


def _cell(value: Any) -> Any:  # noqa: ANN401 - a field of any kind
    if isinstance(value, str):
        return printable(f"'{value}" if value.lstrip().startswith(_FORMULA) else value)
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else value


def _word(value: Any) -> str:  # noqa: ANN401 - a field of any kind
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}"
    return printable(_cell(value) if isinstance(value, list | bool) else value)


def _fitted(text: str, width: int) -> str:
    """Text in a column: cut where it is too long, to the left where `width` is negative."""
    room = abs(width)
    text = text if len(text) <= room else f"{text[: room - 1]}…"
    return text.ljust(room) if width < 0 else text.rjust(room)
