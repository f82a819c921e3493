"""How an endpoint is recognised, and that what is known of it holds together."""

import pytest

from analyzer.model.errors import UsageError
from analyzer.model.provider import EmptyBinary, Provider
from analyzer.providers import all_providers, by_name, by_words, recognise

every_provider = pytest.mark.parametrize("provider", all_providers(), ids=lambda provider: provider.name)


@pytest.mark.parametrize(
    ("path", "host", "headers", "name"),
    [
        ("/v1/listen", None, {}, "deepgram-listen-v1"),
        ("/v1/listen/", "localhost:8080", {}, "deepgram-listen-v1"),
        ("/speech/v1/listen", "10.0.0.1", {}, "deepgram-listen-v1"),
        ("/v2/listen", "api.deepgram.com", {}, "deepgram-listen-v2"),
        ("/v1/speak", None, {}, "deepgram-speak-v1"),
        ("/v2/speak", None, {}, "deepgram-speak-v2"),
        ("/v1/agent/converse", "agent.deepgram.com", {}, "deepgram-agent-v1"),
        ("/elsewhere", "api.eu.deepgram.com:443", {}, "deepgram-listen-v1"),
        ("/elsewhere", "agent.deepgram.com.", {}, "deepgram-agent-v1"),
        ("/elsewhere", "notdeepgram.com", {}, "generic"),
        ("/elsewhere", "gateway", {"DG-Request-Id": "1"}, "deepgram-listen-v1"),
        ("/v1/listener", "gateway", {"server": "nginx"}, "generic"),
        (None, None, {}, "generic"),
        (None, "streaming.assemblyai.com", {}, "assemblyai-v3"),
        ("/transcribe-websocket", None, {}, "soniox"),
    ],
)
def test_a_handshake_names_its_endpoint(path: str | None, host: str | None, headers: dict[str, str], name: str) -> None:
    assert recognise(path, host, headers).name == name


@pytest.mark.parametrize(
    ("client", "server", "name"),
    [
        ({"KeepAlive"}, set(), "deepgram-listen-v1"),
        ({"CloseStream"}, {"Results", "Metadata"}, "deepgram-listen-v1"),
        ({"CloseStream"}, {"Connected", "TurnInfo"}, "deepgram-listen-v2"),
        ({"Speak", "Flush"}, {"Metadata", "Flushed"}, "deepgram-speak-v1"),
        ({"Settings", "KeepAlive"}, {"Welcome", "SettingsApplied"}, "deepgram-agent-v1"),
        ({"connected", "start", "media"}, set(), "twilio-media-streams"),
        ({"Terminate"}, set(), "assemblyai-v3"),
        ({"Metadata"}, {"hello"}, None),
        (set(), set(), None),
    ],
)
def test_a_vocabulary_names_its_endpoint(client: set[str], server: set[str], name: str | None) -> None:
    found = by_words(frozenset(client), frozenset(server))
    assert (found.name if found else None) == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no provider 'nobody'.*deepgram-listen-v1.*generic"):
        by_name("nobody")


@every_provider
def test_a_name_leads_to_its_provider(provider: Provider) -> None:
    assert by_name(provider.name) is provider


@every_provider
def test_what_is_said_of_words_holds_together(provider: Provider) -> None:
    assert provider.keepalive_words <= provider.client_words
    assert provider.end_words <= provider.client_words
    assert provider.error_words <= provider.server_words
    assert provider.signature_words <= provider.client_words | provider.server_words
    assert all(token.token == token.token.upper() and token.meaning for token in provider.close_tokens)


@every_provider
def test_paths_and_hosts_are_ends(provider: Provider) -> None:
    assert all(path.startswith("/") and not path.endswith("/") for path in provider.paths)
    assert all(host == host.lower() and not host.startswith(".") for host in provider.hosts)


def test_only_generic_is_unknown() -> None:
    assert [provider.name for provider in all_providers() if not provider.known] == ["generic"]
    assert by_name("generic").client_audio


def test_an_empty_binary_message_means_what_the_service_says() -> None:
    assert by_name("deepgram-listen-v1").empty_binary is EmptyBinary.CLOSES
    assert by_name("soniox").empty_binary is EmptyBinary.ENDS
    assert by_name("generic").empty_binary is EmptyBinary.NOTHING


def test_the_same_code_means_different_things_at_different_endpoints() -> None:
    meanings = {
        token.meaning
        for name in ("deepgram-listen-v1", "deepgram-speak-v1")
        for token in by_name(name).close_tokens
        if token.token == "DATA-0000"  # noqa: S105 - a close code of the service
    }
    assert len(meanings) == 2
