"""16-bit PCM is what it is."""

import numpy as np

from analyzer.audio.codecs.linear16 import Linear16


def test_samples_are_little_endian_and_signed() -> None:
    codec = Linear16()
    assert codec.decode(np.frombuffer(b"\x01\x00\xff\xff\x00\x80\xff\x7f\x01", np.uint8)).tolist() == [1, -1, -32768, 32767]
    assert codec.finish() == 1


def test_silence_is_zero_on_all_channels() -> None:
    codec = Linear16(2)
    codes = codec.take(np.frombuffer(bytes(4) + b"\x00\x00\x01\x00", np.uint8))
    assert codec.silence(codes, 1) == [(0, 1)]
