"""Rule faint-audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Finding, Rank, Unjudged
from analyzer.rules import rule
from analyzer.rules._signal import sound, throughout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session

_FAINT_DBFS = -60.0


@rule("faint-audio", rank=Rank.SIGNAL)
def faint_audio(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is almost silent.

    What it means
    There is a signal, but hardly any: what a microphone delivers when nobody speaks near it, when the wrong one is chosen,
    or when its gain is down. The service answers with empty transcripts.

    How it is found
    The root mean square of all samples is below -60 dB of full scale, without being nothing but zeros.

    When it stays silent
    Where the audio does not decode, is not what was declared, or is shorter than a second. Exact zeros are
    digital-silence.

    What to do
    Listen to the WAV file that analyzer audio writes, with the volume up: where there is speech in it, raise the gain; where
    there is only noise, choose the right device.

    References
    Deepgram, "Troubleshooting WebSocket DATA and NET errors". ITU-T P.56 (active speech level: telephony speaks at -26 dBov).

    Example
    0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000
    0.02 server 101
    0.1 client faint 3200 x30 every 0.1
    1.1 server text {"type":"Results","is_final":true,"start":0,"duration":1.0,"channel":{"alternatives":[{"transcript":""}]}}
    3.2 client text {"type":"CloseStream"}
    3.22 server text {"type":"Metadata","duration":3.0,"channels":1}
    3.3 server close 1000
    3.31 client close 1000
    3.4 server fin
    3.4 client fin
    verdict: faint-audio
    """
    track = sound(session)
    level = track.rms_dbfs if track is not None else None
    if level is not None and level < _FAINT_DBFS:
        text = f"The audio is almost silent: its mean level is {level:.1f} dB of full scale."
        yield throughout(session, text, {"rms_dbfs": level})
