"""Byte-wide work on many slices at once: copy, unmask, measure.

The numpy functions here are the meaning; the compiled ones of `_bulk.pyx` take their place where the extension was built. Unlike
the
walks they share no source, because a loop over bytes in Python would be thousands of times slower than numpy.
"""

import numpy as np
import numpy.typing as npt

from analyzer.model.streams import Bytes, Ints

U32 = npt.NDArray[np.uint32]


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


def pcm16(samples: npt.NDArray[np.int16]) -> tuple[int, int]:
    """The largest absolute value and the exact sum of squares of 16-bit samples (one-dimensional)."""
    if not len(samples):
        return 0, 0
    wide = samples.astype(np.int64)
    return max(int(samples.max()), -int(samples.min())), int(np.dot(wide, wide))


def _check(source: Bytes, start: int, length: int, out: Bytes, at: int) -> None:
    """Raise IndexError where numpy would silently shorten a slice."""
    if start < 0 or length < 0 or start > len(source) - length or at > len(out) - length:
        msg = f"slice {start} + {length} at {at} is outside {len(source)} or {len(out)} bytes"
        raise IndexError(msg)


COMPILED = False
"""Whether the compiled functions are in place."""

try:
    from analyzer.wire._bulk import gather, pcm16, unmask  # type: ignore[no-redef]  # noqa: F401 - they take the names above

    COMPILED = True
except ImportError:
    pass
