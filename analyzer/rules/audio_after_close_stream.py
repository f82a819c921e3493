"""Rule audio-after-close-stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.schema import Kind
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("audio-after-close-stream", rank=Rank.MISUSE, generic="silent")
def audio_after_close_stream(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio follows CloseStream.

    What it means
    CloseStream says that all audio was sent. The server finishes what it has and closes; audio that comes later is not
    transcribed, and the last words are lost. Mostly the control message overtook a queue of audio that was still being
    sent.

    How it is found
    An audio message of the client after its first CloseStream, or after the service's own word for the end of the audio.

    When it stays silent
    Where CloseStream was sent as a binary message it is no CloseStream; control-as-binary finds that.

    What to do
    Send CloseStream behind the last audio: stop the source, drain the queue of audio, then send {"type":"CloseStream"} from
    the same task that sends the audio.

    References
    Deepgram, WebSocket DATA and NET errors, "Closing the WebSocket connection".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    2.1 client text {"type":"CloseStream"}
    2.11 client audio 3200 x5 every 0.1
    2.2 server text {"type":"Metadata","duration":2.0,"channels":1}
    2.7 server close 1000
    2.71 client close 1000
    2.8 server fin
    2.8 client fin
    verdict: audio-after-close-stream
    """
    client = session.client
    ends = client.rows(Kind.CONTROL, session.provider.end_words)
    if not ends.size or not session.provider.client_audio:
        return
    late = session.audio_rows[session.audio_rows > ends[0]]
    if not late.size:
        return
    word = client.label(int(ends[0]))
    ended = session.seconds(client.moment(int(ends[0])).time)
    first, last = (session.seconds(client.moment(int(row)).time) for row in (late[0], late[-1]))
    size = int(client.messages.column("size")[late].sum())
    yield Finding(
        Severity.ERROR,
        f"The client sent {len(late)} audio messages ({size} bytes) from {first:.2f} s to {last:.2f} s, "
        f"after its {word} at {ended:.2f} s.",
        packets=client.packets(late),
        time_s=first,
        until_s=last,
        side=client.side.word,
        count=len(late),
        values={"bytes_after": size, "end_word_s": ended},
    )
