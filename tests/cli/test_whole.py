"""A file is there when it is whole, and never in part; so is the output of every command that takes `-o`."""

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from click.testing import Result

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


ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_file_in_a_folder_that_takes_no_new_one_is_written_all_the_same(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and long")
    usual = Path.open

    def refusing(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - that of Path.open
        if mode == "xb":
            raise OSError(code, os.strerror(code))
        return usual(self, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", refusing)
    with whole(path) as out:
        out.write(b"new")
    assert content(tmp_path) == {"file": b"new"}
    with pytest.raises(UsageError, match="Cannot write"), whole(tmp_path / "other") as out:
        out.write(b"x")


@pytest.mark.skipif(ROOT or sys.platform == "win32", reason="root may write everywhere")
def test_modes_of_files_and_folders_are_heeded(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    tmp_path.chmod(0o555)
    with whole(path) as out:
        out.write(b"new")
    tmp_path.chmod(0o755)
    path.chmod(0o444)
    with pytest.raises(UsageError, match="Permission denied"), whole(path) as out:
        out.write(b"newer")
    assert content(tmp_path) == {"file": b"new"}


def test_a_file_whose_place_cannot_be_taken_gets_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is mounted by itself, as containers do it."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    with whole(path) as out:
        out.write(b"new")
    assert content(tmp_path) == {"file": b"new"}
    with pytest.raises(UsageError, match="busy"), whole(tmp_path / "other") as out:
        out.write(b"x")
    assert content(tmp_path) == {"file": b"new"}


@pytest.mark.skipif(not ROOT, reason="only root may give files away")
def test_what_is_replaced_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 65534, 65534)
    with whole(path) as out:
        out.write(b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


Run = Callable[..., Result]
WAYS = {
    "report": ["report", "--format", "markdown"],
    "page": ["report", "--format", "html"],
    "frames": ["frames", "--format", "csv"],
    "parquet": ["frames", "--format", "parquet"],
    "rows": ["messages", "--format", "parquet"],
    "har": ["har"],
    "bundle": ["bundle"],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_output_goes_to_files_links_and_pipes(run: Run, silent: Path, tmp_path: Path, way: str) -> None:
    """Byte by byte the same, and nothing is left beside it."""
    path, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(tmp_path / "behind")
    for out in (path, link):
        assert run(*WAYS[way], silent, "-o", out).exit_code == 0
    first, second = path.read_bytes(), link.read_bytes()
    assert first == second != b""
    assert set(content(tmp_path)) == {"file", "link", "behind"}
    if way in ("parquet", "rows"):
        assert pyarrow.parquet.read_table(io.BytesIO(first)).num_rows > 10
    if way == "bundle":
        assert zipfile.ZipFile(io.BytesIO(first)).testzip() is None


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("way", ["frames", "parquet", "bundle"])
def test_every_output_goes_to_devices_and_standard_output(run: Run, silent: Path, tmp_path: Path, way: str) -> None:
    assert run(*WAYS[way], silent, "-o", os.devnull).exit_code == 0
    assert not Path(os.devnull).is_file()
    assert run(*WAYS[way], silent, "-o", tmp_path / "file").exit_code == 0
    said = (tmp_path / "file").read_bytes()
    command = [sys.executable, "-m", "analyzer", *WAYS[way], silent, "-o", "/dev/stdout"]
    piped = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with (tmp_path / "kept").open("wb") as kept:
        kept.write(b"before\n")
        kept.flush()
        subprocess.run(command, stdout=kept, check=True)
        kept.seek(0, os.SEEK_END)
        kept.write(b"after\n")
    kept_said = (tmp_path / "kept").read_bytes()
    assert kept_said.startswith(b"before\n")
    assert kept_said.endswith(b"after\n")
    if way == "bundle":  # a zip that cannot seek has other bytes, and the command says a word of its own behind it
        assert all(zipfile.ZipFile(io.BytesIO(data)).testzip() is None for data in (piped, kept_said))
    else:
        assert (piped, kept_said) == (said, b"before\n" + said + b"after\n")
    assert set(content(tmp_path)) == {"file", "kept"}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_list_that_cannot_be_written_is_said(run: Run, silent: Path, tmp_path: Path, form: str) -> None:
    result = run("frames", silent, "--format", form, "-o", tmp_path / "nowhere" / "file")
    assert result.exit_code == 2
    assert "Cannot write" in result.stderr


SLOW = """
import sys, time
from importlib import import_module
name, attribute = {place!r}
module = import_module(name)
usual = getattr(module, attribute)
def slow(*given, **more):
    result = usual(*given, **more)
    yield from ([next(iter(result))] if hasattr(result, "__iter__") else [])
    print("begun", flush=True)
    time.sleep(60)
setattr(module, attribute, slow)
from analyzer.cli import main
main()
"""
INTERRUPTED = {
    "frames": ("analyzer.reports.frames", "lines"),
    "parquet": ("analyzer.reports.frames", "columns"),
    "har": ("analyzer.reports.har", "pieces"),
    "bundle": ("analyzer.reports.bundle", "cover_page"),
}


def interrupted(code: str, *arguments: object) -> None:
    """Send SIGINT to a process that has begun to write, and see it end as it should."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        assert writing.stdout.readline() == b"begun\n"
        writing.send_signal(signal.SIGINT)
        _, error = writing.communicate(timeout=20)
    assert (writing.returncode, error.strip()) == (130, b"analyzer: Interrupted.")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("before", [b"old", None])
@pytest.mark.parametrize("way", INTERRUPTED)
def test_an_interrupt_leaves_what_was_there(silent: Path, tmp_path: Path, way: str, before: bytes | None) -> None:
    if before is not None:
        (tmp_path / "file").write_bytes(before)
    interrupted(SLOW.format(place=INTERRUPTED[way]), *WAYS[way], silent, "-o", tmp_path / "file")
    assert content(tmp_path) == ({} if before is None else {"file": before})


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_leaves_no_audio_without_a_name(silent: Path, tmp_path: Path) -> None:
    code = """
import time
from analyzer.audio.recording import Recording
def slow(*_):
    print("begun", flush=True)
    time.sleep(60)
Recording.keep = slow
from analyzer.cli import main
main()
"""
    (tmp_path / ".analyzer-another").touch()
    interrupted(code, "audio", silent, "-o", tmp_path, "--raw", "--timeline")
    assert set(content(tmp_path)) == {".analyzer-another"}
