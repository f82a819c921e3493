"""Writes what is decoded to a WAV file while it streams, and reads it again.

In: sample blocks, and silence for what is missing. Out: a file with the canonical 44-byte header; past 4 GB, where a
WAV cannot state its size any more, it goes on as RF64 (EBU Tech 3306) in a new file into which what was written is
copied once. (libsndfile's RF64 would do from the start, but programs that know only plain PCM headers do not open
it.)
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.headers import wav_data
from analyzer.audio.part import Part
from analyzer.model.dataclass import dataclass
from analyzer.model.errors import AnalyzerError

RIFF_LIMIT = (1 << 32) - (1 << 16)
"""Bytes of samples that fit into a plain WAV, with room for its header."""

_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
_DTYPES = {"PCM_16": np.int16, "PCM_24": np.int32, "FLOAT": np.float32}
_FLOAT, _EXTENSIBLE = 3, 0xFFFE
"""Format tags of a WAV: IEEE floats, and one that has another behind it."""
_BLOCK = 1 << 18
_HEAD = 4096
"""Bytes in which the samples of a file written here begin."""


@dataclass(frozen=True, slots=True)
class Wav:
    """A WAV file that was written here. `subtype` is `PCM_16`, `PCM_24` or `FLOAT`."""

    path: Path
    sample_rate: int
    channels: int
    subtype: str
    frames: int

    @contextmanager
    def samples(self) -> Iterator[Any]:
        """The samples as a `soundfile.SoundFile`, read as raw ones: behind the header of a WAV libsndfile takes some for other
        formats. Raises OSError or RuntimeError.
        """
        import soundfile  # noqa: PLC0415 - loads libsndfile, needed only where audio is written

        size = self.frames * self.channels * _BYTES[self.subtype]
        with self.path.open("rb") as file:
            begin, _ = wav_data(file.read(_HEAD)) or (0, None)
            form = {"subtype": self.subtype, "endian": "LITTLE", "format": "RAW"}
            with soundfile.SoundFile(Part(file, begin, begin + size), "r", self.sample_rate, self.channels, **form) as samples:
                yield samples


def reopened(path: Path) -> Wav:
    """A file that was written here, by what its header says. Raises AnalyzerError when it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise AnalyzerError(msg) from error
    begin, size = wav_data(head) or (0, 0)
    at = head.find(b"fmt ") + 8
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
    if kind == _EXTENSIBLE:
        (kind,) = struct.unpack_from("<H", head, at + 24)
    subtype = "FLOAT" if kind == _FLOAT else f"PCM_{bits}"
    width = channels * _BYTES[subtype]
    return Wav(path, rate, channels, subtype, (path.stat().st_size - begin if size is None else size) // width)


def _nothing() -> None:
    pass


class WavWriter:
    """One WAV file with a temporary name in `folder`. Raises AnalyzerError when it cannot be written."""

    def __init__(self, folder: Path, sample_rate: int, channels: int, subtype: str) -> None:
        self._rate, self._channels, self._subtype = sample_rate, channels, subtype
        self._left = RIFF_LIMIT // (_BYTES[subtype] * channels)
        self._wide = False
        self._frames = 0
        self._folder = folder
        self.path, self._file = self._create("WAV")

    def write(self, samples: npt.NDArray[Any]) -> None:
        """Append samples: int16, float32, or 24-bit values in int32 for PCM_24; one row per frame, or 1-D for one channel."""
        self._left -= len(samples)
        self._frames += len(samples)
        if self._left < 0 and not self._wide:
            self._widen()
        samples = samples << 8 if self._subtype == "PCM_24" else samples
        try:
            self._file.write(samples)
        except (RuntimeError, OSError) as error:
            msg = f"cannot write audio to {self._folder}: {error}"
            raise AnalyzerError(msg) from error

    def silence(self, frames: int) -> None:
        """Append zeros."""
        shape = (self._channels,) if self._channels > 1 else ()
        zeros = np.zeros((min(frames, _BLOCK), *shape), _DTYPES[self._subtype])
        while frames > 0:
            self.write(zeros[:frames])
            frames -= min(frames, _BLOCK)

    def close(self) -> None:
        """Finish the header."""
        self._file.flush = _nothing  # `close` calls it, which waits until all of it is on the disk: seconds per GB
        self._file.close()

    @property
    def written(self) -> Wav:
        """After `close`: the file."""
        return Wav(self.path, self._rate, self._channels, self._subtype, self._frames)

    def delete(self) -> None:
        """Close and remove the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _create(self, form: str) -> tuple[Path, Any]:
        import soundfile  # noqa: PLC0415 - loads libsndfile, needed only where audio is written

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

            handle, name = tempfile.mkstemp(prefix=".analyzer-", suffix=".wav", dir=self._folder)
            os.close(handle)
            return Path(name), soundfile.SoundFile(name, "w", self._rate, self._channels, self._subtype, format=form)
        except (RuntimeError, OSError) as error:
            msg = f"cannot write audio to {self._folder}: {error}"
            raise AnalyzerError(msg) from error

    def _widen(self) -> None:
        """Go on as RF64: copy what there is into a new file."""
        import soundfile  # noqa: PLC0415 - loaded before

        self._wide = True
        self.close()
        narrow = self.path
        self.path, self._file = self._create("RF64")
        try:
            with soundfile.SoundFile(narrow) as written:
                for block in written.blocks(_BLOCK, dtype="float32" if self._subtype == "FLOAT" else "int32"):
                    self._file.write(block)
        except (RuntimeError, OSError) as error:
            msg = f"cannot write audio to {self._folder}: {error}"
            raise AnalyzerError(msg) from error
        narrow.unlink()
