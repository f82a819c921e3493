"""Deepgram's Flux, `/v2/listen`: conversational transcription. It takes neither KeepAlive nor Finalize.

After CloseStream it ends with a close frame that has no status code. Sources: the API specification (asyncapi.yml) and the Flux
pages of developers.deepgram.com.
"""

from analyzer.model.provider import Provider
from analyzer.providers import _deepgram

PROVIDER = Provider(
    name="deepgram-listen-v2",
    title="Deepgram Flux (/v2/listen)",
    paths=("/v2/listen",),
    request_id_headers=_deepgram.REQUEST_ID_HEADERS,
    error_headers=_deepgram.ERROR_HEADERS,
    client_words=frozenset({"CloseStream", "Configure", "ForceEndTurn"}),
    server_words=frozenset({"ConfigureFailure", "ConfigureSuccess", "Connected", "Error", "TurnInfo", "Warning"}),
    end_words=frozenset({"CloseStream"}),
    error_words=frozenset({"ConfigureFailure", "Error", "Warning"}),
    signature_words=frozenset({"TurnInfo"}),
    client_audio=True,
    containers=True,
    normal_close=frozenset({1000, None}),
    status_page=_deepgram.STATUS_PAGE,
    advice=_deepgram.ADVICE,
)
