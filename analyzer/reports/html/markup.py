"""HTML as text: every captured string passes `text`, and nothing else writes between tags.

In: any value. Out: characters that neither end an element nor an attribute, nor reorder what a person reads.
"""

import html
import json
from collections.abc import Iterable
from typing import Any

from analyzer.reports.phrases import printable


def text(value: object, limit: int | None = None) -> str:
    """A captured string as character data or as the value of a quoted attribute."""
    return html.escape(printable(value, limit))


def element(name: str, content: str = "", **attributes: object) -> str:
    """Write an element around markup. Attributes that are None or False are left out; `class_` is `class`, `data_x` is `data-x`."""
    return f"<{name}{_attributes(attributes)}>{content}</{name}>"


def begin(name: str, **attributes: object) -> str:
    """Write a start tag."""
    return f"<{name}{_attributes(attributes)}>"


def _attributes(attributes: dict[str, object]) -> str:
    shown = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items() if value is not None)
    return "".join(f" {name}" if value is True else f' {name}="{text(value)}"' for name, value in shown if value is not False)


def code(value: object, *, copy: bool = False) -> str:
    """A captured string as code; with `copy` the page's script puts a button beside it."""
    return element("code", text(value), data_copy=True if copy else None)


def marked(value: object) -> str:
    """A sentence in which words between backquotes are code, as rules write them."""
    parts = printable(value).split("`")
    if len(parts) % 2 == 0:
        return text(value)
    return "".join(element("code", html.escape(part)) if number % 2 else html.escape(part) for number, part in enumerate(parts))


def listed(pairs: Iterable[tuple[str, str]], **attributes: object) -> str:
    """Write a description list of names and markup."""
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{value}</dd></div>" for name, value in pairs)
    return element("dl", rows, **attributes)


def data(value: Any, identifier: str) -> str:  # noqa: ANN401 - JSON
    """A block of JSON that the page's script reads. What could end the block or begin another is written by its number."""
    written = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    written = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return element("script", written, type="application/json", id=identifier)
