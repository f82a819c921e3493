"""What a report finds that an earlier one did not: the JSON report of that one is the baseline.

A finding is known when the baseline has one of the same key (`analyzer.model.recognition`): rule, severity, side, path of the
request, and what it is in kind: with which code the server closed, why a handshake was refused, as what the audio is declared and
what it is. So a rule that speaks again for another cause is new. What says when, where and how much does not count: times, packet
numbers, sizes and how often a thing happened in one session are others in every run, and the baseline may be of another capture.

Each of the baseline's findings counts for one: where it has one session with a fault and three have it now, it is new in two.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analyzer.model.archive import Archive, packed
from analyzer.model.errors import UsageError
from analyzer.model.finding import Finding, Verdict
from analyzer.model.limits import DEFAULT
from analyzer.model.recognition import Key, key_of
from analyzer.model.report import SCHEMA, CaptureReport, Report, SessionReport

LARGEST = 1 << 30
"""Bytes of a baseline. A report has some 10 KB per session."""


def read(path: Path) -> Counter[Key]:
    """How often a JSON report has each finding. Raises UsageError for what is no such report."""
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is larger than {LARGEST:,} bytes, which no baseline is.")
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["schema"] != SCHEMA:
            raise UsageError(f"{path} is a report of schema {str(told['schema'])[:40]}, this version reads {SCHEMA}.")
        known: Counter[Key] = Counter()
        for capture in told["captures"]:
            known.update(_key_of(finding, None) for finding in capture["findings"])
            for session in capture["sessions"]:
                known.update(_key_of(finding, session["upgrade"]["path"]) for finding in session["findings"])
    except OSError as error:
        raise UsageError(f"Cannot read the baseline {path}: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(f"{path} is no baseline; make one with: analyzer report CAPTURE --format json -o {path.name}") from error
    return known


def _key_of(finding: Mapping[str, Any], path: str | None) -> Key:
    return key_of(finding["rule"], finding["severity"], finding["side"], path, finding["values"])


def since(report: Report, known: Counter[Key]) -> Report:
    """The report without what is known. A session's verdict is that of its heaviest new finding."""
    left = Counter(known)
    captures = tuple(_capture(capture, left) for capture in report.captures)
    return replace(report, captures=captures, settings={**report.settings, "baseline_findings": sum(known.values())})


def _capture(capture: CaptureReport, left: Counter[Key]) -> CaptureReport:
    findings = _new(capture.findings, None, left)
    many = len(capture.sessions) > DEFAULT.reports
    kept: list[tuple[int, SessionReport | bytes]] = []
    for session in capture.sessions:
        new = _renewed(session, _new(session.findings, session.upgrade.get("path"), left))
        kept.append((session.id, packed(new) if many and new.frame_table is None and new.conversation is None else new))
    return replace(capture, findings=findings, sessions=Archive(kept))


def _new(findings: Sequence[Finding], path: str | None, left: Counter[Key]) -> tuple[Finding, ...]:
    """Findings that the baseline does not account for; what it has is used up."""
    new = []
    for finding in findings:
        key = key_of(finding.rule, finding.severity, finding.side, path, finding.values)
        if left[key] > 0:
            left[key] -= 1
        else:
            new.append(finding)
    return tuple(new)


def _renewed(session: SessionReport, new: tuple[Finding, ...]) -> SessionReport:
    """A session with only what is new."""
    if new == session.findings:
        return session
    old, verdict = session.verdict, session.verdict
    if old.rule is not None and old.rule not in {finding.rule for finding in new}:
        hidden = f"{len(session.findings) - len(new)} known from the baseline, the heaviest {old.rule}"
        verdict = (
            Verdict(new[0].rule, str(new[0].severity), f"{new[0].text} (Besides it {hidden}.)")
            if new
            else Verdict(None, "ok", f"Nothing new ({hidden}).")
        )
    return replace(session, findings=new, verdict=verdict)
