"""Bare packets: Opus as an encoder made them, frames of the others of which any bits are audio."""

import io
from collections.abc import Callable, Iterator
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.codecs import packets
from analyzer.audio.codecs.sound import Sound, UndecodableError


@pytest.fixture
def opus(encoded: Callable[..., bytes]) -> list[bytes]:
    """Three seconds of 20-ms packets."""
    with av.open(io.BytesIO(encoded("opus.ogg", "-c:a", "libopus"))) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def decoded(
    encoding: str, found: list[packets.Packet], rate: int | None = None, channels: int = 1, *, framed: bool = True
) -> tuple[Sound, int]:
    def each() -> Iterator[packets.Packet]:
        yield from found

    sound = packets.open_sound(encoding, each(), rate, channels, framed=framed)
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


def test_a_torn_opus_packet_is_silence_of_its_length(opus: list[bytes]) -> None:
    torn = packets.Torn((opus[20][:9], 30, opus[20][39:]))
    headless = packets.Torn((12, opus[20][12:]))  # its first byte, which tells its length, is missing: as long as the one before
    sound, frames = decoded("opus", [*opus[:20], torn, *opus[20:40], headless])
    assert frames == 42 * 960
    assert (sound.packets, sound.failed) == (40, 0)
    assert sound.remarks == ["about 0.04 s are missing from the capture and were filled with silence"]


def test_silence_between_opus_packets_is_not_left_out(opus: list[bytes]) -> None:
    """Discontinuous transmission: one or two bytes stand for a frame, whatever the decoder makes of them, also at the end."""
    for silent in (opus[0][:1], opus[0][:1] + b"\0"):
        sound, frames = decoded("opus", [*opus[:10], *[silent] * 20])
        assert (frames, sound.failed) == (30 * 960, 0)


def test_a_hole_in_g729_takes_the_frames_it_touches() -> None:
    speech = bytes(range(1, 101))
    torn = packets.Torn((speech[:25], 30, speech[55:]))
    sound, frames = decoded("g729", [speech, torn, speech])
    assert frames == 30 * 80
    assert sound.packets == 26
    assert sound.remarks == ["about 0.04 s are missing from the capture and were filled with silence"]


def test_comfort_noise_of_g729_is_a_frame() -> None:
    sound, frames = decoded("g729", [bytes(range(10, 30)), b"\x01\x02", bytes(range(10, 22)), b"\x03\x04"])
    assert (frames, sound.failed) == (6 * 80, 0)


@given(st.lists(st.integers(0, 200), max_size=8))
def test_g729_in_messages_that_end_anywhere(cuts: list[int]) -> None:
    data = np.random.default_rng(5).integers(0, 256, 200).astype(np.uint8).tobytes()
    places = [0, *sorted(cuts), 200]
    found: list[packets.Packet] = [data[begin:end] for begin, end in pairwise(places)]
    for stream in (found, [packets.Torn((*[data[begin:end] for begin, end in pairwise(places)], 7))]):
        sound, frames = decoded("g729", stream, framed=False)
        assert sound.packets == 20
        assert frames == (20 if stream is found else 21) * 80


@pytest.mark.parametrize(("rate", "count"), [(8000, 1), (16000, 3)])
def test_speex_packets_of_several_frames(rate: int, count: int, encoded: Callable[..., bytes]) -> None:
    options = ("-ar", str(rate), "-frames_per_packet", str(count))
    data = encoded(f"{rate}-{count}.spx", "-c:a", "libspeex", "-f", "ogg", *options)
    with av.open(io.BytesIO(data)) as container:
        found: list[packets.Packet] = [bytes(packet) for packet in container.demux(audio=0) if packet.size][:-1]
    sound, frames = decoded("speex", [*found, packets.Torn((5, b"x"))], rate)
    assert (sound.sample_rate, sound.failed) == (rate, 0)
    assert frames == (len(found) + 1) * count * rate // 50


def test_nothing_decodes_to_nothing() -> None:
    assert decoded("opus", [])[1] == 0
    assert decoded("opus", [500])[1] == 0


def test_a_decoder_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", {"opus"})
    with pytest.raises(UndecodableError, match="the FFmpeg of this installation decodes no g729"):
        decoded("g729", [bytes(10)])


def test_any_bytes_are_taken() -> None:
    rng = np.random.default_rng(0)
    noise: list[packets.Packet] = [rng.integers(0, 256, size).astype(np.uint8).tobytes() for size in rng.integers(0, 300, 300)]
    for encoding in packets.ENCODINGS:
        sound, _ = decoded(encoding, noise, 16000)
        assert sound.packets >= len(noise) - 20
