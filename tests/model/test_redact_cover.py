"""Covering hides what redacting hides, and moves nothing."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.model.redact import Secrets, redact_headers, redact_json, redact_message, redact_protocol, redact_target

COVER = Secrets(cover=True)
NAMES = st.sampled_from(
    ["api_key", "type", "token", "headers", "endpoint", "messages", "context", "query", "tag", "url", "text", "n"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([0.5, -12.25, 1e20]) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


def same_shape(one: Any, two: Any, redacted: Any) -> None:  # noqa: ANN401 - JSON is what it is
    """What the redactor leaves stays, what it marks is overwritten."""
    assert type(one) is type(two)
    if isinstance(one, dict):
        assert list(one) == list(two)
        for key in one:
            same_shape(one[key], two[key], redacted[key])
    elif isinstance(one, list):
        for parts in zip(one, two, redacted, strict=True):
            same_shape(*parts)
    elif one == redacted or (isinstance(one, str) and "redacted:" not in str(redacted)):
        blank = isinstance(one, str) and not one.strip()  # written as an escape it has letters, which may be overwritten
        assert two == one or (blank and set(two) - set(one) <= {"x"})
    elif isinstance(one, str):
        assert set(two) - set(one) <= {"x", "1"}
    else:
        assert str(two).strip("-1.e+0") == ""


@example(value={"api_key": "\r"}, ascii_only=True)
@given(VALUES.filter(lambda value: isinstance(value, dict | list)), st.booleans())
def test_json_stays_json(value: Any, ascii_only: bool) -> None:  # noqa: ANN401 - JSON is what it is
    text = json.dumps(value, ensure_ascii=ascii_only)
    clean = redact_message(text, COVER)
    assert len(clean) == len(text)
    same_shape(value, json.loads(clean), redact_json(value))


@given(st.text())
def test_text_keeps_its_length(text: str) -> None:
    assert len(redact_message(text, COVER)) == len(text)
    assert len(redact_target(text, COVER)) == len(text)
    assert len(redact_protocol(text, COVER)) == len(text)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"api_key": "s\\u00e9\\"c", "n": 1}', '{"api_key": "xxxxxxxxxx", "n": 1}'),
        ('{"token": -12.5e+3, "key": [7, null, "a"]}', '{"token": -11.1e+1, "key": [1, null, "x"]}'),
        ('{"api_key":"one","api_key":"two"}', '{"api_key":"xxx","api_key":"xxx"}'),
        ('{"m": "{\\"password\\": \\"p q\\"}"}', '{"m": "{\\"password\\": \\"xxx\\"}"}'),
        ('{"headers": {"authorization": "Token  abc"}}', '{"headers": {"authorization": "Token  xxx"}}'),
        ("{'api_key': 'abc'}", "{'api_key': 'xxx'}"),
        ("token=abc1 and more", "token=xxxx and more"),
        ('{"think": {"endpoint": {"headers": {"x-any": "v"}}}}', '{"think": {"endpoint": {"headers": {"x-any": "x"}}}}'),
    ],
)
def test_what_is_overwritten(text: str, clean: str) -> None:
    assert redact_message(text, COVER) == clean


def test_a_value_is_found_again_wherever_it_stands() -> None:
    known = Secrets(frozenset({"opaque-credential"}), cover=True)
    assert redact_message("so opaque-credential it is, opaque-cre", known) == "so xxxxxxxxxxxxxxxxx it is, xxxxxxxxxx"


def test_heads_keep_schemes_names_and_spaces() -> None:
    assert redact_headers({"authorization": "Basic   abc=="}, COVER) == {"authorization": "Basic   xxxxx"}
    assert redact_protocol("token,  abc , access_token.eyJx", COVER) == "token,  xxx , xxxxxxxxxxxxxxxxx"
    assert redact_target("/v1?model=a&token=b%20c&callback=http%3A", COVER) == "/v1?model=a&token=xxxxx&callback=xxxxxxx"
