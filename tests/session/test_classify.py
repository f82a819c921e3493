"""What a message of the client is, by its content and the vocabulary of the service."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.schema import Kind
from analyzer.providers import by_name
from analyzer.session.classify import client_binary, client_text, parse

LISTEN = by_name("deepgram-listen-v1")
AUDIO = base64.b64encode(bytes(range(200))).decode()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"type":"KeepAlive"}', "KeepAlive"),
        (' {"type": "KeepAlive"}\r\n', "KeepAlive"),
        ("{'type': 'CloseStream'}", "CloseStream"),
        ('{"type":"keepalive"}', "KeepAlive"),
        ('{"type":"Finalize "}', "Finalize"),
        ('{"type":"Close"}', "Close"),
    ],
)
def test_control_words_sent_as_binary(text: str, word: str) -> None:
    found = client_binary(text.encode(), LISTEN)
    assert found is not None
    assert (found.kind, found.label) == (Kind.MISPLACED, word)


@pytest.mark.parametrize("text", ['{"foo":1}', "{}", "{abc", json.dumps({"type": "media", "payload": AUDIO}), "KeepAlive"])
def test_binary_that_is_no_control_word(text: str) -> None:
    assert client_binary(text.encode(), LISTEN) is None


def test_an_unknown_service_has_only_the_words_it_is_known_by() -> None:
    generic = by_name("generic")
    assert client_binary(b'{"type":"KeepAlive"}', generic) is not None
    assert client_binary(b'{"type":"hello"}', generic) is None


@pytest.mark.parametrize(
    "text",
    [
        AUDIO,
        AUDIO.rstrip("="),
        f"data:audio/pcm;base64,{AUDIO}",
        base64.encodebytes(bytes(200)).decode(),
        json.dumps({"event": "media", "media": {"payload": AUDIO}}),
    ],
    ids=["padded", "not padded", "data URI", "lines", "inside JSON"],
)
def test_audio_as_base64_text(text: str) -> None:
    assert client_text(text, LISTEN).kind is Kind.BASE64


@pytest.mark.parametrize("text", ["", "KeepAlive", "{'type':'KeepAlive'}", '{"type":"keepalive"}', "a b " * 40, "data:,hello"])
def test_text_that_is_neither(text: str) -> None:
    assert client_text(text, LISTEN).kind is Kind.MALFORMED


def as_json_reads(text: str) -> object:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "{}",
            ' \t\r\n{"a": 1}\n',
            '{"a": 1} x',
            '{"a": 1}{}',
            '\x0b{"a": 1}',
            '{"a": 1}\xa0',
            '\ufeff{"a": 1}',
            "",
            " ",
            "[]",
            "1",
        ),
        *('"{}"', "{", '{"a":}', '{"a": NaN, "b": Infinity}', '{"a": 1, "a": 2}', '{"a": "\n"}', '{"a": "\\ud800"}', "{'a': 1}"),
        *('{"a":' * 5000, '{"a": ' + "1" * 5000 + "}", "[" * 5000, "nul"),
    ],
)
def test_text_is_read_as_json_reads_it(text: str) -> None:
    assert repr(parse(text)) == repr(as_json_reads(text))


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.dictionaries(st.text(), one)),
    st.text(max_size=3),
)
def test_any_text_is_read_as_json_reads_it(value: object, around: str) -> None:
    text = json.dumps(value)
    for written in (text, around + text, text + around, text[: len(text) // 2]):
        assert parse(written) == as_json_reads(written)
