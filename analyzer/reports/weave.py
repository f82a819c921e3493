"""The rows of many sessions in one order of capture, as columns, chunk by chunk: what lists of frames and messages are made of.

In: sessions with a table each. Out: dicts of equal-length numpy columns, those of the table and `session`, `number`, `time_s`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.model.report import Report, SessionReport
    from analyzer.model.tables import Array, Table

CHUNK = 50_000
"""Rows that become text at once: some 10 MB, long enough that Python's share per chunk vanishes."""


def woven(
    report: "Report", table_of: Callable[["SessionReport"], "Table | None"], chunk: int | None = None
) -> "Iterator[tuple[int, dict[str, Array]]]":
    """The capture's number and up to `chunk` rows at a time. `number` counts the rows of a session from 1, `row` from 0."""
    for place, capture in enumerate(report.captures, 1):
        yield from ((place, columns) for columns in _of(capture.sessions, table_of, chunk or CHUNK))


def _of(
    sessions: "Sequence[SessionReport]", table_of: Callable[["SessionReport"], "Table | None"], chunk: int
) -> "Iterator[dict[str, Array]]":
    import numpy as np  # noqa: PLC0415 - formats without rows never load it

    held = [(session, table.columns()) for session in sessions if (table := table_of(session)) is not None]
    if not held:
        return
    # Sessions are woven into one order by packet; inside a session the order of its table stands, whatever came late.
    keys = np.concatenate([np.maximum.accumulate(table["first_packet"]) for _, table in held])
    order = np.argsort(keys, kind="stable")
    lengths = [len(table["first_packet"]) for _, table in held]
    every = {name: np.concatenate([table[name] for _, table in held])[order] for name in held[0][1]}
    every["session"] = np.repeat([session.id for session, _ in held], lengths)[order]
    every["row"] = np.concatenate([np.arange(length) for length in lengths])[order]
    every["time_s"] = np.concatenate([(table["first_time"] - session.origin_ns) / 1e9 for session, table in held])[order]
    for start in range(0, len(order), chunk):
        yield {name: column[start : start + chunk] for name, column in every.items()}
