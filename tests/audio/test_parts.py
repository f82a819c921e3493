"""Containers that follow one another in the messages of a session."""

import io
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from analyzer.audio.decode import Decoded, decode_container
from analyzer.audio.parts import Part, files, left_over
from analyzer.audio.store import Store
from analyzer.model.limits import DEFAULT, Limits

VOICE = np.arange(0, 60000, 5).astype("<i2")


def stored(messages: Sequence[bytes]) -> Store:
    store = Store(DEFAULT)
    store.feed(np.frombuffer(b"".join(messages), np.uint8), np.array([len(message) for message in messages]))
    return store


def wav(samples: np.ndarray[Any, Any], rate: int = 16000, channels: int = 1) -> bytes:
    data = samples.astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", len(data)) + data
    )


class Wav:
    """In place of a WAV file: keeps what is written."""

    def __init__(self) -> None:
        self.blocks: list[np.ndarray[Any, Any]] = []

    def write(self, block: np.ndarray[Any, Any]) -> None:
        """Keep it."""
        self.blocks.append(block)


def decoded(messages: Sequence[bytes], container: str, limits: Limits = DEFAULT) -> tuple[Decoded, np.ndarray[Any, Any]]:
    store, written = stored(messages), Wav()
    try:
        got = decode_container(store, container, None, limits, lambda *_: written)  # type: ignore[arg-type, return-value]
    finally:
        store.discard()
    return got, np.concatenate(written.blocks) if written.blocks else np.zeros((0, 1), np.int16)


def test_a_wav_in_every_message() -> None:
    parts = [VOICE[at : at + 2400] for at in range(0, 12000, 2400)]
    got, samples = decoded([wav(part) for part in parts], "wav")
    assert np.array_equal(samples[:, 0], VOICE)
    assert got.measured.remarks == []


def test_a_header_and_its_audio_in_messages_of_their_own() -> None:
    messages = []
    for at in range(0, 12000, 4000):
        data = wav(VOICE[at : at + 4000])
        messages += [data[:44], data[44:3000], data[3000:]]
    assert np.array_equal(decoded(messages, "wav")[1][:, 0], VOICE)


@pytest.mark.parametrize(("name", "options", "container"), [
    ("p.flac", ("-c:a", "flac"), "flac"), ("p.aiff", (), "aiff"), ("p.au", (), "au"), ("p.caf", ("-c:a", "pcm_s16le"), "caf"),
    ("p.ogg", ("-c:a", "libopus"), "ogg"), ("p.webm", ("-c:a", "libopus"), "webm"), ("p.mka", ("-c:a", "pcm_s16le"), "matroska"),
    ("p.m4a", ("-c:a", "aac"), "mp4"), ("p.mp3", ("-c:a", "libmp3lame"), "mp3"),
])  # fmt: skip
def test_other_containers_one_after_the_other(
    name: str, options: tuple[str, ...], container: str, encoded: Callable[..., bytes]
) -> None:
    data = encoded(name, *options)
    once = decoded([data], container)[1]
    thrice, samples = decoded([data[:99], data[99:], data, data], container)
    assert np.array_equal(samples, np.concatenate([once] * 3))
    assert thrice.measured.remarks == []


def test_streams_of_one_ogg_that_begin_in_messages_of_their_own(encoded: Callable[..., bytes]) -> None:
    """Every stream of a multiplex begins with a page of its own; only after other pages does a new file begin."""
    data = encoded("p.ogg", "-c:a", "libopus")
    size = 27 + data[26] + sum(data[27 : 27 + data[26]])
    silent = bytearray(data[:size])
    silent[14:18] = b"twin"
    store = stored([data[:size], bytes(silent), data[size:], data])
    assert len(files(store, "ogg", 100)) == 2
    store.discard()


def test_a_change_of_format_ends_it() -> None:
    got, samples = decoded([wav(VOICE), wav(VOICE, 8000), wav(VOICE)], "wav")
    assert np.array_equal(samples[:, 0], VOICE)
    what = "to linear16 at 8000 Hz with 1 channel, and what follows was left out"
    assert got.measured.remarks == [f"the format changes after 0.75 s {what}"]
    assert decoded([wav(VOICE), wav(VOICE, channels=2)], "wav")[0].measured.remarks[0].startswith("the format changes")


def test_a_container_without_audio_is_passed_over() -> None:
    broken = b"RIFF\x24\0\0\0WAVEjunk" + bytes(4)
    for messages in ([wav(VOICE), broken, wav(VOICE)], [broken, wav(VOICE), wav(VOICE)]):
        got, samples = decoded(messages, "wav")
        assert len(samples) == 2 * len(VOICE)
        assert got.measured.remarks == ["1 of 3 containers hold no audio"]


def test_no_more_containers_than_the_limit() -> None:
    store = stored([wav(VOICE[:10])] * 20)
    assert len(files(store, "wav", 5)) == 5
    store.discard()


def test_a_chance_likeness_is_no_container() -> None:
    data = wav(VOICE)
    got, samples = decoded([data[:44], b"RIFF" + data[48:]], "wav")
    assert len(samples) == len(VOICE)
    assert got.measured.remarks == []


@pytest.mark.parametrize("size", [0, (1 << 64) - 1])
def test_rf64_of_unknown_size(size: int) -> None:
    data = wav(VOICE)
    sizes = b"ds64" + struct.pack("<IQQQI", 28, size, size, 0, 0)
    stream = b"RF64\xff\xff\xff\xffWAVE" + sizes + data[12:40] + b"\xff" * 4 + data[44:]
    got, samples = decoded([stream], "wav")
    assert np.array_equal(samples[:, 0], VOICE)
    assert got.encoding == "linear16"


def test_audio_behind_the_stated_end_is_said() -> None:
    data = wav(VOICE[:1000]) + VOICE[1000:].tobytes()
    got, samples = decoded([data], "wav")
    assert len(samples) == 1000
    assert got.measured.remarks == ["22000 bytes follow the end of the audio that the WAV header states, and were left out"]
    for more in (b"", b"LIST\x04\0\0\0abcd"):
        store = stored([wav(VOICE) + more])
        assert left_over(store) == 0
        store.discard()


def test_a_part_is_a_file() -> None:
    part = Part(io.BytesIO(b"0123456789"), 2, 8, b"AB")
    assert (part.readable(), part.seekable()) == (True, True)
    assert part.read() == b"AB4567"
    assert (part.read(), part.tell()) == (b"", 6)
    assert part.seek(-3, 2) == 3
    assert part.read(2) == b"56"
    assert part.seek(-4, 1) == 1
    buffer = bytearray(3)
    assert (part.readinto(buffer), bytes(buffer)) == (3, b"B45")
    assert part.seek(99) == 99
    assert part.read() == b""
    with pytest.raises(ValueError, match="cannot seek to -1"):
        part.seek(-1)
