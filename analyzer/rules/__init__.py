"""What is judged: one file per rule, one decorated function and its docstring, which is the rule's page.

In: a `Session` as the parsers left it. Out: findings with their evidence, what could not be judged and why, and the verdict. A file
beside this one is found by itself; an outside package adds rules through the entry-point group `analyzer.rules`, whose entries are
loaded once. Nothing here imports numpy, so that the catalogue costs no start-up time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

from analyzer.model.dataclass import dataclass
from analyzer.model.errors import UsageError
from analyzer.model.finding import Finding, Rank, Severity, Unjudged, Verdict
from analyzer.model.plugins import outside
from analyzer.rules._pages import parse
from analyzer.rules._verdict import verdict

if TYPE_CHECKING:
    from analyzer.model.capture import Capture
    from analyzer.model.numbering import Numbering
    from analyzer.model.rule_page import RulePage
    from analyzer.model.session import Session

GROUP = "analyzer.rules"

Generic = Literal["same", "warning", "silent"]
JudgeSession = Callable[["Session"], Iterator[Finding | Unjudged]]
JudgeLast = Callable[["Session", Sequence[Unjudged]], Iterator[Finding]]
JudgeCapture = Callable[["Capture"], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One registered rule. `generic` says what becomes of it in a session of no known provider."""

    slug: str
    rank: Rank
    generic: Generic
    page: RulePage
    session: JudgeSession | None = None
    last: JudgeLast | None = None
    """Runs after all others and sees what they could not judge. A rule with neither judges the capture file alone."""

    @property
    def title(self) -> str:
        """One sentence."""
        return self.page.summary


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say of one session. Findings are in order of weight, then rank, then time."""

    findings: tuple[Finding, ...]
    not_judged: tuple[Unjudged, ...]
    verdict: Verdict


_rules: dict[str, Rule] = {}
_capture_rules: dict[str, JudgeCapture] = {}


def _register(one: Rule) -> None:
    """Add a rule. Slugs are never used twice."""
    if one.slug in _rules:
        message = f"There are two rules named {one.slug}."
        raise ValueError(message)
    _rules[one.slug] = one


def rule(slug: str, *, rank: Rank, generic: Generic = "same") -> Callable[[JudgeSession], JudgeSession]:
    """Register a rule that judges one session.

    `generic` for sessions of no known provider: `same`, `warning` (never heavier than that) or `silent` (does not run).
    """

    def register(function: JudgeSession) -> JudgeSession:
        _register(Rule(slug, rank, generic, parse(slug, function.__doc__), session=function))
        return function

    return register


def last_rule(slug: str, *, rank: Rank) -> Callable[[JudgeLast], JudgeLast]:
    """Register a rule that runs after all others; it is given what they could not judge."""

    def register(function: JudgeLast) -> JudgeLast:
        _register(Rule(slug, rank, "same", parse(slug, function.__doc__), last=function))
        return function

    return register


def capture_rule(slug: str) -> Callable[[JudgeCapture], JudgeCapture]:
    """Register the part of a rule that judges the capture file; its page is the one of the session's rule with this name."""

    def register(function: JudgeCapture) -> JudgeCapture:
        _capture_rules[slug] = function
        return function

    return register


def file_rule(slug: str, *, rank: Rank) -> Callable[[JudgeCapture], JudgeCapture]:
    """Register a rule that judges the capture file alone, with a page of its own."""

    def register(function: JudgeCapture) -> JudgeCapture:
        _register(Rule(slug, rank, "same", parse(slug, function.__doc__)))
        return capture_rule(slug)(function)

    return register


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, sorted by name."""
    for name in sorted(module.name for module in iter_modules(__path__)):
        if not name.startswith("_"):
            import_module(f"{__name__}.{name}")
    outside(GROUP)
    return tuple(_rules[slug] for slug in sorted(_rules))


@cache
def _running(*, known: bool) -> tuple[Rule, ...]:
    """The rules that judge a session, of a known service or not."""
    return tuple(one for one in all_rules() if known or one.generic != "silent")


@cache
def _ranks() -> Mapping[str, Rank]:
    """The rank of every rule."""
    return {one.slug: one.rank for one in all_rules()}


def pages() -> Mapping[str, RulePage]:
    """The page of every rule, by its name."""
    return {one.slug: one.page for one in all_rules()}


def page(slug: str) -> RulePage:
    """Give the page of a rule. Raises UsageError that names the rules there are."""
    known = pages()
    if slug not in known:
        message = f"There is no rule {slug!r}; known are {', '.join(known)}."
        raise UsageError(message)
    return known[slug]


def _finished(finding: Finding, one: Rule, session: Session) -> Finding:
    """Fill in what rules leave to the engine, and lower the severity where the service is not known."""
    severity = finding.severity
    if not session.provider.known and one.generic == "warning" and severity is Severity.ERROR:
        severity = Severity.WARNING
    packets = finding.packets[: session.settings.limits.finding_packets]
    return replace(
        finding,
        rule=one.slug,
        severity=severity,
        packets=packets,
        tcp_stream=session.tcp_stream,
        filter=_filter(packets),
        remedy=finding.remedy or one.page.remedy,
    )


def _filter(packets: Sequence[int]) -> str:
    """Write the display filter that selects these packets in Wireshark."""
    return f"frame.number in {{{', '.join(map(str, packets))}}}" if packets else ""


def numbered(findings: Sequence[Finding], numbering: Numbering) -> tuple[Finding, ...]:
    """Cite packets by their numbers in the file, where rules were given their places in order of time."""
    return tuple(
        replace(finding, packets=(packets := numbering.each(finding.packets)), filter=_filter(packets)) for finding in findings
    )


def judge(session: Session) -> Judgement:
    """Run every rule over one session."""
    findings: list[Finding] = []
    not_judged: list[Unjudged] = []
    rules = _running(known=session.provider.known)
    for one in rules:
        if one.session is not None:
            for outcome in one.session(session):
                if isinstance(outcome, Finding):
                    findings.append(_finished(outcome, one, session))
                else:
                    not_judged.append(replace(outcome, rule=one.slug))
    for one in rules:
        if one.last is not None:
            findings += [_finished(finding, one, session) for finding in one.last(session, tuple(not_judged))]
    ranks = _ranks()
    if len(findings) > 1:
        findings.sort(key=lambda finding: (finding.severity.weight, ranks[finding.rule], finding.time_s or 0.0, finding.rule))
    return Judgement(tuple(findings), tuple(not_judged), verdict(session, findings, ranks))


def judge_capture(capture: Capture) -> tuple[Finding, ...]:
    """Judge the capture file; what a session lacks is found with the session."""
    known = pages()
    return tuple(
        replace(finding, rule=slug, filter=finding.filter or _filter(finding.packets), remedy=finding.remedy or known[slug].remedy)
        for slug in sorted(_capture_rules)
        for finding in _capture_rules[slug](capture)
    )
