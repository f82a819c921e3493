"""gzip and zstd around a capture: one member or many, cut, damaged, hostile."""

import bz2
import gzip
import io
import lzma
import sys
import time
import zlib
from dataclasses import replace
from functools import cache

import lz4.frame
import pytest
from backports.zstd import CompressionParameter, ZstdCompressor
from drops import Drops
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.errors import MissingDependencyError, UnusableInputError
from analyzer.model.limits import DEFAULT
from analyzer.sources import compressed
from analyzer.sources.compressed import Inflating, unpacked

DATA = bytes(range(256)) * 3000


def zstd(data: bytes) -> bytes:
    """Compress with a checksum, as gzip has one."""
    return ZstdCompressor(options={CompressionParameter.checksum_flag: 1}).compress(data, ZstdCompressor.FLUSH_FRAME)


def lz4_frame(data: bytes) -> bytes:
    """The same."""
    return lz4.frame.compress(data, content_checksum=True)  # type: ignore[no-any-return]


PACK = {"gzip": gzip.compress, "zstd": zstd, "bzip2": bz2.compress, "xz": lzma.compress, "lz4": lz4_frame}
MAGIC = {"gzip": compressed.GZIP, "zstd": compressed.ZSTD, "bzip2": compressed.BZIP2, "xz": compressed.XZ, "lz4": compressed.LZ4}
BOTH = pytest.mark.parametrize("kind", PACK)


def inflate(data: bytes, size: int = 10_000, stream: type[io.BytesIO] = io.BytesIO) -> tuple[bytes, str | None]:
    """All that comes out by reads of `size` bytes, and why it ended early."""
    magic = next(magic for magic in MAGIC.values() if data.startswith(magic[:2]))
    layer, out, buffer = Inflating(stream(data), magic, DEFAULT), bytearray(), bytearray(size)
    while count := layer.readinto(memoryview(buffer)):
        out += buffer[:count]
    assert layer.readinto(memoryview(buffer)) == 0
    return bytes(out), layer.problem


@BOTH
@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_one_member_or_many(kind: str, size: int) -> None:
    pack = PACK[kind]
    assert inflate(pack(DATA), size) == (DATA, None)
    assert inflate(pack(DATA) + pack(b"") + pack(b"more") + pack(DATA), size) == (DATA + b"more" + DATA, None)
    assert inflate(pack(DATA) + bytes(500), size) == (DATA, None)


@BOTH
def test_a_byte_at_a_time(kind: str) -> None:
    assert inflate(PACK[kind](b"abc" * 99) + PACK[kind](b"de"), 1, Drops) == (b"abc" * 99 + b"de", None)


@BOTH
@given(stop=st.integers(5, 10_000))
def test_what_is_cut_gives_what_is_there(kind: str, stop: int) -> None:
    data = PACK[kind](bytes(range(256)) * 20 + DATA[:9000])
    out, problem = inflate(data[: min(stop, len(data) - 1)])
    assert (bytes(range(256)) * 20 + DATA[:9000]).startswith(out)
    assert problem == "the compressed file ends early"


@cache
def packed(kind: str) -> bytes:
    """bzip2 takes its time for what repeats itself."""
    return PACK[kind](DATA)


@BOTH
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_damage_is_said_and_never_raised(kind: str, at: int, bit: int) -> None:
    data = bytearray(packed(kind))
    data[4 + at % (len(data) - 4)] ^= 1 << bit
    out, problem = inflate(bytes(data))
    assert out == DATA or problem is not None


def test_damage_in_the_middle_keeps_what_came_before() -> None:
    out, problem = inflate(gzip.compress(b"first") + gzip.compress(DATA)[:9] + b"\xff" * 50)
    assert out == b"first"
    assert problem is not None
    assert problem.startswith("the compressed data is damaged (")


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_given_up(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "FREE", 100_000)
    data = PACK[kind](bytes(30_000_000))
    layer = Inflating(io.BytesIO(data), MAGIC[kind], replace(DEFAULT, compressed_ratio=200))
    given, buffer = 0, bytearray(50_000)
    while count := layer.readinto(memoryview(buffer)):
        given += count
    assert given < len(data) * 201 + 100_000 + 50_000
    assert layer.problem is not None
    assert "compressed bytes grew beyond" in layer.problem


def test_many_empty_members_take_linear_time() -> None:
    data = gzip.compress(b"") * 50_000 + gzip.compress(b"end")
    begin = time.process_time()
    assert inflate(data) == (b"end", None)
    assert time.process_time() - begin < 5


def test_what_is_inside_can_be_looked_at() -> None:
    for pack in PACK.values():
        found = unpacked(io.BufferedReader(io.BytesIO(pack(DATA))), "x.gz", DEFAULT)
        assert found is not None
        assert found[0].peek(4)[:4] == DATA[:4]
        assert found[0].read() == DATA
    assert unpacked(io.BufferedReader(io.BytesIO(b"plain")), "x", DEFAULT) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(b"", mtime=0), "x.gz: the compressed file is empty"),
        (zstd(b""), "x.gz: the compressed file is empty"),
        (compressed.GZIP, "x.gz: the compressed file ends early"),
        (compressed.GZIP + b"\xff" * 30, "x.gz: the compressed data is damaged"),
        (compressed.ZSTD + b"\xff" * 30, "x.gz: the compressed data is damaged"),
    ],
)
def test_nothing_inside_cannot_be_used(data: bytes, words: str) -> None:
    with pytest.raises(UnusableInputError, match=words):
        unpacked(io.BufferedReader(io.BytesIO(data)), "x.gz", DEFAULT)


def test_lz4_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'analyzer\[lz4\]'"):
        unpacked(io.BufferedReader(io.BytesIO(lz4_frame(DATA))), "x.lz4", DEFAULT)


def test_an_xz_file_that_asks_for_too_much_memory() -> None:
    data = lzma.compress(DATA, preset=9)
    with pytest.raises(UnusableInputError, match=r"x\.xz: the compressed data is damaged \(Memory usage limit"):
        unpacked(io.BufferedReader(io.BytesIO(data)), "x.xz", replace(DEFAULT, xz_memory=1 << 20))


def test_raw_deflate_is_no_layer() -> None:
    assert unpacked(io.BufferedReader(io.BytesIO(zlib.compress(b"x"))), "x", DEFAULT) is None
