"""`analyzer report`: formats, files, exit status, several captures, standard input."""

import json
import re
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import Result
from jsonschema import Draft202012Validator

Run = Callable[..., Result]
SCHEMA = json.loads((files("analyzer.reports") / "analyzer-report-1.json").read_text())
CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*/capture.pcap*"))


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.parent.name)
def test_every_capture_gives_a_report_that_keeps_the_schema(run: Run, capture: Path) -> None:
    result = run("report", capture, "--format", "json")
    assert result.exit_code == 0
    Draft202012Validator(SCHEMA).validate(json.loads(result.stdout))
    assert run("report", capture, "--format", "json").stdout == result.stdout


@pytest.mark.parametrize("form", ["terminal", "markdown", "json"])
def test_no_capture_gives_a_key_away(run: Run, form: str) -> None:
    result = run("report", *CAPTURES, "--format", form)
    assert result.exit_code == 0
    assert not re.search(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])|eyJ[\w-]+\.", result.stdout)


def test_markdown_is_what_a_pipe_gets(run: Run, silent: Path) -> None:
    result = run("report", silent)
    assert result.stdout.startswith("# WebSocket triage: 1 session: 1 with an error\n")


def test_a_file_gets_the_same_as_standard_output(run: Run, silent: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    result = run("report", silent, "--format", "json", "-o", target)
    assert (result.exit_code, result.stdout) == (0, "")
    assert target.read_text("utf-8") == run("report", silent, "--format", "json").stdout


def test_a_file_that_cannot_be_written(run: Run, silent: Path, tmp_path: Path) -> None:
    result = run("report", silent, "-o", tmp_path / "no" / "folder")
    assert result.exit_code == 2
    assert "Cannot write" in result.stderr


@pytest.mark.parametrize(
    ("name", "limit", "status"),
    [
        ("healthy", "error", 0),
        ("healthy", "warning", 0),
        ("slow", "error", 0),
        ("slow", "warning", 1),
        ("silent", "error", 1),
        ("silent", "warning", 1),
        ("silent", "never", 0),
    ],
)
def test_fail_on(run: Run, request: pytest.FixtureRequest, name: str, limit: str, status: int) -> None:
    assert run("report", request.getfixturevalue(name), "--fail-on", limit).exit_code == status


def test_standard_input_is_a_capture(run: Run, process: Callable[..., subprocess.CompletedProcess[bytes]], silent: Path) -> None:
    piped = json.loads(process("report", "-", "--format", "json", input=silent.read_bytes()).stdout)
    (capture,) = piped["captures"]
    assert capture["sessions"] == json.loads(run("report", silent, "--format", "json").stdout)["captures"][0]["sessions"]


def test_several_captures_are_listed_one_by_one(run: Run, healthy: Path, silent: Path) -> None:
    report = json.loads(run("report", healthy, silent, "--format", "json").stdout)
    assert [capture["path"] for capture in report["captures"]] == [str(healthy), str(silent)]


def test_an_unusable_capture_does_not_hide_the_others(run: Run, healthy: Path, silent: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text("nothing")
    result = run("report", healthy, broken, tmp_path / "absent.pcap", silent, "--format", "json")
    assert result.exit_code == 2
    assert [capture["path"] for capture in json.loads(result.stdout)["captures"]] == [str(healthy), str(silent)]
    assert len(result.stderr.splitlines()) == 2
    assert "broken.txt" in result.stderr
    assert "absent.pcap" in result.stderr


def test_settings_reach_the_analysis(run: Run, silent: Path) -> None:
    options = ("--gap", "2.5", "--session", "1", "--since", "2026-01-01T00:00:00Z", "--port", "18123", "--encoding", "linear16")
    report = json.loads(run("report", silent, "--format", "json", *options).stdout)
    assert report["settings"]["gap_s"] == 2.5
    assert len(report["captures"][0]["sessions"]) == 1


def test_a_session_that_is_not_there(run: Run, silent: Path) -> None:
    result = run("report", silent, "--session", "99")
    assert result.exit_code == 2
    assert "no session 99" in result.stderr


def test_the_terminal_report_has_no_colour_in_a_pipe(
    process: Callable[..., subprocess.CompletedProcess[bytes]], silent: Path
) -> None:
    ran = process("report", silent, "--format", "terminal", env={"FORCE_COLOR": "1"})
    assert b"\x1b" not in ran.stdout
    assert b"silence-gap" in ran.stdout
