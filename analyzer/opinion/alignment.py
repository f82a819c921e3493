"""Lines up two tables of frames of one direction, so that a frame that one of them lacks does not shift all others.

In: a key per frame, equal where two frames look the same, and the packet in which it ends. Out: pairs of rows, rising in both.
Frames that look the same and end in the same packet are paired first; what lies between such pairs is compared by looks alone.
"""

from bisect import bisect_left
from difflib import SequenceMatcher

import numpy as np

from analyzer.model.streams import Ints

WORK = 4_000_000
"""Comparisons that the best fit of a stretch may cost; a longer one is paired in order."""
Pairs = tuple[Ints, Ints]


def aligned(ours: Pairs, theirs: Pairs) -> Pairs:
    """Rows of ours and of theirs that are the same frame. Each side is (keys, packets)."""
    one, two = _anchors(ours, theirs)
    begins = np.concatenate((np.zeros((1, 2), np.int64), np.stack((one, two), 1) + 1))
    ends = np.concatenate((np.stack((one, two), 1), np.array([[len(ours[0]), len(theirs[0])]], np.int64)))
    found = [np.stack((one, two), 1)]
    for (a, b), (c, d) in zip(
        *(stops[(ends - begins).min(axis=1) > 0].tolist() for stops in (begins, ends)),
        strict=True,
    ):
        between = _by_looks(ours[0][a:c], theirs[0][b:d])
        found.append(between + np.array([a, b], np.int64))
    pairs = np.concatenate(found)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return pairs[:, 0], pairs[:, 1]


def _anchors(ours: Pairs, theirs: Pairs) -> Pairs:
    """Frames that look the same and end in the same packet: of several, the first with the first."""
    rows = [np.lexsort((keys, packets)) for keys, packets in (ours, theirs)]
    marks = [np.stack((packets[order], keys[order]), 1) for (keys, packets), order in zip((ours, theirs), rows, strict=True)]
    _, place = np.unique(np.concatenate(marks), axis=0, return_inverse=True)
    place = place.reshape(-1)
    ids = [place[: len(marks[0])], place[len(marks[0]) :]]
    nth = [np.arange(len(one)) - np.searchsorted(one, one) for one in ids]  # lexsort puts equal ones side by side
    most = max((int(one.max(initial=0)) for one in nth), default=0) + 1
    mine, others = (one * most + times for one, times in zip(ids, nth, strict=True))
    _, left, right = np.intersect1d(mine, others, assume_unique=True, return_indices=True)
    one, two = rows[0][left], rows[1][right]
    order = np.argsort(one, kind="stable")
    return _rising(one[order], two[order])


def _rising(one: Ints, two: Ints) -> Pairs:
    """The longest choice of pairs that rises in both (Schensted); all of them in nearly every case."""
    if (np.diff(two) > 0).all():
        return one, two
    tails: list[int] = []
    ends: list[int] = []
    before = np.full(len(two), -1, np.int64)
    for row, value in enumerate(two.tolist()):
        place = bisect_left(tails, value)
        tails[place : place + 1] = [value]
        ends[place : place + 1] = [row]
        before[row] = ends[place - 1] if place else -1
    chosen, row = [], ends[-1]
    while row >= 0:
        chosen.append(row)
        row = int(before[row])
    keep = np.array(chosen[::-1], np.int64)
    return one[keep], two[keep]


def _by_looks(ours: Ints, theirs: Ints) -> Ints:
    """Pairs among frames between two anchors."""
    if len(ours) * len(theirs) > WORK:
        count = min(len(ours), len(theirs))
        same = np.flatnonzero(ours[:count] == theirs[:count])
        return np.stack((same, same), 1)
    found = SequenceMatcher(None, ours.tolist(), theirs.tolist(), autojunk=False).get_matching_blocks()
    rows = [(block.a + step, block.b + step) for block in found for step in range(block.size)]
    return np.array(rows, np.int64).reshape(-1, 2)
