"""Two sessions side by side: what differs is told, what is another in every session is not."""

import json
from pathlib import Path

import pytest

from analyzer import Settings, analyze
from analyzer.compare.sessions import difference
from analyzer.model.difference import Fact
from analyzer.model.report import SessionReport
from analyzer.reports.diff import FORMATS, lines

CAPTURES = Path(__file__).parents[2] / "captures"


def session(name: str) -> SessionReport:
    return analyze(CAPTURES / name / "capture.pcap", settings=Settings(contents=True)).sessions[0]


def test_a_session_differs_in_nothing_from_itself() -> None:
    found = difference(session("healthy-linear16"), session("healthy-linear16"))
    assert len(found.facts) > 50
    assert not any(fact.differs for fact in found.facts)
    assert found.only_good == found.only_bad == ()


def test_what_broke_the_session_is_told() -> None:
    found = difference(session("healthy-linear16"), session("control-as-binary"))
    told = {f"{fact.topic}: {fact.name}": (fact.good, fact.bad) for fact in found.facts if fact.differs}
    assert told["Client: CloseStream"] == (1, None)
    assert told["Client: CloseStream as binary"] == (None, 1)
    assert told["End: close code"] == ("1000", "1011")
    assert told["Audio: longest gap"] == (None, 12.123909)
    assert not any("request-id" in name or "sec-websocket-key" in name for name in told)
    assert [finding.rule for finding in found.only_bad] == ["control-as-binary", "silence-gap", "net-0001"]


def test_rhythm_and_formats_are_compared() -> None:
    found = difference(session("healthy-linear16"), session("pacing-slow"))
    told = {fact.name: (fact.good, fact.bad) for fact in found.facts if fact.differs}
    good, bad = told["time between messages, median"]
    assert good == pytest.approx(0.1, abs=0.01)
    assert bad == pytest.approx(0.2, abs=0.01)
    coded = difference(session("healthy-mulaw"), session("healthy-flac"))
    assert {"declared", "?encoding"} <= {fact.name for fact in coded.facts if fact.differs}


@pytest.mark.parametrize(
    ("good", "bad", "unit", "differs"),
    [
        (100, 119, "", False),
        (100, 130, "", True),
        (0.01, 0.05, "s", False),
        (1.0, 2.0, "s", True),
        (True, False, "", True),
        (None, 0, "", True),
        ("a", "a", "", False),
        (0, 0.0, "", False),
    ],
)
def test_numbers_differ_from_a_fifth_on(good: float | str | None, bad: float | str | None, unit: str, differs: bool) -> None:
    assert Fact("", "", good, bad, unit).differs is differs


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("other", ["upgrade-rejected-401", "tls-without-keys", "midsession", "healthy-webm-opus"])
def test_any_two_can_be_compared_in_every_format(form: str, other: str) -> None:
    good, bad = session("healthy-linear16"), session(other)
    found = difference(good, bad)
    said = "".join(lines(("good.pcap", good), ("bad.pcap", bad), found, form, width=100, everything=False))
    assert "bad.pcap" in said
    assert all(finding.rule in said for finding in found.only_bad)
    if form == "json":
        assert json.loads(said)["facts"][0]["topic"] == "Connection"
    if form == "terminal":
        assert max(map(len, said.splitlines()[6:-8]), default=0) <= 100
