"""Codec frames without a container are told by what every one of them begins with."""

import numpy as np
import pytest

from analyzer.audio.bare import bare
from analyzer.model.track import Pace

RANDOM = np.random.default_rng(2)
ON_TIME = Pace(1.0, 5.0, 5.0, True, 0.02)


def packets(sizes: list[int], first: int = 0x48) -> bytes:
    """Packets with one configuration byte: SILK wideband, 20 ms."""
    return b"".join(bytes([first]) + RANDOM.bytes(size - 1) for size in sizes)


def test_opus_packets_on_time_are_likely() -> None:
    sizes = [40 + number % 17 for number in range(60)]
    found = bare(packets(sizes), sizes, ON_TIME)
    assert found is not None
    assert (found.encoding, found.sample_rate, found.channels, found.container) == ("opus", 48000, 1, None)
    assert found.confidence == "likely"
    stereo = bare(packets(sizes, 0xFC), sizes, ON_TIME)
    assert stereo is not None
    assert stereo.channels == 2


def test_opus_packets_of_one_size_or_off_time_are_a_hint() -> None:
    sizes = [40 + number % 17 for number in range(60)]
    for some, pace in (([80] * 60, ON_TIME), (sizes, None), (sizes, Pace(1.0, 5.0, 5.0, True, 0.1))):
        found = bare(packets(some), some, pace)
        assert found is not None
        assert found.confidence == "hint"
    assert bare(packets([80] * 60), [80] * 60, None) is None


@pytest.mark.parametrize("value", [0, 0x7F, 0xFF])
def test_silence_is_no_packets(value: int) -> None:
    assert bare(bytes([value]) * 9600, [160] * 60, ON_TIME) is None


def test_random_bytes_and_few_packets_are_none() -> None:
    assert bare(RANDOM.bytes(9600), [160] * 60, ON_TIME) is None
    assert bare(packets([50, 60, 70]), [50, 60, 70], ON_TIME) is None
    assert bare(b"", [], None) is None


@pytest.mark.parametrize(("name", "first", "size"), [("amr-nb", 0x3C, 32), ("amr-wb", 0x44, 61)])
def test_amr_frames_without_the_header_of_a_file(name: str, first: int, size: int) -> None:
    data = packets([size] * 40, first)
    found = bare(data, [320] * (len(data) // 320), None)
    assert found is not None
    assert (found.encoding, found.confidence) == (name, "likely")
    assert bare(data[1:], [320] * (len(data) // 320), None) is None
    assert bare((bytes([first]) + bytes(size - 1)) * 40, [320] * 4, None) is None
