"""The JSON report (`analyzer-report/1`): identical bytes for identical input.

`analyzer-report-1.json` beside this file is its schema.
"""

import re
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from analyzer.reports.plain import plain

if TYPE_CHECKING:
    from analyzer.model.report import Report

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters that JSON does not escape by itself (C1, direction overrides) and surrogates, which no encoding takes."""
_INDENT = "  "
_SESSIONS = 4
"""How deep sessions lie: in the list of a capture, in the list of the report."""
_LEAVES: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: repr,
    float: repr,
    bool: {False: "false", True: "true"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
}
"""How to write what holds nothing; `plain` leaves no number that JSON cannot say."""


def pieces(report: "Report") -> Iterator[str]:
    """Write the report as indented JSON that ends with a newline, session by session: there may be more of them than fit into
    memory twice.
    """
    yield from map(escaped, _streamed(plain(report, iter), "\n", _SESSIONS))
    yield "\n"


def escaped(text: str) -> str:
    """JSON whose strings show nothing that is not there, and can be encoded."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _streamed(item: Any, margin: str, depth: int) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Write what holds other data to this depth in pieces, and what is deeper at once. Iterators are lists."""
    if not depth or not isinstance(item, dict | list | Iterator):
        yield _written(item, margin)
        return
    inner = margin + _INDENT
    begin, end = "{}" if isinstance(item, dict) else "[]"
    before = begin + inner
    for one in item:
        yield before + (f"{encode_basestring(one)}: " if isinstance(item, dict) else "")
        yield from _streamed(item[one] if isinstance(item, dict) else one, inner, depth - 1)
        before = f",{inner}"
    yield margin + end if before.startswith(",") else begin + end


def _written(item: Any, margin: str) -> str:  # noqa: ANN401 - JSON
    """Write plain data as `json.dumps(item, ensure_ascii=False, indent=2)` does. `margin` is a line end and the indentation.

    The library indents with an encoder that takes a step of a generator for every bracket, comma and value: twice as slow.
    """
    leaf = _LEAVES.get(type(item))
    if leaf is not None:
        return leaf(item)
    if isinstance(item, str):  # of an enumeration
        return encode_basestring(item)
    if isinstance(item, int):
        return int.__repr__(item)
    begin, end = "{}" if isinstance(item, dict) else "[]"
    if not item:
        return begin + end
    inner = margin + _INDENT
    if isinstance(item, dict):
        lines = [
            f"{encode_basestring(key)}: {leaf(value) if (leaf := _LEAVES.get(type(value))) else _written(value, inner)}"
            for key, value in item.items()
        ]
    else:
        lines = [_written(value, inner) for value in item]
    return begin + inner + f",{inner}".join(lines) + margin + end
