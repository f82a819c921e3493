"""A file that is there when it is whole: for output that is made in many steps, each of which may fail."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from typing import BinaryIO, NoReturn

from analyzer.model.errors import UsageError

_STANDARD = (1, 2)
"""Descriptors of standard output and standard error."""
_NO_ROOM = {EACCES, EPERM, EROFS}
"""Of a folder: nothing new may be made in it."""


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Write to another name beside `path`, and take its place at the end. Where the work fails or is interrupted, nothing is left
    and what was there before stays.

    Some targets are written as it comes, so that part of it may stay: what is no regular file (a pipe, /dev/null), standard output
    by another name (/dev/stdout), and a file in a folder in which nothing new may be made. Raises UsageError for an OSError, also
    one that is raised inside.
    """
    try:
        target = path.resolve()  # of a link, what it leads to
        made = target.with_name(f".analyzer-{os.urandom(8).hex()}")
        try:
            file, aside = _opened(path, made)
            with file:
                yield file
            if aside:
                _put(made, target)
        finally:
            with suppress(OSError):  # hardly ever there
                made.unlink()
    except OSError as error:
        msg = f"Cannot write {path}: {error.strerror or error}."
        raise UsageError(msg) from error


class _Onward(io.BufferedWriter):
    """What takes bytes and has no place to come back to: /dev/null says that it has, and a zip believes it."""

    def seekable(self) -> bool:
        """No."""
        return False

    def tell(self) -> NoReturn:
        """There is no place."""
        raise io.UnsupportedOperation


def _opened(path: Path, made: Path) -> tuple[BinaryIO, bool]:
    """Where to write, and whether that is `made`."""
    if not path.exists():
        return made.open("xb"), True
    if not path.is_file():
        return _Onward(io.FileIO(path, "w")), False
    for number in _STANDARD:
        with suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(number)):
                return _Onward(io.FileIO(os.dup(number), "w")), False
    path.open("ab").close()  # what cannot be written is not replaced either
    try:
        return made.open("xb"), True
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        return path.open("wb"), False


def _put(made: Path, target: Path) -> None:
    """Put what was made in the target's place, with its owner and mode; into it where its place cannot be taken: it is mounted, or
    another's in a folder like /tmp.
    """
    if not target.exists():
        os.replace(made, target)  # noqa: PTH105 - the same on every system
        return
    before = target.stat()
    if hasattr(os, "chown"):
        with suppress(OSError):  # only root may give files away
            os.chown(made, before.st_uid, before.st_gid)
    made.chmod(stat.S_IMODE(before.st_mode) & 0o777)
    try:
        os.replace(made, target)  # noqa: PTH105 - as above
    except OSError:
        import shutil  # noqa: PLC0415 - milliseconds that hardly any run need pay

        with made.open("rb") as file, target.open("wb") as there:
            shutil.copyfileobj(file, there)
