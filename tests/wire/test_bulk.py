"""The compiled functions and their numpy twins do the same, also in place, and refuse the same slices."""

import importlib.machinery
import importlib.util
import sys
from itertools import groupby, pairwise
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
def test_sums_are_exact(functions: ModuleType, samples: list[int], copies: int) -> None:
    array = np.array(samples * copies, np.int16)
    peak = max((abs(value) for value in samples), default=0)
    full = sum(abs(value) >= 32767 for value in samples)
    assert functions.pcm16(array) == (peak, *(copies * one for one in (sum(value**2 for value in samples), sum(samples), full)))


@BOTH
def test_the_loudest_square_does_not_overflow(functions: ModuleType) -> None:
    assert functions.pcm16(np.full(100_000, -32768, np.int16)) == (32768, 100_000 * 2**30, -32768 * 100_000, 100_000)


@BOTH
@given(samples=st.lists(st.integers(-32768, 32767), max_size=40), stride=st.integers(1, 3))
def test_sums_of_samples_and_steps_are_exact(functions: ModuleType, samples: list[int], stride: int) -> None:
    taken = samples[::stride]
    steps = [after - before for before, after in pairwise(taken)]
    expected = (sum(taken), sum(value * value for value in taken), sum(step * step for step in steps))
    assert functions.pcm16_steps(np.array(samples, np.int16)[::stride]) == expected


@BOTH
def test_the_widest_step_does_not_overflow(functions: ModuleType) -> None:
    samples = np.tile(np.array([-32768, 32767], np.int16), 50_000)
    assert functions.pcm16_steps(samples) == (-50_000, 50_000 * (2**30 + 32767**2), 99_999 * 65535**2)


@BOTH
@given(codes=st.lists(st.integers(0, 255), max_size=40), copies=st.sampled_from((1, 3000)))
def test_coded_samples_measure_like_their_values(functions: ModuleType, codes: list[int], copies: int) -> None:
    table = (np.arange(256) * 257 - 32768).astype(np.int16)
    array = np.array(codes * copies, np.uint8)
    assert functions.coded(array, table) == functions.pcm16(table[array])
    assert functions.coded(array, table >> 1)[3] == copies * sum(code in (0, 255) for code in codes)
    with pytest.raises(ValueError, match="255 values"):
        functions.coded(array, table[:255])


FRAMES = st.lists(st.tuples(st.sampled_from(("idle", "masked", "first", "last")), st.integers(1, 40)), max_size=10)


@BOTH
@pytest.mark.parametrize("width", [1, 2, 3, 4, 6, 8, 16])
@given(shape=FRAMES, shortest=st.integers(1, 30))
def test_silent_runs_are_those_of_a_walk(functions: ModuleType, width: int, shape: list[tuple[str, int]], shortest: int) -> None:
    """`masked` frames differ from idle ones where the mask does not look; the others in their first or their last byte."""
    idle, mask = bytes(range(1, width + 1)), b"\x7f" * width
    different = {"masked": b"\x80" + bytes(width - 1), "first": b"\x40" + bytes(width - 1), "last": bytes(width - 1) + b"\x41"}
    kinds = [kind for kind, length in shape for _ in range(length)]
    frames = [bytes(a ^ b for a, b in zip(idle, different.get(kind, bytes(width)), strict=True)) for kind in kinds]
    runs, at = [], 0
    for silent, group in groupby(kind in {"idle", "masked"} for kind in kinds):
        begin, at = at, at + len(list(group))
        if silent and (at - begin >= shortest or begin == 0 or at == len(kinds)):
            runs.append((begin, at))
    data = np.frombuffer(b"x" + b"".join(frames), np.uint8)[1:]
    assert functions.silent_runs(data, mask, idle, shortest) == runs


@BOTH
@pytest.mark.parametrize("size", [2**16, 3 * 2**16 + 5])
def test_a_long_run_is_one_run(functions: ModuleType, size: int) -> None:
    data = np.zeros(size + 20, np.uint8)
    data[[0, -1]] = 1
    assert functions.silent_runs(data, b"\xff", b"\0", 100) == [(1, size + 19)]


@BOTH
@pytest.mark.parametrize(
    ("mask", "idle", "shortest"), [(b"", b"", 1), (b"\xff", b"\0", 0), (b"\xff", b"\0", -1), (b"\xff" * 4, bytes(4), 1),
                                   (b"\xff" * 2, b"\0", 1), (b"\xff", b"\0\0", 1)]
)  # fmt: skip
def test_silence_needs_whole_frames(functions: ModuleType, mask: bytes, idle: bytes, shortest: int) -> None:
    with pytest.raises(ValueError, match="6 bytes, frames of"):
        functions.silent_runs(np.zeros(6, np.uint8), mask, idle, shortest)
