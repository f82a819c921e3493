"""Standard input as a file, for commands that read a capture more than once."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analyzer.model.errors import AnalyzerError, UsageError

STANDARD_INPUT = "-"
_PIECE = 1 << 20


@contextmanager
def on_disk(captures: tuple[str, ...], limit: int) -> Iterator[tuple[str, ...]]:
    """Files that can be read twice: standard input is kept in a temporary one. Raises UsageError when it is larger than `limit`."""
    if captures != (STANDARD_INPUT,):
        yield captures
        return
    with tempfile.TemporaryDirectory(prefix="analyzer-") as folder:
        path = Path(folder) / "capture"
        try:
            with path.open("wb") as file:
                while piece := sys.stdin.buffer.read(_PIECE):
                    file.write(piece)
                    if file.tell() > limit:
                        msg = f"Standard input is longer than {limit >> 30} GiB: save it to a file first, then name that file."
                        raise UsageError(msg)
        except OSError as error:
            msg = f"Cannot keep standard input in {folder}: {error.strerror}."
            raise UsageError(msg) from error
        try:
            yield (str(path),)
        except AnalyzerError as error:
            raise type(error)(str(error).replace(str(path), "standard input")) from error
