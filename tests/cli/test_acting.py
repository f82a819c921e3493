"""Reports to act on, as commands: what fails a build, what is chosen when nothing is named, what is said when it cannot be done."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def baseline(run: Run, tmp_path: Path, silent: Path) -> Path:
    """The report of a session with an error."""
    path = tmp_path / "baseline.json"
    assert run("report", silent, "--format", "json", "-o", path).exit_code == 0
    return path


def test_only_what_is_new_fails_a_build(run: Run, baseline: Path, silent: Path, healthy: Path) -> None:
    control = healthy.parents[1] / "control-as-binary" / "capture.pcap"
    assert run("report", silent, "--fail-on", "error").exit_code == 1
    assert run("report", silent, "--fail-on", "error", "--baseline", baseline).exit_code == 0
    again = run("report", control, "--fail-on", "error", "--baseline", baseline, "--format", "json")
    assert again.exit_code == 1
    (session,) = json.loads(again.output)["captures"][0]["sessions"]
    assert [finding["rule"] for finding in session["findings"]] == ["control-as-binary"]


def test_a_baseline_that_is_none_is_refused(run: Run, silent: Path, healthy: Path) -> None:
    result = run("report", silent, "--baseline", healthy)
    assert result.exit_code == 2
    assert "is no baseline; make one with: analyzer report CAPTURE --format json" in result.output


def test_the_healthy_and_the_worst_session_are_compared(run: Run, healthy: Path, silent: Path) -> None:
    told = json.loads(run("diff", healthy, silent, "--format", "json").output)
    assert (told["good"]["verdict"]["rule"], told["bad"]["verdict"]["rule"]) == (None, "silence-gap")
    assert {"silence-gap", "net-0001"} == {finding["rule"] for finding in told["only_bad"]}
    two = healthy.parents[1] / "http2-two-streams" / "capture.pcap"
    told = json.loads(run("diff", two, two, "--format", "json").output)
    assert (told["good"]["session"], told["bad"]["session"]) == (1, 2)
    swapped = run("diff", two, two, "--format", "json", "--good-session", "2", "--bad-session", "1")
    assert json.loads(swapped.output)["good"]["session"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["diff", "{healthy}", "{healthy}"], "choose two with --good-session and --bad-session"),
        (["diff", "{healthy}", "{empty}"], "There is no WebSocket session in"),
        (["frames", "{healthy}", "--format", "parquet"], "Parquet is binary: name a file with -o FILE."),
        (["messages", "{healthy}", "--format", "parquet", "-o", "{folder}/missing/x.parquet"], "Cannot write"),
        (["har", "{healthy}", "-o", "{folder}/missing/x.har"], "Cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    run: Run, tmp_path: Path, healthy: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty.har").write_text('{"log": {"entries": []}}')
    names = {"healthy": healthy, "folder": tmp_path, "empty": tmp_path / "empty.har"}
    result = run(*(one.format(**names) for one in arguments))
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_words_that_were_recognised_can_be_left_out(run: Run, silent: Path) -> None:
    shown = run("messages", silent, "--format", "jsonl").output
    hidden = run("messages", silent, "--format", "jsonl", "--no-transcripts").output
    assert "the quick brown" in shown
    assert "quick" not in hidden
    assert "<left out>" in hidden
