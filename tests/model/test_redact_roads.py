"""The redactor's quick roads say what the slow ones say: each is compared with a definition that takes no short cut."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyzer.model import redact as redactor
from analyzer.model.finding import Finding, Severity
from analyzer.model.redact import Secrets, is_secret, mark, redact, redact_query, redact_value

KEY = "a1b2c3d4e5" * 4
OPAQUE = "opaque-credential-of-a-customer"
NAMES = [
    "api_key",
    "apiKey",
    "X-API-KEY",
    "tag",
    "sig",
    "Signature",
    "callback",
    "request_id",
    "sha256",
    "max_tokens",
    "Sec-WebSocket-Key",
]
WORDS = [
    *NAMES,
    *(
        "headers",
        "endpoint",
        "query",
        "context",
        "messages",
        "target",
        "url",
        "subprotocol",
        "token",
        "bearer ",
        "basic",
        "Speciality",
    ),
    *(KEY, OPAQUE, OPAQUE[:20], OPAQUE[:6], "f" * 64, "5002d33e-31f3-4a45-a26e-da2763dfeabd", "eyJhbGciOi.eyJzdWIi", "NET-0001"),
    *(
        "sk-proj-0123456789abcdefghij",
        "https://u:p@host/?",
        "%3A",
        "\\u003d",
        '"',
        "'",
        ":",
        "=",
        "&",
        ";",
        ",",
        " ",
        "{",
        "}",
        "[",
        "]",
    ),
]
TEXT = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(WORDS), max_size=6).map("".join))
SECRETS = st.sampled_from(
    [
        Secrets(),
        Secrets(names=frozenset({"Speciality", "messages", "sha256"})),
        Secrets(frozenset({OPAQUE}), frozenset({"prompt"})),
        Secrets(frozenset({OPAQUE, OPAQUE + "-2", KEY})),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.sampled_from(Severity)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=4)
        | st.builds(
            lambda text, values: Finding(Severity.NOTE, text, (1, 2), values=values), TEXT, st.dictionaries(TEXT, inner, max_size=3)
        )
    ),
    max_leaves=12,
)


def slow_is_secret(name: str, secrets: Secrets) -> bool:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name.strip()).strip("_").lower()
    if plain in redactor._PUBLIC_NAMES:
        return False
    ends_so = plain.rpartition("_")[2] in redactor._SECRET_WORDS
    return plain in redactor._SECRET_NAMES or ends_so or plain in {one.lower() for one in secrets.names}


def slow_is_parameter(name: str, secrets: Secrets) -> bool:
    return slow_is_secret(name, secrets) or name.lower() in redactor._SECRET_QUERY or name.lower().startswith("sig")


def slow_redact(text: str, secrets: Secrets) -> str:
    for value in sorted(secrets.values, key=lambda value: (-len(value), value)):
        text = text.replace(value, mark(value))
        for length in range(min(len(value) - 1, len(text)), 5, -1):
            if text.endswith(value[:length]):
                text = text[:-length] + mark(value)
                break
    text = redactor._USERINFO.sub(lambda found: redactor._once(found[0]), text)
    text = redactor._pairs(text, secrets)
    text = redactor._CREDENTIALS.sub(lambda found: found[1] + found[2] + mark(found[3]), text)
    return redactor._SHAPES.sub(lambda found: mark(found[0]), text)


def slow_walk(item: Any, secrets: Secrets, name: str = "", above: str = "", *, hidden: bool = False) -> Any:  # noqa: ANN401 - plain data
    if isinstance(item, Mapping):
        inner = hidden or (name == "headers" and above == "endpoint")
        judge = slow_is_parameter if name == "query" else slow_is_secret
        return {key: slow_walk(item[key], secrets, key, name, hidden=inner or judge(key, secrets)) for key in item}
    if isinstance(item, list | tuple):
        inner = hidden or (name == "messages" and above == "context")
        return type(item)(slow_walk(one, secrets, name, above, hidden=inner) for one in item)
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        fields = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
        return dataclasses.replace(item, **{key: slow_walk(value, secrets, key, name) for key, value in fields.items()})
    if hidden:
        secret = isinstance(item, str | int | float) and not isinstance(item, bool)
        return redactor._credentials(str(item)) if secret else item
    return redactor._text(item, name, above, secrets, 0) if isinstance(item, str) else item


def typed(item: Any) -> str:  # noqa: ANN401 - plain data
    """With types, since 1 equals True and 1.0."""
    return repr(item)


@given(TEXT, SECRETS)
def test_names(name: str, secrets: Secrets) -> None:
    for _ in range(2):  # the second time it is remembered
        assert is_secret(name, secrets) == slow_is_secret(name, secrets)
        assert (redact_query({name: "short"}, secrets)[name] != "short") == slow_is_parameter(name, secrets)


@given(TEXT, SECRETS)
def test_text(text: str, secrets: Secrets) -> None:
    assert redact(text, secrets) == slow_redact(text, secrets)


@given(st.from_regex(redactor._PUBLIC, fullmatch=True))
def test_sums_and_ids_are_left_alone_by_the_slow_road_too(text: str) -> None:
    assert slow_redact(text, Secrets()) == text


@given(PLAIN, SECRETS)
def test_plain_data(item: Any, secrets: Secrets) -> None:  # noqa: ANN401 - plain data
    before = typed(item)
    assert typed(redact_value(item, secrets)) == typed(slow_walk(item, secrets))
    assert typed(item) == before


def test_a_copy_shares_nothing_that_can_change() -> None:
    finding = Finding(Severity.NOTE, "text", values={"list": [1, 2], "inner": {"a": 1}})
    clean = redact_value((finding, {"numbers": [1]}))
    clean[0].values["list"].append(3)
    clean[0].values["inner"]["b"] = 2
    clean[1]["numbers"].append(2)
    assert finding.values == {"list": [1, 2], "inner": {"a": 1}}


def test_what_is_remembered_of_names_is_bounded_and_holds_no_long_key() -> None:
    for number in range(5000):
        redact(json.dumps({f"name-{number}": 1, KEY + str(number): 2}))
    kept = redactor._remembered.cache_info()
    assert kept.currsize <= redactor._NAMES_KEPT
    misses = kept.misses
    is_secret(KEY)
    assert redactor._remembered.cache_info().misses == misses
