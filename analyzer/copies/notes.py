"""What is written on a copy of a capture, from its report: comments on packets, and lines for the sections.

In: a Report of one capture. Out: texts only. All of them come from the report, so that they have passed the redactor.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analyzer.copies.edits import OURS
from analyzer.model.dataclass import dataclass
from analyzer.model.unprintable import UNPRINTABLE

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.report import Report, SessionReport

PIECE = 60_000
"""Bytes of one comment: an option takes 65,535."""
_UNPRINTABLE = re.compile(f"{UNPRINTABLE}+")


@dataclass(frozen=True, slots=True)
class Notes:
    """`packets`: comments by packet number. `lines`: what the sections say, each with a packet of the section that it belongs to
    (0: the first). `head` begins each section's comment.
    """

    head: str
    packets: dict[int, list[str]]
    lines: Sequence[tuple[int, str]]

    def section(self, lines: Sequence[str], limit: int) -> list[str]:
        """The comments of a section that says these lines, of about `limit` bytes in all; none without a line."""
        texts: list[str] = []
        size = PIECE
        for number, line in enumerate(lines):
            taken = len(line.encode("utf-8", "replace")) + 1
            if size + taken > PIECE:
                if len(texts) * PIECE >= limit:
                    texts[-1] += f"\n{len(lines) - number} more lines are left out here; `analyzer report` has them."
                    break
                texts.append(self.head)
                size = len(self.head)
            texts[-1] += f"\n{line}"
            size += taken
        return texts


def notes(report: "Report") -> Notes:
    """All that is to be written on the copy of the report's one capture."""
    (capture,) = report.captures
    packets: dict[int, list[str]] = {}
    lines: list[tuple[int, str]] = []
    for session in capture.sessions:
        lines.append((session.first_packet, _session_line(session)))
        rest = _on_packets(session.findings, f"session {session.id}", packets)
        lines += [(session.first_packet, f"session {session.id}: {_told(finding)}") for finding in rest]
    if not capture.sessions:
        lines.append((0, "no WebSocket session"))
    lines += [(0, f"capture: {_told(finding)}") for finding in _on_packets(capture.findings, "capture", packets)]
    head = f"{OURS.decode()}version {report.tool['version']} wrote this, and every comment that begins the same way."
    return Notes(head, packets, lines)


def _on_packets(findings: Iterable["Finding"], whose: str, packets: dict[int, list[str]]) -> list["Finding"]:
    """Put findings on the packets that they cite; returns those that cite none."""
    rest = []
    for finding in findings:
        cited = list(dict.fromkeys(number for number in finding.packets if number > 0))
        if not cited:
            rest.append(finding)
            continue
        text = f"{OURS.decode()}{finding.severity} {finding.rule}, {whose}: {_advised(finding)}"
        packets.setdefault(cited[0], []).append(text)
        for place, number in enumerate(cited[1:], 2):
            text = f"{OURS.decode()}{finding.rule}, {whose}, {place} of {len(cited)} (see packet {cited[0]})"
            packets.setdefault(number, []).append(text)
    return rest


def _session_line(session: "SessionReport") -> str:
    """Who talked to whom, and the verdict."""
    verdict = session.verdict
    what = f"{str(verdict.severity).upper()}{f' {verdict.rule}' if verdict.rule else ''}"
    ends = f"{session.client} > {session.server}"
    return f"session {session.id} tcp.stream {session.tcp_stream} {ends}: {what}: {_plain(verdict.text)}"


def _told(finding: "Finding") -> str:
    return f"{finding.severity} {finding.rule}: {_advised(finding)}"


def _advised(finding: "Finding") -> str:
    return _plain(finding.text) + (f" To do: {_plain(finding.remedy)}" if finding.remedy else "")


def _plain(text: str) -> str:
    """One line, without characters that do not show."""
    return _UNPRINTABLE.sub(" ", text)
