"""SARIF: every finding once, with its rule's page, and a fingerprint that holds from one capture to the next."""

import json
from collections.abc import Callable
from typing import Any

from analyzer.model.report import Report, SessionReport
from analyzer.reports import render
from analyzer.rules import pages

Make = Callable[..., Report]


def run_of(report: Report) -> dict[str, Any]:
    told = json.loads(render(report, "sarif", pages=pages()))
    assert told["version"] == "2.1.0"
    (run,) = told["runs"]
    return dict(run)


def test_every_finding_is_a_result_of_a_rule_that_is_explained(make_report: Make, silent: SessionReport) -> None:
    report = make_report(silent, silent)
    run = run_of(report)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["net-0001", "silence-gap"]
    assert all(rule["shortDescription"]["text"] and "What to do" in rule["help"]["markdown"] for rule in rules)
    assert len(run["results"]) == len(report.findings) == 4
    for result, finding in zip(run["results"], report.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert result["level"] == finding.severity
        assert finding.text in result["message"]["text"]
        assert result["properties"]["packets"] == list(finding.packets)
        (place,) = result["locations"]
        index = place["physicalLocation"]["artifactLocation"]["index"]
        assert run["artifacts"][index]["location"]["uri"] == "capture.pcap"


def test_fingerprints_tell_rules_apart_and_captures_not(make_report: Make, silent: SessionReport) -> None:
    prints = [
        [result["partialFingerprints"]["analyzer/v1"] for result in run_of(make_report(silent, path=path))["results"]]
        for path in ("one.pcap", "two.pcap")
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == 2


def test_paths_are_references(make_report: Make, silent: SessionReport) -> None:
    uris = {
        path: run_of(make_report(silent, path=path))["artifacts"][0]["location"]["uri"]
        for path in ("a b/c#d.pcap", "/tmp/x y.pcap")  # noqa: S108 - nothing is written there
    }
    assert uris == {"a b/c#d.pcap": "a%20b/c%23d.pcap", "/tmp/x y.pcap": "file:///tmp/x%20y.pcap"}  # noqa: S108 - the same
