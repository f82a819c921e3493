"""Progress: on standard error, only where a person looks, only for work that takes long."""

import io
import sys

import pytest

from analyzer.cli import progress as module
from analyzer.cli.progress import progress


class Console(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_nothing_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress() as show:
        assert show is None


@pytest.mark.parametrize(("patience", "shown"), [(0.0, True), (60.0, False)])
def test_a_bar_for_work_that_takes_long(monkeypatch: pytest.MonkeyPatch, patience: float, shown: bool) -> None:
    console = Console()
    monkeypatch.setattr(sys, "stderr", console)
    monkeypatch.setattr(module, "PATIENCE_S", patience)
    with progress() as show:
        assert show is not None
        show(1 << 20, 4 << 20)
        show(2 << 20, None)
    assert ("Reading" in console.getvalue()) is shown
