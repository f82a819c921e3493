"""What all of Deepgram's endpoints share: header names, the status page, what to do about a rejected upgrade.

Sources: the troubleshooting page for WebSocket DATA and NET errors, the error reference and the authentication pages of
developers.deepgram.com.
"""

from collections.abc import Mapping

REQUEST_ID_HEADERS = ("dg-request-id",)
ERROR_HEADERS = ("dg-error",)
STATUS_PAGE = "https://status.deepgram.com"

_RETRY = f"Try again with a growing delay, and look at {STATUS_PAGE}; if it stays, contact support with the request id."

ADVICE: Mapping[str, str] = {
    "400": (
        "Correct the query parameter that the error names: booleans in lower case, utterance_end_ms of at least 1000 and with "
        "interim_results=true, keyterm instead of keywords for Nova-3, a model that exists for the language, and no encoding or "
        "sample_rate for containerised audio."
    ),
    "401": (
        "Check the credentials: `Authorization: Token <API key>`, or `Authorization: Bearer <JWT>` for a temporary token that has "
        "not expired; in a browser the subprotocols `token, <API key>` or `bearer, <JWT>`. Look for quotes or line ends in it."
    ),
    "402": "The project has no credits left for this request: add credits or an overage agreement in the console.",
    "403": "The key lacks the permission or the project the model: check the key's scopes and the project's access to the model.",
    "404": "Check the path and its version (/v1/listen, /v2/listen for Flux) and, self-hosted, the prefix that a proxy adds.",
    "405": "This model does not stream: choose one that does, or send the file to the pre-recorded endpoint.",
    "408": _RETRY,
    "413": "Make the request smaller.",
    "414": "The address is too long: send fewer or shorter keyterms, keywords and tags.",
    "415": "Check the encoding and the container against the list of supported formats.",
    "429": (
        "Too many streams at once for the project: close streams that are finished (CloseStream, then wait for the close), "
        "reconnect with a growing delay, or ask for a higher limit."
    ),
    "500": _RETRY,
    "502": _RETRY,
    "503": _RETRY,
    "504": _RETRY,
}
