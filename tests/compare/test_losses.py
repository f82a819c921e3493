"""A loss reaches from where it is to the next frame in which both agree, and no further."""

import numpy as np
import pytest

from analyzer.compare.losses import LAST, Range, ranges, within
from analyzer.model.streams import Ints


def frames(*rows: tuple[int, int, int, int, int]) -> dict[str, Ints]:
    """Give a table of offset, length, first and last packet, and whether it is complete; headers have two bytes."""
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    names = ("offset", "length", "first_packet", "last_packet", "complete")
    return {**dict(zip(names, columns, strict=True)), "header": np.full(len(rows), 2, np.int64)}


WHOLE = frames((0, 8, 1, 1, 1), (10, 8, 2, 3, 1), (20, 8, 4, 4, 1), (30, 8, 5, 6, 1))
HOLED = frames((0, 8, 1, 1, 1), (10, 8, 2, 3, 0), (20, 8, 4, 4, 1), (30, 8, 5, 6, 1))
PARTED = frames((0, 8, 1, 1, 1), (20, 8, 4, 4, 1), (30, 8, 5, 6, 1))
TORN = frames((0, 8, 1, 1, 1), (10, 8, 2, 3, 0), (30, 8, 4, 4, 1), (40, 8, 5, 6, 1))
"""Two losses that are over at once."""
LATE = frames((5, 8, 1, 1, 1), (15, 8, 2, 2, 1))


@pytest.mark.parametrize(
    ("mine", "present", "missing", "agreeing", "expected"),
    [
        (WHOLE, 40, 0, [0, 1, 2, 3], []),
        (HOLED, 37, 3, [0, 2, 3], [(2, 4)]),
        (HOLED, 37, 3, [0, 3], [(2, 6)]),
        (HOLED, 37, 3, [0], [(2, LAST)]),
        (HOLED, 37, 3, [0, 1, 2], [(2, 4)]),
        (PARTED, 30, 10, [0, 1, 2], [(1, 4)]),
        (WHOLE, 40, 5, [0, 1, 2, 3], [(6, LAST)]),
        (TORN, 37, 13, [0, 3], [(2, 6)]),
        (LATE, 20, 5, [0, 1], [(0, 1)]),
        (frames(), 0, 5, [], [(0, LAST)]),
        ({}, 0, 5, [], [(0, LAST)]),
    ],
)
def test_ranges(mine: dict[str, Ints], present: int, missing: int, agreeing: list[int], expected: list[Range]) -> None:
    assert ranges(mine, present, missing, np.array(agreeing, np.int64)) == expected


def test_within() -> None:
    assert [packet for packet in range(12) if within(packet, [(2, 4), (9, LAST)])] == [2, 3, 4, 9, 10, 11]
