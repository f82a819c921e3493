"""Tables: rows come back as they went in, before and after they were spilled."""

import numpy as np
import pytest

from analyzer.model.schema import FRAMES, MESSAGES, RECORDS, Column, Schema
from analyzer.model.tables import Table

SMALL: Schema = (Column("time", "i8", "ns", "when"), Column("bits", "u2", "", "what"))


def rows(begin: int, count: int) -> dict[str, np.ndarray]:
    numbers = np.arange(begin, begin + count)
    return {"time": numbers * 10, "bits": numbers % 7}


@pytest.mark.parametrize("limit", [0, 1, 100, 1 << 20])
def test_rows_come_back_in_order_whatever_the_limit(limit: int) -> None:
    table = Table(SMALL, limit)
    for begin in range(0, 50, 5):
        table.append(rows(begin, 5))
        assert len(table) == begin + 5
        assert table.column("time").tolist() == [number * 10 for number in range(begin + 5)]
    assert table.column("bits").tolist() == [number % 7 for number in range(50)]
    assert {name: len(column) for name, column in table.columns().items()} == {"time": 50, "bits": 50}


def test_columns_have_the_dtypes_of_the_schema() -> None:
    for limit in (0, 1 << 20):
        table = Table(SMALL, limit)
        assert table.column("bits").dtype == np.uint16
        table.append({"time": [1, 2], "bits": [3, 4]})
        assert table.column("time").dtype == np.int64
        assert table.column("bits").dtype == np.uint16


def test_columns_that_several_tables_share_are_told_apart() -> None:
    """Arrays are taken over as they are: constant ones, which nobody may write to, are shared."""
    ones = np.ones(4, np.uint16)
    ones.flags.writeable = False
    tables = [Table(SMALL, limit) for limit in (0, 1 << 20)]
    for table in tables:
        for count in (2, 3):
            table.append({"time": np.arange(count), "bits": ones[:count]})
        assert table.column("time").tolist() == [0, 1, 0, 1, 2]
        assert table.column("bits").tolist() == [1, 1, 1, 1, 1]


def test_no_rows_are_no_rows() -> None:
    table = Table(SMALL, 0)
    table.append(rows(0, 0))
    assert len(table) == 0
    assert table.column("time").tolist() == []


def test_columns_of_different_length_are_refused() -> None:
    table = Table(SMALL, 0)
    with pytest.raises(ValueError, match=r"'time': 2, 'bits': 1"):
        table.append({"time": [1, 2], "bits": [1]})
    assert len(table) == 0


def test_a_column_that_is_not_there_is_a_key_error() -> None:
    table = Table(SMALL, 0)
    with pytest.raises(KeyError):
        table.column("nonsense")
    table.append(rows(0, 3))
    with pytest.raises(KeyError):
        table.column("nonsense")


@pytest.mark.parametrize("schema", [FRAMES, MESSAGES, RECORDS], ids=["frames", "messages", "records"])
def test_every_schema_spills(schema: Schema) -> None:
    table = Table(schema, 0)
    for begin in (0, 3):
        table.append({column.name: np.arange(begin, begin + 3) for column in schema})
    for column in schema:
        assert table.column(column.name).tolist() == list(range(6))
