"""The messages of a report, one row each: what it is, when it came, what it says. Secrets in it are redacted.

In: a Report whose sessions have their `conversation`. Out: rows for `listing` or for Parquet, in order of capture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer.reports.listing import Field
from analyzer.reports.weave import woven

if TYPE_CHECKING:
    from analyzer.model.report import Report

FIELDS = (
    Field("capture", "i4", 7, "number of the capture, from 1"),
    Field("session", "i4", 7, "number of the session in the capture"),
    Field("number", "i8", 8, "number of the message in its direction, from 1"),
    Field("side", "word", -6, "client or server"),
    Field("time_s", "f8", 12, "s since the accepted upgrade, of its first packet"),
    Field("until_s", "f8", 0, "s since the accepted upgrade, of the packet that completes it"),
    Field("opcode", "word", -6, "text, binary, close, ping or pong"),
    Field("kind", "word", -10, "what it is for the service: audio, control, event ..."),
    Field("label", "word", -14, "its control word or event type"),
    Field("frames", "i4", 6, "frames that it came in"),
    Field("wire", "i8", 0, "payload bytes as sent"),
    Field("size", "i8", 9, "payload bytes after inflating"),
    Field("first_packet", "i8", 8, "lowest packet number that carries it"),
    Field("last_packet", "i8", 0, "highest packet number that carries it"),
    Field("complete", "flag", 0, "false when bytes of it are missing from the capture"),
    Field("text", "text", -60, "what it says, where it is text"),
)
_SECONDS = 1e9


def rows(report: "Report") -> Iterator[dict[str, Any]]:
    """One dict per message."""
    from analyzer.model.schema import Kind, Side, opcode_word  # noqa: PLC0415 - not for --help

    words: dict[str, dict[int, Any]] = {
        "side": {int(side): side.word for side in Side},
        "opcode": {number: opcode_word(number) for number in range(16)},
        "kind": {int(kind): kind.name.lower() for kind in Kind},
        "complete": {0: False, 1: True},
    }
    held = [{one.id: one for one in capture.sessions if one.conversation is not None} for capture in report.captures]
    for place, columns in woven(report, lambda session: None if session.conversation is None else session.conversation.table):
        for cells in zip(*(column.tolist() for column in columns.values()), strict=True):
            values = dict(zip(columns, cells, strict=True))
            session = held[place - 1][values["session"]]
            talk = session.conversation
            assert talk is not None
            values |= {name: said[values[name]] for name, said in words.items()}
            values |= {
                "capture": place,
                "time_s": round(values["time_s"], 6),
                "until_s": round((values["last_time"] - session.origin_ns) / _SECONDS, 6),
                "label": talk.label(values["row"]),
                "text": talk.text(values["row"]),
            }
            yield {field.name: values[field.name] for field in FIELDS}
