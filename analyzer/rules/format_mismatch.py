"""Rule format-mismatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.finding import Confidence, Finding, Rank, Severity, Unjudged
from analyzer.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.model.session import Session
    from analyzer.model.track import ActualFormat, AudioFormat

_INSTEAD = {
    "pcm_s16be": "Swap the two bytes of every sample before sending: linear16 is little-endian.",
    "pcm_s24le": "Send the upper two of the three bytes of every sample as linear16.",
    "pcm_s24be": "Send the upper two of the three bytes of every sample, the lower one first, as linear16.",
    "pcm_s32le": "Send the upper two of the four bytes of every sample as linear16; linear32 is floating point.",
    "pcm_u8": "Subtract 128 from every byte and send it as the upper byte of a linear16 sample.",
    "pcm_f64le": "Convert the samples to 32-bit floats (linear32) or, times 32767, to linear16.",
    "g722": "Decode the G.722 and send linear16 at 16000 Hz.",
}
"""What no service takes by name, and what to do with it."""
_WHOLE = "Send whole samples: look for a byte that is dropped, or for a buffer with an odd size, before the audio is sent."
_HEADERS = (
    "Cut the WAV header (44 bytes, mostly) off every chunk, and send the samples alone, or send one header for the whole stream."
)
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
    The first bytes are compared with the signatures of containers, and base64, JSON and RTP are looked into. Raw bytes are
    read as every raw encoding, in both byte orders, at one to four bytes a sample and one byte off: a reading is believed when
    it gives a smooth signal, the declared one does not, and it needs clearly fewer bits. Floats are told by their exponents,
    Opus packets and AMR frames by their first bytes. A wrong sample rate is told by audio that came steadily at the pace of
    another standard rate, when at that rate pitch and rhythm of the voice are those of a speaker or the chunks have a usual
    length, and at the declared one they are not; or when the service counted more seconds than were sent. Wrong channels are
    told by the pace and by neighbouring samples. Only what a header states is certain.

    When it stays silent
    Where nothing was declared, see encoding-not-declared, or where the handshake is not in the capture. A WAV header in
    front of raw audio that fits the declaration is only a note. A pace that may as well come from a file that is sent too
    fast or too slow is left to pacing-fast and pacing-slow. A session of no known service gets a warning at most.

    What to do
    Write the audio to a file where it is sent, check what it is, and declare exactly that; for audio in a container (WAV,
    Ogg, WebM, MP3, ...) leave out encoding and sample_rate.

    Convert or resample where the service does not take the format. Send samples whole, in little-endian order, and without
    headers among them. analyzer audio --guess writes the audio as what it really is, for listening.

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
        in_front = wrapped and actual.confidence == Confidence.CERTAIN
        remark = "A WAV header stands in front of matching raw audio and is heard as a click" if in_front else actual.evidence
        stated = f"declared as {_describe(declared)}" if declared.encoding else "declared without an encoding"
        text = f"The audio is {stated} but is {_describe(actual)}{_out_of_step(actual)}. {remark}"
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
    if instead := _instead(actual):
        return instead
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


def _instead(actual: ActualFormat) -> str:
    """Say what to do with what no declaration makes right."""
    if actual.container in _WRAPPINGS:
        return _WRAPPINGS[actual.container]
    if actual.container == "wav" and (actual.headers > 1 or actual.confidence != "certain"):
        return _HEADERS
    if actual.container:
        return "Leave out encoding and sample_rate, which the service reads from the header, or send raw audio as declared."
    if actual.offset or actual.shifted_at is not None:
        return _WHOLE
    return _INSTEAD.get(actual.encoding or "", "")


def _only_wrapped(declared: AudioFormat, actual: ActualFormat) -> bool:
    """Whether the bytes are what was declared, with a WAV header in front."""
    same = (
        actual.encoding == declared.encoding,
        None in (actual.sample_rate, declared.sample_rate) or actual.sample_rate == declared.sample_rate,
        actual.channels is None or actual.channels == (declared.channels or 1),
    )
    return actual.container == "wav" and actual.headers == 1 and all(same)


def _describe(form: AudioFormat | ActualFormat) -> str:
    """Write a format in words, for instance `linear16, 16000 Hz in wav`."""
    parts = [form.encoding or "", f"{form.sample_rate} Hz" if form.sample_rate else ""]
    parts.append(f"{form.channels} channels" if form.channels and form.channels > 1 else "")
    words = ", ".join(part for part in parts if part)
    return f"{words} in {form.container}" if form.container and words else words or str(form.container or "unknown")


def _out_of_step(actual: ActualFormat) -> str:
    """Say that samples do not begin where they should."""
    if actual.shifted_at is not None:
        return f" out of step from byte {actual.shifted_at} on"
    return f", {actual.offset} byte{'s' if actual.offset > 1 else ''} out of step" if actual.offset else ""


def _values(form: AudioFormat | ActualFormat) -> dict[str, object]:
    """Write a format as plain values."""
    return {"encoding": form.encoding, "sample_rate": form.sample_rate, "channels": form.channels, "container": form.container}
