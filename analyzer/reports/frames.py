"""The frames of a report as text: a table, JSON lines (contract) or CSV. Chunks of rows are made column by column.

In: a Report whose sessions have their `frame_table`. Out: an iterator of strings to be written one after the other, frames in
order of capture. A million frames take some two seconds.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.model.report import Report, SessionReport

FORMATS = ("table", "jsonl", "csv")
CHUNK = 50_000
"""Rows that become text at once: some 10 MB, long enough that Python's share per chunk vanishes."""

_JSON = (
    '{"session": %d, "number": %d, "side": "%s", "time_s": %.6f, "opcode": "%s", "offset": %d, "fin": %s, "rsv": %d, "masked": %s, '
    '"length": %d, "packets": [%d, %d], "message": %d, "complete": %s, "anomalies": %s}\n'
)
_CSV_HEAD = "session,number,side,time_s,opcode,offset,fin,rsv,masked,length,first_packet,last_packet,message,complete,anomalies\n"
_CSV = "%d,%d,%s,%.6f,%s,%d,%s,%d,%s,%d,%d,%d,%d,%s,%s\n"
_TABLE_HEAD = (
    f"{'session':>7} {'frame':>8} {'side':<6} {'time s':>12} {'opcode':<12} {'offset':>11} {'fin':<5} {'rsv':>3} {'mask':<5} "
    f"{'length':>9} {'packets':>17} {'message':>8} {'whole':<5} anomalies\n"
)
_TABLE = "%7d %8d %-6s %12.6f %-12s %11d %-5s %3d %-5s %9d %8d-%-8d %8d %-5s %s\n"


def lines(report: "Report", format: str) -> Iterator[str]:  # noqa: A002 - the option's name
    """Write the frames of all sessions in one of FORMATS, of several captures with the capture's number. Raises UsageError for
    another format.
    """
    if format not in FORMATS:
        msg = f"There is no frame format {format!r}; choose one of {', '.join(FORMATS)}."
        raise UsageError(msg)
    several = len(report.captures) > 1
    if format != "jsonl":
        head, name = (_CSV_HEAD, "capture,") if format == "csv" else (_TABLE_HEAD, "capture ")
        yield name + head if several else head
    number = {"table": "{:7} ", "jsonl": '"capture": {}, ', "csv": "{},"}[format]
    begin, row = {"table": ("", _TABLE), "jsonl": ("{", _JSON[1:]), "csv": ("", _CSV)}[format]
    for place, capture in enumerate(report.captures, 1):
        shown = begin + (number.format(place) if several else "") + row
        for columns in _chunks(capture.sessions, format):
            yield "".join(map(shown.__mod__, zip(*columns, strict=True)))


def _chunks(sessions: Sequence["SessionReport"], format: str) -> Iterator[list[list[Any]]]:  # noqa: A002 - the option's name
    """Give the columns of a row, in its order, for CHUNK frames at a time."""
    import numpy as np  # noqa: PLC0415 - formats without frames never load it

    from analyzer.model.anomalies import FrameAnomaly  # noqa: PLC0415 - needed here only
    from analyzer.model.schema import Side, opcode_word  # noqa: PLC0415 - needed here only

    held = [(session, session.frame_table.columns()) for session in sessions if session.frame_table is not None]
    if not held:
        return
    # Sessions are woven into one order by packet; inside a session the order of its table stands, whatever came late.
    keys = np.concatenate([np.maximum.accumulate(table["first_packet"]) for _, table in held])
    order = np.argsort(keys, kind="stable")
    every = {name: np.concatenate([table[name] for _, table in held])[order] for name in held[0][1]}
    every["session"] = np.concatenate([np.full(len(table["offset"]), session.id) for session, table in held])[order]
    every["number"] = np.concatenate([np.arange(1, len(table["offset"]) + 1) for _, table in held])[order]
    every["time_s"] = np.concatenate([(table["first_time"] - session.origin_ns) / 1e9 for session, table in held])[order]

    sides = [side.word for side in Side]
    opcodes = [opcode_word(number) for number in range(16)]
    answers = ["false", "true"]
    anomalies = {int(bits): FrameAnomaly.slugs(int(bits)) for bits in np.unique(every["anomalies"])}
    odd = {bits: json.dumps(slugs) if format == "jsonl" else " ".join(slugs) for bits, slugs in anomalies.items()}
    words: dict[str, Any] = {
        "side": sides,
        "opcode": opcodes,
        "fin": answers,
        "masked": answers,
        "complete": answers,
        "anomalies": odd,
    }
    names = (
        *("session", "number", "side", "time_s", "opcode", "offset", "fin", "rsv", "masked"),
        *("length", "first_packet", "last_packet", "message", "complete", "anomalies"),
    )
    for start in range(0, len(order), CHUNK):
        chunk = {name: every[name][start : start + CHUNK].tolist() for name in names}
        yield [[words[name][value] for value in chunk[name]] if name in words else chunk[name] for name in names]
