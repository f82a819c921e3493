"""The compiled functions and their numpy twins do the same, also in place, and refuse the same slices."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzer.wire
from analyzer.wire import bulk


def twin() -> ModuleType:
    """`bulk` as it is where the extension was not built."""
    loader = importlib.machinery.SourceFileLoader("bulk_without_extension", str(Path(analyzer.wire.__path__[0]) / "bulk.py"))
    spec = importlib.util.spec_from_loader("bulk_without_extension", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "analyzer.wire._bulk", None)
        loader.exec_module(module)
    return module


TWIN = twin()
BOTH = pytest.mark.parametrize("functions", [bulk, TWIN], ids=["built", "twin"])
SLICES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**32 - 1)), max_size=8)


def columns(slices: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    starts, lengths, keys = zip(*slices, strict=True) if slices else ((), (), ())
    return np.array(starts, np.int64), np.array(lengths, np.int64), np.array(keys, np.uint32)


def test_the_twin_is_not_compiled() -> None:
    assert not TWIN.COMPILED


@BOTH
@given(slices=SLICES)
def test_slices_are_copied_and_unmasked(functions: ModuleType, slices: list[tuple[int, int, int]]) -> None:
    source = np.arange(120, dtype=np.uint8) * 7
    starts, lengths, keys = columns(slices)
    out = np.zeros(int(lengths.sum()) + 3, np.uint8)
    parts = [source[start : start + length].tobytes() for start, length, _ in slices]
    assert functions.gather(source, starts, lengths, out) == lengths.sum()
    assert out[:-3].tobytes() == b"".join(parts)
    masked = [
        bytes(byte ^ key.to_bytes(4, "big")[at % 4] for at, byte in enumerate(part))
        for part, (_, _, key) in zip(parts, slices, strict=True)
    ]
    assert functions.unmask(source, starts, lengths, keys, out) == lengths.sum()
    assert out[:-3].tobytes() == b"".join(masked)
    assert not out[-3:].any()


@BOTH
@given(sizes=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 50), st.integers(0, 2**32 - 1)), max_size=8))
def test_payloads_move_over_their_headers_in_place(functions: ModuleType, sizes: list[tuple[int, int, int]]) -> None:
    total = sum(gap + size for gap, size, _ in sizes)
    data = (np.arange(total) * 31 % 251).astype(np.uint8)
    ends = np.cumsum([gap + size for gap, size, _ in sizes], dtype=np.int64)
    lengths = np.array([size for _, size, _ in sizes], np.int64)
    keys = np.array([key for _, _, key in sizes], np.uint32)
    for name, more in (("gather", ()), ("unmask", (keys,))):
        expected, moved = np.zeros(total, np.uint8), data.copy()
        count = getattr(TWIN, name)(data.copy(), ends - lengths, lengths, *more, expected)
        assert getattr(functions, name)(moved, ends - lengths, lengths, *more, moved) == count
        assert moved[:count].tobytes() == expected[:count].tobytes()


@BOTH
@pytest.mark.parametrize(("start", "length"), [(-1, 2), (0, -1), (9, 2), (11, 0), (0, 11), (2**62, 2**62), (0, 6)])
def test_a_slice_outside_is_refused(functions: ModuleType, start: int, length: int) -> None:
    source, out = np.zeros(10, np.uint8), np.zeros(5, np.uint8)
    arrays = np.array([start], np.int64), np.array([length], np.int64)
    with pytest.raises(IndexError, match="outside"):
        functions.gather(source, *arrays, out)
    with pytest.raises(IndexError, match="outside"):
        functions.unmask(source, *arrays, np.zeros(1, np.uint32), out)


@BOTH
@given(samples=st.lists(st.integers(-32768, 32767), max_size=40), copies=st.sampled_from((1, 300)))
def test_peak_and_squares_are_exact(functions: ModuleType, samples: list[int], copies: int) -> None:
    array = np.array(samples * copies, np.int16)
    peak = max((abs(value) for value in samples), default=0)
    assert functions.pcm16(array) == (peak, copies * sum(value * value for value in samples))


@BOTH
def test_the_loudest_square_does_not_overflow(functions: ModuleType) -> None:
    assert functions.pcm16(np.full(100_000, -32768, np.int16)) == (32768, 100_000 * 2**30)
