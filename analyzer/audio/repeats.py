"""Messages of raw audio that hold the very bytes of the message before: a buffer that was sent again instead of the next one.

In: contiguous payload of messages with their lengths, any number at a time. Out: a `Repeats`, or None. A message that is
periodic in itself, as silence and steady tones are, repeats nothing; nor does one too short to tell.
"""

import numpy as np

from analyzer.model.streams import Bytes, Ints
from analyzer.model.track import Repeats

_SHORTEST = 64
"""Bytes from which equal messages are more than chance: 4 ms of 16-bit audio at 8 kHz."""
_LONGEST = 1 << 16
"""Bytes up to which messages are compared; a buffer holds less than a second."""
_PROBES = (0, 5, 10, 15)
"""Bytes, from the middle of two messages on, that are compared before all of them are: hardly any two messages agree in these."""
_PERIOD_START = 16
"""Bytes at the start of a message whose next appearance in it is its period, if it has one."""


class RepeatFinder:
    """Compares each message with the one before."""

    def __init__(self) -> None:
        self._last = b""
        self._at = 0
        self._run = 0
        self._messages = 0
        self._longest = 0
        self._first_byte: int | None = None

    def feed(self, data: Bytes, lengths: Ints) -> None:
        """Take the next messages: `data` is a contiguous uint8 array, `lengths` (int64) the size of each message in it."""
        if not len(lengths):
            return
        ends = np.cumsum(lengths)
        starts = ends - lengths
        if len(self._last) == lengths[0]:
            self._compare(self._at, self._last, _message(data, starts, lengths, 0))
        else:
            self._run = 0
        done = 0
        for row in _alike(data, starts, lengths).tolist():
            if row > done + 1:
                self._run = 0
            before, this = (_message(data, starts, lengths, one) for one in (row - 1, row))
            self._compare(self._at + int(starts[row]), before, this)
            done = row
        if done < len(lengths) - 1:
            self._run = 0
        self._last = _message(data, starts, lengths, len(lengths) - 1)
        self._at += int(ends[-1])

    def skip(self, length: int) -> None:
        """`length` bytes are missing here: nobody knows what they were."""
        self._last, self._run = b"", 0
        self._at += length

    def finish(self) -> Repeats | None:
        """What was found."""
        return None if self._first_byte is None else Repeats(self._messages, self._longest, self._first_byte)

    def _compare(self, at: int, before: bytes, this: bytes) -> None:
        if not this or this != before or _periodic(this):
            self._run = 0
            return
        self._run += 1
        self._messages += 1
        self._longest = max(self._longest, self._run)
        if self._first_byte is None:
            self._first_byte = at


def _alike(data: Bytes, starts: Ints, lengths: Ints) -> Ints:
    """Rows of messages that are as long as the one before and agree with it where they are probed, the first row left out."""
    same = (lengths[1:] == lengths[:-1]) & (lengths[1:] >= _SHORTEST) & (lengths[1:] <= _LONGEST)
    middles = starts + lengths // 2
    for probe in _PROBES:
        if not same.any():
            break
        octets = data[np.minimum(middles + probe, len(data) - 1)]
        same &= octets[1:] == octets[:-1]
    return np.flatnonzero(same) + 1


def _message(data: Bytes, starts: Ints, lengths: Ints, row: int) -> bytes:
    """One message; nothing of one that is not compared."""
    start, length = int(starts[row]), int(lengths[row])
    return data[start : start + length].tobytes() if _SHORTEST <= length <= _LONGEST else b""


def _periodic(message: bytes) -> bool:
    """Whether the message repeats itself from its start to its end, in steps shorter than half of it."""
    period = message.find(message[:_PERIOD_START], 1, len(message) // 2 + _PERIOD_START)
    return period > 0 and message[period:] == message[:-period]
