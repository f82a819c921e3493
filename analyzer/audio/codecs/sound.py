"""What a decoder of containers and codecs hands back: the format it found, and blocks of integer samples."""

from collections.abc import Iterator
from dataclasses import field
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.audio.levels import quantised
from analyzer.model.dataclass import dataclass

MAX_CHANNELS = 64
"""More than any service takes (20), and a bound on the size of a decoded block."""
HIGHEST_RATE = 768_000
"""Hz; more than any converter has."""
BLOCK = 1 << 16
"""Frames per block, about: large enough for numpy, small enough for memory."""


class UndecodableError(Exception):
    """A decoder cannot make anything of these bytes; the message is its reason in a few words."""


@dataclass(slots=True)
class Sound:
    """Audio while it is decoded. Times count in frames of `sample_rate`.

    `blocks` gives int16 arrays (`bits` 16) or int32 arrays of 24-bit samples (`bits` 24), shape (frames, channels), and
    ends quietly where the decoder stops. `remarks` grows meanwhile: what was odd, each in a few words.
    """

    sample_rate: int
    channels: int
    bits: int
    encoding: str | None
    blocks: Iterator[npt.NDArray[Any]]
    remarks: list[str] = field(default_factory=list)
    packets: int = 0
    """Packets tried so far, where the codec has packets."""
    failed: int = 0
    """Those of them that did not decode."""


def joined(pieces: Iterator[npt.NDArray[Any]]) -> Iterator[npt.NDArray[Any]]:
    """The same samples in blocks of at least BLOCK frames, save the last."""
    held: list[npt.NDArray[Any]] = []
    frames = 0
    for piece in pieces:
        held.append(piece)
        frames += len(piece)
        if frames >= BLOCK:
            yield np.concatenate(held)
            held, frames = [], 0
    if held:
        yield np.concatenate(held)


def silence(frames: int, channels: int, bits: int) -> Iterator[npt.NDArray[Any]]:
    """Blocks of zeros, `frames` in all."""
    while frames > 0:
        block = min(frames, BLOCK)
        yield np.zeros((block, channels), np.int16 if bits == 16 else np.int32)  # noqa: PLR2004 - the two widths
        frames -= block


def usable(sample_rate: int | None, channels: int | None) -> tuple[int | None, int]:
    """A declared rate, None where it is none, and number of channels, 1 where that is none: a declaration may say anything."""
    rate = sample_rate if sample_rate is not None and 0 < sample_rate <= HIGHEST_RATE else None
    return rate, channels if channels is not None and 0 < channels <= MAX_CHANNELS else 1


def from_floats(samples: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    """Floating-point samples (full scale 1.0) as integers, as FFmpeg does it: 24 bits are the upper ones of 32."""
    return quantised(samples, 16) if bits == 16 else quantised(samples, 32) >> 8  # noqa: PLR2004 - the two widths
