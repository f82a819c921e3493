"""JUnit XML: a case for the file and each session; errors fail it, warnings and notes stand in its output."""

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

from analyzer.model.finding import Finding, Severity
from analyzer.model.places import Endpoint
from analyzer.model.report import Report, SessionReport
from analyzer.reports import render

Make = Callable[..., Report]


def suites(report: Report) -> ET.Element:
    return ET.fromstring(render(report, "junit"))  # noqa: S314 - made here


def test_errors_fail_and_the_rest_is_output(make_report: Make, healthy: SessionReport, silent: SessionReport) -> None:
    slow = Finding(Severity.WARNING, "Too slow.", rule="pacing-slow", packets=(3,), filter="frame.number in {3}")
    root = suites(make_report(healthy, silent, replace(healthy, findings=(slow,)), findings=(slow,)))
    (suite,) = root
    assert (root.get("tests"), root.get("failures")) == (suite.get("tests"), suite.get("failures")) == ("4", "1")
    file, one, two, three = suite
    assert [case.get("name", "").split(",")[0] for case in suite] == ["capture file", "session 1", "session 2", "session 3"]
    assert [element.tag for element in one] == ["system-out"]
    failure, facts = two
    assert "Request ID: 5002d33e-31f3-4a45-a26e-da2763dfeabd" in (facts.text or "")
    assert failure.get("type") == "silence-gap"
    assert "error net-0001" in (failure.text or "")
    assert "frame.number in {12, 40}" in (failure.text or "")
    for case in (file, three):
        (output,) = case
        assert output.tag == "system-out"
        assert "warning pacing-slow: Too slow." in (output.text or "")


def test_names_of_cases_hold_from_one_capture_to_the_next(make_report: Make, silent: SessionReport) -> None:
    later = replace(silent, client=Endpoint("10.0.0.2", 50001), start="2027-01-01T00:00:00.000000000Z", tcp_stream=7)
    names = [[case.get("name") for case in suites(make_report(session)).iter("testcase")] for session in (silent, later)]
    assert names == [["capture file", "session 1, to 10.0.0.1:80"]] * 2


def test_hostile_text_is_only_text(make_report: Make, silent: SessionReport) -> None:
    hostile = "\x00\x1b<failure>&]]>\"'\ud800\uffff"
    root = suites(make_report(replace(silent, findings=(replace(silent.findings[0], text=hostile),)), path=hostile))
    assert [element.tag for element in root.iter()] == [
        *("testsuites", "testsuite", "testcase", "testcase", "failure", "system-out")
    ]
    assert "<failure>&]]>\"'" in (root[0][1][0].get("message") or "")
