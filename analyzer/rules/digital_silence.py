"""Rule digital-silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.model.limits import SECOND
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session
    from analyzer.model.track import Track

# Rounding of the declared length of audio; a session this close to all silence is all silence.
_WHOLE = 0.02


@rule("digital-silence", rank=Rank.SIGNAL)
def digital_silence(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is exact digital silence.

    What it means
    Every sample is exactly zero, which no microphone in a real room delivers: it is muted, the operating system denies
    access, the wrong device or an empty track is recorded, or the call is on hold. The service answers with empty
    transcripts.

    How it is found
    A run of samples that are exactly zero (in mu-law 0xFF or 0x7F, in A-law 0xD5 or 0x55) for longer than the limit (--gap,
    10 s), or all audio of the session. One finding per run.

    When it stays silent
    Where the audio does not decode, or is not what was declared. Time without any audio message is no silence, see
    silence-gap.

    What to do
    Check that the source delivers sound: unmute it, grant access to the microphone, choose the right device and channel.

    Where silence is sent on purpose, KeepAlive text every 3 to 5 seconds holds the session as well and costs nothing.

    References
    Deepgram, WebSocket DATA and NET errors ("You can send silent audio"). ITU-T G.711 for the codes of zero.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client silence 3200 x120 every 0.1
    1.1 server text {"type":"Results","is_final":true,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":""}]}}
    12.2 client text {"type":"CloseStream"}
    12.22 server text {"type":"Metadata","duration":12.0,"channels":1}
    12.3 server close 1000
    12.31 client close 1000
    12.4 server fin
    12.4 client fin
    verdict: digital-silence
    """
    track = session.client_audio
    if track is None or not session.audio_rows.size or track.decodable is False or not track.silent_spans:
        return
    if track.actual is not None and track.actual.encoding != track.format.encoding:
        return
    total, silent = track.duration_s or 0.0, track.digital_silence_s or 0.0
    if total > 0 and silent >= total - _WHOLE:
        yield _found(session, track, (track.silent_spans[0].begin_byte, track.silent_spans[-1].end_byte), silent, whole=True)
        return
    rate = track.format.sample_rate
    for span in track.silent_spans if rate else ():
        length = (span.end - span.begin) / (rate or 1)
        if length * SECOND > session.settings.gap:
            yield _found(session, track, (span.begin_byte, span.end_byte), length, whole=False)


def _found(session: Session, track: Track, span: tuple[int, int], length: float, *, whole: bool) -> Finding:
    """Describe silence between two audio byte offsets."""
    rows, messages = session.audio_rows, session.client.messages
    starts = messages.column("audio_at")[rows]
    begin, end = starts.searchsorted([span[0], max(span[1] - 1, span[0])], side="right") - 1
    first, last = int(rows[max(int(begin), 0)]), int(rows[max(int(end), 0)])
    since, until = (
        session.seconds(int(messages.column("first_time")[first])),
        session.seconds(int(messages.column("last_time")[last])),
    )
    of = "all of its audio" if whole else f"of {track.duration_s or 0.0:.1f} s of audio"
    return Finding(
        Severity.WARNING,
        f"The client sent {length:.1f} s of exact digital silence ({since:.2f} s to {until:.2f} s), {of}.",
        packets=session.client.packets(rows[max(int(begin), 0) : int(end) + 1]),
        time_s=since,
        until_s=until,
        side=session.client.side.word,
        values={"silence_s": round(length, 3), "whole_session": whole},
    )
