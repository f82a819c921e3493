"""From places in order of time to packet numbers of the file, for captures whose packets had to be put in order.

All steps count packets in the order in which they get them, so that a later packet always has the higher number. Only what is shown
has the file's numbers, which are Wireshark's. In: the numbers of each batch, in order. Out: the number at a place. Kept are the
places where the order jumps, 16 bytes each; one thread may add while another looks up.
"""

from collections.abc import Iterable

import numpy as np

from analyzer.model.streams import Ints


class Numbering:
    """Grows with each batch. Places count from 1."""

    def __init__(self) -> None:
        self._next = 1
        self._batches: list[tuple[int, Ints, Ints]] = []
        """First place, and the places where the order jumps with their numbers."""

    def add(self, numbers: Ints) -> None:
        """The packets that come next, by their number in the file."""
        if len(numbers):
            begins = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(np.diff(numbers) != 1) + 1))
            self._batches.append((self._next, begins + self._next, numbers[begins]))
            self._next += len(numbers)

    def of(self, places: Ints) -> Ints:
        """The number in the file at each place, in any order; 0 (no packet) stays 0."""
        known = list(self._batches)
        batch = np.searchsorted(np.array([first for first, _, _ in known], np.int64), places, side="right") - 1
        numbers = np.zeros(len(places), np.int64)
        for which in np.unique(batch[batch >= 0]).tolist():
            _, begins, values = known[which]
            mine = np.flatnonzero(batch == which)
            piece = np.searchsorted(begins, places[mine], side="right") - 1
            numbers[mine] = values[piece] + places[mine] - begins[piece]
        return numbers

    def each(self, places: Iterable[int]) -> tuple[int, ...]:
        """The same for a few."""
        return tuple(self.of(np.array(tuple(places), np.int64)).tolist())


class Unnumbered(Numbering):
    """For input that holds no packets: nothing has a number."""

    def of(self, places: Ints) -> Ints:
        """0 (no packet) for each."""
        return np.zeros(len(places), np.int64)

    def each(self, places: Iterable[int]) -> tuple[int, ...]:  # noqa: ARG002 - the same call
        """None."""
        return ()
