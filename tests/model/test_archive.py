"""Packed reports are the same reports, in a tenth of the memory."""

from dataclasses import replace
from pathlib import Path

import pytest

import analyzer
from analyzer.model.archive import Archive, packed, unpacked
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.reports import render

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*/capture.pcap*"))
ENOUGH = 4096
"""Bytes of a finished session, at most."""


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_a_packed_report_is_the_same_and_small(path: Path) -> None:
    for report in analyzer.analyze(path, frames=False).sessions:
        small = packed(report)
        assert unpacked(small) == report == unpacked(report)
        assert len(small) < ENOUGH


def test_an_archive_looks_like_a_tuple() -> None:
    reports = [session for path in CAPTURES[:3] for session in analyzer.analyze(path, frames=False).sessions]
    archive = Archive((number, packed(report) if number % 2 else report) for number, report in enumerate(reports, 5))
    numbered = tuple(replace(report, id=number) for number, report in enumerate(reports, 5))
    assert tuple(archive) == numbered == archive[:]
    assert archive == numbered
    assert (archive[-1], archive[1:2], len(archive)) == (numbered[-1], numbered[1:2], len(numbered))
    assert bool(archive)
    assert not Archive()


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_how_many_are_packed_changes_nothing(form: str) -> None:
    usual = analyzer.analyze(*CAPTURES, frames=False)
    packing = analyzer.analyze(*CAPTURES, settings=Settings(limits=replace(DEFAULT, reports=0)), frames=False)
    assert render(packing, form) == render(usual, form)
    assert packing.findings == usual.findings
