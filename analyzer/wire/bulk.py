"""Byte-wide work on many slices at once: copy, unmask, measure.

The numpy functions here are the meaning; the compiled ones of `_bulk.pyx` take their place where the extension was built. Unlike
the
walks they share no source, because a loop over bytes in Python would be thousands of times slower than numpy.
"""

import numpy as np
import numpy.typing as npt

from analyzer.model.streams import Bytes, Ints

U32 = npt.NDArray[np.uint32]
Sums = tuple[int, int, int, int]
"""Of samples: the largest absolute value, the exact sum of squares, the exact sum, and how many stand at full scale."""

_BLOCK = 1 << 16
"""Items that numpy widens or compares at once, so that what comes between stays in the cache."""
_CODES = 256
_FULL_SCALE = 32767
_WORDS = (1, 2, 4, 8)
"""Widths of frames that are compared as a whole."""
_FIRST_STEP = 1 << 10
"""Frames looked at first for the end of a run; doubled from there, so that long runs cost few calls and short ones few frames."""


def gather(source: Bytes, starts: Ints, lengths: Ints, out: Bytes) -> int:
    """Copy `source[start : start + length]` of each row behind one another into `out`; returns the bytes written.

    `out` may be `source` itself where no row is written behind where it is read, as for payloads without their headers. All arrays
    are one-dimensional. Raises IndexError for a slice outside `source` or beyond the room in `out`.
    """
    at = 0
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        _check(source, start, length, out, at)
        out[at : at + length] = source[start : start + length]
        at += length
    return at


def gathered(source: Bytes, starts: Ints, lengths: Ints) -> Bytes:
    """What `gather` writes, in memory of its own."""
    out = np.empty(int(lengths.sum()), np.uint8)
    gather(source, np.ascontiguousarray(starts), np.ascontiguousarray(lengths), out)
    return out


def unmask(source: Bytes, starts: Ints, lengths: Ints, keys: U32, out: Bytes) -> int:
    """Like `gather`, and XOR each slice with its 4-byte key (uint32, first byte highest; RFC 6455 section 5.3)."""
    at = 0
    for start, length, key in zip(starts.tolist(), lengths.tolist(), keys.tolist(), strict=True):
        _check(source, start, length, out, at)
        whole = length & ~3
        part = source[start : start + length]
        four = np.frombuffer(key.to_bytes(4, "big"), np.uint8)
        np.bitwise_xor(part[:whole].reshape(-1, 4), four, out=out[at : at + whole].reshape(-1, 4))
        np.bitwise_xor(part[whole:], four[: length - whole], out=out[at + whole : at + length])
        at += length
    return at


def pcm16(samples: npt.NDArray[np.int16]) -> Sums:
    """`Sums` of 16-bit samples (one-dimensional). At full scale are 32767, -32767 and -32768."""
    peak = squares = total = full = 0
    for at in range(0, len(samples), _BLOCK):
        wide = samples[at : at + _BLOCK].astype(np.int64)
        highest = max(int(wide.max()), -int(wide.min()))
        peak = max(peak, highest)
        squares += int(np.dot(wide, wide))
        total += int(wide.sum())
        if highest >= _FULL_SCALE:
            full += int(np.count_nonzero(np.abs(wide) >= _FULL_SCALE))
    return peak, squares, total, full


def pcm16_steps(samples: npt.NDArray[np.int16]) -> tuple[int, int, int]:
    """The sum of 16-bit samples (one-dimensional, strided or not), that of their squares, and that of the squares of the steps from
    each to the next; exact.
    """
    wide = samples.astype(np.int64)
    steps = wide[1:] - wide[:-1]
    return int(wide.sum()), int(np.dot(wide, wide)), int(np.dot(steps, steps))


