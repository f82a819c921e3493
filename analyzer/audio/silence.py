"""Finds exact digital silence while a signal flows by.

In: frames in any cut, and a function that finds the silent runs in them. Out: the maximal silent runs of at least
`shortest` frames.
"""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

Frames = npt.NDArray[Any]
SilentRuns = Callable[[Frames, int], list[tuple[int, int]]]
"""Gives begin and end of the silent runs that have at least so many frames, or stand at the beginning or the end."""


class SilenceFinder:
    """Counts silent frames and keeps the first `limit` spans. Positions are frames since the start, holes included."""

    def __init__(self, runs: SilentRuns, shortest: int, limit: int) -> None:
        self._runs = runs
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
        runs = self._runs(frames, self._shortest)
        if self._open is not None and (not runs or runs[0][0] > 0):
            self._close(base)
        for begin, end in runs:
            if self._open is None:
                self._open = base + begin
            if end < length:
                self._close(base + end)

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
