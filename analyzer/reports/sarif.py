"""The findings as SARIF 2.1.0 (OASIS), which code hosts and CI services show: one run, the rules that found something with their
pages, one result per finding.

A result's place is the capture file; SARIF has no word for a packet, so that session and packets stand in its logical location and
its properties. Its fingerprint holds from one capture to the next, and is of what a baseline knows a finding by. What GitHub's code
scanning wants beyond the standard is in it: a region, a fingerprint of the name it looks for, and that no two results share.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from analyzer.model.recognition import key_of
from analyzer.model.rule_page import EXAMPLE, paragraphs
from analyzer.reports.json import escaped
from analyzer.reports.markdown import prose
from analyzer.reports.phrases import address, printable, where

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.report import CaptureReport, Report, SessionReport
    from analyzer.model.rule_page import RulePage

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_DIGITS = 32
"""Hexadecimal digits of a fingerprint."""
_DESCRIPTION = 1024
"""Characters of a description that code scanning takes."""
_BEGINNING = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
"""A capture has no lines; code scanning shows no result without them."""


def pieces(report: "Report", pages: "Mapping[str, RulePage]") -> Iterator[str]:
    """Write one run. `pages` explain the rules, by name."""
    found = list(_found(report))
    rules = sorted({finding.rule for _, _, finding in found})
    prints = Counter[tuple[str, str]]()
    run = {
        "tool": {
            "driver": {
                "name": report.tool.get("name", "analyzer"),
                "version": report.tool.get("version", ""),
                "rules": [_rule(slug, pages.get(slug)) for slug in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(capture.path)}, "length": capture.bytes} for capture in report.captures],
        "results": [_result(report, rules, prints, *one) for one in found],
    }
    yield escaped(json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)) + "\n"


def _found(report: "Report") -> "Iterator[tuple[int, SessionReport | None, Finding]]":
    for place, capture in enumerate(report.captures):
        yield from ((place, None, finding) for finding in capture.findings)
        yield from ((place, session, finding) for session in capture.sessions for finding in session.findings)


def _rule(slug: str, page: "RulePage | None") -> dict[str, Any]:
    if page is None:
        return {"id": slug}
    plain = [f"{heading}\n{_said(heading, said)}" for heading, said in page.sections()]
    marked = [f"### {heading}\n\n{_marked(heading, said)}" for heading, said in page.sections()]
    return {
        "id": slug,
        "name": "".join(word.capitalize() for word in slug.split("-")),
        "shortDescription": {"text": page.summary},
        "fullDescription": {"text": printable(" ".join(paragraphs(page.meaning)), _DESCRIPTION)},
        "help": {"text": "\n\n".join(plain), "markdown": "\n\n".join(marked)},
    }


def _said(heading: str, said: str) -> str:
    return said if heading == EXAMPLE else "\n\n".join(paragraphs(said))


def _marked(heading: str, said: str) -> str:
    return f"```\n{said}\n```" if heading == EXAMPLE else "\n\n".join(map(prose, paragraphs(said)))


def _result(
    report: "Report",
    rules: list[str],
    prints: Counter[tuple[str, str]],
    place: int,
    session: "SessionReport | None",
    finding: "Finding",
) -> dict[str, Any]:
    """One result; `prints` counts how often a capture had its fingerprint so far."""
    capture, fingerprint = report.captures[place], _fingerprint(session, finding)
    prints[capture.path, fingerprint] += 1
    return {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": str(finding.severity),
        "message": {"text": " ".join(printable(part) for part in (finding.text, f"To do: {finding.remedy}") if part)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(capture.path), "index": place}, "region": _BEGINNING},
                "logicalLocations": [_session(capture, session)],
            }
        ],
        "partialFingerprints": {
            "analyzer/v1": fingerprint,
            "primaryLocationLineHash": f"{fingerprint}:{prints[capture.path, fingerprint]}",
        },
        "properties": {
            "confidence": str(finding.confidence),
            "evidence": where(finding),
            "packets": list(finding.packets),
            "wiresharkFilter": finding.filter,
            "tcpStream": finding.tcp_stream,
            "count": finding.count,
            "requestId": session.upgrade.get("request_id") if session is not None else None,
        },
    }


def _session(capture: "CaptureReport", session: "SessionReport | None") -> dict[str, Any]:
    if session is None:
        return {"name": "capture file", "fullyQualifiedName": printable(capture.path), "kind": "module"}
    ends = f"{address(session.client)} to {address(session.server)}"
    return {"name": f"session {session.id}", "fullyQualifiedName": f"{printable(capture.path)}, {ends}", "kind": "object"}


def _fingerprint(session: "SessionReport | None", finding: "Finding") -> str:
    path = session.upgrade.get("path") if session is not None else None
    key = key_of(finding.rule, finding.severity, finding.side, path, finding.values)
    return sha256(json.dumps(key).encode()).hexdigest()[:_DIGITS]


def _uri(path: str) -> str:
    """A path as a relative reference or a file URI; `-` is standard input."""
    pure = PurePath(path)
    return (
        quote(pure.as_posix(), errors="replace")
        if not pure.is_absolute()
        else "file://" + quote("/" + pure.as_posix().lstrip("/"), "/:")
    )
