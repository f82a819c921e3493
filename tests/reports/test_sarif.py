"""SARIF: every finding once, with its rule's page, and a fingerprint that holds from one capture to the next."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from analyzer import analyze
from analyzer.compare.baseline import read
from analyzer.model.report import Report, SessionReport
from analyzer.reports import render
from analyzer.rules import pages

Make = Callable[..., Report]
CAPTURES = Path(__file__).parents[2] / "captures"


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


def test_fingerprints_are_of_what_a_baseline_knows_a_finding_by(tmp_path: Path) -> None:
    """Over all captures: two results have the same one where the baseline takes the one finding for the other, and only there."""
    report = analyze(*sorted(CAPTURES.glob("*/capture.pcap*")))
    (tmp_path / "baseline.json").write_text(render(report, "json"), encoding="utf-8")
    prints = Counter(result["partialFingerprints"]["analyzer/v1"] for result in run_of(report)["results"])
    known = read(tmp_path / "baseline.json")
    assert sorted(prints.values()) == sorted(known.values())
    assert len(known) > 40


def test_another_close_code_is_another_result(make_report: Make, silent: SessionReport) -> None:
    (one, other) = (
        run_of(make_report(replace(silent, findings=(replace(silent.findings[0], values={"code": code}),))))["results"][0]
        for code in (1008, 1011)
    )
    for name in ("analyzer/v1", "primaryLocationLineHash"):
        assert one["partialFingerprints"][name] != other["partialFingerprints"][name]


def test_code_scanning_gets_what_it_wants_of_a_result(make_report: Make, silent: SessionReport) -> None:
    run = run_of(make_report(silent, silent))
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(hashes)) == len(hashes) == 4  # no two are taken for one
    assert hashes == [
        result["partialFingerprints"]["primaryLocationLineHash"] for result in run_of(make_report(silent, silent))["results"]
    ]
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}


def test_pages_of_all_rules_are_help(make_report: Make, silent: SessionReport) -> None:
    every = tuple(replace(silent.findings[0], rule=slug) for slug in pages())
    rules = run_of(make_report(replace(silent, findings=every)))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(pages())
    for rule in rules:
        page = pages()[rule["id"]]
        assert "\n" not in rule["fullDescription"]["text"]
        assert rule["fullDescription"]["text"] == " ".join(page.meaning.split())
        assert len(rule["fullDescription"]["text"]) <= 1024
        blocks = [token for token in MarkdownIt("gfm-like", {"linkify": False}).parse(rule["help"]["markdown"]) if token.level == 0]
        assert {token.tag for token in blocks} == {"h3", "p", "code"}
        assert [token.content for token in blocks if token.type == "fence"] == [f"{page.example}\n"]
        assert page.example in rule["help"]["text"]


def test_paths_are_references(make_report: Make, silent: SessionReport) -> None:
    uris = {
        path: run_of(make_report(silent, path=path))["artifacts"][0]["location"]["uri"]
        for path in ("a b/c#d.pcap", "/tmp/x y.pcap")  # noqa: S108 - nothing is written there
    }
    assert uris == {"a b/c#d.pcap": "a%20b/c%23d.pcap", "/tmp/x y.pcap": "file:///tmp/x%20y.pcap"}  # noqa: S108 - the same
