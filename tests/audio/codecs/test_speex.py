"""Frames in Speex packets, as libspeex made them."""

import io
from collections.abc import Callable

import av
import pytest

from analyzer.audio.codecs import speex


@pytest.mark.parametrize(("rate", "count"), [(8000, 1), (8000, 3), (16000, 1), (16000, 4), (32000, 2)])
@pytest.mark.parametrize("quality", [1, 5, 10])
def test_packets_of_an_encoder(rate: int, count: int, quality: int, encoded: Callable[..., bytes]) -> None:
    options = ("-ar", str(rate), "-frames_per_packet", str(count), "-cbr_quality", str(quality))
    data = encoded(f"{rate}-{count}-{quality}.spx", "-c:a", "libspeex", "-f", "ogg", *options)
    with av.open(io.BytesIO(data)) as container:
        found = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert len(found) > 30
    assert {speex.frames(packet) for packet in found[:-1]} == {count}  # the encoder had no more for the last one


@pytest.mark.parametrize(("packet", "count"), [
    (b"", 0), (b"\x78", 0), (b"\x03\xc0", 1), (b"\x80", 0), (b"\x68\x00", 1), (b"\x70\x00\x00", 2), (b"\x50", 0), (b"\xff" * 20, 0),
])  # fmt: skip
def test_frames_by_their_bits(packet: bytes, count: int) -> None:
    assert speex.frames(packet) == count


def test_the_header_is_that_of_the_encoder(encoded: Callable[..., bytes]) -> None:
    data = encoded("wide.spx", "-c:a", "libspeex", "-f", "ogg", "-frames_per_packet", "2")
    theirs, ours = data[28 : 28 + 80], speex.header(16000, 2)
    assert len(ours) == 80
    assert (ours[:8], ours[36:52], ours[56:60], ours[64:68]) == (theirs[:8], theirs[36:52], theirs[56:60], theirs[64:68])
