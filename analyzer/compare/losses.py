"""Which packets of one direction stand within or right behind a loss, as far as it can lead a dissector astray.

In: our frames of the direction, in order of the stream, how many bytes of it the capture has and lacks, and which of the frames
tshark shows in the same packet. Out: ranges of packet numbers. A frame in which both agree ends a range: tshark is in step again
there, and what differs later has another cause.
"""

from bisect import bisect_right

import numpy as np

from analyzer.model.opinion import Columns
from analyzer.model.streams import Ints

Range = tuple[int, int]
LAST = (1 << 63) - 1
"""Beyond all packets."""


def ranges(mine: Columns, present: int, missing: int, agreeing: Ints) -> list[Range]:
    """First and last packet of each, in order and apart from one another. `agreeing`: rows of ours, rising."""
    if not missing:
        return []
    if not mine or not len(mine["offset"]):
        return [(0, LAST)]
    begins, ends = mine["offset"], mine["offset"] + mine["header"] + mine["length"]
    found = []
    if begins[0] > 0:
        found.append((-1, 0))
    found += [(int(row), int(mine["first_packet"][row])) for row in np.flatnonzero(mine["complete"] == 0)]
    found += [(int(row), int(mine["last_packet"][row])) for row in np.flatnonzero(begins[1:] > ends[:-1])]
    if present + missing > ends[-1]:
        found.append((len(begins) - 1, int(mine["last_packet"][-1])))
    return _joined(sorted((begin, _until(row, mine, agreeing)) for row, begin in found))


def _until(row: int, mine: Columns, agreeing: Ints) -> int:
    """The packet in which both agree again behind a loss in this frame of ours, or behind it."""
    later = agreeing[np.searchsorted(agreeing, row, side="right") :]
    return int(mine["last_packet"][later[0]]) if len(later) else LAST


def _joined(found: list[Range]) -> list[Range]:
    """Ranges of which none reaches into the next."""
    apart: list[Range] = []
    for begin, end in found:
        if apart and begin <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        elif begin <= end:
            apart.append((begin, end))
    return apart


def within(packet: int, found: list[Range]) -> bool:
    """Whether a packet lies in one of them."""
    row = bisect_right(found, (packet, LAST)) - 1
    return row >= 0 and packet <= found[row][1]
