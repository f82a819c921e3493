"""A WebSocket of no known service. What holds for every WebSocket and every TCP connection is judged, little else.

Binary messages of the client are taken as audio. The control words are those that a gateway in front of a speech service passes
on, so that one that was sent as binary by mistake is noticed and not taken as audio.
"""

from analyzer.model.provider import Provider

PROVIDER = Provider(
    name="generic",
    title="A WebSocket of no known service",
    known=False,
    client_words=frozenset({"CloseStream", "Finalize", "KeepAlive"}),
    keepalive_words=frozenset({"KeepAlive"}),
    end_words=frozenset({"CloseStream"}),
    client_audio=True,
    normal_close=frozenset({1000, 1001, None}),
)
