"""Soniox' real-time transcription. The first text message is a JSON configuration, then audio goes to the server as binary.

An empty message is the documented end of the audio. Source: the real-time API pages of Soniox' documentation.
"""

from analyzer.model.provider import AudioParameters, EmptyBinary, Provider

PROVIDER = Provider(
    name="soniox",
    title="Soniox real-time transcription",
    paths=("/transcribe-websocket",),
    hosts=("stt-rt.soniox.com",),
    client_words=frozenset({"finalize", "keepalive"}),
    keepalive_words=frozenset({"keepalive"}),
    client_audio=True,
    parameters=AudioParameters(
        source="message",
        encoding="audio_format",
        names={"auto": "", "pcm_s16le": "linear16"},  # empty: left to the service, as if none were declared
    ),
    containers=True,
    empty_binary=EmptyBinary.ENDS,
    redact_keys=frozenset({"api_key"}),
)
