"""All formats of one report say the same: what JSON holds as values, the others tell in the same words."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from analyzer.model.finding import Finding
from analyzer.model.report import Report
from analyzer.pipeline import analyze
from analyzer.reports import render
from analyzer.reports.phrases import advice, capture_line, facts, headline, seconds, where
from analyzer.reports.sessions import lines
from analyzer.rules import pages

CAPTURES = Path(__file__).parents[2] / "captures"
NAMES = (
    *("healthy-linear16", "control-as-binary", "upgrade-rejected-401", "connection-refused", "format-mismatch-wav-as-mulaw"),
    *("snap-length-96", "midsession", "network-cut", "tls-without-keys-silence", "tls12-secrets-in-comment", "zero-window"),
    *("connect-proxy-407", "http2-two-streams", "protocol-violation", "clock-set-back", "loss-reorder-duplication"),
)


@pytest.fixture(scope="module", params=NAMES)
def report(request: pytest.FixtureRequest) -> Report:
    """Give the report of a capture; none has so many sessions that a format leaves one out."""
    found = analyze(next((CAPTURES / request.param).glob("capture.pcap*")))
    assert 0 < len(found.sessions) <= 3
    return found


def letters(text: str) -> str:
    """A text without line ends and blanks, which each format sets as it can, and without the backquotes around code."""
    return re.sub(r"[\s`]", "", text)


class Shown(HTMLParser):
    """What stands between the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(text)

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.text += data


def read(form: str, text: str) -> str:
    """What a person reads of a report, as `letters`."""
    if form == "markdown":
        text = Shown(MarkdownIt("gfm-like", {"linkify": False}).render(text)).text
    elif form == "html":
        text = Shown(text).text
    elif form == "junit":
        root = ET.fromstring(text)  # noqa: S314 - made here
        text = "\n".join(said for one in root.iter() for said in (*one.attrib.values(), one.text or ""))
    return letters(text)


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "junit"])
def test_verdict_facts_and_findings_are_told_in_the_same_words(report: Report, form: str) -> None:
    told = read(form, render(report, form, width=100, pages=pages()))
    for session in report.sessions:
        assert letters(session.verdict.text) in told
        for label, value in facts(session):
            assert letters(value) in told, label
    for finding in report.findings:
        for said in (finding.text, finding.remedy, finding.filter):
            assert letters(said or "") in told


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_what_stands_above_is_the_same(report: Report, form: str) -> None:
    told = read(form, render(report, form, width=100))
    assert letters(headline(report)) in told
    assert all(letters(capture_line(capture)) in told for capture in report.captures)
    assert all(letters(advice(session)) in told for session in report.sessions)


def test_evidence_follows_from_the_json(report: Report) -> None:
    plain = json.loads(render(report, "json"))
    found = [
        one for each in plain["captures"] for one in (*each["findings"], *(f for s in each["sessions"] for f in s["findings"]))
    ]
    run = json.loads(render(report, "sarif", pages=pages()))["runs"][0]
    others = {form: read(form, render(report, form, width=100)) for form in ("terminal", "markdown", "junit")}
    page = read("html", render(report, "html"))
    assert len(run["results"]) == len(found) == len(report.findings)
    for one, result in zip(found, run["results"], strict=True):
        evidence = where(as_finding(one))
        assert result["properties"]["evidence"] == evidence
        assert (result["ruleId"], result["level"]) == (one["rule"], one["severity"])
        assert result["properties"]["packets"] == one["packets"]
        assert result["properties"]["wiresharkFilter"] == one["filter"]
        assert letters(one["text"]) in letters(result["message"]["text"])
        assert all(letters(evidence) in told for told in others.values())
        if one["time_s"] is not None:
            assert letters(seconds(one["time_s"])) in page


def test_lists_and_the_json_have_the_same_numbers(report: Report) -> None:
    sessions = [one for each in json.loads(render(report, "json"))["captures"] for one in each["sessions"]]
    head, *rows = (line.rstrip("\n").split("\t") for line in lines(report))
    for row, one in zip((dict(zip(head, row, strict=True)) for row in rows), sessions, strict=True):
        assert float(row["duration_s"]) == one["duration_s"]
        assert (row["severity"], row["rule"] or None) == (one["verdict"]["severity"], one["verdict"]["rule"])
        assert row["start"] == one["start"]
        assert f"lasted {seconds(one['duration_s'])}" in dict(facts(report.sessions[one["id"] - 1]))["Start"]


def as_finding(plain: dict[str, Any]) -> Finding:
    """The finding that JSON tells of."""
    return Finding(**{**plain, "packets": tuple(plain["packets"])})
