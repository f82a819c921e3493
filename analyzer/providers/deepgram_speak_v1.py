"""Deepgram's text to speech, `/v1/speak`. Text goes to the server, audio comes back; the close tokens differ from `/v1/listen`.

Sources: the API specification (asyncapi.yml) and the troubleshooting page for text-to-speech WebSocket errors of
developers.deepgram.com.
"""

from analyzer.model.provider import AudioParameters, CloseToken, Provider
from analyzer.providers import _deepgram

PROVIDER = Provider(
    name="deepgram-speak-v1",
    title="Deepgram text to speech (/v1/speak)",
    paths=("/v1/speak",),
    request_id_headers=_deepgram.REQUEST_ID_HEADERS,
    error_headers=_deepgram.ERROR_HEADERS,
    client_words=frozenset({"Clear", "Close", "Flush", "Speak"}),
    server_words=frozenset({"Cleared", "Error", "Flushed", "Metadata", "Warning"}),
    end_words=frozenset({"Close"}),
    error_words=frozenset({"Error", "Warning"}),
    signature_words=frozenset({"Cleared", "Flushed", "Speak"}),
    server_audio=True,
    parameters=AudioParameters(default_encoding="linear16", default_sample_rate=24000),
    close_tokens=(
        CloseToken("BIG-0000", "the message is too large"),
        CloseToken("BIG-0001", "the text is too large"),
        CloseToken("DATA-0000", "the message is not a known command"),
        CloseToken("DATA-0001", "too many characters in the recent time window"),
        CloseToken("MESSAGE-0000", "the kind of message is not supported: binary was sent where text is wanted"),
        CloseToken("NET-0000", "an internal error of the service"),
        CloseToken("NET-0001", "the service failed to receive a message"),
        CloseToken("NET-0002", "the service failed to send a message"),
        CloseToken("NET-0003", "the session reached its time limit"),
    ),
    status_page=_deepgram.STATUS_PAGE,
    advice=_deepgram.ADVICE,
)
