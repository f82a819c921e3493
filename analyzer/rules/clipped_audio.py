"""Rule clipped-audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Unjudged
from analyzer.rules import rule
from analyzer.rules._signal import sound, throughout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_SHARE = 0.01


@rule("clipped-audio", rank=Rank.SIGNAL)
def clipped_audio(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is clipped.

    What it means
    The signal is louder than its format can hold, so that its peaks are cut off: speech sounds harsh, and words are
    mistaken. The gain of the microphone or of a mixer is too high, or samples were scaled twice, or converted to integers
    from a wrong range.

    How it is found
    More than 1 % of all samples stand at full scale: in linear16 32767 and -32767 or -32768, in mu-law and A-law the
    largest values that there are.

    When it stays silent
    Where the audio does not decode, is not what was declared, or is shorter than a second. Audio that was cut off at a lower
    level and made quieter afterwards is not recognised.

    What to do
    Turn the gain down until the loudest speech stays 3 dB below full scale, or more.

    Look at the conversion: floating-point samples are to be multiplied by 32767 once, and limited to the range of 16 bits.

    References
    EBU R 128 (permitted peak level). ITU-T G.711 for the largest values of mu-law and A-law.

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client loud 3200 x30 every 0.1
    1.1 server text {"type":"Results","is_final":true,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    3.2 client text {"type":"CloseStream"}
    3.22 server text {"type":"Metadata","duration":3.0,"channels":1}
    3.3 server close 1000
    3.31 client close 1000
    3.4 server fin
    3.4 client fin
    verdict: clipped-audio
    """
    track = sound(session)
    share = track.clipped_share if track is not None else None
    if share is not None and share > _SHARE:
        yield throughout(
            session, f"The audio is clipped: {share:.1%} of its samples stand at full scale.", {"clipped_share": share}
        )
