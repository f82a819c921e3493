"""Deepgram's voice agent, `/v1/agent/converse`. Audio goes both ways; the first text message, Settings, declares both formats.

The documented KeepAlive is for times without audio. Sources: the API specification (asyncapi.yml) and the voice-agent pages of
developers.deepgram.com.
"""

from analyzer.model.provider import AudioParameters, Provider
from analyzer.providers import _deepgram

PROVIDER = Provider(
    name="deepgram-agent-v1",
    title="Deepgram voice agent (/v1/agent/converse)",
    paths=("/v1/agent/converse",),
    hosts=("agent.deepgram.com",),
    request_id_headers=_deepgram.REQUEST_ID_HEADERS,
    error_headers=_deepgram.ERROR_HEADERS,
    client_words=frozenset(
        {
            "ForceEndTurn",
            "FunctionCallResponse",
            "InjectAgentMessage",
            "InjectUserMessage",
            "KeepAlive",
            "Settings",
            "UpdateListen",
            "UpdatePrompt",
            "UpdateSpeak",
            "UpdateThink",
        }
    ),
    server_words=frozenset(
        {
            "AgentAudioDone",
            "AgentStartedSpeaking",
            "AgentThinking",
            "ConversationText",
            "Error",
            "FunctionCallRequest",
            "FunctionCallResponse",
            "History",
            "InjectionRefused",
            "LatencyReport",
            "ListenUpdated",
            "PromptUpdated",
            "SettingsApplied",
            "SpeakUpdated",
            "ThinkUpdated",
            "UserStartedSpeaking",
            "Warning",
            "Welcome",
        }
    ),
    keepalive_words=frozenset({"KeepAlive"}),
    error_words=frozenset({"Error", "Warning"}),
    signature_words=frozenset({"AgentAudioDone", "ConversationText", "Settings", "SettingsApplied", "Welcome"}),
    client_audio=True,
    server_audio=True,
    parameters=AudioParameters(
        source="message",
        default_encoding="linear16",
        default_sample_rate=24000,
        message_type="Settings",
        message_path=("audio", "input"),
    ),
    normal_close=frozenset({1000, None}),
    status_page=_deepgram.STATUS_PAGE,
    advice=_deepgram.ADVICE,
    redact_keys=frozenset(
        {"access_key_id", "headers", "messages", "prompt", "secret_access_key", "session_token"},
    ),
)
