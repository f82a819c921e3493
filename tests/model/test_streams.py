"""From a stream offset back to the packet that carried it."""

import numpy as np

from analyzer.model.streams import Data, Gap, Origins


def origins(*rows: tuple[int, int, int]) -> Origins:
    columns = np.array(rows, np.int64).T
    return Origins(columns[0], columns[1], columns[2])


def test_a_byte_leads_to_its_packet() -> None:
    data = Data(100, np.arange(30, dtype=np.uint8), origins((100, 1, 1000), (110, 4, 2000), (120, 7, 3000)))
    assert data.end == 130
    assert [data.place(offset) for offset in (100, 109, 110, 129)] == [(1, 1000), (1, 1000), (4, 2000), (7, 3000)]


def test_a_cut_keeps_offsets_and_origins() -> None:
    data = Data(100, np.arange(30, dtype=np.uint8), origins((100, 1, 1000), (110, 4, 2000)))
    rest = data.cut(112)
    assert (rest.start, rest.end, rest.bytes[0]) == (112, 130, 12)
    assert rest.place(112) == (4, 2000)


def test_joined_origins_keep_what_is_still_needed() -> None:
    first = origins((0, 1, 10), (5, 2, 20), (9, 3, 30))
    joined = first.joined(origins((20, 4, 40)), 6)
    assert joined.number.tolist() == [2, 3, 4]
    assert joined.rows(np.array([6, 9, 25])).tolist() == [0, 1, 2]
    assert Origins(*np.zeros((3, 0), np.int64)).joined(first, 0).start.tolist() == [0, 5, 9]


def test_a_gap_knows_its_end() -> None:
    assert Gap(5, 7, 1, 10).end == 12
