"""Finds exact digital silence while a signal flows by.

In: runs of samples in any cut, and a function that says which of them are silent. Out: the maximal silent runs of at
least `shortest` samples. A run that long covers a multiple of `shortest`, so that only one sample in `shortest` is
looked at where there is sound.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[Any]
IsSilent = Callable[[Frames], npt.NDArray[np.bool_]]

_STEP = 4096
"""First block of a search for the end of a run; it doubles, so that a long run costs few calls and a short one few samples."""


class SilenceFinder:
    """Counts silent frames and keeps the first `limit` spans. Positions are frames since the start, holes included."""

    def __init__(self, silent: IsSilent, shortest: int, limit: int) -> None:
        self._silent = silent
        self._shortest = max(shortest, 1)
        self._limit = limit
        self._at = 0
        self._open: int | None = None
        """Where the silent run began that reaches to the last frame seen."""
        self._missing = 0
        self.spans: list[tuple[int, int, int]] = []
        """Begin and end of each run, and how many of the frames before it are not in the capture."""
        self.total = 0

    def feed(self, frames: Frames) -> None:
        """Take the next frames: a 1-D array, or one row per frame."""
        base, length = self._at, len(frames)
        if not length:
            return
        self._at += length
        done = 0
        if self._open is not None:
            done = self._end_of_run(frames, 0)
            if done == length:
                return
            self._close(base + done)
        every = self._shortest
        places = np.arange(done + (-(base + done)) % every, length, every)
        for place in places[self._silent(frames[places])].tolist() if len(places) else ():
            if place < done:
                continue
            begin = self._start_of_run(frames, place, max(done, place - every))
            done = self._end_of_run(frames, place)
            self._open = base + begin
            if done == length:
                return
            self._close(base + done)
        begin = self._start_of_run(frames, length, max(done, length - every))
        self._open = base + begin if begin < length else None

    def skip(self, frames: int) -> None:
        """Pass over frames that are not in the capture: nobody knows whether they were silent."""
        self.finish()
        self._at += frames
        self._missing += frames

    def finish(self) -> None:
        """No frame follows the last one directly."""
        if self._open is not None:
            self._close(self._at)

    def _close(self, end: int) -> None:
        begin, self._open = self._open, None
        if begin is None or end - begin < self._shortest:
            return
        self.total += end - begin
        if len(self.spans) < self._limit:
            self.spans.append((begin, end, self._missing))

    def _start_of_run(self, frames: Frames, place: int, lowest: int) -> int:
        """The first frame, not before `lowest`, of the silent run that ends before `place`."""
        sound = np.flatnonzero(~self._silent(frames[lowest:place]))
        return lowest + int(sound[-1]) + 1 if len(sound) else lowest

    def _end_of_run(self, frames: Frames, place: int) -> int:
        """The first frame from `place` on that is not silent, or the number of frames."""
        step = _STEP
        while place < len(frames):
            silent = self._silent(frames[place : place + step])
            if not silent.all():
                return place + int(silent.argmin())
            place += len(silent)
            step = min(step * 2, 1 << 20)
        return len(frames)
