"""AMR and AMR-WB as files hold them (RFC 4867 section 5), with the header or without, frame by frame by FFmpeg.

In: the stream of bytes, and holes of known length. Out: a `Sound` in which a frame that is lost, cut, comfort noise or was not
sent is 20 ms of silence: FFmpeg decodes no discontinuous transmission.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.ffmpeg import decoder, integers
from analyzer.audio.codecs.sound import Sound, UndecodableError, joined, silence

HEADERS = {"amr-nb": b"#!AMR\n", "amr-wb": b"#!AMR-WB\n"}
_MANY = (b"#!AMR_MC1.0\n", b"#!AMR-WB_MC1.0\n")
SIZES = {
    "amr-nb": (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1),
    "amr-wb": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1),
}
"""Bytes of a frame of each type with its first byte (section 5.3, 3GPP TS 26.101 and 26.201), 0 for types reserved."""
_SPEECH = {"amr-nb": 8, "amr-wb": 9}
"""Frame types below are speech."""
_PADDING = 0x83
"""Bits of the first byte of a frame that are zero."""
_SURE = 4
"""Frames that must follow one another before the step is believed to be found again."""
_KEPT = 1 << 16
"""Bytes looked at to find it."""
_DECODERS = {"amr-nb": ("amrnb", "libopencore_amrnb"), "amr-wb": ("amrwb", "libopencore_amrwb")}
RATES = {"amr-nb": 8000, "amr-wb": 16000}


def open_sound(stream: Iterator[bytes | int], declared: str | None) -> Sound:
    """Start decoding; the header tells which of the two it is, else `declared` does. Raises UndecodableError."""
    first = next(stream, b"")
    head = b"" if isinstance(first, int) else first
    hole: tuple[int, ...] = () if isinstance(first, bytes) else (first,)
    while not hole and len(head) < max(map(len, _MANY)) and (piece := next(stream, None)) is not None:
        if isinstance(piece, int):
            hole = (piece,)
        else:
            head += piece
    if head.startswith(_MANY):
        raise UndecodableError("AMR with several channels is not taken")
    encoding = next((name for name, magic in HEADERS.items() if head.startswith(magic)), None)
    start = len(HEADERS[encoding]) if encoding is not None else 0
    encoding = encoding or declared
    if encoding is None:
        raise UndecodableError("there is no AMR header")
    sound = Sound(RATES[encoding], 1, 16, encoding, iter(()))
    frames = Frames(chain((head[start:],), hole, stream), encoding)
    sound.blocks = joined(_decoded(decoder(encoding, _DECODERS[encoding], RATES[encoding], 1), frames, sound))
    return sound


class Frames:
    """Iterates over the frames of a stream: bytes of speech, None for 20 ms without."""

    def __init__(self, stream: Iterator[bytes | int], encoding: str) -> None:
        self._stream = stream
        self._sizes, self._speech = SIZES[encoding], _SPEECH[encoding]
        self._bytes = b""
        self._at = 0
        self._hole = 0
        """Bytes missing behind those at hand."""
        self._over = False
        self._last = 0
        """Size of the last frame of speech."""
        self.lost = self.silent = self.strange = 0
        """Frames lost, frames not sent, bytes that are no frames."""

    def __iter__(self) -> Iterator[bytes | None]:
        while self._more(1) or self._hole:
            if not self._more(1):
                yield from self._jump()
                continue
            size = self._sizes[self._bytes[self._at] >> 3 & 15]
            if not size:
                yield from self._search()
            elif self._more(size):
                yield self._take(size)
            elif self._hole:
                if self._bytes[self._at] >> 3 & 15 < self._speech:
                    self._last = size
                yield from self._jump()
            else:
                self._at = len(self._bytes)
                self.lost += 1
                yield None

    def _take(self, size: int) -> bytes | None:
        frame = self._bytes[self._at : self._at + size]
        self._at += size
        if frame[0] >> 3 & 15 < self._speech:
            self._last = size
            return frame
        self.silent += 1
        return None

    def _more(self, size: int) -> bool:
        """Whether `size` bytes are at hand before the next hole."""
        while len(self._bytes) - self._at < size and not self._hole and not self._over:
            piece = next(self._stream, None)
            if piece is None:
                self._over = True
            elif isinstance(piece, int):
                self._hole = piece
            else:
                self._bytes, self._at = self._bytes[self._at :] + piece, 0
        return len(self._bytes) - self._at >= size

    def _jump(self) -> Iterator[None]:
        """Over a hole: frames in it were as long as the last one, if what follows then is one; else the step is looked for."""
        cut = len(self._bytes) - self._at
        gone, self._hole, self._bytes, self._at = cut + self._hole, 0, b"", 0
        size = self._last or max(self._sizes)
        self._more(_KEPT)
        into = -gone % size
        if not self._in_step(into):
            into = next((at for at in range(len(self._bytes)) if self._in_step(at)), min(into, len(self._bytes)))
        self._at = min(into, len(self._bytes))
        over = not self._more(1) and not self._hole
        count = max(-(-(gone + self._at) // size) if over else round((gone + self._at) / size), 1)
        self.lost += count
        for _ in range(count):
            yield None

    def _search(self) -> Iterator[None]:
        """Over bytes that are no frames."""
        self._more(_KEPT)
        begin = self._at
        ahead = range(begin + 1, len(self._bytes))
        self._at = next((at for at in ahead if self._in_step(at)), len(self._bytes))
        passed = self._at - begin
        self.strange += passed
        for _ in range(round(passed / self._last) if self._last else 0):
            yield None

    def _in_step(self, at: int) -> bool:
        """Whether frames follow one another from here, as far as bytes are at hand."""
        for _ in range(_SURE):
            if at >= len(self._bytes):
                return at == len(self._bytes)
            size = self._sizes[self._bytes[at] >> 3 & 15]
            if self._bytes[at] & _PADDING or not size:
                return False
            at += size
        return True


def _decoded(context: Any, frames: Frames, sound: Sound) -> Iterator[npt.NDArray[Any]]:  # noqa: ANN401 - untyped library
    """20 ms for every frame."""
    import av  # noqa: PLC0415 - loaded with the context

    length = sound.sample_rate // 50
    for frame in frames:
        if frame is None:
            yield from silence(length, 1, sound.bits)
            continue
        sound.packets += 1
        try:
            pieces = [integers(one, sound) for one in context.decode(av.Packet(frame))]
        except (av.FFmpegError, ValueError):
            pieces = []
        sound.failed += not pieces
        samples = np.concatenate(pieces)[:length] if pieces else np.zeros((0, 1), np.int16)
        yield samples
        yield from silence(length - len(samples), 1, sound.bits)
    if frames.strange:
        sound.failed += frames.strange
        sound.packets += frames.strange
        sound.remarks.append(f"{frames.strange} bytes are no {sound.encoding} frames")
    for count, why in ((frames.silent, "hold no speech and are silence"), (frames.lost, "are missing or cut and are silence")):
        if count:
            sound.remarks.append(f"{count} frames of 20 ms {why}")