def coded(codes: Bytes, table: npt.NDArray[np.int16]) -> Sums:
    """`Sums` of samples that stand as bytes for the 256 values of `table`. At full scale are the largest values of both signs.

    Raises ValueError for a table of another size.
    """
    if len(table) != _CODES:
        msg = f"a table of {len(table)} values for {_CODES} codes"
        raise ValueError(msg)
    counts = np.zeros(_CODES, np.int64)
    for at in range(0, len(codes), _BLOCK):
        counts += np.bincount(codes[at : at + _BLOCK], minlength=_CODES)
    values = table.astype(np.int64)
    sizes = np.abs(values)
    full = int(counts[sizes >= min(values.max(), -values.min())].sum())
    return int(sizes[counts > 0].max(initial=0)), int(np.dot(counts, values * values)), int(np.dot(counts, values)), full


def silent_runs(data: Bytes, mask: bytes, idle: bytes, shortest: int) -> list[tuple[int, int]]:
    """The silent runs of frames in `data` that have at least `shortest` frames, or stand at its beginning or its end.

    A frame has as many bytes as `mask` and `idle`; it is silent where its bytes are those of `idle` in all bits of `mask`. Gives
    begin and end of each run, in frames. Only one frame in `shortest` is looked at where there is sound. Raises ValueError for
    bytes that are no whole frames, frames without bytes, or runs without frames.
    """
    if not mask or len(idle) != len(mask) or shortest < 1 or len(data) % len(mask):
        msg = f"{len(data)} bytes, frames of {len(mask)} and {len(idle)} bytes, runs of {shortest} frames"
        raise ValueError(msg)
    frames = _Frames(data, mask, idle)
    end = frames.end_of_run(0)
    runs = [(0, end)] if end else []
    places = np.arange(end + shortest, frames.count, shortest)
    for place in places[frames.silent(places)].tolist():
        if place > end:
            begin = frames.begin_of_run(max(end, place - shortest), place)
            end = frames.end_of_run(place)
            if end - begin >= shortest or end == frames.count:
                runs.append((begin, end))
    begin = frames.begin_of_run(max(end, frames.count - shortest), frames.count)
    return runs if begin == frames.count else [*runs, (begin, frames.count)]


class _Frames:
    """Frames whose silence is asked for in pieces."""

    def __init__(self, data: Bytes, mask: bytes, idle: bytes) -> None:
        word = f"u{len(mask)}" if len(mask) in _WORDS else "u1"
        self._mask, self._idle = np.frombuffer(mask, word), np.frombuffer(idle, word)
        self._frames = np.ascontiguousarray(data).view(word).reshape(-1, len(self._mask))
        self.count = len(self._frames)

    def silent(self, which: slice | Ints) -> npt.NDArray[np.bool_]:
        """Whether each of these frames is silent."""
        equal: npt.NDArray[np.bool_] = (self._frames[which] & self._mask) == self._idle
        return equal[:, 0] if len(self._mask) == 1 else np.logical_and.reduce(equal, axis=1)

    def begin_of_run(self, lowest: int, end: int) -> int:
        """The first frame, not before `lowest`, of the silent run that ends before `end`."""
        sound = np.flatnonzero(~self.silent(slice(lowest, end)))
        return lowest + int(sound[-1]) + 1 if len(sound) else lowest

    def end_of_run(self, at: int) -> int:
        """The first frame from `at` on that is not silent, or the number of frames."""
        step = _FIRST_STEP
        while at < self.count:
            silent = self.silent(slice(at, at + step))
            if not silent.all():
                return at + int(silent.argmin())
            at += len(silent)
            step = min(step * 2, _BLOCK)
        return self.count


def _check(source: Bytes, start: int, length: int, out: Bytes, at: int) -> None:
    """Raise IndexError where numpy would silently shorten a slice."""
    if start < 0 or length < 0 or start > len(source) - length or at > len(out) - length:
        msg = f"slice {start} + {length} at {at} is outside {len(source)} or {len(out)} bytes"
        raise IndexError(msg)


COMPILED = False
"""Whether the compiled functions are in place."""

try:
    from analyzer.wire._bulk import (  # type: ignore[no-redef]  # noqa: F401 - they take the names above
        coded,
        gather,
        pcm16,
        pcm16_steps,
        silent_runs,
        unmask,
    )

    COMPILED = True
except ImportError:
    pass
