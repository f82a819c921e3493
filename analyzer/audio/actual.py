"""What the bytes of a raw declaration really are, where that differs from what was declared.

In: the first bytes, the declaration, what was sniffed, and how fast the audio was sent. Out: an `ActualFormat`, or
None where nothing speaks against the declaration. A container's own header is certain; what only the signal says is
likely at most. A file that is sent too fast or too slow is no other format: a rate is judged only when the pace is that
of another standard rate, and voice and size of the chunks agree on it.
"""

import numpy as np

from analyzer.audio import evidence, voice
from analyzer.audio.codecs import RAW
from analyzer.audio.headers import Found
from analyzer.audio.sniff import describe
from analyzer.model.session import ActualFormat, AudioFormat, Pace
from analyzer.model.streams import Bytes

_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_RATE_TOLERANCE = 0.03
_SAME, _SAME_TOLERANCE = 1.3, 0.004
"""Rates nearer to each other than this no voice tells apart; the pace must then be exact, and the chunks must tell."""
_SURE = 2.2
"""Difference of log-likelihoods from which another rate is believed; a true rate does not reach 1.7 at any wrong pace."""
_CHUNK_WEIGHT = 2.0
_CHUNKS_MS = {10: 0.5, 20: 1.0, 30: 0.5, 40: 0.5, 50: 0.5, 60: 0.5, 80: 0.5, 100: 1.0, 200: 0.5, 250: 0.5, 500: 0.5, 1000: 0.5}
"""Lengths of audio that programs send at once, by how usual they are; others count nothing."""
_CHUNK_TOLERANCE = 0.012
_NEAR_CHUNKS = 0.5
"""How much more usual the chunks must be at a near rate."""
_SLOWEST_RATE, _FASTEST_RATE = 4000, 96000
"""Rates with a voice in them."""
_NOISE, _SMOOTH, _SMOOTHER = 0.4, 0.4, 2.5
"""The declared reading must be rougher than _NOISE, the other one smoother than _SMOOTH, and by the factor _SMOOTHER."""
_COMPANDED_SMOOTHER = 1.7
"""From 16 bits to an 8-bit law the factor is smaller: the upper byte of a wrong reading still has the coarse shape."""
_OTHER_LAW = 1.35
"""So it is between the two laws, where the wrong one only distorts; below _COMPANDED_SMOOTHER that is a hint."""
_FLOATS = 0.98
"""Share of floats among the words of audio in floats."""
_MARGIN = 0.001
"""By how much a threshold must be missed for sums in integers to tell what those in floating point will: these err by far less."""
_ONE_BYTE, _TWO_BYTES = 0.12, 0.25
"""Byte differences below and above which samples have one byte, or two."""
_FEWEST, _SIGNAL, _TELLING = 4096, 65536, 30720
"""Bytes from which the encoding is judged, among how many the liveliest are sought, and how many those are: whole samples."""
_ONE_BYTE_LAWS = ("mulaw", "alaw")
_ONE_BYTE_READINGS = (*_ONE_BYTE_LAWS, "pcm_u8")
_TWO_BYTE_ORDERS, _THREE_BYTES = ("linear16", "pcm_s16be"), ("pcm_s24le",)


def from_container(found: Found) -> ActualFormat:
    """What was sniffed, as a statement about the format."""
    text = f"The audio begins with {found.sign}: it is {describe(found)}."
    return ActualFormat(found.encoding, found.sample_rate, found.channels, found.container, "certain", text)


def judge(head: bytes, declared: AudioFormat, pace: Pace | None) -> ActualFormat | None:
    """Judge a raw declaration by the signal: another encoding first, then another rate or number of channels."""
    data = np.frombuffer(head, np.uint8)
    if declared.encoding not in RAW or len(data) < _FEWEST:
        return None
    stretches = _stretches(data[:_SIGNAL])
    if all(_plain(stretch, declared) for stretch in stretches):
        return _off_pace(data, declared, pace)
    liveliest = _liveliest(stretches)
    other = None if _alone(liveliest, declared) else _other_encoding(liveliest, declared)
    return other or _off_pace(data, declared, pace)


def _stretches(data: Bytes) -> Bytes:
    """Equally long parts, one a row, of which one is judged; all of it as one row where it is too short to be divided."""
    blocks = data[: len(data) - len(data) % _TELLING].reshape(-1, _TELLING)
    return blocks if len(blocks) > 1 else data.reshape(1, -1)


