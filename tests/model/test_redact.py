"""No planted secret comes through the redactor, what support needs does, and redacting twice changes nothing."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.finding import Severity
from analyzer.model.redact import (
    mark,
    redact,
    redact_headers,
    redact_json,
    redact_message,
    redact_protocol,
    redact_query,
    redact_target,
    redact_value,
    secrets_of,
)

KEY = "a1b2c3d4e5" * 4
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjdXN0b21lciJ9.c2lnbmF0dXJlLW9mLXRva2Vu"
PASSWORD = "correct horse battery staple 7"  # noqa: S105 - planted, to be found missing
PLANTED = (KEY, JWT, PASSWORD)

MESSAGES = [
    f"the key is {KEY}",
    f"Authorization: Token {KEY}",
    f"authorization=Bearer {JWT}",
    f"token%3A{KEY}",
    f"\\u003d{KEY}",
    f"wss://api.example.com/v1/listen?model=nova&token={KEY}",
    f"wss://user:{KEY[:12]}x@api.example.com/",
    f"{{'type': 'Settings', 'api_key': '{PASSWORD}'}}",
    f'{{"type": "Settings", "api_key": "{PASSWORD}"}}',
    f'{{"api_key": "{PASSWORD}", "api_key": null}}',
    f'{{"password": "{PASSWORD}',
    json.dumps({"message": json.dumps({"secret": PASSWORD})}),
    json.dumps({"message": f"cannot parse {json.dumps({'session_token': PASSWORD})} at line 1"}),
    json.dumps({"agent": {"think": {"endpoint": {"url": f"https://llm/?key={KEY}", "headers": {"x-any": PASSWORD}}}}}),
    json.dumps({"agent": {"think": [{"provider": {"credentials": {"access_key_id": "short", "secret_access_key": PASSWORD}}}]}}),
    json.dumps({"agent": {"think": {"prompt": PASSWORD}, "context": {"messages": [{"role": "user", "content": PASSWORD}]}}}),
    json.dumps({"event": "start", "start": {"callSid": KEY[:34], "customParameters": {"name": PASSWORD}}}),
    "sk-proj-0123456789abcdefghij and AKIAIOSFODNN7EXAMPLE",
]


@pytest.mark.parametrize("message", MESSAGES)
def test_planted_secrets_are_gone(message: str) -> None:
    clean = redact_message(message)
    assert "<redacted:" in clean
    for secret in (*PLANTED, KEY[:12], "sk-proj", "AKIAIOSFODNN7", "short"):
        assert secret not in clean
    assert redact_message(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "request 5002d33e-31f3-4a45-a26e-da2763dfeabd",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        '{"type":"KeepAlive"}',
        "{ 'type' : 'CloseStream' }",
        '{ "type" : "Finalize" }',
        '{"request_id": "5002d33e-31f3-4a45-a26e-da2763dfeabd", "transaction_key": "deprecated", "max_tokens": 200}',
        "unknown token: foo",
        "Invalid credentials.",
        'token "NET-0001"',
        '{"token": "NET-0001"}',
        '{"token": null}',
        "expected one of `CloseStream`, `KeepAlive`: unknown variant `KeepAlive `",
        "https://dpgr.am/net0001",
    ],
)
def test_what_support_needs_survives(text: str) -> None:
    assert redact_message(text) == text


def test_the_same_secret_has_the_same_mark_everywhere() -> None:
    target = redact_target(f"/v1/listen?token={KEY}")
    headers = redact_headers({"authorization": f"Token {KEY}", "sec-websocket-protocol": f"token, {KEY}"})
    assert target == f"/v1/listen?token={mark(KEY)}"
    assert headers == {"authorization": f"Token {mark(KEY)}", "sec-websocket-protocol": f"token, {mark(KEY)}"}
    assert len(mark("x")) == len(mark(KEY)) == len("<redacted:12345678>")


def test_targets_keep_names_and_public_values() -> None:
    target = f"/v1/listen?encoding=linear16&%74oken={KEY}&callback=https%3A%2F%2Fu%3Ap%40host&sig=1&xi-api-key=2&empty#end"
    clean = redact_target(target)
    assert clean.startswith("/v1/listen?encoding=linear16&%74oken=<redacted:")
    assert clean.count("<redacted:") == 4
    assert clean.endswith("&empty#end")
    assert redact_target(clean) == clean
    assert redact_query({"tag": "customer", "encoding": "linear16"}) == {"tag": mark("customer"), "encoding": "linear16"}


def test_headers_of_secret_names() -> None:
    headers = {
        **dict.fromkeys(("Cookie", "Set-Cookie", "X-Api-Key", "xi-api-key", "api-key", "X-Amz-Security-Token"), PASSWORD),
        **dict.fromkeys(("Proxy-Authorization", "Ocp-Apim-Subscription-Key", "X-Goog-Api-Key", "my-secret"), PASSWORD),
    }
    assert set(redact_headers(headers).values()) == {mark(PASSWORD)}
    public = {
        "host": "api.example.com",
        "dg-request-id": "5002d33e-31f3-4a45-a26e-da2763dfeabd",
        "dg-error": "Invalid credentials.",
    }
    assert redact_headers(public) == public


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("token", "token"),
        (f"token,{KEY}", f"token, {mark(KEY)}"),
        (f"bearer, {JWT}, x-session, 12", f"bearer, {mark(JWT)}, {mark('x-session')}, {mark('12')}"),
        (f"access_token.{JWT}", f"access_token.{mark(JWT)}"),
        (KEY, mark(KEY)),
    ],
)
def test_subprotocols(sent: str, shown: str) -> None:
    assert redact_protocol(sent) == shown
    assert redact_protocol(shown) == shown


def test_a_secret_of_no_known_shape_is_found_again_where_it_is_echoed() -> None:
    opaque = "opaque-credential-of-a-customer"
    secrets = secrets_of("/v1/listen?model=nova", {"authorization": f"Token {opaque}", "host": "api.example.com"})
    assert redact(f"Invalid credentials: {opaque}!", secrets) == f"Invalid credentials: {mark(opaque)}!"
    assert redact(f"Invalid credentials: {opaque[:20]}", secrets) == f"Invalid credentials: {mark(opaque)}"
    assert redact("nova at api.example.com", secrets) == "nova at api.example.com"
    assert redact_json({"speciality": PASSWORD}, secrets_of("/", {}, frozenset({"speciality"}))) == {"speciality": mark(PASSWORD)}


@dataclass(frozen=True, slots=True)
class Sample:
    """Something like a finding."""

    severity: Severity
    packets: tuple[int, ...]
    text: str
    values: dict[str, Any] = field(default_factory=dict)


def test_report_data_keeps_its_types() -> None:
    sample = Sample(Severity.ERROR, (12, 40), f"sent {KEY}", {"api_key": KEY, "code": 1011, "query": {"tag": "x"}})
    clean = redact_value((sample, {"subprotocol": f"token, {KEY}", "target": f"/?key={KEY}"}))
    assert clean == (
        Sample(Severity.ERROR, (12, 40), f"sent {mark(KEY)}", {"api_key": mark(KEY), "code": 1011, "query": {"tag": mark("x")}}),
        {"subprotocol": f"token, {mark(KEY)}", "target": f"/?key={mark(KEY)}"},
    )
    assert clean[0].severity is Severity.ERROR
    assert sample.values["api_key"] == KEY


def test_depth_is_no_danger() -> None:
    nested: Any = KEY
    for _ in range(100_000):
        nested = [nested]
    clean = redact_value(nested)
    while isinstance(clean, list):
        clean = clean[0]
    assert clean == mark(KEY)
    assert KEY not in redact_message("[" * 100_000 + f'"{KEY}"')


@given(st.text(), st.text("0123456789abcdef", min_size=40, max_size=40), st.text())
def test_a_key_in_any_text_is_gone(before: str, key: str, after: str) -> None:
    clean = redact(f"{before} {key} {after}")
    assert key not in clean
    assert redact(clean) == clean


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, st.sampled_from(["api_key", "apiKey", "X-API-KEY", "secretAccessKey", "password", "sessionToken", "authorization"]))
def test_a_named_secret_at_any_depth_is_gone(filler: Any, name: str) -> None:  # noqa: ANN401 - JSON
    value: Any = {name: PASSWORD, "z": filler}
    for wrap in (lambda inner: [filler, inner], lambda inner: {"a": inner, "b": filler}, lambda inner: json.dumps({"m": inner})):
        value = wrap(value)
        clean = redact_message(json.dumps(value))
        assert PASSWORD not in clean
        assert redact_message(clean) == clean


@given(st.text())
def test_redacting_twice_changes_nothing(text: str) -> None:
    clean = redact_message(text)
    assert redact_message(clean) == clean
