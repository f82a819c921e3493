"""Where in time the bytes of a container belong, by the time stamps of its packets. Nothing is decoded.

In: a seekable binary file at any place, and the container that it was recognised as. Out: byte offsets of packets and their times.
"""

from typing import IO

import numpy as np
import numpy.typing as npt

from analyzer.audio.codecs.ffmpeg import DEMUXERS, OPTIONS
from analyzer.model.streams import Ints

Seconds = npt.NDArray[np.float64]


def places(file: IO[bytes], container: str) -> tuple[Ints, Seconds] | None:
    """Byte offset and time in seconds of each packet whose place is known, both rising; None where FFmpeg tells of none."""
    import av  # noqa: PLC0415 - loads FFmpeg, which few sessions need

    errors = (av.FFmpegError, ValueError, OSError)
    found: list[tuple[int, float]] = []
    file.seek(0)
    try:
        with av.open(file, mode="r", format=DEMUXERS[container], options=dict(OPTIONS), metadata_errors="ignore") as source:
            for packet in source.demux(source.streams.audio[0]):
                if packet.pos is None or packet.pts is None or packet.time_base is None:
                    continue
                if packet.pos >= 0:
                    found.append((packet.pos, float(packet.pts * packet.time_base)))
    except (*errors, IndexError):
        pass  # a file that breaks off is known as far as it goes
    if not found:
        return None
    offsets, times = np.array(sorted(found)).T
    return offsets.astype(np.int64), np.maximum.accumulate(times - times[0])
