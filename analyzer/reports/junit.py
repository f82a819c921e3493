"""The report as JUnit XML, which every CI service reads: a suite per capture, a test case for the file and for each session.

A case fails with its errors; verdict, facts, warnings and notes stand in its output. Its name has nothing in it that changes from
one capture to the next, as the client's port does: by names CI services know what failed before.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from analyzer.reports.phrases import address, facts, printable, where

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.report import CaptureReport, Report, SessionReport

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


def pieces(report: "Report") -> Iterator[str]:
    """Write the suites, case by case."""
    cases = sum(1 + len(capture.sessions) for capture in report.captures)
    failures = sum(_failed(capture) for capture in report.captures)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="analyzer" tests="{cases}" failures="{failures}">\n'
    for capture in report.captures:
        name, count = _attribute(capture.path), 1 + len(capture.sessions)
        begun = f' timestamp="{capture.first_time[:19]}"' if capture.first_time else ""
        yield f'  <testsuite name={name} tests="{count}" failures="{_failed(capture)}" errors="0" skipped="0"{begun}>\n'
        yield from _case(name, "capture file", 0.0, capture.findings, "")
        for session in capture.sessions:
            told = "\n".join(f"{label}: {value}" for label, value in (("Verdict", session.verdict.text), *facts(session)))
            yield from _case(name, _title(session), session.duration_s, session.findings, told)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _failed(capture: "CaptureReport") -> int:
    every = (capture.findings, *(session.findings for session in capture.sessions))
    return sum(any(finding.severity == "error" for finding in findings) for findings in every)


def _title(session: "SessionReport") -> str:
    return f"session {session.id}, to {address(session.server)}"


def _case(suite: str, name: str, duration: float, findings: "tuple[Finding, ...]", told: str) -> Iterator[str]:
    """One test case; `told` stands in its output, before what is no error."""
    yield f'    <testcase classname={suite} name={_attribute(name)} time="{duration:.6f}">\n'
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:  # JUnit's schema allows one failure per case
        text = "\n\n".join(map(_told, errors))
        yield f"      <failure type={_attribute(errors[0].rule)} message={_attribute(errors[0].text)}>{_text(text)}</failure>\n"
    output = [told, *(_told(finding) for finding in findings if finding.severity != "error")]
    if any(output):
        text = "\n\n".join(filter(None, output))
        yield f"      <system-out>{_text(text)}</system-out>\n"
    yield "    </testcase>\n"


def _told(finding: "Finding") -> str:
    lines = [f"{finding.severity} {finding.rule}: {printable(finding.text)}"]
    lines += [f"Evidence: {place}"] if (place := where(finding)) else []
    lines += [f"Wireshark: {finding.filter}"] if finding.filter else []
    lines += [f"To do: {printable(finding.remedy)}"] if finding.remedy else []
    return "\n".join(lines)


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", "\n".join(printable(line) for line in text.split("\n"))))


def _attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", printable(text)))
