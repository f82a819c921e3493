"""WAV, FLAC, AIFF, AU and CAF by libsndfile.

In: a seekable binary file at its start. Out: a `Sound`; `UndecodableError` when libsndfile refuses the file. Lossy codecs are
left to FFmpeg: of Opus libsndfile makes another sample rate, and its decoder of MP3 writes its complaints to standard error.
"""

from collections.abc import Iterator
from typing import IO, Any

import numpy.typing as npt

from analyzer.audio.codecs.sound import BLOCK, MAX_CHANNELS, Sound, UndecodableError, from_floats

CONTAINERS = frozenset({"wav", "flac", "aiff", "au", "caf"})

_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "AIFF", "AU", "CAF"}
_FLOAT = {"FLOAT", "DOUBLE"}
_WIDE = {"PCM_24", "PCM_32", "ALAC_20", "ALAC_24", "ALAC_32"}
_UNKNOWN = 1 << 62
"""Frames of a file that states no length, as a streamed FLAC: libsndfile fails on the last block of such a file."""
_NAMES = {"ULAW": "mulaw", "ALAW": "alaw"}
_LITTLE_ENDIAN_NAMES = {"PCM_16": "linear16", "FLOAT": "linear32"}


class _Calm:
    """A file in which a seek to an impossible place does nothing: raised inside libsndfile's callbacks, errors go to standard
    error.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.tell = file.read, file.tell
        self._seek = file.seek

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer of the untyped library
        """Fill a buffer as far as bytes go."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go there if there is such a place; returns where the file is."""
        try:
            return self._seek(offset, whence)
        except (ValueError, OverflowError, OSError):
            return self.tell()


def open_sound(file: IO[bytes]) -> Sound:
    """Start decoding. Samples wider than 24 bits are cut to 24."""
    import soundfile  # noqa: PLC0415 - loads libsndfile, which raw audio does not need

    try:
        reader = soundfile.SoundFile(_Calm(file))
    except (soundfile.SoundFileError, RuntimeError, TypeError, OSError) as error:
        raise UndecodableError(_reason(error)) from error
    if reader.format not in _FORMATS or reader.channels > MAX_CHANNELS:
        msg = f"{reader.format} with {reader.channels} channels is not taken"
        raise UndecodableError(msg)
    if reader.frames >= _UNKNOWN:
        reader.close()
        raise UndecodableError("libsndfile needs a stated length")
    names = _NAMES | (_LITTLE_ENDIAN_NAMES if reader.format in {"WAV", "WAVEX", "RF64"} else {})
    wide = reader.subtype in _WIDE | _FLOAT
    sound = Sound(reader.samplerate, reader.channels, 24 if wide else 16, names.get(reader.subtype), iter(()))
    sound.blocks = _blocks(reader, sound, (soundfile.SoundFileError, RuntimeError, OSError))
    return sound


def _blocks(reader: Any, sound: Sound, errors: tuple[type[Exception], ...]) -> Iterator[npt.NDArray[Any]]:  # noqa: ANN401 - untyped library
    """Read to the end, or to where libsndfile gives up."""
    floating = reader.subtype in _FLOAT
    dtype = "float32" if floating else "int32" if sound.bits == 24 else "int16"  # noqa: PLR2004 - the two widths
    with reader:
        while True:
            try:
                block = reader.read(BLOCK, dtype=dtype, always_2d=True)
            except errors as error:
                sound.remarks.append(f"libsndfile stopped: {_reason(error)}")
                return
            if not len(block):
                return
            if floating:
                yield from_floats(block, sound.bits)
            else:
                yield block >> 8 if dtype == "int32" else block


def _reason(error: Exception) -> str:
    return (str(getattr(error, "error_string", "") or error).strip() or type(error).__name__).rstrip(".")
