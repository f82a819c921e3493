"""Deepgram's Flux text to speech, `/v2/speak`. Text goes to the server, audio comes back.

Source: the API specification (asyncapi.yml) and the text-to-speech pages of developers.deepgram.com.
"""

from analyzer.model.provider import CloseToken, Provider
from analyzer.providers import _deepgram

PROVIDER = Provider(
    name="deepgram-speak-v2",
    title="Deepgram Flux text to speech (/v2/speak)",
    paths=("/v2/speak",),
    request_id_headers=_deepgram.REQUEST_ID_HEADERS,
    error_headers=_deepgram.ERROR_HEADERS,
    client_words=frozenset({"Close", "Flush", "Speak"}),
    server_words=frozenset({"Connected", "Error", "Flushed", "SessionMetadata", "SpeechMetadata", "SpeechStarted", "Warning"}),
    end_words=frozenset({"Close"}),
    error_words=frozenset({"Error", "Warning"}),
    signature_words=frozenset({"SessionMetadata", "SpeechMetadata"}),
    server_audio=True,
    close_tokens=(
        CloseToken("NET-0003", "the session reached its time limit of one hour"),
        CloseToken("NET-0004", "the client was inactive for 60 s"),
    ),
    status_page=_deepgram.STATUS_PAGE,
    advice=_deepgram.ADVICE,
)
