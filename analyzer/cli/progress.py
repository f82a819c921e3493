"""A progress bar on standard error, for work that takes long enough to wonder, and only where a person looks."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_S = 1.0
"""Work shorter than this shows nothing and never imports rich."""
Progress = Callable[[int, int | None], None]


@contextmanager
def progress() -> Iterator[Progress | None]:
    """Give what `analyze` calls per batch (bytes done, bytes in all or None), or None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = Bar()
    try:
        yield bar.show
    finally:
        bar.stop()


class Bar:
    """The bar: it appears after PATIENCE_S and is wiped when the work is done."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def show(self, done: int, total: int | None) -> None:
        """Tell how far the work is."""
        if self._bar is None:
            if time.monotonic() - self._begin < PATIENCE_S:
                return
            from rich.console import Console  # noqa: PLC0415 - costs start-up time
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

            columns = (TextColumn("Reading"), BarColumn(), DownloadColumn(binary_units=True), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        """Wipe it."""
        if self._bar is not None:
            self._bar.stop()
