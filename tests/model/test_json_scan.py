"""The tokens of JSON are those that `json` parses, and they stand where they are said to stand."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.json_scan import letters, tokens

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def scalars(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is what it is
    """Keys and values in the order of the text."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in (key, *scalars(inner))]
    if isinstance(value, list):
        return [one for inner in value for one in scalars(inner)]
    return [value]


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_tokens_are_what_json_holds(value: Any, ascii_only: bool, indent: int | None) -> None:  # noqa: ANN401 - JSON is what it is
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    found = list(tokens(text))
    assert [json.loads(text[one.begin : one.end]) for one in found if one.kind in ("key", "string", "other")] == scalars(value)
    assert [one.kind for one in found].count("{") == [one.kind for one in found].count("}")
    for one in found:
        assert one.kind in ("key", "string", "other") or text[one.begin : one.end] == one.kind


@given(st.text(), st.booleans())
def test_letters_know_how_they_are_written(value: str, ascii_only: bool) -> None:
    inside = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
    read, written = letters(inside)
    assert read == value
    assert "".join(written) == inside
    assert len(written) == len(value)
