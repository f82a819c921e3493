"""What the bytes of a raw declaration really are, where that differs from what was declared.

In: the first bytes, the declaration, and how fast the audio was sent. Out: an `ActualFormat`, or None where nothing
speaks against the declaration. A container's own header is certain; what only the signal says is likely at most.
Another reading of the bytes is believed when it is smooth, the declared one is not, and it needs clearly fewer bits.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analyzer.audio import clock, evidence
from analyzer.audio.bare import bare
from analyzer.audio.clock import Clocks
from analyzer.audio.codecs import RAW
from analyzer.audio.headers import Found
from analyzer.audio.readings import NOISE, READINGS, Reading, bits_per_byte, unrelated
from analyzer.audio.sniff import WRAPPINGS, describe, sniff
from analyzer.audio.unwrap import stated, unwrapped
from analyzer.model.streams import Bytes
from analyzer.model.track import ActualFormat, AudioFormat

_NOISE, _SMOOTH = 0.4, 0.4
"""The declared reading must be rougher than _NOISE, the other one smoother than _SMOOTH."""
_OTHER_LAW = 1.35
"""By how much smoother the other law must be at least: the wrong one only distorts."""
_PLAIN, _ELSEWISE = 0.2, 1.5
"""Below _PLAIN nothing else looks like linear16; above, bytes swapped or one byte off must be rougher by this factor."""
_GAIN, _GAIN_OF_SMOOTH, _TELLING_GAIN, _APART = 0.4, 1.0, 0.6, 0.2
"""Bits per byte by which another reading must be cheaper than the declared one, than a declared one that is smooth as well, by
which it is likely, and by which it must be cheaper than any third. Of wide samples the lower half is noise in any reading.
"""
_TWINS = frozenset({frozenset({"linear16", "pcm_s16be"}), frozenset({"pcm_s24le", "pcm_s24be"})})
"""A byte beside the right place, the upper bytes of one order are those of the other, and only the lower ones tell."""
_TWINS_APART = 0.025
_UNDECLARED = 6.9
"""Bits per byte below which bytes are clearly a signal."""
_FLOATS, _OTHER_FLOATS = 0.98, 0.7
"""Share of floats among the words of audio in floats; and in other audio at most, in which 64-bit floats reach half."""
_MARGIN = 0.001
"""By how much a threshold must be missed for sums in integers to tell what those in floating point will: these err by far less."""
_IDLE = 0.05
"""Share of companded silence worth telling."""
_FEWEST, _SIGNAL, _TELLING = 4096, 65536, 30720
"""Bytes from which the encoding is judged, among how many the liveliest are sought, and how many those are: whole samples."""
_NO_CLOCKS = Clocks()
_LAWS = ("mulaw", "alaw")
_FLOAT_WIDTHS = {"linear32": 4, "pcm_f64le": 8}


def from_container(found: Found) -> ActualFormat:
    """What was sniffed, as a statement about the format."""
    text = f"The audio begins with {found.sign}: it is {describe(found)}."
    return ActualFormat(found.encoding, found.sample_rate, found.channels, found.container, "certain", text)


def from_wrapping(found: Found, messages: Sequence[bytes], declared: AudioFormat) -> ActualFormat:
    """What a wrapping holds: as its own fields state, as a header inside states, or as the signal inside shows."""
    inner = b"".join(piece for piece in unwrapped(found.container, messages) if isinstance(piece, bytes))
    outer = from_container(found)
    counted = f" The first {len(messages)} messages hold {len(inner)} bytes of audio."
    outer = replace(outer, evidence=outer.evidence + counted)
    encoding, rate, channels = stated(found.container, messages)
    if encoding is not None:
        return replace(outer, encoding=encoding, sample_rate=rate, channels=channels)
    held = sniff(inner)
    if held is not None and held.container not in WRAPPINGS:
        text = f"{outer.evidence} Inside is {describe(held)}."
        return replace(outer, encoding=held.encoding, sample_rate=held.sample_rate, channels=held.channels, evidence=text)
    inside = judge(inner, declared, _NO_CLOCKS) if declared.encoding in RAW else undeclared(inner)
    if inside is not None:
        return replace(inside, container=found.container, evidence=f"{outer.evidence} Inside: {inside.evidence}")
    data = np.frombuffer(inner, np.uint8)
    if declared.encoding not in RAW or len(data) < _FEWEST or not _as_declared(_liveliest(_stretches(data[:_SIGNAL])), declared):
        return outer
    text = f"{outer.evidence} Inside is a smooth signal, as declared."
    return ActualFormat(declared.encoding, declared.sample_rate, declared.channels, found.container, "likely", text)


def judge(head: bytes, declared: AudioFormat, clocks: Clocks, sizes: Sequence[int] = ()) -> ActualFormat | None:
    """Judge a raw declaration by the signal: another encoding first, then another rate or number of channels.

    `sizes` are those of the first messages.
    """
    data = np.frombuffer(head, np.uint8)
    if declared.encoding not in RAW or len(data) < _FEWEST:
        return None
    stretches = _stretches(data[:_SIGNAL])
    if not all(_plain(stretch, declared) for stretch in stretches):
        other = _other_encoding(_liveliest(stretches), declared)
        if other is not None:
            return clock.timed(other, data, declared, clocks)
        if (packets := bare(head, sizes, clocks.pace)) is not None:
            return packets
    return clock.off_pace(data, declared, clocks)


def undeclared(head: bytes, clocks: Clocks = _NO_CLOCKS) -> ActualFormat | None:
    """The raw encoding under which undeclared bytes are clearly a signal, if one is, and its rate where the clock tells it."""
    data = _liveliest(_stretches(np.frombuffer(head[:_SIGNAL], np.uint8)))
    if len(data) < _FEWEST or unrelated(data):
        return None
    found = _floats(data, AudioFormat())
    if found is None:
        costs = {reading: bits_per_byte(data, reading) for reading in READINGS}
        one = _cheapest(data, costs, 1)
        best = one or _cheapest(data, costs, 2)
        if best is None or costs[best] > _UNDECLARED:
            return None
        text = f"Read as {_name(best)}, the bytes are a smooth signal with {costs[best]:.1f} bits to a byte; noise has 8"
        channels = None if one else 2
        found = ActualFormat(best.encoding, None, channels, None, "hint", f"{text}{_idle(data, best)}.", best.offset)
    return clock.timed(replace(found, confidence="hint"), np.frombuffer(head, np.uint8), AudioFormat(), clocks)


def _stretches(data: Bytes) -> Bytes:
    """Equally long parts, one a row, of which one is judged; all of it as one row where it is too short to be divided."""
    blocks = data[: len(data) - len(data) % _TELLING].reshape(-1, _TELLING)
    return blocks if len(blocks) > 1 else data.reshape(1, -1)


def _liveliest(stretches: Bytes) -> Bytes:
    """The stretch in which the bytes vary most: speech, where there is some, tells more than the pause around it."""
    liveliest: Bytes = stretches[int(stretches[:, ::7].std(axis=1).argmax()) if len(stretches) > 1 else 0]
    return liveliest


def _plain(data: Bytes, declared: AudioFormat) -> bool:
    """Whether the declared reading is smooth enough to be left alone, as nearly always: by sums in integers, which are cheap."""
    encoding, channels = declared.encoding or "", declared.channels or 1
    if encoding != "linear16" and encoding not in _LAWS:
        return False

    def rough(name: str, first: int = 0) -> float:
        return evidence.integer_roughness(evidence.integers(data[first:], name), channels) or 0.0

    own = rough(encoding)
    if not own or own >= _NOISE - _MARGIN:
        return False
    if encoding == "linear16":
        least = (_ELSEWISE + _MARGIN) * own
        return own < _PLAIN - _MARGIN or (rough("pcm_s16be") > least and rough(encoding, 1) > least)
    if own > (_OTHER_LAW - _MARGIN) * rough(_LAWS[encoding == "mulaw"]):
        return False
    if own > _PLAIN - _MARGIN and rough("linear16") < (1 + _MARGIN) * own:
        return False
    return not evidence.off_centre(data, encoding) and evidence.float_share(data) < _FLOATS


def _as_declared(data: Bytes, declared: AudioFormat) -> bool:
    """The same question, asked exactly and of every encoding."""
    encoding, channels = declared.encoding or "", declared.channels or 1
    if encoding in _FLOAT_WIDTHS:
        return evidence.float_share(data, _FLOAT_WIDTHS[encoding]) > _OTHER_FLOATS

    def rough(name: str, first: int = 0) -> float:
        return _rough(data[first:], name, channels) or 0.0

    own = rough(encoding)
    if not own or own >= _NOISE:
        return False
    if encoding == "linear16":
        return own < _PLAIN or (rough("pcm_s16be") > _ELSEWISE * own and rough(encoding, 1) > _ELSEWISE * own)
    if encoding not in _LAWS:
        return True
    elsewise = own > _OTHER_LAW * rough(_LAWS[encoding == "mulaw"]) or (own > _PLAIN and rough("linear16") < own)
    return not elsewise and not evidence.off_centre(data, encoding)


def _other_encoding(data: Bytes, declared: AudioFormat) -> ActualFormat | None:
    """The encoding under which the bytes are a smooth signal, which they are not as declared, and need clearly fewer bits."""
    encoding, channels = declared.encoding or "", declared.channels or 1
    as_declared = _as_declared(data, declared)
    if as_declared and encoding not in _LAWS:
        return None
    found = _floats(data, declared)
    if found is not None or as_declared or unrelated(data) or not _smooth_somewhere(data, channels):
        return found
    costs = {reading: bits_per_byte(data, reading, {1, 2, channels}) for reading in READINGS}
    stated = next((reading for reading in READINGS if reading.encoding == encoding and not reading.offset), None)
    own = NOISE if stated is None else bits_per_byte(data, stated, (channels,))
    best = _cheapest(data, costs, channels)
    if best is None or best == stated:
        return None
    gain, rough = (own - costs[best]) * _weight(best), _rough(data, encoding, channels)
    both_laws = encoding in _LAWS and best.encoding in _LAWS  # one under the other is a signal, too
    if gain < (_GAIN if both_laws or rough is None or rough >= _NOISE else _GAIN_OF_SMOOTH):
        return None
    text = (
        f"Read as {_name(best)}, the signal is smooth and has {costs[best]:.1f} bits to a byte; read as {encoding}, as declared, "
        f"it has {own:.1f}, and noise 8{_idle(data, best)}."
    )
    confidence = "likely" if gain >= _TELLING_GAIN else "hint"
    return ActualFormat(best.encoding, declared.sample_rate, declared.channels, None, confidence, text, best.offset)


def _smooth_somewhere(data: Bytes, channels: int) -> bool:
    """Whether any reading may be smooth, as the cheapest one must be: by sums in integers, at a tenth of the cost of bits."""
    for reading in READINGS:
        rough = evidence.integer_roughness(evidence.integers(data[reading.offset :], reading.encoding), channels)
        if rough is None or rough < _SMOOTH + _MARGIN:
            return True
    return False


def _cheapest(data: Bytes, costs: dict[Reading, float], channels: int) -> Reading | None:
    """The reading that needs the fewest bits, if it is smooth and no third one needs nearly as few."""
    best = min(costs, key=lambda reading: costs[reading])
    rough = _rough(data[best.offset :], best.encoding, channels)
    if rough is None or rough >= _SMOOTH:
        return None
    for reading, cost in costs.items():
        names = frozenset({reading.encoding, best.encoding})
        least = _TWINS_APART if len(names) == 1 or names in _TWINS else _APART
        if reading != best and (cost - costs[best]) * _weight(best) < least:
            return None
    return best


def _floats(data: Bytes, declared: AudioFormat) -> ActualFormat | None:
    """Floats, where nearly all words are such as audio has, most of them not zero, and the signal is no noise."""
    for name, width in _FLOAT_WIDTHS.items():
        share = evidence.float_share(data, width)
        if name == declared.encoding or share < _FLOATS or evidence.float_zeros(data, width) > 0.9:  # noqa: PLR2004 - 16-bit samples reach about a quarter
            continue
        rough = _rough(data, name, 1)
        if rough is not None and rough < _NOISE:
            text = f"Read as {width * 8}-bit floats, {share:.0%} of the samples lie within full scale and form a smooth signal."
            return ActualFormat(name, declared.sample_rate, declared.channels, None, "likely", text)
    return None


def _rough(data: Bytes, encoding: str, channels: int) -> float | None:
    return evidence.roughness(evidence.reading(data, encoding, channels))


def _weight(reading: Reading) -> float:
    return max(reading.width / 2, 1.0)


def _name(reading: Reading) -> str:
    bytes_late = {0: "", 1: " from the second byte on", 2: " from the third byte on"}
    return f"{reading.encoding}{bytes_late[reading.offset]}"


def _idle(data: Bytes, reading: Reading) -> str:
    """The silence of a law, where there is some of it."""
    if reading.encoding not in _LAWS or (share := evidence.idle_share(data, reading.encoding)) < _IDLE:
        return ""
    codes = {"mulaw": "0xFF or 0x7F", "alaw": "0xD5 or 0x55"}[reading.encoding]
    return f"; {share:.0%} of the bytes are {codes}, its silence"