def _liveliest(stretches: Bytes) -> Bytes:
    """The stretch in which the bytes vary most: speech, where there is some, tells more than the pause around it."""
    liveliest: Bytes = stretches[int(stretches[:, ::7].std(axis=1).argmax()) if len(stretches) > 1 else 0]
    return liveliest


def _plain(data: Bytes, declared: AudioFormat) -> bool:
    """Whether `_other_encoding` is certain to find nothing, as nearly always, told by integer sums at a tenth of its cost.

    That is so where the declared reading is smooth; and, for one law, neither the other one smoother nor the bytes floats.
    """
    encoding, channels = declared.encoding or "", declared.channels or 1
    if encoding == "linear16":
        own = evidence.integer_roughness(evidence.integers(data, encoding), channels)
        return own is not None and own < _NOISE - _MARGIN
    if encoding not in _ONE_BYTE_LAWS:
        return False
    mulaw, alaw = (evidence.integer_roughness(evidence.integers(data, law), channels) for law in _ONE_BYTE_LAWS)
    own, other = (mulaw, alaw) if encoding == "mulaw" else (alaw, mulaw)
    if own is None or other is None or own > _NOISE - _MARGIN or own > (_OTHER_LAW - _MARGIN) * other:
        return False
    return evidence.float_share(data) < _FLOATS


def _alone(data: Bytes, declared: AudioFormat) -> bool:
    """Whether `_other_encoding` is certain to find nothing since no other reading that the bytes allow is smooth, as in noise."""
    if declared.encoding == "linear32" or _is_float(data):
        return False
    for name in _candidates(data):
        if name != declared.encoding:
            rough = evidence.integer_roughness(evidence.integers(data, name), declared.channels or 1)
            if rough is None or rough < _SMOOTH + _MARGIN:
                return False
    return True


def undeclared(head: bytes) -> ActualFormat | None:
    """The raw encoding under which undeclared bytes are clearly a signal, if one is; nothing tells their rate."""
    data = np.frombuffer(head[:_SIGNAL], np.uint8)
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
    own = _rough(data, encoding, channels)
    as_declared = own is not None and own < _NOISE and encoding not in _ONE_BYTE_LAWS
    if as_declared or (encoding == "linear32" and evidence.float_share(data) > 0.5):  # noqa: PLR2004 - other bytes stay below a third
        return None
    if encoding != "linear32" and _is_float(data):
        share = evidence.float_share(data)
        text = f"Read as 32-bit floats, {share:.0%} of the samples lie within full scale and form a smooth signal."
        return ActualFormat("linear32", declared.sample_rate, declared.channels, None, "likely", text)
    if own is None and encoding == "linear32":
        own = 1.0  # next to nothing of it is audio at all
    rough = {name: value for name in _candidates(data) if name != encoding and (value := _rough(data, name, channels)) is not None}
    best = min(rough, key=lambda name: rough[name], default=None)
    if own is None or best is None or rough[best] > _SMOOTH:
        return None
    ratio = own / rough[best]
    both_laws = encoding in _ONE_BYTE_LAWS and best in _ONE_BYTE_LAWS
    if ratio < (_OTHER_LAW if both_laws else _COMPANDED_SMOOTHER if best in _ONE_BYTE_READINGS else _SMOOTHER):
        return None
    if own < _NOISE and not both_laws:  # one law under the other is a signal, too
        return None
    text = (
        f"Read as {encoding}, the signal is {ratio:.1f} times as rough as read as {best} "
        f"({own:.2f} to {rough[best]:.2f}, where noise has 1)."
    )
    confidence = "hint" if ratio < _COMPANDED_SMOOTHER else "likely"
    return ActualFormat(best, declared.sample_rate, declared.channels, None, confidence, text)


def _candidates(data: Bytes) -> tuple[str, ...]:
    """Encodings with as many bytes to a sample as the bytes show; none where they show no number."""
    difference = evidence.byte_difference(data)
    if difference < _ONE_BYTE:
        return (*_ONE_BYTE_READINGS, *_THREE_BYTES)
    return _TWO_BYTE_ORDERS if difference > _TWO_BYTES else ()


