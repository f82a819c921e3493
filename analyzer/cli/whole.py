"""A file that is there when it is whole: for commands whose output is made in many steps, each of which may fail."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from analyzer.model.errors import UsageError


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Write to another name beside `path`, and take its place at the end. Where the work fails or is interrupted, nothing is left
    and what was there before stays. What is no regular file (a pipe, /dev/null) is written as it comes.

    Raises UsageError for an OSError, also one that is raised inside.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as direct:
                yield direct
            return
        if path.exists():
            path.open("ab").close()  # what cannot be written is not replaced either
        target = path.resolve()  # of a link, what it leads to
        made = target.with_name(f".analyzer-{secrets.token_hex(8)}")
        try:
            with made.open("xb") as file:
                yield file
            if target.exists():
                made.chmod(target.stat().st_mode & 0o777)
            os.replace(made, target)  # noqa: PTH105 - the same on every system
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        msg = f"Cannot write {path}: {error.strerror or error}."
        raise UsageError(msg) from error
