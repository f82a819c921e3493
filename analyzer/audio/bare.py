"""Codec frames without any container where something else was declared: bare Opus packets, AMR frames without their header.

In: the first bytes of a track and the sizes of its first messages. Out: an `ActualFormat`, or None. Neither has a signature; what
tells them is that every message begins with the same configuration, or that frame follows frame. So they are likely at most.
"""

from collections import Counter
from collections.abc import Sequence

from analyzer.audio.codecs import amr, opus
from analyzer.model.track import ActualFormat, Pace

_FEWEST_PACKETS, _SAME = 20, 0.9
"""Packets from which Opus is told, and the share of them that must have one configuration."""
_LONGEST_PACKET = 1275
"""Bytes of an Opus frame (RFC 6716 section 3.2.1)."""
_DTX = 2
"""Bytes up to which a packet stands for silence (RFC 6716 section 2.1.9)."""
_VARIETY = 0.5
"""Share of the packets whose middle bytes differ: coded audio is random there."""
_INTERVAL = 0.1
_AMR_RUN, _AMR_BYTES = 25, 48
"""Frames that must follow one another, and how many different bytes must be among them."""


def bare(head: bytes, sizes: Sequence[int], pace: Pace | None) -> ActualFormat | None:
    """Whichever of them the bytes are."""
    return _opus(head, sizes, pace) or _amr(head, "amr-nb") or _amr(head, "amr-wb")


def _opus(head: bytes, sizes: Sequence[int], pace: Pace | None) -> ActualFormat | None:
    """Messages that begin with one and the same Opus configuration (RFC 6716 section 3.1), and go on at random."""
    packets, at = [], 0
    for size in sizes:
        if at + size > len(head):
            break
        if size > _DTX:
            packets.append(head[at : at + size])
        at += size
    if len(packets) < _FEWEST_PACKETS or max(sizes) > 3 * _LONGEST_PACKET:
        return None
    (first, count), variety = (
        Counter(packet[0] & 0xFC for packet in packets).most_common(1)[0],
        len({one[len(one) // 2] for one in packets}),
    )
    lasts = opus.duration(next(packet for packet in packets if packet[0] & 0xFC == first))
    if lasts is None or count < _SAME * len(packets) or variety < _VARIETY * min(len(packets), 64):
        return None
    packet_ms = lasts * 1000 / opus.RATE
    on_time = pace is not None and pace.steady and abs(pace.interval_s * 1000 / packet_ms - 1) < _INTERVAL
    varied = len(set(sizes)) > 2  # noqa: PLR2004 - raw audio comes in one size, and a last one
    if not on_time and not varied:
        return None
    text = (
        f"{count} of the first {len(packets)} messages begin with the same Opus configuration byte, for packets of {packet_ms:g} ms"
    )
    text += f", and one came every {pace.interval_s * 1000:.0f} ms." if on_time and pace is not None else "."
    channels = 2 if first & 4 else 1
    return ActualFormat("opus", opus.RATE, channels, None, "likely" if on_time and varied else "hint", text)


def _amr(head: bytes, encoding: str) -> ActualFormat | None:
    """AMR frames as in a file, one after the other from the first byte on."""
    at = 0
    for _ in range(_AMR_RUN):
        first = head[at] if at < len(head) else 0
        length = amr.SIZES[encoding][first >> 3 & 15]
        if first & 0x87 != 4 or not length:  # noqa: PLR2004 - no more frames, quality good, no padding bits
            return None
        at += length
    if len(set(head[:at])) < _AMR_BYTES:
        return None
    text = f"{_AMR_RUN} {encoding.upper()} frames follow one another from the first byte on, without the header of a file."
    return ActualFormat(encoding, amr.RATES[encoding], 1, None, "likely", text)
