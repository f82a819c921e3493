"""Inflating as RFC 7692 says, bounded, whatever is sent."""

import random
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.wire.deflate import TAIL, InflateError, Inflater


def squeeze(texts: list[bytes], bits: int = 15, *, fresh: bool = False) -> list[bytes]:
    sent, encoder = [], zlib.compressobj(6, zlib.DEFLATED, -bits)
    for text in texts:
        sent.append((encoder.compress(text) + encoder.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL))
        encoder = zlib.compressobj(6, zlib.DEFLATED, -bits) if fresh else encoder
    return sent


@given(texts=st.lists(st.binary(max_size=300), max_size=6), bits=st.integers(9, 15), fresh=st.booleans())
def test_what_was_squeezed_comes_back(texts: list[bytes], bits: int, *, fresh: bool) -> None:
    inflater = Inflater(1000, takeover=not fresh)
    assert [inflater.inflate(part) for part in squeeze(texts, bits, fresh=fresh)] == texts


def test_examples_of_the_rfc() -> None:
    """Section 7.2.3: one block, a shared window, no compression, a block with BFINAL, two blocks."""
    hello = bytes.fromhex("f248cdc9c90700")
    shared = Inflater(100, takeover=True)
    assert shared.inflate(hello) == b"Hello"
    assert shared.inflate(bytes.fromhex("f200110000")) == b"Hello"
    fresh = Inflater(100, takeover=False)
    assert [fresh.inflate(hello) for _ in range(2)] == [b"Hello"] * 2
    assert Inflater(100, takeover=True).inflate(bytes.fromhex("000500faff48656c6c6f00")) == b"Hello"
    final = Inflater(100, takeover=True)
    assert [final.inflate(bytes.fromhex("f348cdc9c9070000")) for _ in range(2)] == [b"Hello"] * 2
    assert Inflater(100, takeover=True).inflate(bytes.fromhex("f24805000000ffffcac9c90700")) == b"Hello"


def test_an_empty_message_is_empty() -> None:
    inflater = Inflater(100, takeover=True)
    assert inflater.inflate(b"\x00") == inflater.inflate(b"") == b""


@pytest.mark.parametrize("takeover", [True, False])
def test_the_limit_is_the_last_byte_allowed(*, takeover: bool) -> None:
    inflater = Inflater(1000, takeover=takeover)
    exact, over = squeeze([bytes(1000), bytes(1001)], fresh=True)
    assert len(inflater.inflate(exact)) == 1000
    with pytest.raises(InflateError, match="more than 1000") as caught:
        inflater.inflate(over)
    assert caught.value.limit
    if takeover:
        with pytest.raises(InflateError, match="longer than the limit"):
            inflater.inflate(referring())


def referring() -> bytes:
    """A message that refers to the one before it."""
    return squeeze([b"the same words", b"the same words"])[1]


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = squeeze([bytes(50_000_000)])[0]
    assert len(bomb) < 60_000
    with pytest.raises(InflateError):
        Inflater(10_000, takeover=False).inflate(bomb)


def test_damage_spoils_what_refers_to_it() -> None:
    for takeover in (True, False):
        inflater = Inflater(1000, takeover=takeover)
        with pytest.raises(InflateError, match="does not inflate") as caught:
            inflater.inflate(b"\xff\xff\xff")
        assert not caught.value.limit
        with pytest.raises(InflateError, match="an earlier message" if takeover else "does not inflate"):
            inflater.inflate(referring())
        assert inflater.inflate(squeeze([b"abc"])[0]) == b"abc"


def test_a_missing_message_is_the_reason_given() -> None:
    inflater = Inflater(1000, takeover=True)
    inflater.lose("it is gone")
    with pytest.raises(InflateError, match="it is gone"):
        inflater.inflate(referring())


WORDS = st.lists(st.sampled_from([b"the same ", b"words ", b"again ", bytes(3)]), max_size=12).map(b"".join)


@given(st.lists(WORDS, max_size=12), st.data())
def test_what_inflates_behind_a_loss_is_right(texts: list[bytes], data: st.DataObject) -> None:
    """Whatever messages are missing, none is inflated to anything else than what was sent."""
    gone = data.draw(st.sets(st.integers(0, 11)))
    inflater = Inflater(10_000, takeover=True)
    for number, (text, sent) in enumerate(zip(texts, squeeze(texts), strict=True)):
        if number in gone:
            inflater.lose("it is gone")
            continue
        with suppress(InflateError):
            assert inflater.inflate(sent) == text
            continue
        assert any(number > one for one in gone)


@given(parts=st.lists(st.binary(max_size=60), max_size=5), takeover=st.booleans())
def test_noise_raises_nothing_else(parts: list[bytes], *, takeover: bool) -> None:
    inflater = Inflater(500, takeover=takeover)
    for part in [*parts, random.Random(len(parts)).randbytes(200)]:  # noqa: S311 - the same bytes each time are wanted
        with suppress(InflateError):
            assert len(inflater.inflate(part)) <= 500
