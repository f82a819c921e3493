"""What Opus packets say of themselves, as libopus made them and as they are damaged."""

import io
from collections.abc import Callable

import av
import numpy as np
import pytest

from analyzer.audio.codecs import opus


def packets(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("frame", ["2.5", "5", "10", "20", "40", "60"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("application", ["voip", "audio"])
def test_packets_of_an_encoder(frame: str, channels: int, application: str, encoded: Callable[..., bytes]) -> None:
    options = ("-c:a", "libopus", "-ac", str(channels), "-frame_duration", frame, "-application", application, "-b:a", "40k")
    found = packets(encoded(f"{frame}-{channels}-{application}.ogg", *options))
    assert {opus.duration(packet) for packet in found} == {int(float(frame) * 48)}
    assert all(map(opus.well_formed, found))
    assert channels == 2 or not any(map(opus.stereo, found))


@pytest.mark.parametrize(("packet", "samples", "well_formed"), [
    (b"", None, False), (b"\x08", 960, True), (b"\xfc", 960, True), (b"\x00" * 1276, 480, True), (b"\x00" * 1277, 480, False),
    (b"\x09" + bytes(4), 1920, True), (b"\x09" + bytes(5), 1920, False), (b"\x0a\x03abcd", 1920, True), (b"\x0a", 1920, False),
    (b"\x0a\x05abcd", 1920, False), (b"\x0a\xfc", 1920, False), (b"\x0a\xfc\x01" + bytes(300), 1920, True),
    (b"\x0b", None, False), (b"\x0b\x00abc", None, False), (b"\x0b\x03abc", 2880, True), (b"\x0b\x03abcd", 2880, False),
    (b"\x0b\x07" + bytes(70), None, False), (b"\x0b\x83\x01\x02abbc", 2880, True), (b"\x0b\x83\x01\x09abbc", 2880, False),
    (b"\x0b\x83\x01", 2880, False), (b"\x0b\x43\x02abc\0\0", 2880, True), (b"\x0b\x43\x09abc", 2880, False),
    (b"\x0b\x43\xff\x01abc" + bytes(255), 2880, True), (b"\x0b\x43\xff", 2880, False),
])  # fmt: skip
def test_lengths_inside(packet: bytes, samples: int | None, well_formed: bool) -> None:
    assert (opus.duration(packet), opus.well_formed(packet)) == (samples, well_formed)


def test_the_stereo_bit(ffmpeg: Callable[..., bytes]) -> None:
    two_tones = "sine=400:duration=0.5[a];sine=900:duration=0.5[b];[a][b]join=inputs=2"
    data = ffmpeg(b"", "-filter_complex", two_tones, "-c:a", "libopus", "-b:a", "96k", "-f", "ogg", "-")
    assert all(map(opus.stereo, packets(data)[5:]))
    assert not opus.stereo(b"")


def test_noise_is_seldom_well_formed() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, 1600).astype(np.uint8).tobytes() for _ in range(300)]
    assert sum(map(opus.well_formed, noise)) < 120
