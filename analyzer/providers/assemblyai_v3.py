"""AssemblyAI's streaming transcription, version 3. Audio goes to the server in binary messages of 50 to 1000 ms.

Source: the streaming pages of AssemblyAI's documentation.
"""

from analyzer.model.provider import AudioParameters, Provider

PROVIDER = Provider(
    name="assemblyai-v3",
    title="AssemblyAI streaming (v3)",
    paths=("/v3/ws",),
    hosts=("streaming.assemblyai.com",),
    client_words=frozenset({"ForceEndpoint", "Terminate", "UpdateConfiguration"}),
    end_words=frozenset({"Terminate"}),
    signature_words=frozenset({"ForceEndpoint", "Terminate"}),
    client_audio=True,
    parameters=AudioParameters(names={"pcm_mulaw": "mulaw", "pcm_s16le": "linear16"}),
)
