"""Columns are lent again and again; what was taken out of them stays."""

import numpy as np

from analyzer.wire.frames import CONTENT, NARROW, WIDE, FrameColumns


def test_rows_are_copies_and_go_back_to_the_front() -> None:
    columns = FrameColumns(8)
    columns.wide[:] = np.arange(8)
    columns.narrow[:] = np.arange(8)
    columns.key[:] = np.arange(8)
    taken = columns.rows(3, 5)
    assert set(taken) == {*WIDE, *NARROW, "key"}
    columns.wide[:] = columns.narrow[:] = columns.key[:] = 0
    assert all(column.tolist() == [3, 4] for column in taken.values())
    columns.put({name: column[1:] for name, column in taken.items()})
    assert all(column.tolist() == [4, 0] for column in columns.rows(0, 2).values())


def test_content_is_the_same_memory_until_more_is_needed() -> None:
    columns = FrameColumns(1)
    first, again = columns.content(10), columns.content(CONTENT)
    assert np.shares_memory(first, again)
    assert len(columns.content(3 * CONTENT)) == 3 * CONTENT
