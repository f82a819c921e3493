"""What holds for every report format."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from analyzer.model.errors import UsageError
from analyzer.model.finding import Finding, Severity
from analyzer.model.report import Report, SessionReport
from analyzer.reports import FORMATS, render

Make = Callable[..., Report]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_the_essentials(make_report: Make, silent: SessionReport, form: str) -> None:
    text = render(make_report(silent), form, width=120)
    for essential in (
        "silence-gap",
        "5002d33e-31f3-4a45-a26e-da2763dfeabd",
        "1011",
        "frame.number in {12, 40}",
        "10.0.0.1",
        "capture.pcap",
    ):
        assert essential in text
    assert text.endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_takes_a_capture_without_sessions(make_report: Make, form: str) -> None:
    cut = Finding(Severity.WARNING, "The last record is cut.", packets=(100,), rule="capture-incomplete")
    text = render(
        make_report(findings=(cut,), complete=False, first_time=None, last_time=None, comments=("a | comment",)), form, width=80
    )
    assert "The last record is cut." in text


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_lets_control_characters_through(make_report: Make, silent: SessionReport, form: str) -> None:
    hostile = "\x1b]0;owned\x07\x9b2J\r\n\u202e"
    session = replace(
        silent,
        provider=hostile,
        upgrade={**silent.upgrade, "target": hostile, "request_id": hostile, "error": hostile},
        close={"by": "server", "code": 1000, "reason": hostile},
        verdict=replace(silent.verdict, text=hostile),
        findings=(replace(silent.findings[0], text=hostile, remedy=hostile),),
        timeline={**silent.timeline, "events": [(1.0, hostile)]},
    )
    text = render(make_report(session, path=hostile), form, width=80)
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\r", "\u202e"}


def test_an_unknown_format_is_refused(make_report: Make) -> None:
    with pytest.raises(UsageError, match="choose one of terminal, markdown, json"):
        render(make_report(), "pdf")
