"""Where 16-bit samples begin, in a stream that lost a byte or whose messages do not hold whole samples.

In: bytes of `linear16`, and which messages have an odd number of them. Out: whether boundaries move, and the bytes of
whole samples only. A split sample is legal, as the bytes are one stream; only when samples begin anew with each message,
or jump, is a byte lost.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from analyzer.audio.readings import READINGS, bits_per_byte
from analyzer.model.streams import Bytes, Ints
from analyzer.model.track import ActualFormat, AudioFormat

_KEPT = 32768
"""Bytes kept from the first odd message on."""
_FEWEST = 4096
_GAIN = 0.7
"""Bits per byte by which one alignment must be cheaper."""
_LINEAR16 = READINGS[0]
_BLOCK = 2048
"""Bytes over which an alignment is judged while a stream is put right."""
_CLEAR, _SHORTEST = 0.5, 32
"""What a turn may leave of the energy of the steps between samples, and how many samples must follow it in its block."""
_FAINTEST = 4.0
"""Mean square of steps below which a block is silence, and says nothing."""


class OddMessages:
    """Keeps the first message with an odd number of bytes and what follows, of one track."""

    def __init__(self) -> None:
        self.at: int | None = None
        """Audio byte at which the first odd message begins."""
        self._parts: list[bytes] = []
        self._sizes: list[int] = []
        self._held = self._at = 0

    def add(self, data: Bytes, lengths: Ints) -> None:
        """Take whole messages."""
        if self._held < _KEPT and len(lengths) and (self.at is not None or (lengths & 1).any()):
            self._keep(data, lengths)
        self._at += len(data)

    def _keep(self, data: Bytes, lengths: Ints) -> None:
        ends = np.cumsum(lengths)
        first = 0 if self.at is not None else int((lengths & 1).argmax())
        begin = int(ends[first] - lengths[first])
        if self.at is None:
            self.at = self._at + begin
        last = min(int(np.searchsorted(ends, begin + _KEPT - self._held)) + 1, len(lengths))
        self._parts.append(bytes(data[begin : int(ends[last - 1])]))
        self._sizes += lengths[first:last].tolist()
        self._held += len(self._parts[-1])

    def judge(self, declared: AudioFormat) -> ActualFormat | None:
        """Whether samples begin anew with every message, though the messages before do not end with a whole one."""
        if self.at is None or declared.encoding != "linear16" or self._held < _FEWEST:
            return None
        kept = np.frombuffer(b"".join(self._parts), np.uint8)
        ends = np.cumsum(self._sizes)
        whole = np.ones(len(kept), bool)
        whole[ends[np.array(self._sizes) % 2 == 1] - 1] = False
        steps = (declared.channels or 1,)
        stream = bits_per_byte(kept[self.at & 1 :], _LINEAR16, steps)
        single = bits_per_byte(kept[whole], _LINEAR16, steps)
        if stream - single < _GAIN:
            return None
        text = (
            f"From byte {self.at} on messages have odd sizes, and samples begin anew with each message: read so, the signal has "
            f"{single:.1f} bits to a byte, and {stream:.1f} read as one stream."
        )
        return ActualFormat("linear16", declared.sample_rate, declared.channels, None, "likely", text, shifted_at=self.at)


def realigned(pieces: Iterable[bytes]) -> Iterator[Bytes]:
    """The bytes of a `linear16` stream without those that belong to no whole sample, wherever its boundaries move."""
    held = np.zeros(0, np.uint8)
    for piece in pieces:
        held = np.concatenate((held, np.frombuffer(piece, np.uint8)))
        while len(held) > _BLOCK:
            whole, dropped = _straight(held[: _BLOCK + 1])
            yield held[:whole]
            held = held[whole + dropped :]
    yield held


def _straight(block: Bytes) -> tuple[int, int]:
    """How many bytes of a block are whole samples as they stand, and how many to drop before the next one."""
    steps = [np.diff(block[first : first + _BLOCK].copy().view("<i2").astype(np.float64)) ** 2 for first in (0, 1)]
    straight, shifted = (np.concatenate(([0.0], np.cumsum(one))) for one in steps)
    costs = straight + shifted[-1] - shifted
    turn = int(costs.argmin())
    left = len(costs) - 1 - turn
    if left < _SHORTEST or straight[-1] < _FAINTEST * len(costs) or costs[turn] > _CLEAR * straight[-1]:
        return _BLOCK, 0
    return 2 * turn, 1
