"""Rule repeated-audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._signal import sound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_FEWEST = 3


@rule("repeated-audio", rank=Rank.SIGNAL)
def repeated_audio(session: Session) -> Iterator[Finding | Unjudged]:
    """The same audio is sent again and again.

    What it means
    Messages hold the very bytes of the message before, which no live source delivers: a buffer was sent again before new
    audio was in it (a ring buffer whose positions are mixed up, a queue that is read twice, a retry after an error).
    Speech stutters, and the transcript repeats words or loses them.

    How it is found
    At least three messages of raw audio are equal to the message before, byte for byte.

    When it stays silent
    Where the audio does not decode, or is not what was declared. Silence and steady tones repeat themselves and are left
    out, as are messages below 64 bytes and above 64 KiB.

    What to do
    Look at how buffers are handed from the recording to the sending thread: copy each one, or wait until it was sent, and
    send none twice.

    References
    RFC 6455 section 5.4: a WebSocket delivers messages once and in order, so that the sender made the repetition.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x10 every 0.1
    1.1 client repeat x5 every 0.1
    1.6 client audio 3200 x10 every 0.1
    1.7 server text {"type":"Results","is_final":true,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.7 client text {"type":"CloseStream"}
    2.72 server text {"type":"Metadata","duration":2.5,"channels":1}
    2.8 server close 1000
    2.81 client close 1000
    2.9 server fin
    2.9 client fin
    verdict: repeated-audio
    """
    track = sound(session)
    if track is None or track.repeats is None or track.repeats.messages < _FEWEST:
        return
    found = track.repeats
    rows, messages = session.audio_rows, session.client.messages
    at = int(messages.column("audio_at")[rows].searchsorted(found.first_byte, side="right")) - 1
    first = rows[max(at, 0) :]
    yield Finding(
        Severity.WARNING,
        f"{found.messages} audio messages hold the very bytes of the message before, up to {found.longest} of them in a row.",
        packets=session.client.packets(first[: found.longest]),
        time_s=session.seconds(session.client.moment(int(first[0])).time),
        side=session.client.side.word,
        confidence=Confidence.LIKELY,
        count=found.messages,
        values={"messages": found.messages, "longest_run": found.longest},
    )
