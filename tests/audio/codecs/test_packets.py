"""Bare packets: Opus as an encoder made them, frames of the others of which any bits are audio."""

import io
from collections.abc import Callable, Iterator

import av
import numpy as np
import pytest

from analyzer.audio.codecs import packets
from analyzer.audio.codecs.sound import Sound, UndecodableError


@pytest.fixture
def opus(encoded: Callable[..., bytes]) -> list[bytes]:
    """Three seconds of 20-ms packets."""
    with av.open(io.BytesIO(encoded("opus.ogg", "-c:a", "libopus"))) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def decoded(encoding: str, found: list[packets.Packet], rate: int | None = None, channels: int = 1) -> tuple[Sound, int]:
    def each() -> Iterator[packets.Packet]:
        yield from found

    sound = packets.open_sound(encoding, each(), rate, channels)
    blocks = list(sound.blocks)
    assert all(block.shape[1] == channels and block.dtype == np.int16 for block in blocks)
    return sound, sum(len(block) for block in blocks)


@pytest.mark.parametrize("channels", [1, 2])
def test_opus_packets_one_by_one(opus: list[bytes], channels: int) -> None:
    sound, frames = decoded("opus", list(opus), 16000, channels)
    assert (sound.sample_rate, sound.failed, sound.packets) == (48000, 0, len(opus))
    assert frames == len(opus) * 960


def test_lost_and_silent_packets_keep_their_time(opus: list[bytes]) -> None:
    mean = sum(map(len, opus[:50])) // 50
    silent = [opus[0][:1]] * 10  # discontinuous transmission: the first byte alone
    sound, frames = decoded("opus", [*opus[:50], mean * 20, *silent, *opus[50:100]])
    assert abs(frames - 130 * 960) <= 3 * 960
    assert not sound.failed
    assert "missing from the capture" in sound.remarks[0]


def test_what_is_no_opus_fails_and_keeps_its_time(opus: list[bytes]) -> None:
    broken = bytes([opus[0][0] | 3, 0xFF]) + bytes(50)  # more frames than fit into 120 ms
    sound, frames = decoded("opus", [*opus[:10], *[broken] * 5, *opus[10:20]])
    assert sound.failed == 5
    assert frames == 25 * 960
    assert sound.remarks == ["5 of 25 packets did not decode"]


def test_an_impossible_number_of_channels_is_refused() -> None:
    with pytest.raises(UndecodableError, match="do not hold 3 channels"):
        packets.open_sound("opus", iter(()), 48000, 3)


def test_g729_frames_of_10_ms_in_messages_of_any_number() -> None:
    sound, frames = decoded("g729", [bytes(range(20)), bytes(range(10)), bytes(12)])
    assert (sound.sample_rate, frames) == (8000, 5 * 80)


def test_nothing_decodes_to_nothing() -> None:
    assert decoded("opus", [])[1] == 0
    assert decoded("opus", [500])[1] == 0


def test_any_bytes_are_taken() -> None:
    rng = np.random.default_rng(0)
    noise: list[packets.Packet] = [rng.integers(0, 256, size).astype(np.uint8).tobytes() for size in rng.integers(0, 300, 300)]
    for encoding in packets.ENCODINGS:
        sound, _ = decoded(encoding, noise, 16000)
        assert sound.packets >= len(noise) - 20
