"""Whether rate and channels of raw audio are those declared, by the clocks: that of the capture, and what the service counted.

In: the first bytes, the declaration, the `Pace` of sending, and the seconds that the service says it got. Out: an `ActualFormat`
with another rate or number of channels, or None. A file that is sent too fast or too slow is no other format: a rate is judged only
when the pace is that of another standard rate, and voice and size of the chunks agree on it.
"""

from dataclasses import replace

import numpy as np

from analyzer.audio import evidence, voice
from analyzer.audio.codecs import RAW
from analyzer.model.dataclass import dataclass
from analyzer.model.streams import Bytes
from analyzer.model.track import ActualFormat, AudioFormat, Pace

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
_NOISE = 0.75
"""Roughness from which a channel is noise."""
_COUNT_TOLERANCE = 0.01
_LEAST_COUNTED = 1.4
"""A service that counts so many times what was sent takes it for another format; less than was sent may be all that it got to."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """What tells how long the audio lasted: the pace, the bytes of all audio, and the seconds that the service counted."""

    pace: Pace | None = None
    sent: int = 0
    counted_s: float | None = None

    @property
    def said(self) -> str:
        """What the service says, as part of a sentence."""
        return f", of which the service counted {self.counted_s:.2f} s" if self.counted_s else ""


def timed(found: ActualFormat, data: Bytes, declared: AudioFormat, clocks: Clocks) -> ActualFormat:
    """Another encoding, with the rate and channels at which a steady sender, or the service's count, is on time."""
    rate, by_pace = declared.sample_rate, clocks.pace is not None and clocks.pace.steady
    per_second = _per_second(clocks)
    if per_second is None or found.encoding is None or (rate and not by_pace):  # a service counts as was declared
        return found
    samples = evidence.reading(data[found.offset :], found.encoding, 1)[:, 0]
    frames = per_second / RAW[found.encoding](found.channels or 1).width
    stated = f" It came at {per_second:.0f} bytes a second{clocks.said}, which is"
    if rate and abs(frames / rate - 1) < _RATE_TOLERANCE:
        return replace(found, evidence=f"{found.evidence}{stated} {rate} Hz.")
    doubled = (found.channels or 1) == 1 and evidence.interleaved(samples)
    true = _standard(frames / 2 if doubled else frames)
    if true is None:
        return found
    if doubled and rate in (None, true):
        found = replace(found, channels=2)
        stated += f" {true} Hz for two channels in turn."
    elif rate and _likelier(samples, true, rate):  # a declaration that is wrong in one thing may be in the other
        return found
    else:
        stated += f" {true} Hz."
    confidence = "likely" if by_pace and not rate else found.confidence
    return replace(found, sample_rate=true, channels=found.channels or 1, confidence=confidence, evidence=found.evidence + stated)


def _signals(data: Bytes, encoding: str) -> bool:
    """Whether each of two channels in turn is a signal; the upper and lower bytes of another encoding are not."""
    return all(
        rough is None or rough < _NOISE
        for rough in (evidence.roughness(channel) for channel in np.hsplit(evidence.reading(data, encoding, 2), 2))
    )


def _per_second(clocks: Clocks) -> float | None:
    """Bytes of one second of the audio."""
    pace = clocks.pace
    if pace is not None and pace.steady and pace.bytes_per_second:
        return pace.ratio * pace.bytes_per_second
    return clocks.sent / clocks.counted_s if clocks.counted_s else None


def _standard(rate: float) -> int | None:
    """The standard rate that this one is, if it is one."""
    true = min(_RATES, key=lambda standard: abs(standard - rate))
    return true if abs(true / rate - 1) < _RATE_TOLERANCE else None


def _likelier(samples: evidence.Signal, rate: int, other: int) -> bool:
    """Whether it is far likelier that somebody speaks like that at the other rate."""
    if not all(_SLOWEST_RATE <= one <= _FASTEST_RATE for one in (rate, other)):
        return False
    heard, instead = voice.hear(samples, rate), voice.hear(samples, other)
    return heard is not None and instead is not None and instead.likelihood - heard.likelihood >= _SURE


def _by_count(declared: AudioFormat, rate: int, clocks: Clocks) -> ActualFormat | None:
    """Another rate by what the service counted, where it counted more than was sent."""
    width = RAW[declared.encoding or ""](declared.channels or 1).width
    lasts = clocks.sent / (rate * width)
    if not clocks.counted_s or clocks.counted_s < _LEAST_COUNTED * lasts:
        return None
    counted = clocks.sent / (clocks.counted_s * width)
    true = _standard(counted)
    if true is None or abs(true / counted - 1) > _COUNT_TOLERANCE:
        return None
    text = f"What lasts {lasts:.2f} s as declared the service counted as {clocks.counted_s:.2f} s, as {true} Hz would be."
    return ActualFormat(declared.encoding, true, declared.channels, None, "hint", text)


def off_pace(data: Bytes, declared: AudioFormat, clocks: Clocks) -> ActualFormat | None:
    """Another number of channels, or another rate, by the pace of sending or by what the service counted."""
    if not declared.sample_rate or declared.encoding not in RAW:
        return None
    return _by_pace(data, declared, clocks) or _by_count(declared, declared.sample_rate, clocks)


def _by_pace(data: Bytes, declared: AudioFormat, clocks: Clocks) -> ActualFormat | None:
    """Another number of channels, or another rate, at which a sender that was steady would have been on time."""
    rate, channels, pace = declared.sample_rate, declared.channels or 1, clocks.pace
    if pace is None or not pace.steady or not rate:
        return None
    doubled = channels == 1 and abs(pace.ratio / 2 - 1) < _RATE_TOLERANCE
    halved = channels == 2 and abs(pace.ratio * 2 - 1) < _RATE_TOLERANCE  # noqa: PLR2004 - stereo
    true = _true_rate(rate, pace)
    if not (doubled or halved) and true is None:
        return None
    samples = evidence.reading(data, declared.encoding or "", channels)
    came = f"Audio came steadily at {pace.ratio:.2f} times real time{clocks.said}"
    if doubled and evidence.interleaved(samples[:, 0]) and _signals(data, declared.encoding or ""):
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
