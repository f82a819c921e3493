"""What the bytes of a raw declaration really are, where that differs from what was declared.

In: the first bytes, the declaration, what was sniffed, and how fast the audio was sent. Out: an `ActualFormat`, or
None where nothing speaks against the declaration. A container's own header is certain; what only the signal says is
likely at most. A file that is sent too fast or too slow is no other format: a rate is judged only when pace and
signal agree on it.
"""

import numpy as np

from analyzer.audio import evidence
from analyzer.audio.codecs import RAW
from analyzer.audio.headers import Found
from analyzer.audio.sniff import describe
from analyzer.model.session import ActualFormat, AudioFormat, Pace
from analyzer.model.streams import Bytes

_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_RATE_TOLERANCE = 0.03
_SAME = 1.3
"""Ratios nearer to 1 than this are left to the pacing rules: no voice tells them apart."""
_NOISE, _SMOOTH, _SMOOTHER = 0.4, 0.4, 2.5
"""The declared reading must be rougher than _NOISE, the other one smoother than _SMOOTH, and by the factor _SMOOTHER."""
_COMPANDED_SMOOTHER = 1.7
"""From 16 bits to an 8-bit law the factor is smaller: the upper byte of a wrong reading still has the coarse shape."""
_OTHER_LAW = 1.35
"""So it is between the two laws, where the wrong one only distorts; below _COMPANDED_SMOOTHER that is a hint."""
_ONE_BYTE, _TWO_BYTES = 0.12, 0.25
"""Byte differences below and above which samples have one byte, or two."""
_FEWEST = 4096
"""Bytes from which the signal is judged."""
_VOICE = (75.0, 350.0)
"""Hz: pitch of an adult's voice."""
_TOO_LOW, _TOO_HIGH = 68.0, 400.0
"""Hz: pitch that only a voice read at a wrong rate has."""
_ONE_BYTE_LAWS = ("mulaw", "alaw")
_TWO_BYTE_ORDERS = ("linear16", "pcm_s16be")


def from_container(found: Found) -> ActualFormat:
    """What was sniffed, as a statement about the format."""
    text = f"The audio begins with {found.sign}: it is {describe(found)}."
    return ActualFormat(found.encoding, found.sample_rate, found.channels, found.container, "certain", text)


def judge(head: bytes, declared: AudioFormat, pace: Pace | None) -> ActualFormat | None:
    """Judge a raw declaration by the signal: another encoding first, then another rate or number of channels."""
    data = np.frombuffer(head, np.uint8)
    if declared.encoding not in RAW or len(data) < _FEWEST:
        return None
    return _other_encoding(data, declared) or _other_rate(data, declared, pace)


def undeclared(head: bytes) -> ActualFormat | None:
    """The raw encoding under which undeclared bytes are clearly a signal, if one is; nothing tells their rate."""
    data = np.frombuffer(head, np.uint8)
    if len(data) < _FEWEST:
        return None
    if _is_float(data):
        best = "linear32"
    else:
        rough = {name: value for name in _candidates(data) if (value := _rough(data, name, 1)) is not None}
        best = min(rough, key=lambda name: rough[name], default="")
        if not best or rough[best] > _SMOOTH:
            return None
    return ActualFormat(best, None, None, None, "hint", f"Read as {best}, the bytes are a smooth signal.")


def _other_encoding(data: Bytes, declared: AudioFormat) -> ActualFormat | None:
    """The encoding under which the bytes are a far smoother signal than as declared, and which their byte pairs allow."""
    encoding, channels = declared.encoding or "", declared.channels or 1
    if encoding != "linear32" and _is_float(data):
        share = evidence.float_share(data)
        text = f"Read as 32-bit floats, {share:.0%} of the samples lie within full scale and form a smooth signal."
        return ActualFormat("linear32", declared.sample_rate, declared.channels, None, "likely", text)
    if encoding == "linear32" and evidence.float_share(data) > 0.5:  # noqa: PLR2004 - other bytes stay below a third
        return None
    own = _rough(data, encoding, channels)
    if own is None and encoding == "linear32":
        own = 1.0  # next to nothing of it is audio at all
    rough = {name: value for name in _candidates(data) if name != encoding and (value := _rough(data, name, channels)) is not None}
    best = min(rough, key=lambda name: rough[name], default=None)
    if own is None or best is None or rough[best] > _SMOOTH:
        return None
    ratio = own / rough[best]
    both_laws = encoding in _ONE_BYTE_LAWS and best in _ONE_BYTE_LAWS
    if ratio < (_OTHER_LAW if both_laws else _COMPANDED_SMOOTHER if best in _ONE_BYTE_LAWS else _SMOOTHER):
        return None
    if own < _NOISE and not both_laws:
        return None
    text = (
        f"Read as {encoding}, the signal is {ratio:.1f} times as rough as read as {best} "
        f"({own:.2f} to {rough[best]:.2f}, where noise has 1)."
    )
    confidence = "hint" if ratio < _COMPANDED_SMOOTHER else "likely"
    return ActualFormat(best, declared.sample_rate, declared.channels, None, confidence, text)


def _candidates(data: Bytes) -> tuple[str, ...]:
    """Encodings with as many bytes to a sample as the bytes show; none where they show neither."""
    difference = evidence.byte_difference(data)
    if difference < _ONE_BYTE:
        return _ONE_BYTE_LAWS
    return _TWO_BYTE_ORDERS if difference > _TWO_BYTES else ()


def _other_rate(data: Bytes, declared: AudioFormat, pace: Pace | None) -> ActualFormat | None:
    """A true rate at which a steady sender would be on time, when the pitch of the voice is right only there; or stereo as mono."""
    rate, channels = declared.sample_rate, declared.channels or 1
    if pace is None or not pace.steady or not rate or 1 / _SAME < pace.ratio < _SAME:
        return None
    samples = evidence.reading(data, declared.encoding or "", channels)
    if channels == 1 and abs(pace.ratio / 2 - 1) < _RATE_TOLERANCE and evidence.interleaved(samples[:, 0]):
        text = f"Audio came steadily at {pace.ratio:.2f} times real time, and every second sample belongs to another signal."
        return ActualFormat(declared.encoding, rate, 2, None, "likely", text)
    true = min(_RATES, key=lambda standard: abs(standard - rate * pace.ratio))
    heard = evidence.pitch(samples[:, 0], rate) if 4000 <= rate <= 96000 else None  # noqa: PLR2004 - rates with a voice in them
    if heard is None or abs(true / (rate * pace.ratio) - 1) > _RATE_TOLERANCE:
        return None
    wrong = heard < _TOO_LOW if true > rate else heard > _TOO_HIGH
    if not wrong or not _VOICE[0] <= heard * true / rate <= _VOICE[1]:
        return None
    text = (
        f"Audio came steadily at {pace.ratio:.2f} times real time, as {true} Hz would, "
        f"and the voice has {heard:.0f} Hz at the declared rate but {heard * true / rate:.0f} Hz at that one."
    )
    return ActualFormat(declared.encoding, true, declared.channels, None, "likely", text)


def _rough(data: Bytes, encoding: str, channels: int) -> float | None:
    return evidence.roughness(evidence.reading(data, encoding, channels))


def _is_float(data: Bytes) -> bool:
    """Whether nearly all words are floats of audio, most of them not zero, and the signal is no noise."""
    if evidence.float_share(data) < 0.98 or evidence.float_zeros(data) > 0.9:  # noqa: PLR2004 - 16-bit samples reach about a quarter
        return False
    rough = _rough(data, "linear32", 1)
    return rough is not None and rough < _NOISE
