"""What is new since an earlier report: the same capture has nothing new, another one what is worse or befalls more sessions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer import Report, analyze
from analyzer.compare.baseline import read, since
from analyzer.model.errors import UsageError
from analyzer.reports import render

CAPTURES = Path(__file__).parents[2] / "captures"


def report_of(*names: str) -> Report:
    return analyze(*(CAPTURES / name / "capture.pcap" for name in names))


def baseline(tmp_path: Path, report: Report) -> Path:
    path = tmp_path / "baseline.json"
    path.write_text(render(report, "json"), encoding="utf-8")
    return path


def test_the_same_capture_has_nothing_new(tmp_path: Path) -> None:
    report = report_of("control-as-binary", "pacing-slow")
    left = since(report, read(baseline(tmp_path, report)))
    assert not left.findings
    assert [session.verdict.severity for session in left.sessions] == ["ok", "ok"]
    assert "3 known from the baseline, the heaviest control-as-binary" in left.sessions[0].verdict.text


def test_no_finding_of_any_rule_is_new_to_its_own_report(tmp_path: Path) -> None:
    report = analyze(*sorted(CAPTURES.glob("*/capture.pcap*")))
    assert len({finding.rule for finding in report.findings}) > 30
    assert not since(report, read(baseline(tmp_path, report))).findings


def test_what_is_new_is_left_and_becomes_the_verdict(tmp_path: Path) -> None:
    left = since(report_of("control-as-binary"), read(baseline(tmp_path, report_of("silence-gap-net-0001"))))
    assert [finding.rule for finding in left.findings] == ["control-as-binary"]
    assert left.sessions[0].verdict.rule == "control-as-binary"


def test_a_consequence_becomes_the_verdict_where_the_cause_is_known(tmp_path: Path) -> None:
    path = baseline(tmp_path, report_of("control-as-binary"))
    told = json.loads(path.read_text())
    session = told["captures"][0]["sessions"][0]
    session["findings"] = [finding for finding in session["findings"] if finding["rule"] == "control-as-binary"]
    path.write_text(json.dumps(told))
    (session_left,) = since(report_of("control-as-binary"), read(path)).sessions
    assert session_left.verdict.rule == "silence-gap"
    assert "the heaviest control-as-binary" in session_left.verdict.text


def test_a_fault_of_more_sessions_is_new_in_the_others(tmp_path: Path) -> None:
    known = read(baseline(tmp_path, report_of("control-as-binary")))
    left = since(report_of("control-as-binary", "control-as-binary"), known)
    assert [len(session.findings) for session in left.sessions] == [0, 3]


def told(tmp_path: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
    """Give a baseline of a capture of which each finding is changed."""
    path = baseline(tmp_path, report_of(name))
    whole = json.loads(path.read_text())
    for session in whole["captures"][0]["sessions"]:
        for finding in session["findings"]:
            change(finding)
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize(
    ("name", "rule", "values"),
    [
        ("net-0000", "net-0000", {"closed_with": "1008 DATA-0000"}),
        ("upgrade-rejected-401", "upgrade-rejected", {"status": 403}),
        ("tls-unknown-ca", "tls-handshake-failed", {"certificate": ["is signed by itself", "has expired"]}),
        ("protocol-violation", "protocol-violation", {"client": {"unmasked-client": 2}}),
        ("control-as-binary", "control-as-binary", {"words": ["Finalize"]}),
    ],
)
def test_the_same_rule_for_another_cause_is_new(tmp_path: Path, name: str, rule: str, values: dict[str, Any]) -> None:
    def change(finding: dict[str, Any]) -> None:
        if finding["rule"] == rule:
            finding["values"].update(values)

    assert [finding.rule for finding in since(report_of(name), read(told(tmp_path, name, change))).findings] == [rule]


@pytest.mark.parametrize("name", ["control-as-binary", "protocol-violation", "tls-unknown-ca", "network-cut", "pacing-fast"])
def test_times_packets_amounts_and_words_do_not_count(tmp_path: Path, name: str) -> None:
    def change(finding: dict[str, Any]) -> None:
        finding |= {"packets": [9], "time_s": 77.7, "until_s": 99.0, "count": 41, "text": "Otherwise.", "filter": ""}
        for key, value in finding["values"].items():
            if isinstance(value, float) or key in ("reason", "bytes", "resent"):
                finding["values"][key] = 3.25
        for side in ("client", "server"):
            if isinstance(finding["values"].get(side), dict):
                finding["values"][side] = dict.fromkeys(finding["values"][side], 12)

    report = report_of(name)
    assert report.findings
    assert not since(report, read(told(tmp_path, name, change))).findings


def test_what_befalls_three_sessions_and_befell_one_is_new_in_two(tmp_path: Path) -> None:
    known = read(baseline(tmp_path, report_of("net-0000")))
    left = since(report_of(*["net-0000"] * 3), known)
    assert [bool(session.findings) for session in left.sessions] == [False, True, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no baseline; make one with"),
        ("[1]", "is no baseline"),
        ('{"schema": "analyzer-report/2", "captures": []}', "schema analyzer-report/2, this version reads analyzer-report/1"),
        ('{"schema": "analyzer-report/1", "captures": [{"findings": [{}]}]}', "is no baseline"),
        ("[" * 100_000, "is no baseline"),
    ],
)
def test_what_is_no_report_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read(path)
