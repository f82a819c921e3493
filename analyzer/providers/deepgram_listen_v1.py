"""Deepgram's live transcription, `/v1/listen`. Audio goes to the server in binary messages, control as JSON text.

Sources: the troubleshooting page for WebSocket DATA and NET errors, the API specification (asyncapi.yml), the pages on KeepAlive,
Finalize, encoding, sample rate and channels of developers.deepgram.com. The service's timer is documented as 10 s.
"""

from analyzer.model.provider import CloseToken, EmptyBinary, Provider
from analyzer.providers import _deepgram

PROVIDER = Provider(
    name="deepgram-listen-v1",
    title="Deepgram live transcription (/v1/listen)",
    paths=("/v1/listen",),
    hosts=("deepgram.com",),
    header_prefix="dg-",
    request_id_headers=_deepgram.REQUEST_ID_HEADERS,
    error_headers=_deepgram.ERROR_HEADERS,
    client_words=frozenset({"CloseStream", "Configure", "Finalize", "KeepAlive", "Sync"}),
    server_words=frozenset({"Error", "Metadata", "Results", "SpeechStarted", "UtteranceEnd", "Warning"}),
    keepalive_words=frozenset({"KeepAlive"}),
    end_words=frozenset({"CloseStream"}),
    error_words=frozenset({"Error", "Warning"}),
    signature_words=frozenset({"CloseStream", "Finalize", "KeepAlive", "Results", "UtteranceEnd"}),
    client_audio=True,
    containers=True,
    empty_binary=EmptyBinary.CLOSES,
    close_tokens=(
        CloseToken(
            "DATA-0000",
            "the payload cannot be decoded as audio: it is no audio, or a codec that the service does not support",
            "cannot be decoded as audio",
        ),
        CloseToken(
            "NET-0000",
            "the service sent no text message within the timeout window: an internal issue, or too little audio to transcribe",
            "did not provide a response",
        ),
        CloseToken(
            "NET-0001",
            "the service received no binary or text message from the client within the timeout window",
            "did not receive audio data",
        ),
    ),
    idle_timeout_s=10.0,
    status_page=_deepgram.STATUS_PAGE,
    advice=_deepgram.ADVICE,
)
