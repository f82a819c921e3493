"""The JSON report keeps the contract: its schema, its keys in order, the same bytes for the same report."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from analyzer.model.finding import Severity
from analyzer.model.report import Report, SessionReport
from analyzer.model.schema import Side
from analyzer.reports import render
from analyzer.reports.plain import plain

Make = Callable[..., Report]
SCHEMA = json.loads((files("analyzer.reports") / "analyzer-report-1.json").read_text())


def loaded(report: Report) -> dict[str, Any]:
    Draft202012Validator.check_schema(SCHEMA)
    data: dict[str, Any] = json.loads(render(report, "json"))
    Draft202012Validator(SCHEMA).validate(data)
    return data


def test_reports_keep_the_schema(make_report: Make, healthy: SessionReport, silent: SessionReport, rejected: SessionReport) -> None:
    data = loaded(make_report(healthy, silent, rejected))
    assert data["schema"] == "analyzer-report/1"
    assert [session["id"] for session in data["captures"][0]["sessions"]] == [1, 2, 3]
    assert loaded(make_report())["captures"][0]["sessions"] == []


@pytest.mark.parametrize("change", [{"opened": "sideways"}, {"tcp_end": "fin"}, {"coverage": {}}, {"audio": {"client": {}}}])
def test_the_schema_is_strict(make_report: Make, healthy: SessionReport, change: dict[str, Any]) -> None:
    report = make_report(replace(healthy, **change))
    assert not Draft202012Validator(SCHEMA).is_valid(json.loads(render(report, "json")))


def test_keys_come_in_the_order_of_the_contract(make_report: Make, silent: SessionReport) -> None:
    shuffled = replace(silent, upgrade=dict(reversed(silent.upgrade.items())))
    data = loaded(make_report(shuffled))
    (capture,) = data["captures"]
    (session,) = capture["sessions"]
    assert list(data) == ["schema", "tool", "settings", "captures"]
    assert list(capture)[:5] == ["path", "format", "packets", "bytes", "first_time"]
    assert list(session)[:10] == [
        *("id", "client", "server", "start", "duration_s", "provider", "opened", "tls", "upgrade", "messages"),
    ]
    assert list(session["upgrade"])[:4] == ["outcome", "http_version", "target", "path"]
    assert list(session["findings"][0]) == [
        *("rule", "severity", "confidence", "side", "time_s", "until_s", "packets"),
        *("tcp_stream", "filter", "count", "text", "remedy", "values"),
    ]


def test_the_same_report_gives_the_same_bytes(make_report: Make, silent: SessionReport) -> None:
    assert render(make_report(silent), "json") == render(make_report(silent), "json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([Severity.NOTE, Side.SERVER]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(values=VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bytes_are_those_of_the_library(make_report: Make, silent: SessionReport, values: object) -> None:
    finding = replace(silent.findings[0], values={"found": values})
    report = make_report(replace(silent, findings=(finding,)))
    expected = json.dumps(plain(report), ensure_ascii=False, indent=2, allow_nan=False)
    unsafe = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
    assert render(report, "json") == unsafe.sub(lambda found: f"\\u{ord(found[0]):04x}", expected) + "\n"


def test_decibels_have_two_digits_and_times_six(make_report: Make, silent: SessionReport) -> None:
    session = loaded(make_report(replace(silent, duration_s=1.23456789)))["captures"][0]["sessions"][0]
    assert session["duration_s"] == 1.234568
    assert session["audio"]["client"]["peak_dbfs"] == -3.01
    assert session["findings"][0]["values"]["level_dbfs"] == -12.35


def test_what_json_cannot_say_is_null(make_report: Make, silent: SessionReport) -> None:
    finding = replace(silent.findings[0], values={"a": float("nan"), "b": [float("-inf"), {"c": 1.0}]})
    session = loaded(make_report(replace(silent, findings=(finding,))))["captures"][0]["sessions"][0]
    assert session["findings"][0]["values"] == {"a": None, "b": [None, {"c": 1.0}]}


def test_captured_text_cannot_steer_a_terminal(make_report: Make, healthy: SessionReport) -> None:
    hostile = "\x1b[2J \x9b31m \u202e \ud800 \u2028 ünïcode"
    text = render(make_report(replace(healthy, close={"by": "server", "code": 1000, "reason": hostile})), "json")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", text)
    assert "ünïcode" in text
    assert json.loads(text)["captures"][0]["sessions"][0]["close"]["reason"] == hostile
