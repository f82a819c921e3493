"""Where things stand in the text of JSON, to the letter: what `json` parses, but does not say the place of.

In: a text that `json.loads` takes. Out: its tokens in order. Nothing here checks the grammar, and nothing depends on the depth.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:]|[^\s{}\[\],:"]+', re.DOTALL)
_LETTER = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)


class Token(NamedTuple):
    """`kind` is a bracket, `key`, `string` (both with their quotes) or `other`: a number or a constant."""

    kind: str
    begin: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """All tokens but commas and colons."""
    waiting: Token | None = None
    for found in _TOKEN.finditer(text):
        first = found[0][0]
        if first == ":":
            assert waiting is not None
            yield waiting._replace(kind="key")
            waiting = None
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        if first == '"':
            waiting = Token("string", *found.span())
        else:
            yield Token(first if first in "{}[]" else "other", *found.span())
    if waiting is not None:
        yield waiting


def letters(inside: str) -> tuple[str, list[str]]:
    """What stands between the quotes of a string: its value, and how each letter of that is written."""
    if "\\" not in inside:
        return inside, list(inside)
    written = _LETTER.findall(inside)
    read = [one if one[0] != "\\" else json.loads(f'"{one}"') for one in written]
    return "".join(read), written
