"""`analyzer report --format html`: where it goes, what may be left out, and that nothing is left behind."""

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from analyzer.cli import page

Run = Callable[..., Result]


def test_a_page_has_audio_frames_and_the_rules_pages(
    run: Run, silent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    result = run("report", silent, "--format", "html", "-o", tmp_path / "page.html")
    assert (result.exit_code, result.stdout) == (0, "")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "data:audio/flac;base64," in text
    assert 'id="rule-silence-gap"' in text
    assert '"frames":{"count":35' in text
    assert not list(temporary.iterdir())


def test_a_pipe_gets_the_same(run: Run, silent: Path, tmp_path: Path) -> None:
    run("report", silent, "--format", "html", "-o", tmp_path / "page.html")
    assert run("report", silent, "--format", "html").stdout == (tmp_path / "page.html").read_text("utf-8")


def test_audio_may_be_left_out(run: Run, silent: Path) -> None:
    text = run("report", silent, "--format", "html", "--no-audio").stdout
    assert "<audio" not in text.partition("<script")[0]
    assert "data:audio" not in text


def test_transcripts_may_be_left_out(run: Run, silent: Path) -> None:
    assert "quick brown fox" in run("report", silent, "--format", "html").stdout
    text = run("report", silent, "--format", "html", "--no-transcripts").stdout
    assert not re.search("quick|brown|fox", text.rpartition("<script>")[0].partition("<body>")[2])


@pytest.mark.parametrize("option", ["--no-audio", "--no-transcripts"])
def test_other_formats_have_neither(run: Run, silent: Path, option: str) -> None:
    result = run("report", silent, "--format", "json", option)
    assert result.exit_code == 2
    assert "are for --format html" in result.stderr


def test_a_terminal_gets_no_page(run: Run, silent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "on_terminal", lambda: True)
    result = run("report", silent, "--format", "html")
    assert result.exit_code == 2
    assert "name a file with -o FILE" in result.stderr


def test_fail_on_works_as_for_the_others(run: Run, silent: Path, healthy: Path) -> None:
    assert run("report", silent, "--format", "html", "--no-audio", "--fail-on", "error").exit_code == 1
    assert run("report", healthy, "--format", "html", "--no-audio", "--fail-on", "error").exit_code == 0


def test_a_baseline_is_left_out(run: Run, silent: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    known.write_text(run("report", silent, "--format", "json").stdout)
    assert json.loads(known.read_text())["schema"] == "analyzer-report/1"
    text = run("report", silent, "--format", "html", "--no-audio", "--baseline", known).stdout
    assert 'class="finding' not in text.partition("<body>")[2].partition("<script>")[0]
