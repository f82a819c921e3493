"""Sessions as lines: one each, fields parted by tabs, whatever the capture holds."""

from collections.abc import Callable
from dataclasses import replace

from analyzer.model.report import Report, SessionReport
from analyzer.reports.sessions import FIELDS, lines


def test_one_line_per_session(make_report: Callable[..., Report], silent: SessionReport, rejected: SessionReport) -> None:
    hostile = replace(silent, verdict=replace(silent.verdict, text="a\tb\nc"))
    head, *rows = "".join(lines(make_report(hostile, rejected))).splitlines()
    assert head.split("\t") == list(FIELDS)
    fields = [dict(zip(FIELDS, row.split("\t"), strict=True)) for row in rows]
    assert [one["id"] for one in fields] == ["1", "2"]
    assert fields[0]["verdict"] == "a b c"
    assert fields[0]["rule"] == "silence-gap"
    assert fields[0]["audio_s"] == "3.000000"
    assert fields[1]["upgrade"] == "rejected 401"
    assert fields[1]["audio_s"] == ""
