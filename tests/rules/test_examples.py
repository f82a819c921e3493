"""Every rule's example, run end to end: the rule is found in the capture that its script writes, with the verdict it states."""

from pathlib import Path

import pytest
from wire_script import verdict_of, write_capture

import analyzer
from analyzer.rules import Rule, all_rules


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.slug)
def test_example_shows_its_rule(rule: Rule, tmp_path: Path) -> None:
    path = write_capture(rule.page.example, tmp_path / "example.pcap")
    report = analyzer.analyze(str(path))
    found = {finding.rule for finding in report.findings}
    assert rule.slug in found
    stated = verdict_of(rule.page.example)
    assert stated is not None
    assert [session.verdict.rule for session in report.sessions] == [stated]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.slug)
def test_findings_cite_their_evidence(rule: Rule, tmp_path: Path) -> None:
    report = analyzer.analyze(str(write_capture(rule.page.example, tmp_path / "example.pcap")))
    for finding in report.sessions[0].findings:
        assert finding.packets
        assert len(finding.packets) <= 20
        assert list(finding.packets) == sorted(set(finding.packets))
        assert finding.filter == f"frame.number in {{{', '.join(map(str, finding.packets))}}}"
        assert finding.text.endswith(".")
        assert finding.remedy
