"""What is stored comes back, as a file and as packets, in memory and spilled."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.codecs import Torn
from analyzer.audio.store import Store
from analyzer.model.limits import DEFAULT


def fill(store: Store, *messages: bytes) -> None:
    store.feed(np.frombuffer(b"".join(messages), np.uint8), np.array([len(message) for message in messages]))


@pytest.mark.parametrize("memory", [1, 1 << 20])
def test_packets_and_holes_come_back_in_order(memory: int) -> None:
    store = Store(replace(DEFAULT, audio_in_memory=memory))
    fill(store, b"one", b"three")
    store.lose(7)
    fill(store, b"", b"x" * 9000)
    store.lose(2 << 20)
    fill(store, b"last")
    assert list(store.messages()) == [b"one", b"three", 7, b"", b"x" * 9000, 2 << 20, b"last"]
    store.file.seek(0)
    assert store.file.read() == b"onethree" + bytes(7) + b"x" * 9000 + b"last"
    assert store.size == 9019
    assert store.lost == 7 + (2 << 20)
    store.discard()


def test_no_more_is_kept_than_the_limit() -> None:
    store = Store(replace(DEFAULT, audio_container=10))
    fill(store, b"12345678")
    fill(store, b"1234")
    fill(store, b"1")
    store.lose(1)
    assert (store.size, store.cut) == (8, 5)
    assert list(store.messages()) == [b"12345678"]
    store.discard()


def test_pieces_of_one_message_are_joined() -> None:
    store = Store(replace(DEFAULT, codec_message=8))
    fill(store, b"one", b"tw")
    store.feed(np.frombuffer(b"othree", np.uint8), np.array([1, 5]), goes_on=True)
    store.lose(4, goes_on=True)
    store.lose(3)
    fill(store, b"last", b"is too long")
    assert list(store.messages()) == [b"one", b"two", Torn((b"three", 4)), 3, b"last", 11]
    assert list(store.stream()) == [b"onetwothree", 4, 3, b"lastis too long"]
    store.discard()


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=40))
def test_what_goes_in_comes_out(pieces: list[tuple[int, bool, bool]]) -> None:
    store = Store(DEFAULT)
    kept, number = b"", 0
    for size, hole, goes_on in pieces:
        if hole and size:
            store.lose(size, goes_on=goes_on)
            kept += bytes(size)
        elif not hole:
            number += size
            data = bytes((number + at) % 255 + 1 for at in range(size))
            store.feed(np.frombuffer(data, np.uint8), np.array([size]), goes_on=goes_on)
            kept += data
    parts = [part for one in store.messages() for part in (one.pieces if isinstance(one, Torn) else (one,))]
    for out in (parts, list(store.stream())):
        assert b"".join(bytes(one) if isinstance(one, int) else one for one in out) == kept
    store.discard()


def test_messages_that_begin_with_a_magic() -> None:
    store = Store(DEFAULT)
    fill(store, b"RIFF1", b"RI", b"xRIFF")
    store.lose(3)
    fill(store, b"RIFF2", b"", b"x" * (3 << 20), b"RIFF3")
    store.feed(np.frombuffer(b"RIFF", np.uint8), np.array([4]), goes_on=True)
    store.lose(2 << 20)
    fill(store, b"RIFF")
    assert list(store.starts(b"RIFF", 0)) == [0, 15, 20 + (3 << 20), 29 + (3 << 20)]
    assert list(store.starts(b"FF", 2)) == list(store.starts(b"RIFF", 0))
    assert list(store.starts(b"RIFF", 1)) == [7]
    store.discard()


def test_whether_messages_hold_whole_frames() -> None:
    store = Store(DEFAULT)
    fill(store, b"x" * 20, b"x" * 12)
    assert store.fits(10, (0, 2))
    fill(store, b"x" * 13)
    store.lose(7, goes_on=True)
    fill(store, b"x" * 10)
    assert store.fits(10, (0, 2))
    fill(store, b"x" * 11, b"x" * 10)
    assert not store.fits(10, (0, 2))
    store.discard()
