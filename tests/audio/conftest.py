"""A voice made of harmonics, the FFmpeg program as the peer that makes and reads formats, and tracks built in one call."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from analyzer.audio.track import TrackBuilder
from analyzer.model.limits import DEFAULT, Limits
from analyzer.model.schema import Side
from analyzer.model.settings import Dump
from analyzer.model.track import AudioFormat, Pace, Track

FORMANTS = ((550, 120), (1400, 200), (2600, 300))


def spoken(rate: int, seconds: float, pitch: float = 110.0) -> np.ndarray[Any, Any]:
    """Uneven syllables of a buzzing voice with three formants and a little breath, int16."""
    time = np.arange(int(rate * seconds)) / rate
    wobble = 2 * np.pi * pitch * (time + 0.004 * np.sin(2 * np.pi * 3 * time) / 3)
    signal = np.zeros_like(time)
    for harmonic in range(1, int(min(rate / 2, 4000) / pitch)):
        gain = sum(1 / (1 + ((harmonic * pitch - centre) / width) ** 2) for centre, width in FORMANTS) / harmonic
        signal += gain * np.sin(harmonic * wobble)
    turns = 3.6 * time + 0.5 * np.sin(2 * np.pi * 0.4 * time) + 0.35 * np.sin(2 * np.pi * 0.93 * time)
    syllables = np.clip(1.5 * np.sin(2 * np.pi * turns) + 0.7, 0, 1)
    breath = np.random.default_rng(1).normal(0, 0.004, len(time))
    return np.clip((signal / np.abs(signal).max() * syllables + breath) * 14000, -32768, 32767).astype("<i2")


@pytest.fixture(scope="session")
def voice() -> Callable[..., np.ndarray[Any, Any]]:
    return spoken


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., bytes]:
    """Run the ffmpeg program on standard input; `ffmpeg(data, *options)` gives its standard output."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("the ffmpeg program, which is the peer here, is not installed")

    def run(data: bytes, *options: str) -> bytes:
        return subprocess.run([program, "-v", "error", *options], input=data, check=True, capture_output=True).stdout

    return run


@pytest.fixture(scope="session")
def encoded(ffmpeg: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Three seconds of voice at 16 kHz as FFmpeg encodes them: `encoded("a.ogg", "-c:a", "flac")`, with the format in the name."""
    folder = tmp_path_factory.mktemp("encoded")
    made: dict[tuple[str, ...], bytes] = {}

    def encode(name: str, *options: str) -> bytes:
        if (name, *options) not in made:
            path = folder / name
            ffmpeg(spoken(16000, 3).tobytes(), "-y", "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", *options, str(path))
            made[name, *options] = path.read_bytes()
        return made[name, *options]

    return encode


def builder(declared: AudioFormat, *, containers: bool = True, dump: Dump | None = None, limits: Limits = DEFAULT) -> TrackBuilder:
    return TrackBuilder(declared, limits, containers=containers, side=Side.CLIENT, dump=dump)


def feed(track: TrackBuilder, messages: Sequence[bytes]) -> None:
    data = np.frombuffer(b"".join(messages), np.uint8)
    track.feed(data, np.array([len(message) for message in messages], np.int64))


@pytest.fixture(scope="session")
def track() -> Callable[..., Track]:
    """`track(data, declared)` builds the track of some bytes, sent in messages of `size`."""

    def build(
        data: bytes,
        declared: AudioFormat | None = None,
        *,
        size: int = 640,
        pace: Pace | None = None,
        missing: bool = False,
        containers: bool = True,
    ) -> Track:
        made = builder(declared or AudioFormat(), containers=containers)
        feed(made, [data[at : at + size] for at in range(0, len(data), size)])
        try:
            return made.finish(pace, missing)
        finally:
            made.discard()

    return build
