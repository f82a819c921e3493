"""Rule format-mismatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import ActualFormat, AudioFormat, Session

_WRAPPINGS = {
    "base64": "Decode the base64 before sending, and send the bytes themselves.",
    "json": "Send the audio alone: take it out of the JSON, decode its base64, and send the bytes.",
    "rtp": "Cut the RTP header (12 bytes, more with extensions) off every packet and send only its payload.",
}


@rule("format-mismatch", rank=Rank.FORMAT, generic="warning")
def format_mismatch(session: Session) -> Iterator[Finding | Unjudged]:
    """Audio is not what was declared.

    What it means
    The declared encoding, sample rate, channels or container disagree with the bytes. A container with a raw encoding in
    the address, another codec, floating point sent as integers or a wrong sample rate give noise, slowed or hurried speech,
    no transcript, or a close with DATA-0000 or NET-0000.

    How it is found
    The first bytes are compared with the signatures of containers, the distribution of the bytes with that of the declared
    encoding, and the audio is decoded as declared. A wrong sample rate is told by audio that came steadily at the pace of
    another standard rate, when at that rate pitch and rhythm of the voice are those of a speaker or the chunks have a usual
    length, and at the declared one they are not. Wrong channels are told by the pace and by neighbouring samples.

    When it stays silent
    Where nothing was declared, see encoding-not-declared, or where the handshake is not in the capture. A WAV header in
    front of raw audio that fits the declaration is only a note. A pace that may as well come from a file that is sent too
    fast or too slow is left to pacing-fast and pacing-slow. A session of no known service gets a warning at most.

    What to do
    Write the audio to a file where it is sent, check what it is, and declare exactly that; for audio in a container (WAV,
    Ogg, WebM, MP3, ...) leave out encoding and sample_rate.

    Convert or resample where the service does not take the format: analyzer audio writes what was sent for listening.

    References
    Deepgram, WebSocket DATA and NET errors, "Troubleshooting 1008 - DATA-0000"; the page on determining your audio format.

    Example
    0.0 client GET /v1/listen?encoding=mulaw&sample_rate=8000
    0.02 server 101
    0.1 client wav 3200 x20 every 0.1
    2.2 server close 1008 "DATA-0000"
    2.21 client close 1008
    2.3 server fin
    2.3 client fin
    verdict: format-mismatch
    """
    track = session.client_audio
    if track is None or not session.accepted or not session.audio_rows.size:
        return
    declared, actual = track.format, track.actual
    if session.opened != "handshake" and declared.encoding is None:
        yield Unjudged("the handshake, which declares the format, is not in the capture")
        return
    if actual is None:
        if track.decodable is not False or declared.encoding is None or declared.source == "sniffed":
            return
        text = (
            f"The audio does not decode as {_describe(declared)}, as which it was declared: {track.problem or 'no audio came out'}"
        )
        confidence, severity = Confidence.LIKELY, Severity.ERROR
    elif declared.encoding is None and actual.container is None:
        return
    else:
        wrapped = _only_wrapped(declared, actual)
        remark = "A WAV header stands in front of matching raw audio and is heard as a click" if wrapped else actual.evidence
        stated = f"declared as {_describe(declared)}" if declared.encoding else "declared without an encoding"
        text = f"The audio is {stated} but is {_describe(actual)}. {remark}"
        confidence = Confidence(actual.confidence)
        severity = Severity.NOTE if wrapped or confidence is Confidence.HINT else Severity.ERROR
    first = session.client.moment(int(session.audio_rows[0]))
    yield Finding(
        severity,
        text.rstrip(".") + ".",
        packets=session.client.packets(session.audio_rows),
        time_s=session.seconds(first.time),
        side=session.client.side.word,
        confidence=confidence,
        values={"declared": _values(declared), "actual": _values(actual) if actual else None, "decodable": track.decodable},
        remedy=_remedy(declared, actual) if severity is Severity.ERROR else "",
    )


def _remedy(declared: AudioFormat, actual: ActualFormat | None) -> str:
    """Say what to declare instead, where the bytes tell; else the page's own advice stands."""
    if actual is None:
        return ""
    if actual.container in _WRAPPINGS:
        return _WRAPPINGS[actual.container]
    if actual.container:
        return "Leave out encoding and sample_rate, which the service reads from the header, or send raw audio as declared."
    wanted = [
        f"{name}={real}"
        for name, real, stated in (
            ("encoding", actual.encoding, declared.encoding),
            ("sample_rate", actual.sample_rate, declared.sample_rate),
            ("channels", actual.channels, declared.channels or 1),
        )
        if real is not None and real != stated
    ]
    return f"Declare {' and '.join(wanted)} if the service takes that, or convert the audio to what is declared." if wanted else ""


def _only_wrapped(declared: AudioFormat, actual: ActualFormat) -> bool:
    """Whether the bytes are what was declared, with a WAV header in front."""
    same = (
        actual.encoding == declared.encoding,
        None in (actual.sample_rate, declared.sample_rate) or actual.sample_rate == declared.sample_rate,
        actual.channels is None or actual.channels == (declared.channels or 1),
    )
    return actual.container == "wav" and all(same)


def _describe(form: AudioFormat | ActualFormat) -> str:
    """Write a format in words, for instance `linear16, 16000 Hz in wav`."""
    parts = [form.encoding or "", f"{form.sample_rate} Hz" if form.sample_rate else ""]
    parts.append(f"{form.channels} channels" if form.channels and form.channels > 1 else "")
    words = ", ".join(part for part in parts if part)
    return f"{words} in {form.container}" if form.container and words else words or str(form.container or "unknown")


def _values(form: AudioFormat | ActualFormat) -> dict[str, object]:
    """Write a format as plain values."""
    return {"encoding": form.encoding, "sample_rate": form.sample_rate, "channels": form.channels, "container": form.container}
