"""Keeps the bytes of a container or of codec packets until the session ends, in memory or spilled, up to a limit.

In: bytes, message lengths and holes in order. Out: a seekable file, the stream with its holes, or messages one by one.
"""

import re
from collections.abc import Iterator
from typing import IO

import numpy as np

from analyzer.audio.codecs import Packet, Torn
from analyzer.model.limits import Limits
from analyzer.model.streams import Bytes, Ints

_HOLE_KEPT = 1 << 20
"""Holes up to this long stay as zeros, so that offsets and sizes in the container hold; a longer one is closed up."""
_PIECES = 4096
"""Pieces looked at at once."""
_READ = 1 << 20
"""Bytes read at once."""
_MARK = 8
"""Bytes of the longest mark that is searched for."""


class Store:
    """Bytes of one track that cannot be decoded before the end."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.file = self._temporary()
        self._pieces = self._temporary()
        """Twice the length of each piece, odd where it goes on with the message before, negative for a hole."""
        self.size = 0
        """Bytes kept, holes that stand as zeros included."""
        self.cut = 0
        """Bytes beyond the limit, which were let go."""
        self.lost = 0
        """Bytes missing from the capture."""

    def feed(self, data: Bytes, lengths: Ints, *, goes_on: bool = False) -> None:
        """Append messages; with `goes_on` the first is one more piece of the message before."""
        if self.cut or self.size + len(data) > self._limits.audio_container:
            self.cut += len(data)
            return
        self.size += len(data)
        self.file.write(np.ascontiguousarray(data).data)
        pieces = np.asarray(lengths, np.int64) * 2
        pieces[:1] += goes_on
        self._pieces.write(pieces.data)

    def lose(self, length: int, *, goes_on: bool = False) -> None:
        """`length` bytes are missing here; with `goes_on` inside the message before."""
        self.lost += length
        if self.cut:
            return
        self._pieces.write(np.array([-2 * length - goes_on], np.int64).data)
        if length <= _HOLE_KEPT and self.size + length <= self._limits.audio_container:
            self.size += length
            self.file.write(bytes(length))

    def stream(self) -> Iterator[bytes | int]:
        """The bytes wherever messages end, and a number for so many missing ones."""
        self.file.seek(0)
        for pieces in self._listed():
            ends = [*np.flatnonzero(pieces < 0).tolist(), len(pieces)]
            begin = 0
            for end in ends:
                left = int((pieces[begin:end] >> 1).sum())
                while left > 0 and (data := self.file.read(min(left, _READ))):
                    yield data
                    left -= len(data)
                if end < len(pieces):
                    yield self._over(-int(pieces[end]) >> 1)
                begin = end + 1

    def messages(self) -> Iterator[Packet]:
        """Every message: its bytes, or its pieces when some are missing; a number for a hole that belongs to none."""
        self.file.seek(0)
        message: list[bytes | int] = []
        size = 0
        for pieces in self._listed():
            for piece in pieces.tolist():
                length = abs(piece) >> 1
                if not abs(piece) & 1:
                    if message:
                        yield _whole(message)
                    message, size = [], 0
                size += length
                if piece < 0:
                    message.append(self._over(length))
                elif size > self._limits.codec_message:
                    self.file.seek(length, 1)
                    message.append(length)
                else:
                    message.append(self.file.read(length))
        if message:
            yield _whole(message)

    def fits(self, size: int, rests: tuple[int, ...]) -> bool:
        """Whether every message that is a single piece is some times `size` bytes long, and one of the `rests`."""
        last = np.zeros(0, np.int64)  # nobody knows yet whether the next piece goes on with it
        for pieces in self._listed():
            known = np.concatenate((last, pieces))
            last = known[-1:]
            alone = (known[:-1] >= 0) & (known[:-1] & 1 == 0) & (known[1:] & 1 == 0)
            if not np.isin((known[:-1][alone] >> 1) % size, rests).all():
                return False
        last = last[(last >= 0) & (last & 1 == 0)]
        return bool(np.isin((last >> 1) % size, rests).all())

    def starts(self, magic: bytes, place: int) -> Iterator[int]:
        """Offsets of the messages in which `magic` stands at `place`."""
        want, at = np.frombuffer(magic, np.uint8), 0
        for pieces in self._listed():
            sizes = np.where((pieces < 0) & (-pieces >> 1 > _HOLE_KEPT), 0, np.abs(pieces) >> 1)
            places = at + np.cumsum(sizes) - sizes
            at += int(sizes.sum())
            whole = places[(pieces > 0) & (pieces & 1 == 0) & (sizes >= place + len(magic))] + place
            begin = 0
            while begin < len(whole):  # as many as lie within one read
                end = int(np.searchsorted(whole, whole[begin] + _READ, "right"))
                self.file.seek(int(whole[begin]))
                data = np.frombuffer(self.file.read(int(whole[end - 1] - whole[begin]) + len(magic)), np.uint8)
                rows = whole[begin:end] - whole[begin]
                same = np.ones(len(rows), np.bool_)
                for index, octet in enumerate(want.tolist()):
                    same &= data[rows + index] == octet
                yield from (whole[begin:end][same] - place).tolist()
                begin = end

    def read(self, at: int, size: int) -> bytes:
        """Bytes from an offset on."""
        self.file.seek(at)
        return self.file.read(size)

    def places(self, mark: re.Pattern[bytes], window: int) -> Iterator[int]:
        """Offsets at which a mark of at most `_MARK` bytes stands."""
        for begin in range(0, self.size, window):
            data = self.read(begin, window + _MARK)
            yield from (begin + found.start() for found in mark.finditer(data) if found.start() < window)

    def copied(self, header: bytes, at: int) -> IO[bytes]:
        """A copy of the bytes from an offset on, behind a header that was never sent."""
        copy = self._temporary()
        copy.write(header)
        self.file.seek(at)
        import shutil  # noqa: PLC0415 - a few milliseconds that most runs need not pay

        shutil.copyfileobj(self.file, copy)
        return copy

    def discard(self) -> None:
        """Let the bytes go."""
        self.file.close()
        self._pieces.close()

    def _listed(self) -> Iterator[Ints]:
        at = 0
        while True:
            self._pieces.seek(at)
            chunk = self._pieces.read(8 * _PIECES)
            if not chunk:
                return
            at += len(chunk)
            yield np.frombuffer(chunk, np.int64)

    def _over(self, length: int) -> int:
        """Pass over a hole."""
        if length <= _HOLE_KEPT:
            self.file.seek(length, 1)
        return length

    def _temporary(self) -> IO[bytes]:
        import tempfile  # noqa: PLC0415 - a few milliseconds that most runs need not pay

        return tempfile.SpooledTemporaryFile(self._limits.audio_in_memory, prefix="analyzer-audio-")


def _whole(pieces: list[bytes | int]) -> Packet:
    """The pieces of one message as one."""
    if len(pieces) == 1:
        return pieces[0]
    whole = [piece for piece in pieces if isinstance(piece, bytes)]
    return b"".join(whole) if len(whole) == len(pieces) else Torn(tuple(pieces))
