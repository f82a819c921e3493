"""Files have their names only when they are kept, and are gone when they are not."""

import stat
from pathlib import Path

import numpy as np
import pytest

from analyzer.audio.recording import Recording
from analyzer.model.errors import AnalyzerError
from analyzer.model.schema import Side
from analyzer.model.settings import Dump


def record(folder: Path, *, raw: bool = True) -> Recording:
    recording = Recording(Dump(folder, raw=raw), Side.CLIENT)
    recording.sent(np.frombuffer(b"sent", np.uint8))
    wav = recording.start(8000, 1, "PCM_16")
    assert wav is not None
    wav.write(np.zeros(10, np.int16))
    return recording


NAMES = {None: "raw", "mulaw": "mulaw", "pcm_s24le": "s24le", "webm": "webm", "wav": "sent.wav", "matroska": "mka"}


@pytest.mark.parametrize(("container", "extension"), NAMES.items())
def test_kept_files_are_named_for_what_they_are(container: str | None, extension: str, tmp_path: Path) -> None:
    paths = record(tmp_path / "new").keep("session-1", container)
    assert paths == {"wav": str(tmp_path / "new" / "session-1.wav"), "raw": str(tmp_path / "new" / f"session-1.{extension}")}
    assert Path(paths["raw"]).read_bytes() == b"sent"
    assert len(list((tmp_path / "new").iterdir())) == 2
    assert not stat.S_IMODE(Path(paths["wav"]).stat().st_mode) & 0o077


def test_discarded_files_are_gone(tmp_path: Path) -> None:
    record(tmp_path).discard()
    assert not list(tmp_path.iterdir())


def test_only_what_was_asked_for_is_written(tmp_path: Path) -> None:
    assert Recording(None, Side.CLIENT).start(8000, 1, "PCM_16") is None
    assert Recording(Dump(tmp_path), Side.SERVER).start(8000, 1, "PCM_16") is None
    assert record(tmp_path, raw=False).keep("x", None).keys() == {"wav"}


def test_the_guess_stands_beside_the_declared_one(tmp_path: Path) -> None:
    recording = Recording(Dump(tmp_path, guess=True), Side.CLIENT)
    for start in (recording.start, recording.start_guess, recording.start_guess):
        wav = start(8000, 1, "PCM_16")
        assert wav is not None
        wav.write(np.zeros(10, np.int16))
    assert recording.keep("x", None) == {"wav": str(tmp_path / "x.wav"), "guess": str(tmp_path / "x.guess.wav")}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_guess_that_is_not_asked_for_or_came_to_nothing_leaves_no_file(tmp_path: Path) -> None:
    assert Recording(Dump(tmp_path), Side.CLIENT).start_guess(8000, 1, "PCM_16") is None
    assert Recording(Dump(tmp_path, guess=True), Side.SERVER).start_guess(8000, 1, "PCM_16") is None
    recording = Recording(Dump(tmp_path, guess=True), Side.CLIENT)
    recording.start_guess(8000, 1, "PCM_16")
    recording.drop_guess()
    assert recording.keep("x", None) == {}
    assert not list(tmp_path.iterdir())


def test_a_second_start_replaces_the_first(tmp_path: Path) -> None:
    recording = record(tmp_path, raw=False)
    recording.start(16000, 2, "FLOAT")
    recording.close()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AnalyzerError, match="cannot write audio to"):
        Recording(Dump(tmp_path / "file", raw=True), Side.CLIENT)
