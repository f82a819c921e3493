"""Frames as text: the contract's keys in order, sessions woven in order of capture, whatever the chunk."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analyzer.model.errors import UsageError
from analyzer.model.report import Report, SessionReport
from analyzer.model.schema import FRAMES, Column
from analyzer.model.tables import Table
from analyzer.reports import frames, weave
from analyzer.reports.frames import lines

Make = Callable[..., Report]
KEYS = [
    *("session", "number", "side", "time_s", "opcode", "offset", "fin", "rsv", "masked", "length", "packets"),
    *("message", "complete", "anomalies"),
]


def with_frames(session: SessionReport, packets: list[int]) -> SessionReport:
    """Give a session one binary frame per packet, 10 ms apart by packet number; the second has anomalies."""
    table = Table((*FRAMES, Column("side", "u1", "", "0 client, 1 server")), 1 << 20)
    count = len(packets)
    columns = {column.name: np.zeros(count, column.dtype) for column in table.schema}
    numbers = np.array(packets)
    columns.update(first_packet=numbers, last_packet=numbers + 1, opcode=np.full(count, 2), length=np.full(count, 3200))
    columns.update(
        first_time=session.origin_ns + numbers * 10_000_000, fin=np.ones(count), masked=np.ones(count), complete=np.ones(count)
    )
    columns["offset"] = np.arange(count) * 3208
    columns["anomalies"][1:2] = 1 + 64
    columns["opcode"][1:2] = 11
    columns["side"][-1] = 1
    table.append(columns)
    return replace(session, frame_table=table)


@pytest.fixture
def report(make_report: Make, healthy: SessionReport) -> Report:
    """Two sessions whose frames alternate, and one without frames."""
    return make_report(with_frames(healthy, [4, 8, 6, 12]), with_frames(healthy, [5, 9, 11]), healthy)


def test_json_lines_keep_the_contract(report: Report) -> None:
    rows = [json.loads(line) for line in "".join(lines(report, "jsonl")).splitlines()]
    assert all(list(row) == KEYS for row in rows)
    assert rows[0] == {
        "session": 1,
        "number": 1,
        "side": "client",
        "time_s": 0.04,
        "opcode": "binary",
        "offset": 0,
        "fin": True,
        "rsv": 0,
        "masked": True,
        "length": 3200,
        "packets": [4, 5],
        "message": 0,
        "complete": True,
        "anomalies": [],
    }
    odd = next(row for row in rows if row["anomalies"])
    assert odd["opcode"] == "reserved"
    assert odd["anomalies"] == ["unmasked-client", "length-not-minimal"]
    assert rows[-1]["side"] == "server"


def test_sessions_are_woven_and_keep_their_own_order(report: Report) -> None:
    rows = [json.loads(line) for line in "".join(lines(report, "jsonl")).splitlines()]
    assert [(row["session"], row["packets"][0]) for row in rows] == [(1, 4), (2, 5), (1, 8), (1, 6), (2, 9), (2, 11), (1, 12)]
    assert [row["number"] for row in rows if row["session"] == 1] == [1, 2, 3, 4]


@pytest.mark.parametrize("form", frames.FORMATS)
def test_chunks_change_nothing(report: Report, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "".join(lines(report, form))
    monkeypatch.setattr(weave, "CHUNK", 2)
    assert "".join(lines(report, form)) == whole


def test_csv_can_be_read_back(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(lines(report, "csv")))))
    assert len(rows) == 7
    assert rows[0]["first_packet"] == "4"
    assert rows[2]["anomalies"] == "unmasked-client length-not-minimal"


def test_the_table_has_a_head_and_aligned_columns(report: Report) -> None:
    head, *rows = "".join(lines(report, "table")).splitlines()
    assert {row.index("binary") for row in rows if "binary" in row} == {head.index("opcode")}


def test_no_frames(make_report: Make, healthy: SessionReport) -> None:
    assert "".join(lines(make_report(healthy), "jsonl")) == ""
    assert "".join(lines(make_report(), "csv")).count("\n") == 1


def test_an_unknown_format_is_refused(report: Report) -> None:
    with pytest.raises(UsageError, match="choose one of table, jsonl, csv"):
        list(lines(report, "xml"))
