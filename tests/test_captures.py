"""Every folder of captures/ is a test: the report must hold what its expected.json says.

expected.json has the shape of the JSON report (one capture), cut down to what matters: each value in it must stand in the report,
numbers with a fraction within TOLERANCE, lists in full. Two keys are its own: `findings` maps each rule that must be found to its
severity, and nothing else may be found save the rules in `may_find`. A new regression is a new folder, not new code.
"""

import json
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.reports.plain import plain

CAPTURES = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(path.parent for path in CAPTURES.glob("*/expected.json"))
MADE = [folder for folder in FOLDERS if (folder / "make.py").exists()]
TOLERANCE = 0.02
MOST_BYTES = 6_000_000


def capture_of(folder: Path) -> Path:
    (path,) = folder.glob("capture.pcap*")
    return path


def differences(expected: Any, found: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - any part of a report
    """Say where the report does not hold what is expected."""
    if isinstance(expected, Mapping) and found is not None:
        for key, value in expected.items():
            if key == "findings":
                yield from wrong_findings(value, expected.get("may_find", ()), found[key], f"{where} {key}")
            elif key != "may_find":
                yield from differences(value, found[key], f"{where} {key}")
    elif isinstance(expected, list) and len(expected) == len(found):
        for number, (value, other) in enumerate(zip(expected, found, strict=True), 1):
            yield from differences(value, other, f"{where} {number}")
    elif isinstance(expected, float) and found is not None:
        if abs(expected - found) > TOLERANCE:
            yield f"{where}: {found}, expected {expected}"
    elif expected != found:
        yield f"{where}: {found!r}, expected {expected!r}"


def wrong_findings(expected: Mapping[str, str], may: list[str], found: list[dict[str, Any]], where: str) -> Iterator[str]:
    """Say which findings are missing, too many, of another severity or without evidence."""
    severities = {one["rule"]: one["severity"] for one in found if one["rule"] not in may or one["rule"] in expected}
    if severities != dict(expected):
        yield f"{where}: {severities}, expected {dict(expected)}"
    for one in found:
        if not one["packets"] and one["rule"] != "capture-incomplete":
            yield f"{where}: {one['rule']} cites no packet"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_report_holds_what_is_expected(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    (found,) = plain(analyzer.analyze(str(capture_of(folder)), frames=False))["captures"]
    assert list(differences(expected, found, folder.name)) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folder_is_whole(folder: Path) -> None:
    assert capture_of(folder).exists()
    title, rest = (folder / "README.md").read_text().split("\n", 1)
    assert title == f"# {folder.name}"
    assert ("Made by `make.py`" in rest) == (folder in MADE)
    assert ("Recorded with" in rest) == (folder not in MADE)
    assert {session["verdict"]["rule"] for session in json.loads((folder / "expected.json").read_text())["sessions"]}


@pytest.mark.parametrize("folder", MADE, ids=lambda folder: folder.name)
def test_make_gives_the_same_bytes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(folder / "make.py"), str(tmp_path)])
    monkeypatch.setattr(sys, "path", list(sys.path))
    runpy.run_path(sys.argv[0], run_name="__main__")
    (made,) = tmp_path.iterdir()
    assert made.name == capture_of(folder).name
    assert made.read_bytes() == capture_of(folder).read_bytes()


def test_captures_stay_small() -> None:
    assert (
        sum(path.stat().st_size for path in CAPTURES.rglob("*") if "__pycache__" not in path.parts and path.is_file()) < MOST_BYTES
    )


def test_every_rule_has_a_capture() -> None:
    """Each rule that checks rely on (contract) is shown by a capture, save the one that needs TLS."""
    shown: set[str] = set()
    for folder in FOLDERS:
        expected = json.loads((folder / "expected.json").read_text())
        for findings in (expected["findings"], *(session["findings"] for session in expected["sessions"])):
            shown |= findings.keys()
    assert shown >= {
        "empty-binary-frame",
        "keepalive-as-binary",
        "control-as-binary",
        "malformed-control",
        "silence-gap",
        "keepalive-without-audio",
        "no-audio",
        "encoding-not-declared",
        "net-0001",
        "net-0000",
        "data-0000",
        "upgrade-rejected",
        "connection-refused",
        "no-response",
        "abrupt-close",
        "no-close-stream",
        "audio-after-close-stream",
        "base64-audio",
        "format-mismatch",
        "digital-silence",
        "pacing-fast",
        "pacing-slow",
        "capture-incomplete",
    }
