"""Where text goes: files in UTF-8 with plain line ends, colour only where it is wanted."""

import sys
from pathlib import Path

import pytest

from analyzer.cli import output
from analyzer.model.errors import UsageError


def test_files_are_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    output.write(["a\n", "ü \ud800\n"], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == "a\nü ?\n".encode()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot write"):
        output.write(["a"], tmp_path)


@pytest.mark.parametrize(
    ("terminal", "variables", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour(monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], wanted: bool) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert output.colour() is wanted
