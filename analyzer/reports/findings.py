"""The findings of a report, one row each, those of the capture file before those of its sessions.

In: a Report. Out: rows for `listing` or for Parquet.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer.reports.listing import Field

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.report import Report

FIELDS = (
    Field("capture", "i4", 7, "number of the capture, from 1"),
    Field("path", "text", 0, "the capture file"),
    Field("session", "i4", 7, "number of the session in the capture, none where the finding is about the file"),
    Field("severity", "word", -8, "error, warning or note"),
    Field("rule", "word", -24, "name of the rule; `analyzer explain RULE` is its page"),
    Field("confidence", "word", -10, "certain, likely or hint"),
    Field("side", "word", -6, "whose doing it is"),
    Field("time_s", "f8", 12, "s since the accepted upgrade"),
    Field("until_s", "f8", 0, "where it lasted, its end"),
    Field("count", "i8", 5, "how often it was seen"),
    Field("packets", "list", -16, "packet numbers that show it, the first ones"),
    Field("tcp_stream", "i8", 0, "Wireshark's index of the connection"),
    Field("filter", "text", 0, "a Wireshark display filter that selects the packets"),
    Field("request_id", "text", 0, "what the service calls the session"),
    Field("text", "text", -90, "what happened, with the numbers"),
    Field("remedy", "text", 0, "what to do"),
)


def rows(report: "Report") -> Iterator[dict[str, Any]]:
    """One dict per finding."""
    for place, capture in enumerate(report.captures, 1):
        found: list[tuple[int | None, str | None, Finding]] = [(None, None, one) for one in capture.findings]
        found += [(each.id, each.upgrade.get("request_id"), one) for each in capture.sessions for one in each.findings]
        for session, request_id, finding in found:
            values = {
                "capture": place,
                "path": capture.path,
                "session": session,
                "packets": list(finding.packets),
                "request_id": request_id,
                "severity": str(finding.severity),
                "confidence": str(finding.confidence),
            }
            yield {field.name: values.get(field.name, getattr(finding, field.name, None)) for field in FIELDS}
