"""The terminal report at several widths, with and without colour, for few sessions and for many."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from analyzer.model.report import Report, SessionReport
from analyzer.reports import render
from analyzer.reports.terminal import DETAILED, sessions_table

Make = Callable[..., Report]
ESCAPES = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(
    make_report: Make, healthy: SessionReport, silent: SessionReport, rejected: SessionReport, width: int
) -> None:
    for sessions in ((healthy, silent, rejected), (healthy, silent, rejected) * 4):
        text = render(make_report(*sessions), "terminal", width=width)
        assert max(len(line) for line in text.splitlines()) <= width


def test_colour_changes_nothing_but_the_colour(make_report: Make, silent: SessionReport) -> None:
    plain = render(make_report(silent), "terminal", width=80)
    coloured = render(make_report(silent), "terminal", width=80, colour=True)
    assert "\x1b" not in plain
    assert "\x1b" in coloured
    assert [line.rstrip() for line in ESCAPES.sub("", coloured).splitlines()] == plain.splitlines()


def test_the_environment_changes_nothing(make_report: Make, silent: SessionReport, monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(make_report(silent), "terminal", width=80)
    for name, value in (("COLUMNS", "40"), ("FORCE_COLOR", "1"), ("TERM", "dumb"), ("TTY_COMPATIBLE", "1")):
        monkeypatch.setenv(name, value)
    assert render(make_report(silent), "terminal", width=80) == before


def test_verdict_and_advice_stand_before_the_facts(make_report: Make, silent: SessionReport) -> None:
    text = render(make_report(silent), "terminal", width=100)
    parts = ("1 session: 1 with an error", "ERROR  silence-gap", "To do", "Request ID", "Evidence")
    assert sorted(parts, key=text.index) == list(parts)
    assert "Not judged" in text
    assert "no-close-stream: the capture ends" in text


def test_rich_markup_of_a_capture_is_text(make_report: Make, silent: SessionReport) -> None:
    hostile = "[red]x[/red] :smile: [/]"
    session = replace(silent, verdict=replace(silent.verdict, text=hostile), provider=hostile)
    assert render(make_report(session, *[session] * 5), "terminal", width=140).count("[/]") >= 2


def test_many_sessions_start_with_a_table_and_are_capped(
    make_report: Make, healthy: SessionReport, rejected: SessionReport
) -> None:
    text = render(make_report(*[healthy] * 170, *[rejected] * 30), "terminal", width=120)
    assert "200 sessions: 30 with an error, 170 healthy" in text
    assert len(re.findall(r"^Session \d+", text, re.MULTILINE)) == DETAILED
    assert "20 more sessions have an error or a warning; show one with --session N." in text
    assert "Session 171" in text


def test_the_table_of_sessions_has_a_row_each(make_report: Make, healthy: SessionReport, silent: SessionReport) -> None:
    text = sessions_table(make_report(healthy, silent), width=120)
    assert "silence-gap" in text
    assert "2 sessions" in text
