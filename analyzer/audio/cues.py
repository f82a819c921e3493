"""Marks beside a WAV file: cue points and regions inside it, the time of day at which it begins, and a label track for Audacity.

In: a finished WAV file, and labels in its seconds. Out: chunks behind the samples (RIFF `cue `, `LIST adtl` with `labl` and
`ltxt`, and `bext` of EBU Tech 3285, by which an editor places the file on the clock); and lines of begin, end and text. Chunks
take 32-bit positions: a file beyond 4 GB, an RF64, gets none.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from analyzer.model.dataclass import dataclass
from analyzer.model.limits import SECOND

_RIFF_LIMIT = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a moment (`end` is `begin`) or a stretch of the file, in seconds of it."""

    begin: float
    end: float
    text: str


def label_track(labels: Iterable[Label]) -> str:
    """The text that Audacity imports as a label track: a line per label, fields parted by tabs."""
    return "".join(f"{one.begin:.6f}\t{one.end:.6f}\t{_line(one.text)}\n" for one in labels)


def append(path: Path, labels: Sequence[Label], sample_rate: int, origin: int) -> bool:
    """Append the chunks to a plain WAV file that begins at `origin` (ns since the epoch); False where it has no room for them.

    Raises OSError when the file cannot be written.
    """
    chunks = b"".join((_bext(origin, sample_rate), *(_cues(labels, sample_rate) if labels else ())))
    with path.open("r+b") as file:
        if file.read(4) != b"RIFF":
            return False
        end = file.seek(0, 2)
        chunks = bytes(end % 2) + chunks
        if end + len(chunks) - 8 > _RIFF_LIMIT:
            return False
        file.write(chunks)
        file.seek(4)
        file.write(struct.pack("<I", end + len(chunks) - 8))
    return True


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _cues(labels: Sequence[Label], sample_rate: int) -> tuple[bytes, bytes]:
    """A cue point for each label, and its text; a stretch has its length, too."""
    points, texts = [struct.pack("<I", len(labels))], [b"adtl"]
    for number, one in enumerate(labels, 1):
        begin, length = round(one.begin * sample_rate), round((one.end - one.begin) * sample_rate)
        points.append(struct.pack("<II4sIII", number, begin, b"data", 0, 0, begin))
        texts.append(_chunk(b"labl", struct.pack("<I", number) + _line(one.text).encode() + b"\0"))
        if length:
            texts.append(_chunk(b"ltxt", struct.pack("<II4sHHHH", number, length, b"rgn ", 0, 0, 0, 0)))
    return _chunk(b"cue ", b"".join(points)), _chunk(b"LIST", b"".join(texts))


def _bext(origin: int, sample_rate: int) -> bytes:
    """Version 1 of the Broadcast Audio Extension: the date and time of day (UTC), and that in samples since midnight."""
    day = 86_400 * SECOND
    begins = datetime.fromtimestamp(origin // SECOND, UTC)
    samples = origin % day * sample_rate // SECOND
    described = (b"WebSocket audio on the wall clock (UTC)", b"analyzer", b"")
    head = struct.pack("<256s32s32s10s8s", *described, f"{begins:%Y-%m-%d}".encode(), f"{begins:%H:%M:%S}".encode())
    return _chunk(b"bext", head + struct.pack("<QH64x190x", samples, 1))


def _line(text: str) -> str:
    """Text on one line, without tabs or anything that cannot be seen."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
