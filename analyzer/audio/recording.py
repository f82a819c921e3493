"""The files that a track leaves behind: the WAV file of what it decodes to, the best guess, the bytes as sent, what shows them.

In: a `Dump` and the side. Files have temporary names until `keep` gives them their own; `discard` removes them.
"""

from pathlib import Path
from typing import IO

import numpy as np

from analyzer.audio.codecs import RAW
from analyzer.audio.wav import Wav, WavWriter
from analyzer.model.errors import AnalyzerError
from analyzer.model.schema import Side
from analyzer.model.settings import Dump
from analyzer.model.streams import Bytes

_EXTENSIONS = {"wav": "sent.wav", "matroska": "mka", "base64": "b64"} | {
    "linear16": "s16le",
    "linear32": "f32le",
    **{name: name.removeprefix("pcm_") for name in RAW if name not in ("linear16", "linear32")},
}
"""Where the name of what was found is not its extension; a WAV as sent must not have the name of the decoded one. Raw samples are
named as FFmpeg calls them (`ffmpeg -f s16le -ar 16000 -i ...`).
"""


class Recording:
    """Nothing at all, where `dump` is None or does not ask for this side."""

    def __init__(self, dump: Dump | None, side: Side) -> None:
        self._folder: Path | None = dump.folder if dump is not None and side in dump.sides else None
        self._wav: WavWriter | None = None
        self._guess: WavWriter | None = None
        self.guesses = self._folder is not None and dump is not None and dump.guess
        """Whether the best guess is asked for."""
        self._raw: IO[bytes] | None = None
        self._more: dict[str, tuple[Path, str]] = {}
        if self._folder is not None and dump is not None and dump.raw:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

                self._raw = tempfile.NamedTemporaryFile(prefix=".analyzer-", suffix=".raw", dir=self._folder, delete=False)  # noqa: SIM115 - lives as long as the track
            except OSError as error:
                msg = f"cannot write audio to {self._folder}: {error.strerror}"
                raise AnalyzerError(msg) from error

    def start(self, sample_rate: int, channels: int, subtype: str) -> WavWriter | None:
        """Start the WAV file, anew if there is one already."""
        if self._folder is None:
            return None
        if self._wav is not None:
            self._wav.delete()
        self._wav = WavWriter(self._folder, sample_rate, channels, subtype)
        return self._wav

    def start_guess(self, sample_rate: int, channels: int, subtype: str) -> WavWriter | None:
        """Start the WAV file of the best guess, anew if there is one already."""
        if self._folder is None or not self.guesses:
            return None
        if self._guess is not None:
            self._guess.delete()
        self._guess = WavWriter(self._folder, sample_rate, channels, subtype)
        return self._guess

    def drop_guess(self) -> None:
        """Nothing came of it."""
        if self._guess is not None:
            self._guess.delete()
            self._guess = None

    def sent(self, data: Bytes) -> None:
        """Append bytes as they were sent."""
        if self._raw is not None:
            try:
                self._raw.write(np.ascontiguousarray(data).data)
            except OSError as error:
                msg = f"cannot write audio to {self._folder}: {error.strerror}"
                raise AnalyzerError(msg) from error

    @property
    def audio(self) -> Wav | None:
        """After `close`: the WAV file, under its temporary name."""
        return None if self._wav is None else self._wav.written

    def add(self, kind: str, path: Path, suffix: str) -> None:
        """Take one more file, which has a temporary name in the same folder; it is named like the WAV file, with this suffix."""
        self._more[kind] = path, suffix

    def path(self, kind: str) -> Path:
        """Where a file that was added is now."""
        return self._more[kind][0]

    def close(self) -> None:
        """No data follows; the files stay."""
        if self._wav is not None:
            self._wav.close()
        if self._guess is not None:
            self._guess.close()
        if self._raw is not None:
            self._raw.close()

    def keep(self, name: str, kind: str | None) -> dict[str, str]:
        """Give the files their names; returns the paths of those that exist, by kind: `wav`, `raw`, ..."""
        paths: dict[str, str] = {}
        self.close()
        if self._folder is not None and self._wav is not None:
            paths["wav"] = str(self._wav.path.rename(self._folder / f"{name}.wav"))
        if self._folder is not None and self._guess is not None:
            paths["guess"] = str(self._guess.path.rename(self._folder / f"{name}.guess.wav"))
        if self._folder is not None and self._raw is not None:
            extension = _EXTENSIONS.get(kind or "raw", kind or "raw")
            paths["raw"] = str(Path(self._raw.name).rename(self._folder / f"{name}.{extension}"))
        if self._folder is not None:
            paths |= {kind: str(path.rename(self._folder / f"{name}{suffix}")) for kind, (path, suffix) in self._more.items()}
        self._wav = self._guess = self._raw = None
        self._more.clear()
        return paths

    def discard(self) -> None:
        """Remove the files."""
        self.close()
        if self._wav is not None:
            self._wav.delete()
        self.drop_guess()
        if self._raw is not None:
            Path(self._raw.name).unlink(missing_ok=True)
        for path, _ in self._more.values():
            path.unlink(missing_ok=True)
        self._wav = self._raw = None
        self._more.clear()
