"""The frames of a report as text: a table, JSON lines (contract) or CSV. Chunks of rows are made column by column.

In: a Report whose sessions have their `frame_table`. Out: an iterator of strings to be written one after the other, frames in
order of capture. A million frames take some two seconds.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer.model.errors import UsageError
from analyzer.reports.listing import Field
from analyzer.reports.weave import woven

if TYPE_CHECKING:
    from analyzer.model.report import Report

FORMATS = ("table", "jsonl", "csv")
FIELDS = (
    Field("capture", "i4", 7, "number of the capture, from 1"),
    Field("session", "i4", 7, "number of the session in the capture"),
    Field("number", "i8", 8, "number of the frame in the session, from 1"),
    Field("side", "word", -6, "client or server"),
    Field("time_s", "f8", 12, "s since the accepted upgrade, of its first packet"),
    Field("opcode", "word", -12, "as RFC 6455 names it, or reserved"),
    Field("offset", "i8", 11, "where its header starts in the direction's WebSocket bytes"),
    Field("fin", "flag", -5, "true on the last frame of a message"),
    Field("rsv", "i4", 3, "RSV1 4, RSV2 2, RSV3 1"),
    Field("masked", "flag", -5, "true with a mask key"),
    Field("length", "i8", 9, "payload bytes that the header states"),
    Field("first_packet", "i8", 8, "lowest packet number that carries it"),
    Field("last_packet", "i8", 8, "highest packet number that carries it"),
    Field("message", "i8", 8, "number of its message in this direction, 0 for none"),
    Field("complete", "flag", -5, "false when part of the payload is not in the capture"),
    Field("anomalies", "words", -9, "what is wrong with it"),
)
NAMES = tuple(field.name for field in FIELDS[1:])
"""The columns of a row, in its order, behind the capture's number."""
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
    for place, chunk in chunks(report):
        shown = begin + (number.format(place) if several else "") + row
        words = _words(chunk["anomalies"], format)
        columns = [[words[name][value] for value in chunk[name]] if name in words else chunk[name] for name in NAMES]
        yield "".join(map(shown.__mod__, zip(*columns, strict=True)))


def columns(report: "Report") -> Iterator[dict[str, list[Any]]]:
    """The same rows as columns of words and truth values, with the capture's number, for Parquet."""
    for place, chunk in chunks(report):
        words = {**_words(chunk["anomalies"], "csv"), **dict.fromkeys(("fin", "masked", "complete"), (False, True))}
        named = {name: [words[name][value] for value in values] if name in words else values for name, values in chunk.items()}
        yield {"capture": [place] * len(chunk["session"]), **named, "anomalies": [slugs.split() for slugs in named["anomalies"]]}


def chunks(report: "Report") -> Iterator[tuple[int, dict[str, list[Any]]]]:
    """The capture's number and the columns of a row as plain numbers, some thousand frames at a time."""
    for place, columns in woven(report, lambda session: session.frame_table):
        columns["number"] = columns["row"] + 1
        yield place, {name: columns[name].tolist() for name in NAMES}


def _words(anomalies: list[int], format: str) -> dict[str, Any]:  # noqa: A002 - the option's name
    """What stands for the numbers of some columns."""
    from analyzer.model.anomalies import FrameAnomaly  # noqa: PLC0415 - needed here only
    from analyzer.model.schema import Side, opcode_word  # noqa: PLC0415 - needed here only

    answers = ["false", "true"]
    slugs = {bits: FrameAnomaly.slugs(bits) for bits in set(anomalies)}
    return {
        "side": [side.word for side in Side],
        "opcode": [opcode_word(number) for number in range(16)],
        **dict.fromkeys(("fin", "masked", "complete"), answers),
        "anomalies": {bits: json.dumps(found) if format == "jsonl" else " ".join(found) for bits, found in slugs.items()},
    }
