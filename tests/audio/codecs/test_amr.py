"""AMR as it is stored, with speech, comfort noise, holes and bytes that are none."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.codecs import amr
from analyzer.audio.codecs.sound import Sound, UndecodableError

RNG = np.random.default_rng(3)


def speech(first: int, size: int, count: int) -> list[bytes]:
    return [bytes([first]) + RNG.integers(0, 256, size).astype(np.uint8).tobytes() for _ in range(count)]


NARROW, WIDE = speech(0x3C, 31, 50), speech(0x14, 32, 50)
QUIET = {"amr-nb": [b"\x44" + bytes(5), b"\x7c"], "amr-wb": [b"\x4c" + bytes(5), b"\x7c", b"\x74"]}
FRAMES = {"amr-nb": NARROW, "amr-wb": WIDE}


def decoded(pieces: list[bytes | int], declared: str | None) -> tuple[Sound, np.ndarray]:  # type: ignore[type-arg]
    def each() -> Iterator[bytes | int]:
        yield from pieces

    sound = amr.open_sound(each(), declared)
    blocks = list(sound.blocks)
    return sound, np.concatenate(blocks)[:, 0] if blocks else np.zeros(0, np.int16)


@pytest.mark.parametrize("encoding", FRAMES)
def test_frames_that_hold_no_speech_are_silence_of_their_length(encoding: str) -> None:
    """Also at the very end, where nothing follows that could show them by its time."""
    quiet, frames = QUIET[encoding] * 5, FRAMES[encoding]
    sound, samples = decoded([b"".join([*frames[:20], *quiet, *frames[20:], *quiet])], encoding)
    length = sound.sample_rate // 50
    assert len(samples) == (len(frames) + 2 * len(quiet)) * length
    assert not samples[20 * length : (20 + len(quiet)) * length].any()
    assert not samples[-len(quiet) * length :].any()
    assert np.abs(samples[: 20 * length]).max() > 0
    assert (sound.failed, sound.packets) == (0, len(frames))
    assert sound.remarks == [f"{2 * len(quiet)} frames of 20 ms hold no speech and are silence"]


@pytest.mark.parametrize("encoding", FRAMES)
@pytest.mark.parametrize(("begin", "size"), [(0, 1), (5, 300), (320, 64), (333, 40), (333, 1000), (500, 100_000)])
def test_what_a_hole_touches_is_silence_and_the_step_is_kept(encoding: str, begin: int, size: int) -> None:
    data = b"".join(FRAMES[encoding])
    whole = decoded([data], encoding)[1]
    pieces: list[bytes | int] = [data[:begin], size, data[begin + size :]] if begin + size < len(data) else [data[:begin], size]
    sound, samples = decoded(pieces, encoding)
    length, frame = sound.sample_rate // 50, len(FRAMES[encoding][0])
    first, last = begin // frame, -(-(begin + size) // frame)
    assert len(samples) == max(len(FRAMES[encoding]), last) * length
    assert not samples[first * length : last * length].any()
    assert np.array_equal(samples[: first * length], whole[: first * length])
    assert sound.remarks == [f"{last - first} frames of 20 ms are missing or cut and are silence"]
    assert sound.packets == max(len(FRAMES[encoding]) - (last - first), first)


def test_the_step_is_found_again_where_frames_in_the_hole_were_of_another_size() -> None:
    data = b"".join([*NARROW[:10], *speech(0x04, 12, 10), *NARROW[10:]])
    sound, _ = decoded([data[:350], 130, data[480:]], "amr-nb")
    assert (sound.failed, sound.packets) == (0, 12 + 39)  # a frame behind the hole is cut


def test_bytes_that_are_no_frames_are_said() -> None:
    sound, samples = decoded([b"".join(NARROW[:25]) + b"\x4f" * 64 + b"".join(NARROW[25:])], "amr-nb")
    assert sound.remarks == ["64 bytes are no amr-nb frames"]
    assert len(samples) == 52 * 160


def test_a_frame_that_is_cut_at_the_end_keeps_its_time() -> None:
    sound, samples = decoded([b"".join(NARROW)[:-1]], "amr-nb")
    assert len(samples) == 50 * 160
    assert sound.remarks == ["1 frames of 20 ms are missing or cut and are silence"]


@pytest.mark.parametrize("encoding", FRAMES)
@given(cuts=st.lists(st.integers(0, 1700), max_size=6), header=st.booleans())
def test_any_cut_gives_the_same_samples(encoding: str, cuts: list[int], header: bool) -> None:
    data = (amr.HEADERS[encoding] if header else b"") + b"".join(FRAMES[encoding][:20] + QUIET[encoding])
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    parts = decoded([data[begin:end] for begin, end in pairwise(places)], None if header else encoding)
    whole = decoded([data], encoding)
    assert np.array_equal(parts[1], whole[1])
    assert parts[0].remarks == whole[0].remarks


@given(st.sampled_from(sorted(FRAMES)), st.lists(st.one_of(st.binary(max_size=200), st.integers(1, 500)), max_size=8))
def test_any_bytes_are_taken(encoding: str, pieces: list[bytes | int]) -> None:
    sound, samples = decoded(pieces, encoding)
    assert len(samples) % (sound.sample_rate // 50) == 0


def test_what_is_refused() -> None:
    with pytest.raises(UndecodableError, match="several channels"):
        decoded([b"#!AMR_MC1.0\n", bytes(40)], "amr-nb")
    with pytest.raises(UndecodableError, match="no AMR header"):
        decoded([b"anything else"], None)
