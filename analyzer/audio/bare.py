"""Codec frames without any container where something else was declared: bare Opus packets, AMR frames without their header.

In: the first bytes of a track and the sizes of its first messages. Out: an `ActualFormat`, or None. Neither has a signature; what
tells them is that every message begins with the same configuration, or that frame follows frame. So they are likely at most.
"""

from collections import Counter
from collections.abc import Sequence

from analyzer.model.track import ActualFormat, Pace

_FEWEST_PACKETS, _SAME = 20, 0.9
"""Packets from which Opus is told, and the share of them that must have one configuration."""
_LONGEST_PACKET = 1275
"""Bytes of an Opus frame (RFC 6716 section 3.2.1)."""
_DTX = 2
"""Bytes up to which a packet stands for silence (RFC 6716 section 2.1.9)."""
_VARIETY = 0.5
"""Share of the packets whose middle bytes differ: coded audio is random there."""
_SILK_MS, _HYBRID_MS, _CELT_MS = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)
_INTERVAL = 0.1
_AMR_RUN, _AMR_BYTES = 25, 48
"""Frames that must follow one another, and how many different bytes must be among them."""
_AMR_NB = {0: 13, 1: 14, 2: 16, 3: 18, 4: 20, 5: 21, 6: 27, 7: 32, 8: 6, 15: 1}
_AMR_WB = {0: 18, 1: 24, 2: 33, 3: 37, 4: 41, 5: 47, 6: 51, 7: 59, 8: 61, 9: 6, 14: 1, 15: 1}
"""Bytes of a frame with its header, by frame type (RFC 4867 section 5.3)."""


def bare(head: bytes, sizes: Sequence[int], pace: Pace | None) -> ActualFormat | None:
    """Whichever of them the bytes are."""
    return _opus(head, sizes, pace) or _amr(head, "amr-nb", 8000, _AMR_NB) or _amr(head, "amr-wb", 16000, _AMR_WB)


def _opus(head: bytes, sizes: Sequence[int], pace: Pace | None) -> ActualFormat | None:
    """Messages that begin with one and the same Opus configuration (RFC 6716 section 3.1), and go on at random."""
    firsts, at = [], 0
    for size in sizes:
        if at + size > len(head):
            break
        if size > _DTX:
            firsts.append((head[at], head[at + size // 2]))
        at += size
    if len(firsts) < _FEWEST_PACKETS or max(sizes) > 3 * _LONGEST_PACKET:
        return None
    (first, count), variety = Counter(toc & 0xFC for toc, _ in firsts).most_common(1)[0], len({middle for _, middle in firsts})
    if count < _SAME * len(firsts) or variety < _VARIETY * min(len(firsts), 64):
        return None
    frame_ms = _frame_ms(first >> 3)
    on_time = pace is not None and pace.steady and abs(pace.interval_s * 1000 / frame_ms - 1) < _INTERVAL
    varied = len(set(sizes)) > 2  # noqa: PLR2004 - raw audio comes in one size, and a last one
    if not on_time and not varied:
        return None
    text = f"{count} of the first {len(firsts)} messages begin with the same Opus configuration byte, for frames of {frame_ms:g} ms"
    text += f", and one came every {pace.interval_s * 1000:.0f} ms." if on_time and pace is not None else "."
    channels = 2 if first & 4 else 1
    return ActualFormat("opus", 48000, channels, None, "likely" if on_time and varied else "hint", text)


def _frame_ms(configuration: int) -> float:
    if configuration < 12:  # noqa: PLR2004 - SILK
        return _SILK_MS[configuration & 3]
    return _HYBRID_MS[configuration & 1] if configuration < 16 else _CELT_MS[configuration & 3]  # noqa: PLR2004 - hybrid


def _amr(head: bytes, encoding: str, rate: int, lengths: dict[int, int]) -> ActualFormat | None:
    """AMR frames as in a file, one after the other from the first byte on."""
    at = 0
    for _ in range(_AMR_RUN):
        first = head[at] if at < len(head) else 0
        length = lengths.get(first >> 3 & 15)
        if first & 0x87 != 4 or length is None:  # noqa: PLR2004 - no more frames, quality good, no padding bits
            return None
        at += length
    if len(set(head[:at])) < _AMR_BYTES:
        return None
    text = f"{_AMR_RUN} {encoding.upper()} frames follow one another from the first byte on, without the header of a file."
    return ActualFormat(encoding, rate, 1, None, "likely", text)
