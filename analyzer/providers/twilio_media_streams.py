"""Twilio Media Streams. Twilio is the client and connects to the customer's own address; audio is base64 inside JSON text.

The format stands in the `start` event. Source: the Media Streams WebSocket messages page of Twilio's documentation.
"""

from analyzer.model.provider import AudioParameters, Provider

PROVIDER = Provider(
    name="twilio-media-streams",
    title="Twilio Media Streams",
    type_key="event",
    client_words=frozenset({"connected", "dtmf", "mark", "media", "start", "stop"}),
    server_words=frozenset({"clear", "mark", "media"}),
    end_words=frozenset({"stop"}),
    signature_words=frozenset({"media"}),
    text_audio_field=("media", "payload"),
    parameters=AudioParameters(
        source="message",
        sample_rate="sampleRate",
        names={"audio/x-mulaw": "mulaw"},
        message_type="start",
        message_path=("start", "mediaFormat"),
    ),
    redact_keys=frozenset({"accountSid", "callSid", "customParameters", "streamSid"}),
)
