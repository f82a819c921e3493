"""From bytes as sent to frames of the decoded audio.

In: what kind of audio it was. Out: a function from byte offsets to frames, both rising. Raw samples have a width; containers have
time stamps; where neither tells, bytes and frames are in proportion.
"""

from collections.abc import Callable
from functools import partial
from typing import IO

import numpy as np

from analyzer.audio.codecs.places import Seconds, places
from analyzer.model.streams import Ints

Mapping = Callable[[Ints, int, int], Ints]
"""From byte offsets, the number of frames and the sample rate, to frames."""
_MOST = 0.9
"""Share of the bytes that time stamps must reach: of several containers behind one another only the first one has any."""


def by_width(width: int) -> Mapping:
    """Raw samples, `width` bytes to a frame."""
    return lambda offsets, frames, _: np.minimum(offsets // width, frames)


def by_share(size: int) -> Mapping:
    """Anything of `size` bytes."""
    return lambda offsets, frames, _: np.minimum(offsets, size) * frames // max(size, 1)


def of_stored(file: IO[bytes], size: int, container: str | None) -> Mapping:
    """A container by its time stamps, other bytes in proportion."""
    found = places(file, container) if container is not None else None
    if found is None or found[0][-1] < _MOST * size:
        return by_share(size)
    return partial(_by_time, *found, size)


def _by_time(at: Ints, times: Seconds, size: int, offsets: Ints, frames: int, sample_rate: int) -> Ints:
    """Between two packets in proportion."""
    known, frame = np.append(at, size), np.append(np.minimum(times * sample_rate, frames), frames)
    found: Ints = np.interp(offsets, known, frame).astype(np.int64)
    return found