def _off_pace(data: Bytes, declared: AudioFormat, pace: Pace | None) -> ActualFormat | None:
    """Another number of channels, or another rate, at which a sender that was steady would have been on time."""
    rate, channels = declared.sample_rate, declared.channels or 1
    if pace is None or not pace.steady or not rate:
        return None
    doubled = channels == 1 and abs(pace.ratio / 2 - 1) < _RATE_TOLERANCE
    halved = channels == 2 and abs(pace.ratio * 2 - 1) < _RATE_TOLERANCE  # noqa: PLR2004 - stereo
    true = _true_rate(rate, pace)
    if not (doubled or halved) and true is None:
        return None
    samples = evidence.reading(data, declared.encoding or "", channels)
    came = f"Audio came steadily at {pace.ratio:.2f} times real time"
    if doubled and evidence.interleaved(samples[:, 0]):
        text = f"{came}, and every second sample belongs to another signal."
        return ActualFormat(declared.encoding, rate, 2, None, "likely", text)
    if halved and evidence.halved(samples):
        text = f"{came}, and the samples of the two channels in turn are one signal."
        return ActualFormat(declared.encoding, rate, 1, None, "likely", text)
    return _other_rate(samples[:, 0], declared, true, pace, came) if true is not None else None


def _true_rate(rate: int, pace: Pace) -> int | None:
    """The standard rate that explains the pace; None where the declared one does, or none."""
    true = min(_RATES, key=lambda standard: abs(standard - rate * pace.ratio))
    tolerance = _SAME_TOLERANCE if 1 / _SAME < true / rate < _SAME else _RATE_TOLERANCE
    return None if true == rate or abs(true / (rate * pace.ratio) - 1) > tolerance else true


def _other_rate(samples: evidence.Signal, declared: AudioFormat, true: int, pace: Pace, came: str) -> ActualFormat | None:
    """Another rate, when voice and chunks fit only it."""
    rate = declared.sample_rate or true
    near = 1 / _SAME < true / rate < _SAME
    chunk_ms, true_ms = pace.interval_s * pace.ratio * 1000, pace.interval_s * pace.ratio * rate / true * 1000
    chunks = _usual(true_ms) - _usual(chunk_ms)
    sent = f"{came}, as {true} Hz would"
    if near:
        if chunks < _NEAR_CHUNKS:
            return None
        text = f"{sent}, in chunks of {true_ms:.0f} ms at that rate but {chunk_ms:.1f} ms at the declared one."
        return ActualFormat(declared.encoding, true, declared.channels, None, "likely", text)
    return _by_voice(samples, declared, true, chunks, sent)


def _by_voice(samples: evidence.Signal, declared: AudioFormat, true: int, chunks: float, sent: str) -> ActualFormat | None:
    """Another rate, when it is far likelier that somebody speaks like that at this rate than at the declared one."""
    rate = declared.sample_rate or 0
    if not all(_SLOWEST_RATE <= one <= _FASTEST_RATE for one in (rate, true)):
        return None
    heard, instead = voice.hear(samples, rate), voice.hear(samples, true)
    if heard is None or instead is None or instead.pitch is None:
        return None
    if instead.likelihood - heard.likelihood + _CHUNK_WEIGHT * chunks < _SURE:
        return None
    text = (
        f"{sent}, and at that rate there is a voice of {instead.pitch:.0f} Hz with {instead.rhythm:.1f} syllables a second, which "
        f"at the declared rate has {instead.pitch * rate / true:.0f} Hz and {instead.rhythm * rate / true:.1f}."
    )
    return ActualFormat(declared.encoding, true, declared.channels, None, "likely", text)


def _usual(milliseconds: float) -> float:
    """How usual it is to send so much audio at once."""
    return next((usual for size, usual in _CHUNKS_MS.items() if abs(milliseconds / size - 1) < _CHUNK_TOLERANCE), 0.0)


def _rough(data: Bytes, encoding: str, channels: int) -> float | None:
    return evidence.roughness(evidence.reading(data, encoding, channels))


def _is_float(data: Bytes) -> bool:
    """Whether nearly all words are floats of audio, most of them not zero, and the signal is no noise."""
    if evidence.float_share(data) < _FLOATS or evidence.float_zeros(data) > 0.9:  # noqa: PLR2004 - 16-bit samples reach about a quarter
        return False
    rough = _rough(data, "linear32", 1)
    return rough is not None and rough < _NOISE
