"""Rule dc-offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Severity, Unjudged
from analyzer.rules import rule
from analyzer.rules._signal import sound, throughout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_OFFSET = 0.05


@rule("dc-offset", rank=Rank.SIGNAL)
def dc_offset(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is not centred around zero.

    What it means
    The mean of all samples is far from zero, which no sound in air has: a sound card or its driver adds a constant, or
    unsigned samples were taken for signed ones. It costs headroom, and chunks with pauses between them begin and end with a
    click.

    How it is found
    The mean of all samples is more than 5 % of full scale away from zero.

    When it stays silent
    Where the audio does not decode, is not what was declared, or is shorter than a second. It is only a note: services
    filter a constant out.

    What to do
    Filter out what is below 20 Hz before sending, or choose another device.

    Look at the conversion: unsigned 8-bit samples have 128 for zero, unsigned 16-bit ones 32768.

    References
    ITU-T P.341 (telephony speech begins at 50 Hz, so that a high-pass filter costs nothing).

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client shifted 3200 x30 every 0.1
    1.1 server text {"type":"Results","is_final":true,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":"a"}]}}
    3.2 client close 1000
    3.21 server close 1000
    3.3 client fin
    3.3 server fin
    verdict: no-close-stream
    """
    track = sound(session)
    offset = track.dc_offset if track is not None else None
    if offset is not None and abs(offset) > _OFFSET:
        text = f"The audio is not centred around zero: its mean is {offset:.1%} of full scale."
        yield throughout(session, text, {"dc_offset": offset}, Severity.NOTE)
