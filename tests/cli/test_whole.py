"""A file is there when it is whole, and never in part."""

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from analyzer.cli.whole import whole
from analyzer.model.errors import UsageError


def content(folder: Path) -> dict[str, bytes]:
    """Give all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_half(path: Path, failure: BaseException) -> None:
    """Fail in the middle; until then nothing has changed."""
    before = path.read_bytes() if path.exists() else None
    with whole(path) as out:
        out.write(b"half")
        out.flush()
        assert (path.read_bytes() if path.exists() else None) == before
        raise failure


@pytest.mark.parametrize("before", [b"old", None])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, OSError(28, "No space left on device")])
def test_nothing_is_left_of_what_failed(tmp_path: Path, before: bytes | None, failure: BaseException) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)
    there = content(tmp_path)
    wanted = UsageError if isinstance(failure, OSError) else failure
    with pytest.raises(wanted):  # type: ignore[type-var, arg-type, call-overload]
        write_half(path, failure)
    assert content(tmp_path) == there


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and links")
def test_what_is_replaced_keeps_its_mode_and_its_links(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with whole(link) as out:
        out.write(b"new")
    assert content(tmp_path) == {"file": b"new", "link": b"new"}
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with whole(tmp_path / "fresh") as out:
        out.write(b"new")
    (tmp_path / "usual").touch()
    assert (tmp_path / "fresh").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_a_pipe_is_written_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with whole(pipe) as out:
        out.write(b"all")
    reader.join()
    assert read == [b"all"]
    assert not pipe.is_file()


def test_where_it_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot write"), whole(tmp_path / "no" / "folder") as out:
        out.write(b"x")
