"""The declared format: by query, by first message, by option; nothing is guessed."""

from dataclasses import replace

import pytest

from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.session import Request
from analyzer.model.settings import Settings
from analyzer.model.track import AudioFormat
from analyzer.providers import by_name
from analyzer.session.declared import declared_in_message, declared_in_query

LISTEN, AGENT = by_name("deepgram-listen-v1"), by_name("deepgram-agent-v1")
PLAIN = Settings()


def asked(**query: str) -> Request:
    return Request("/v1/listen", "/v1/listen", query, "1.1", {}, Moment(1, 1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, AudioFormat()),
        ({"encoding": "linear16", "sample_rate": "16000", "channels": "2"}, AudioFormat(None, "linear16", 16000, 2)),
        ({"encoding": "mulaw", "sample_rate": "0"}, AudioFormat(None, "mulaw", None, None)),
        ({"sample_rate": "16k", "channels": "-1"}, AudioFormat()),
        ({"sample_rate": "9" * 10}, AudioFormat()),
        ({"sample_rate": "\u0661\u0666"}, AudioFormat()),
        ({"sample_rate": "\u00b2"}, AudioFormat()),
    ],
)
def test_the_query(query: dict[str, str], expected: AudioFormat) -> None:
    assert declared_in_query(LISTEN, asked(**query), PLAIN) == expected


def test_without_request_nothing_is_declared() -> None:
    assert declared_in_query(LISTEN, None, PLAIN) == AudioFormat()


def test_options_win() -> None:
    chosen = replace(PLAIN, encoding="alaw", sample_rate=8000)
    found = declared_in_query(LISTEN, asked(encoding="linear16", sample_rate="16000", channels="2"), chosen)
    assert found == AudioFormat(None, "alaw", 8000, 2, "option")


SETTINGS = {
    "type": "Settings",
    "audio": {"input": {"encoding": "mulaw", "sample_rate": 8000}, "output": {"encoding": "linear16", "sample_rate": 24000}},
}


def test_a_first_message_declares_both_sides() -> None:
    assert declared_in_query(AGENT, asked(encoding="linear16"), PLAIN) == AudioFormat()
    client = declared_in_message(AGENT, "Settings", SETTINGS, PLAIN, Side.CLIENT)
    server = declared_in_message(AGENT, "Settings", SETTINGS, PLAIN, Side.SERVER)
    assert client == AudioFormat(None, "mulaw", 8000, None, "message")
    assert server == AudioFormat(None, "linear16", 24000, None, "message")
    assert declared_in_message(AGENT, "KeepAlive", SETTINGS, PLAIN, Side.CLIENT) is None


@pytest.mark.parametrize("audio", [None, [], "x", {"input": 5}, {"input": {"encoding": 7, "sample_rate": [1], "channels": True}}])
def test_a_strange_first_message_declares_only_defaults(audio: object) -> None:
    found = declared_in_message(AGENT, "Settings", {"type": "Settings", "audio": audio}, PLAIN, Side.CLIENT)
    names = AGENT.parameters
    assert found == AudioFormat(None, names.default_encoding, names.default_sample_rate, None, "message")


def test_numbers_of_any_length_break_nothing() -> None:
    value = {"type": "Settings", "audio": {"input": {"sample_rate": 10**400}}}
    found = declared_in_message(AGENT, "Settings", value, PLAIN, Side.CLIENT)
    assert found is not None
    assert found.sample_rate == AGENT.parameters.default_sample_rate
