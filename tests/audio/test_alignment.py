"""Samples that do not begin where they should: seen, and put right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analyzer.audio.alignment import OddMessages, realigned
from analyzer.model.track import ActualFormat, AudioFormat

Voice = Callable[..., np.ndarray[Any, Any]]
LINEAR16 = AudioFormat(None, "linear16", 16000, 1)


def judged(messages: list[bytes], at_once: int = 7) -> ActualFormat | None:
    odd = OddMessages()
    for begin in range(0, len(messages), at_once):
        some = messages[begin : begin + at_once]
        odd.add(np.frombuffer(b"".join(some), np.uint8), np.array([len(one) for one in some], np.int64))
    return odd.judge(LINEAR16)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_samples_that_begin_anew_with_each_message(at_once: int, voice: Voice) -> None:
    whole = cut(voice(16000, 3).tobytes(), 640)
    torn = [*whole[:30], whole[30][:-1], *whole[31:]]
    found = judged(torn, at_once)
    assert found is not None
    assert (found.encoding, found.confidence, found.shifted_at) == ("linear16", "likely", 30 * 640)
    every = judged([one[:-1] for one in whole], at_once)
    assert every is not None
    assert every.shifted_at == 0


def test_a_stream_that_is_merely_cut_anywhere_is_sound(voice: Voice) -> None:
    data = voice(16000, 3).tobytes()
    for size in (641, 1023, 4097):
        assert judged(cut(data, size)) is None
    assert judged(cut(data, 640)) is None
    assert judged([*cut(data, 640)[:-1], data[-639:-2]]) is None
    assert judged(cut(bytes(60000), 639)) is None


def test_whole_samples_are_left_alone(voice: Voice) -> None:
    for data in (voice(16000, 2).tobytes(), bytes(50000), np.random.default_rng(1).bytes(50000), b"", b"\1\2\3"):
        for size in (100, 5001):
            assert b"".join(bytes(one) for one in realigned(iter(cut(data, size)))) == data


@pytest.mark.parametrize("dropped", [[1], [20001], [20001, 40003], [1, 33333, 60001]])
def test_bytes_that_are_missing_are_found(dropped: list[int], voice: Voice) -> None:
    samples = voice(16000, 3)
    data = bytearray(samples.tobytes())
    for place in reversed(dropped):
        del data[place]
    got = np.frombuffer(b"".join(bytes(one) for one in realigned(iter(cut(bytes(data), 3200))))[: 2 * 47900], "<i2")
    steps = np.abs(np.diff(got.astype(int)))
    usual = np.abs(np.diff(samples.astype(int))).max()
    assert np.count_nonzero(steps > 2 * usual) <= 4 * len(dropped)
