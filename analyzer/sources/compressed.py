"""Captures with gzip, zstd, bzip2, xz or lz4 (frames) on top. In: the compressed stream. Out: a stream of what is inside, that ends
early where it is damaged.
"""

import io
from collections.abc import Callable
from typing import Protocol

from analyzer.model.errors import MissingDependencyError, UnusableInputError
from analyzer.model.limits import KIB, MIB, Limits
from analyzer.sources.window import Readable

GZIP, ZSTD, BZIP2, XZ, LZ4 = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18"
TSHARK_KNOWS = {GZIP, ZSTD, LZ4}
"""What tshark opens by itself."""
LONGEST_MAGIC = 6
BLOCK, INPUT = MIB, 64 * KIB
"""Output and input taken at once. Input is copied at the end of each member, and hostile files have many."""
FREE = 1024 * MIB
"""Output that is never called a bomb."""


class Decoder(Protocol):
    """One compressed member, as zlib and its kin decompress it."""

    @property
    def eof(self) -> bool:
        """The member is complete."""

    @property
    def unused_data(self) -> bytes | None:
        """What follows it."""

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes:
        """At most `max_length` bytes of output."""


class Inflating(io.RawIOBase):
    """Reads on through any number of members. `problem` says in one sentence why it ended early, if it did."""

    def __init__(self, file: Readable, magic: bytes, limits: Limits) -> None:
        super().__init__()
        self._file = file
        self.magic = magic
        self._limits = limits
        self._fresh = _decoders(magic, limits)
        self._decoder = self._fresh()
        self._input = b""
        self._started = False
        self._taken = 0
        self._given = 0
        self._block = bytearray(INPUT)
        self.problem: str | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer from the front; 0 at the end or where the data is damaged."""
        while self.problem is None:
            if self._decoder.eof:
                self._input = self._decoder.unused_data or b""  # all that is left; zlib may have it in unconsumed_tail as well
                if not self._input and not self._fill():
                    return 0
                if not self._input.startswith(self.magic[:1]):  # padding behind the last member
                    return 0
                self._decoder, self._started = self._fresh(), False
            waiting = self._started and not getattr(self._decoder, "needs_input", True)
            if not self._input and not waiting and not self._fill():
                return self._end("the compressed file ends early")
            try:
                chunk = self._decoder.decompress(self._input, len(buffer))
            except Exception as error:  # noqa: BLE001 - zlib.error, ZstdError: whatever it is called, the data is damaged
                return self._end(f"the compressed data is damaged ({error})")
            self._started = True
            self._input = getattr(self._decoder, "unconsumed_tail", b"")
            if chunk:
                buffer[: len(chunk)] = chunk
                self._given += len(chunk)
                if self._given > FREE and self._given > self._taken * self._limits.compressed_ratio:
                    self._end(f"{self._taken} compressed bytes grew beyond {self._given}; reading stopped")
                return len(chunk)
        return 0

    def _end(self, problem: str) -> int:
        self.problem = problem
        return 0

    def _fill(self) -> bool:
        count = self._file.readinto(memoryview(self._block)) or 0
        self._input = bytes(self._block[:count])
        self._taken += count
        return count > 0


def _decoders(magic: bytes, limits: Limits) -> Callable[[], Decoder]:
    """What makes a decoder for each member. Raises MissingDependencyError."""
    if magic == GZIP:
        import zlib  # noqa: PLC0415 - each is needed for its own files only

        return lambda: zlib.decompressobj(wbits=31)
    if magic == BZIP2:
        import bz2  # noqa: PLC0415 - as above

        return bz2.BZ2Decompressor
    if magic == XZ:
        import lzma  # noqa: PLC0415 - as above

        return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=limits.xz_memory)
    if magic == LZ4:
        try:
            from lz4.frame import LZ4FrameDecompressor  # noqa: PLC0415 - an extra
        except ImportError as missing:
            raise MissingDependencyError("lz4 is not installed: install it with `pip install 'analyzer[lz4]'`.") from missing
        return LZ4FrameDecompressor  # type: ignore[no-any-return]
    try:
        from compression.zstd import ZstdDecompressor  # noqa: PLC0415 - in the standard library from Python 3.14 on
    except ImportError:
        from backports.zstd import ZstdDecompressor  # noqa: PLC0415 - only captures compressed with zstd need it
    return ZstdDecompressor  # type: ignore[no-any-return]


def unpacked(file: io.BufferedReader, path: str, limits: Limits) -> tuple[io.BufferedReader, Inflating] | None:
    """What is inside a compressed file, buffered and bare; None when it is none.

    Raises UnusableInputError when nothing comes out, MissingDependencyError when it takes a package that is not there.
    """
    head = file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC]
    magic = next((magic for magic in (GZIP, ZSTD, BZIP2, XZ, LZ4) if head.startswith(magic)), None)
    if magic is None:
        return None
    inside = Inflating(file, magic, limits)
    stream: io.BufferedReader = io.BufferedReader(inside, BLOCK)
    if not stream.peek(4):
        raise UnusableInputError(f"{path}: {inside.problem or 'the compressed file is empty'}.")
    return stream, inside
