"""Rule empty-binary-frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.model.provider import EmptyBinary
from analyzer.model.schema import Kind, Opcode
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("empty-binary-frame", rank=Rank.MISUSE, generic="warning")
def empty_binary_frame(session: Session) -> Iterator[Finding | Unjudged]:
    """Client sends an empty binary message.

    What it means
    An empty binary message is Deepgram's old, deprecated request to close: the server finishes what it has, sends its
    summary and closes without an error. Mostly nobody wanted that. A recorder hands over an empty buffer, a queue runs dry,
    and the session ends in the middle of the audio.

    How it is found
    A binary message of the client whose payload is empty after inflating. It is an error when anything but the word that
    ends the session follows from the client, and a warning as the last data message.

    When it stays silent
    Where the service documents an empty message as the end of the audio and no audio follows it. A session of no known
    service gets a warning at most, because an empty message may mean something there.

    What to do
    Check the length of every buffer before it is sent and drop the empty ones; end the session with the text message
    {"type":"CloseStream"}.

    Look for the producer: a MediaRecorder whose dataavailable event carries an empty Blob, b"" at the end of a file or
    after a queue timeout, a Uint8Array(0).

    References
    Deepgram, WebSocket DATA and NET errors, "Closing the WebSocket connection". RFC 6455 section 5.6 allows empty messages.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x20 every 0.1
    2.2 client binary ""
    2.25 server text {"type":"Metadata","duration":2.0,"channels":1}
    2.3 client audio 3200 x2 every 0.1
    2.5 server close 1000
    2.51 client close 1000
    2.6 server fin
    2.6 client fin
    verdict: empty-binary-frame
    """
    client, provider = session.client, session.provider
    empty = client.rows(Kind.EMPTY)
    if not empty.size:
        return
    opcode = client.messages.column("opcode")
    data = (opcode == Opcode.TEXT) | (opcode == Opcode.BINARY)
    data[client.rows(Kind.CONTROL, provider.end_words)] = False
    last_data = int(data.nonzero()[0][-1])
    early = [int(row) for row in empty if row < last_data]
    if provider.empty_binary is EmptyBinary.ENDS:
        audio = session.audio_rows
        early = [row for row in early if audio.size and audio[-1] > row]
        if not early:
            return
    shown = early[0] if early else int(empty[0])
    at = client.moment(shown)
    where = "in the middle of the session" if early else "as its last data message"
    times = "an empty binary message" if len(empty) == 1 else f"{len(empty)} empty binary messages, the first of them"
    meaning = ", and the service takes that as a request to close" if provider.empty_binary is EmptyBinary.CLOSES else ""
    closed = session.close
    follow = ""
    if closed is not None and closed.side is session.server.side and closed.at.time >= at.time and meaning:
        follow = f" The server closed {(closed.at.time - at.time) / SECOND:.2f} s later."
    yield Finding(
        Severity.ERROR if early else Severity.WARNING,
        f"The client sent {times} at {session.seconds(at.time):.2f} s {where}{meaning}.{follow}",
        packets=client.packets(empty),
        time_s=session.seconds(at.time),
        side=client.side.word,
        confidence=Confidence.CERTAIN if early or session.ended else Confidence.LIKELY,
        count=len(empty),
        values={"in_mid_stream": len(early), "last_s": session.seconds(client.moment(int(empty[-1])).time)},
    )
