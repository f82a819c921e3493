"""Rule pacing-slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import off_pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_SLOWEST = 0.8


@rule("pacing-slow", rank=Rank.SIGNAL, generic="silent")
def pacing_slow(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is sent slower than real time.

    What it means
    The source is starved: a blocked loop, a slow network, a buffer that is filled too late, or audio that is left out
    without saying so. Transcripts come late by as much, and live captions lag more and more.

    How it is found
    Seconds of audio without the last message, over the time from the first to the last audio message with pauses of more
    than 1 s taken out: less than 0.8. The seconds follow from the declared format; for audio in a container or codec, from
    the mean number of bytes per decoded second.

    When it stays silent
    With less than 2 s of audio, where bytes of the client are missing, where the length of the audio is not known, and
    where the pace comes from a wrong sample rate, see format-mismatch. Pauses of more than 1 s are taken out first, so that
    a gap is not slowness. A session of no known service is not judged.

    What to do
    Send every chunk as soon as it is recorded: read the source in a task of its own, do not wait for answers before
    sending, and look for TCP windows of zero or retransmissions where the network is the brake.

    References
    Deepgram, "Measuring streaming latency" (chunks of 20 to 250 ms, sent in real time).

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x30 every 0.2
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    6.2 client text {"type":"CloseStream"}
    6.2 server text {"type":"Metadata","duration":3.0,"channels":1}
    6.2 server close 1000
    6.2 client close 1000
    6.2 server fin
    6.2 client fin
    verdict: pacing-slow
    """
    return off_pace(session, lambda ratio: ratio < _SLOWEST)
