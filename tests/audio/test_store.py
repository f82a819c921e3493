"""What is stored comes back, as a file and as packets, in memory and spilled."""

from dataclasses import replace

import numpy as np
import pytest

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
    assert list(store.packets()) == [b"one", b"three", 7, b"", b"x" * 9000, 2 << 20, b"last"]
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
    assert list(store.packets()) == [b"12345678"]
    store.discard()


def test_a_header_can_be_put_in_front() -> None:
    store = Store(DEFAULT)
    fill(store, b"body")
    with store.prefixed(b"#!AMR\n") as copy:
        copy.seek(0)
        assert copy.read() == b"#!AMR\nbody"
    store.discard()
