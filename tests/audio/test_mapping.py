"""Bytes to frames: by width, by time stamps, in proportion."""

import io
from collections.abc import Callable

import av
import numpy as np
import pytest

from analyzer.audio.mapping import by_share, by_width, of_stored


def test_raw_samples_have_a_width() -> None:
    assert by_width(4)(np.array([0, 4, 7, 400]), 50, 8000).tolist() == [0, 1, 1, 50]


def test_what_tells_nothing_is_in_proportion() -> None:
    assert by_share(100)(np.array([0, 25, 100, 300]), 8000, 8000).tolist() == [0, 2000, 8000, 8000]
    assert by_share(0)(np.array([0, 1]), 8, 8000).tolist() == [0, 0]
    assert of_stored(io.BytesIO(bytes(100)), 100, None)(np.array([50]), 10, 8000).tolist() == [5]
    assert of_stored(io.BytesIO(bytes(100)), 100, "ogg")(np.array([50]), 10, 8000).tolist() == [5]


@pytest.mark.parametrize(
    ("name", "options", "container"),
    [
        ("v.ogg", ("-c:a", "libopus", "-vbr", "on", "-page_duration", "20000"), "ogg"),
        ("v.webm", ("-c:a", "libopus", "-vbr", "on"), "webm"),
        ("v.mp3", ("-c:a", "libmp3lame", "-q:a", "5"), "mp3"),
        ("v.flac", ("-c:a", "flac"), "flac"),
        ("v.aac", ("-c:a", "aac"), "aac"),
        ("v.wav", ("-c:a", "pcm_s16le"), "wav"),
    ],
)
def test_containers_have_time_stamps(name: str, options: tuple[str, ...], container: str, encoded: Callable[..., bytes]) -> None:
    """Each packet is heard where the demuxer says, though the bit rate changes all the time."""
    data = encoded(name, *options)
    with av.open(io.BytesIO(data)) as source:
        stream = source.streams.audio[0]
        packets = [(one.pos, float(one.pts * one.time_base)) for one in source.demux(stream) if one.pts is not None and one.pos]
    at = np.array([pos for pos, _ in packets if pos is not None])
    times = np.array([time for pos, time in packets if pos is not None])
    frames = of_stored(io.BytesIO(data), len(data), container)(at, 48_000, 16_000)
    assert (np.diff(frames) >= 0).all()
    assert np.abs(frames / 16_000 - (times - times[0])).max() < 0.1


def test_of_containers_behind_one_another_only_the_first_is_known(encoded: Callable[..., bytes]) -> None:
    data = encoded("v.webm", "-c:a", "libopus", "-vbr", "on") * 3
    found = of_stored(io.BytesIO(data), len(data), "webm")(np.array([0, len(data) // 2]), 9000, 16_000)
    assert found.tolist() == [0, 4500]
