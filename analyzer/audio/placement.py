"""Where audio belongs on the clock: from when each message was sent, and where it stands in the audio, to a time line with gaps.

In: a `Sending`, and the frame at which each of its messages begins in the decoded audio. Out: a `Placement`: stretches of audio
without a gap in them, each with its place on the clock. Audio is moved as a whole, never stretched or cut: a message that comes
late is a gap only if what follows does not make up for it, as it does behind a stall of the network; what comes early, as from a
file that is sent at once, waits until the audio before it has ended.
"""

import numpy as np

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import SECOND, Limits
from analyzer.model.streams import Ints
from analyzer.model.track import Sending

_JITTER_S = 0.2
"""Lateness that is no gap: programs and networks are not more exact than that, and containers come in bursts."""
_MADE_UP_S = 1.0
"""How long behind its own length a delay may be made up for."""
_LONGEST_S = 1e8
"""Seconds of audio that a service may speak of; JSON has larger numbers."""
_TAIL_S = 60
"""Silence shown behind the last audio, up to the end of the session: services wait 10 to 30 s before they close."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Stretches of audio: `at` (frame of the time line), `source` (frame of the audio) and `length`, one int64 row each."""

    at: Ints
    source: Ints
    length: Ints
    frames: int
    """Of the whole time line."""
    sample_rate: int
    cut: bool
    """Whether gaps were shortened, since the time line would have become too long."""

    def heard(self, begin_s: float, end_s: float) -> list[tuple[float, float]]:
        """A stretch of audio, in seconds of it, as seconds of the time line: one piece, or several with gaps between them.

        A stretch behind the end of the audio is where it would be.
        """
        rate, last = self.sample_rate, len(self.at) - 1
        begin, end = (round(min(second, _LONGEST_S) * rate) for second in (begin_s, end_s))
        first = max(int(self.source.searchsorted(begin, side="right")) - 1, 0)
        pieces: list[tuple[float, float]] = []
        for row in range(first, len(self.at)):
            start, stop = int(self.source[row]), int(self.source[row] + self.length[row])
            if start >= end and pieces:
                break
            ahead = int(self.at[row]) - start
            until = end if row == last else min(end, stop)
            if until > max(begin, start) or row == last:
                pieces.append(((max(begin, start) + ahead) / rate, (max(until, begin) + ahead) / rate))
        return pieces

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Begin and end of the silence between stretches, in frames of the time line; that before the first one is left out."""
        ends = self.at + self.length
        return [(begin, end) for begin, end in zip(ends[:-1].tolist(), self.at[1:].tolist(), strict=True) if end > begin]


def place(sending: Sending, begins: Ints, frames: int, sample_rate: int, limits: Limits) -> Placement:
    """Place `frames` frames of audio. `begins` are the first frames of the messages, not falling; there is at least one."""
    times = np.maximum.accumulate(np.maximum(sending.times, 0)) * sample_rate // SECOND
    begins = np.minimum(begins, frames)
    lead = times - begins
    jitter, made_up = round(_JITTER_S * sample_rate), round(_MADE_UP_S * sample_rate)
    room, cut = limits.timeline_silence * sample_rate // SECOND, False
    # The first message often comes early: the header of a container, or the first buffer before the clock of a program ticks.
    soon = lead[1 : max(int(times.searchsorted(times[0] + made_up, side="right")), 1)]
    start = max(int(lead[0]), min(int(soon.min()), int(lead[0]) + jitter) if len(soon) else 0, 0)
    source, offsets = [0], [start]
    for row in np.flatnonzero(lead - offsets[0] > jitter).tolist():
        delay = int(lead[row]) - offsets[-1]
        if delay <= jitter:
            continue
        until = max(int(times.searchsorted(times[row] + delay + made_up, side="right")), row + 1)
        lasting = int(lead[row:until].min()) - offsets[-1]
        if lasting > jitter:
            cut, lasting = cut or lasting > room, min(lasting, room)
            room -= lasting
            source.append(int(begins[row]))
            offsets.append(offsets[-1] + lasting)
    starts = np.array(source, np.int64)
    at = starts + np.array(offsets, np.int64)
    length = np.append(starts[1:], frames) - starts
    end = int(at[-1] + length[-1])
    last = min(max(sending.end * sample_rate // SECOND, end), end + _TAIL_S * sample_rate)
    return Placement(at, starts, length, last, sample_rate, cut)
