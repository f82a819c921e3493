"""Rule pacing-fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Unjudged
from analyzer.rules import rule
from analyzer.rules._evidence import FASTEST, off_pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session


@rule("pacing-fast", rank=Rank.SIGNAL, generic="silent")
def pacing_fast(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is sent faster than real time.

    What it means
    Audio of a file that is sent without pauses, or a backlog that is sent at once. The service slows down what comes faster
    than 1.25 times real time: transcripts come late, and buffers grow until the connection stalls.

    How it is found
    Seconds of audio without the last message, over the time from the first to the last audio message with pauses of more
    than 1 s taken out: more than 1.25. The seconds follow from the declared format; for audio in a container or codec, from
    the mean number of bytes per decoded second.

    When it stays silent
    With less than 2 s of audio, where bytes of the client are missing, where the length of the audio is not known, and
    where the pace comes from a wrong sample rate, see format-mismatch. A session of no known service is not judged.

    What to do
    Send audio at the pace at which it plays: after each chunk of 20 to 250 ms wait for its length, measured from the start
    of the stream so that delays do not add up.

    Send files that need no live transcript to the pre-recorded endpoint.

    References
    Deepgram, changelog of 2022-08-28 (limit of 1.25 times real time) and "Recovering from connection errors".

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client audio 3200 x100 every 0.025
    1.1 server text {"type":"Results","is_final":false,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    2.6 client text {"type":"CloseStream"}
    2.6 server text {"type":"Metadata","duration":3.0,"channels":1}
    2.6 server close 1000
    2.6 client close 1000
    2.6 server fin
    2.6 client fin
    verdict: pacing-fast
    """
    return off_pace(session, lambda ratio: ratio > FASTEST)
