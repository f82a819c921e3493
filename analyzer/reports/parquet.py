"""Frames, messages and findings as Parquet (pyarrow, the extra `parquet`), for pandas, DuckDB, Polars and the like.

In: rows or columns of plain values, and the fields that describe them. Out: a file, row group by row group; each column carries its
meaning.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any

from analyzer.model.errors import MissingDependencyError
from analyzer.reports.listing import Field

ROW_GROUP = 50_000


def columns_of(rows: Iterable[dict[str, Any]], fields: tuple[Field, ...]) -> Iterator[dict[str, list[Any]]]:
    """Rows as columns, as many at once as a row group has."""
    left = iter(rows)
    while chunk := list(islice(left, ROW_GROUP)):
        yield {field.name: [row[field.name] for row in chunk] for field in fields}


def write(out: IO[bytes], fields: tuple[Field, ...], columns: Iterable[dict[str, list[Any]]]) -> None:
    """Write to a file. Raises MissingDependencyError without pyarrow, OSError where the file cannot be written."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - heavy, and only Parquet needs it
        from pyarrow import parquet  # noqa: PLC0415 - heavy, and only Parquet needs it
    except ImportError as error:
        msg = "Parquet needs pyarrow; install it with: python -m pip install 'analyzer[parquet]'"
        raise MissingDependencyError(msg) from error

    kinds = {
        "i4": pa.int32(),
        "i8": pa.int64(),
        "f8": pa.float64(),
        "flag": pa.bool_(),
        "word": pa.dictionary(pa.int32(), pa.string()),
        "words": pa.list_(pa.string()),
        "text": pa.string(),
        "list": pa.list_(pa.int64()),
    }
    schema = pa.schema([pa.field(one.name, kinds[one.kind], metadata={"meaning": one.meaning}) for one in fields])
    with parquet.ParquetWriter(out, schema, compression="zstd") as file:
        for chunk in columns:
            arrays = [pa.array(chunk[field.name], field.type) for field in schema]
            file.write_table(pa.Table.from_arrays(arrays, schema=schema))
