"""Lists of messages and findings: the same rows in every format, nothing in them that a terminal or a spreadsheet would obey."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from wire_script import write_capture

from analyzer import Settings, analyze
from analyzer.model.errors import UsageError
from analyzer.model.report import Report
from analyzer.reports import findings, frames, listing, messages, parquet
from analyzer.reports.listing import Field

SCRIPT = """
0 client GET /v1/listen?encoding=linear16&sample_rate=16000
0.02 server 101
0.1 client audio 3200 x3 every 0.1
0.5 client text {"type":"Unheard"}
0.6 client binary ""
0.7 client text =HYPERLINK("http://x")
0.8 server close 1011 "net0001"
0.9 server fin
"""
HOSTILE = "=1+1\x1b[2J\u202e\n\x9b\ud800"


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Two captures of a session with messages of several kinds."""
    paths = [write_capture(SCRIPT, tmp_path / name) for name in ("one.pcap", "two.pcap")]
    return analyze(*paths, settings=Settings(contents=True))


def table(report: Report, name: str) -> tuple[list[dict[str, Any]], tuple[Field, ...]]:
    module = {"messages": messages, "findings": findings}[name]
    return list(module.rows(report)), module.FIELDS


@pytest.mark.parametrize("name", ["messages", "findings"])
def test_every_format_has_every_row(report: Report, name: str) -> None:
    rows, fields = table(report, name)
    names = [field.name for field in fields]
    assert rows
    assert {row["capture"] for row in rows} == {1, 2}
    assert all(list(row) == names for row in rows)
    said = {form: list(listing.lines(rows, fields, form)) for form in listing.FORMATS}
    assert [json.loads(line) for line in said["jsonl"]] == rows
    read = list(csv.DictReader(io.StringIO("".join(said["csv"]))))
    assert [row["packets" if name == "findings" else "first_packet"] for row in read] == [
        " ".join(map(str, row["packets"])) if name == "findings" else str(row["first_packet"]) for row in rows
    ]
    assert len(said["table"]) == len(rows) + 1
    out = io.BytesIO()
    parquet.write(out, fields, parquet.columns_of(rows, fields))
    written = pyarrow.parquet.read_table(pyarrow.BufferReader(out.getvalue()))
    assert written.to_pylist() == rows
    assert all(field.metadata[b"meaning"] for field in written.schema)


def test_messages_say_what_they_are(report: Report) -> None:
    rows = [row for row in table(report, "messages")[0] if row["capture"] == 1]
    assert [(row["opcode"], row["kind"], row["label"]) for row in rows] == [
        *[("binary", "audio", "")] * 3,
        ("text", "malformed", "Unheard"),
        ("binary", "empty", ""),
        ("text", "malformed", ""),
        ("close", "close", "1011"),
    ]
    assert [row["text"] for row in rows][-4:] == ['{"type":"Unheard"}', None, '=HYPERLINK("http://x")', "net0001"]


def test_findings_are_those_of_the_report(report: Report) -> None:
    rows = table(report, "findings")[0]
    assert [row["rule"] for row in rows] == [one.rule for one in report.findings]
    assert {"empty-binary-frame", "malformed-control"} <= {row["rule"] for row in rows}


def test_frames_as_columns_are_those_of_the_lines(report: Report) -> None:
    out = io.BytesIO()
    parquet.write(out, frames.FIELDS, frames.columns(report))
    written = pyarrow.parquet.read_table(pyarrow.BufferReader(out.getvalue())).to_pylist()
    said = [json.loads(line) for line in "".join(frames.lines(report, "jsonl")).splitlines()]
    assert len(written) == len(said) > 10
    for one, other in zip(written, said, strict=True):
        other["first_packet"], other["last_packet"] = other.pop("packets")
        assert one == {**other, "time_s": pytest.approx(other["time_s"], abs=1e-6)}


FIELDS = (Field("text", "text", -10, "hostile"), Field("numbers", "list", 8, "numbers"), Field("flag", "flag", 6, "a flag"))


def test_captured_text_is_only_text() -> None:
    row = {"text": HOSTILE, "numbers": [1, 2], "flag": True}
    for form in listing.FORMATS:
        said = "".join(listing.lines([row], FIELDS, form))
        assert not set(said) & {"\x1b", "\u202e", "\x9b", "\ud800"}
    assert "".join(listing.lines([row], FIELDS, "csv")).splitlines()[1].startswith("'=1+1")
    assert json.loads("".join(listing.lines([row], FIELDS, "jsonl")))["text"] == HOSTILE


@pytest.mark.parametrize("said", ["=1+1", "+1", "-1", "@a", " =1", "\t=1+1", "\r\n=1", "\uff1d1+1"])
def test_a_spreadsheet_runs_no_captured_text(said: str) -> None:
    text = "".join(listing.lines([{"text": said, "numbers": [], "flag": False}], FIELDS, "csv"))
    assert next(csv.DictReader(io.StringIO(text)))["text"].startswith("'")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of table, jsonl, csv"):
        list(listing.lines([], FIELDS, "xml"))
