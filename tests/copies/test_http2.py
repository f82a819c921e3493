"""One stream of HTTP/2 without the others: what stays, what is overwritten, and when nothing is written at all."""

from collections.abc import Callable

import numpy as np
import pytest
from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from analyzer.copies.frames import Patches
from analyzer.copies.http2 import Rewriter
from analyzer.copies.multiplexed import Fields, Multiplexed, UnsureError
from analyzer.copies.store import StreamStore
from analyzer.model.limits import Limits
from analyzer.model.redact import Secrets
from analyzer.model.schema import Side
from analyzer.model.streams import Run

LIMITS = Limits()
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, ORIGIN = (*range(10), 12)
OWN, OTHER = 3, 1


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def run_of(start: int, content: bytes) -> Run:
    one = np.array([1], np.int64)
    return Run(np.array([start]), np.array([len(content)]), one, one, np.array([0]), np.frombuffer(content, np.uint8))


def rewritten(kept: StreamStore, stream: Multiplexed, role: Side = Side.SERVER) -> Rewriter:
    """The server's side of a stream, in which every header is called by a capital."""

    def clean(fields: Fields) -> Fields:
        return [(name, value.upper()) for name, value in fields]

    secrets = Secrets(frozenset({"a-secret-of-the-request"}))
    again = Rewriter(kept, stream, 0, Patches(0), clean, secrets, LIMITS)
    again.run(role)
    return again


def stored(*parts: bytes | int) -> StreamStore:
    """Bytes, and holes of so many of them."""
    store, at = StreamStore(LIMITS.copied_stream), 0
    for part in parts:
        if isinstance(part, int):
            at += part
        else:
            store.add(at, part)
            at += len(part)
    return store


def stream_of(*contents: bytes) -> Multiplexed:
    stream, at = Multiplexed(OWN, (0, 0), (0, 0), LIMITS), 0
    for content in contents:
        stream.content(0, OWN, run_of(at, content))
        at += len(content)
    return stream


def everything(store: StreamStore) -> bytes:
    return store.read(0, store.end)


def test_frames_of_the_connection_and_of_the_stream_stay() -> None:
    kept = [
        *(frame(SETTINGS, 0, 0, b"\0\3" + bytes(4)), frame(SETTINGS, 1, 0), frame(WINDOW_UPDATE, 0, 0, bytes(4))),
        *(frame(DATA, 1, OWN, b"mine"), frame(WINDOW_UPDATE, 0, OWN, bytes(4)), frame(RST_STREAM, 0, OWN, bytes(4))),
    ]
    dropped = [
        *(frame(DATA, 0, OTHER, b"not mine"), frame(HEADERS, 4, OTHER, b"\x88"), frame(CONTINUATION, 4, OTHER, b"\x88")),
        *(frame(RST_STREAM, 0, OTHER, bytes(4)), frame(PUSH_PROMISE, 4, OWN, bytes(4) + b"\x88"), frame(ORIGIN, 0, 0, b"o")),
        *(frame(SETTINGS, 0, 0, bytes(7)), frame(RST_STREAM, 0, OWN, bytes(5)), frame(PRIORITY, 0, OWN, bytes(5))),
        *(frame(SETTINGS, 0, OWN, bytes(6)), frame(CONTINUATION, 4, OWN, b"\x88"), frame(200, 0, 0, b"unknown")),
    ]
    mixed = [one for pair in zip(dropped, kept + [b""] * len(dropped), strict=False) for one in pair]
    again = rewritten(stored(*mixed), stream_of(b"mine"))
    assert everything(again.store) == b"".join(kept)
    assert again.places.of(sum(map(len, mixed))) == len(b"".join(kept))


def test_what_may_say_more_than_it_should_is_overwritten() -> None:
    words = b"for a-secret-of-the-request"
    sent = frame(PING, 0, 0, b"12345678") + frame(GOAWAY, 0, 0, bytes(8) + words) + frame(DATA, 8, OWN, b"\x04mineleft")
    said = everything(rewritten(stored(sent), stream_of(b"mine")).store)
    covered = b"for " + b"x" * (len(words) - 4)
    assert said == frame(PING, 0, 0, b"x" * 8) + frame(GOAWAY, 0, 0, bytes(8) + covered) + frame(DATA, 8, OWN, b"\x04minexxxx")


def another_asks(stream: Multiplexed) -> None:
    stream.block(1, 0, OTHER, None, request=True)


def another_says_more(stream: Multiplexed) -> None:
    stream.passed(1, OTHER, 5)


def another_session_goes_on(stream: Multiplexed) -> None:
    stream.content(1, OTHER, run_of(0, b"a"))


def anything_is_missing(stream: Multiplexed) -> None:
    stream.lost(1, 7, 9)


@pytest.mark.parametrize("happens", [another_asks, another_says_more, another_session_goes_on, anything_is_missing])
def test_words_on_a_connection_that_others_share_may_be_about_them(happens: Callable[[Multiplexed], None]) -> None:
    stream = stream_of()
    happens(stream)
    said = everything(rewritten(stored(frame(GOAWAY, 0, 0, bytes(8) + b"no more, Mr X")), stream).store)
    assert said == frame(GOAWAY, 0, 0, bytes(8) + b"x" * 13)


def test_settings_are_numbers_that_are_known() -> None:
    known = [number.to_bytes(2, "big") + b"\0\0\0\1" for number in (1, 8, 9)]
    sent = frame(SETTINGS, 0, 0, b"".join([known[0], b"\xfa\xfaword", known[1], b"\0\x0bword", known[2]]))
    said = everything(rewritten(stored(sent, frame(SETTINGS, 1, 0, b"\0\1word")), stream_of()).store)
    assert said == frame(SETTINGS, 0, 0, b"".join([known[0], b"x" * 6, known[1], b"x" * 6, known[2]]))


def test_bits_of_headers_that_mean_nothing_are_empty() -> None:
    kinds = {
        SETTINGS: (0, b"\0\3" + bytes(4), 0),
        PING: (0, b"x" * 8, 1),
        GOAWAY: (0, bytes(8), 0),
        WINDOW_UPDATE: (OWN, bytes(4), 0),
    }
    kinds |= {RST_STREAM: (OWN, bytes(4), 0), DATA: (OWN, b"\0mine", 9), HEADERS: (OWN, b"\x80", 5)}
    sent = [frame(kind, 0xFF & ~(kind == SETTINGS), stream | 1 << 31, payload) for kind, (stream, payload, _) in kinds.items()]
    kept = [frame(kind, flags, stream, payload) for kind, (stream, payload, flags) in kinds.items()]
    assert everything(rewritten(stored(*sent), stream_of(b"mine")).store) == b"".join(kept)


def test_a_flood_of_frames_without_headers_is_not_held() -> None:
    most = LIMITS.http_head
    sent = frame(HEADERS, 0, OWN) + frame(CONTINUATION, 0, OWN) * (most - 1)
    assert everything(rewritten(stored(sent), stream_of()).store) == sent
    with pytest.raises(UnsureError):
        rewritten(stored(sent + frame(CONTINUATION, 4, OWN)), stream_of())


@given(st.lists(st.tuples(st.text("abc-", min_size=1), st.sampled_from([0, 1, 126, 127, 128, 254, 255, 16511, 40000])), max_size=4))
def test_headers_need_no_table(lengths: list[tuple[str, int]]) -> None:
    fields = [(name, "v" * length) for name, length in lengths]
    stream = stream_of()
    stream.block(0, 0, OWN, fields, request=False)
    sent = frame(HEADERS, 0x21, OWN, b"\x88" * 9) + frame(CONTINUATION, 4, OWN, b"\x88" * 3)
    said = everything(rewritten(stored(sent), stream).store)
    block, flags, at = b"", [], 0
    while at < len(said):
        size = int.from_bytes(said[at : at + 3], "big")
        assert size <= 1 << 14
        assert said[at + 3] == (CONTINUATION if at else HEADERS)
        flags.append(said[at + 4])
        block, at = block + said[at + 9 : at + 9 + size], at + 9 + size
    assert flags == [1, *[0] * (len(flags) - 2), 4]
    found = Decoder(max_header_list_size=1 << 20).decode(block)
    assert [(str(name), str(value)) for name, value in found] == [(name, value.upper()) for name, value in fields]


def test_headers_that_could_not_be_read_cannot_be_read_in_the_copy() -> None:
    stream = stream_of()
    stream.block(0, 0, OWN, None, request=False)
    said = everything(rewritten(stored(frame(HEADERS, 0x2D, OWN, b"\x05secrets ")), stream).store)
    assert said == frame(HEADERS, 0x05, OWN, b"\x80" * 9)


@pytest.mark.parametrize("follows", [frame(DATA, 0, OTHER, b"another"), b""])
def test_headers_that_break_off_are_not_written(follows: bytes) -> None:
    sent = stored(frame(HEADERS, 0, OWN, b"part of them"), follows)
    assert everything(rewritten(sent, stream_of()).store) == frame(HEADERS, 0, OWN, b"\x80" * 12)
    stream = stream_of()
    stream.block(0, 0, OWN, [("name", "value")], request=False)
    with pytest.raises(UnsureError):
        rewritten(sent, stream)


def test_of_the_first_request_of_another_stream_a_stub_is_left() -> None:
    stream = stream_of()
    first, second, own = (frame(HEADERS, 5, number, b"\x88\x88") for number in (OTHER, 7, OWN))
    stream.block(0, 0, OTHER, [(":path", "/secret")], request=True)
    stream.block(0, len(first), 7, [(":path", "/secret")], request=True)
    stream.block(0, len(first + second), OWN, [(":path", "/own")], request=True)
    said = everything(rewritten(stored(first, second, own), stream).store)
    assert said == frame(HEADERS, 5, OTHER) + frame(HEADERS, 5, OWN, b"\x00\x05:path\x04/OWN")


def test_holes_in_content_stay_and_those_over_headers_take_the_step() -> None:
    whole, torn = frame(DATA, 0, OWN, b"one"), frame(DATA, 0, OWN, b"?" * 20)
    kept = stored(whole, torn[:14], 10, torn[24:], frame(DATA, 0, OTHER, b"x")[:4], 30, whole)
    stream = stream_of(b"one")
    stream.content(0, OWN, run_of(3, b"?" * 5))
    stream.content(0, OWN, run_of(18, b"?" * 5))
    stream.content(0, OWN, run_of(23, b"one"))
    lost = len(whole + torn)
    stream.lost(0, lost + 4, lost + 34)
    again = rewritten(kept, stream)
    size = again.store.end
    assert again.store.there(0, size) == [(0, 26), (36, 41), (75, 87)]
    assert everything(again.store) == whole + torn[:14] + bytes(10) + torn[24:] + bytes(34) + whole


def test_a_frame_that_breaks_off_does_not_reach_into_the_next() -> None:
    """About so many bytes are missing: what is behind them is not to be found by the length of what is before them."""
    torn, whole = frame(DATA, 0, OWN, b"?" * 200), frame(DATA, 0, OWN, b"next")
    stream = stream_of(b"?" * 11, b"next")
    stream.lost(0, 20, 30)
    again = rewritten(stored(torn[:20], 10, whole), stream)
    assert again.store.there(0, again.store.end) == [(0, 20), (20 + 198, 20 + 198 + 13)]


def test_content_that_is_not_followed_is_overwritten() -> None:
    stream = stream_of(b"mine")
    stream.passed(0, OWN, 6)
    said = rewritten(stored(frame(DATA, 0, OWN, b"mine??"), frame(DATA, 0, OWN, b"????")), stream)
    assert everything(said.store) == frame(DATA, 0, OWN, b"minexx") + frame(DATA, 0, OWN, b"xxxx")
    assert said.overwritten == 6


def test_a_client_says_its_preface_first() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    said = rewritten(stored(preface, frame(SETTINGS, 0, 0)), stream_of(), Side.CLIENT)
    assert everything(said.store) == preface + frame(SETTINGS, 0, 0)
    said = rewritten(stored(b"?" * 24, frame(SETTINGS, 0, 0)), stream_of(), Side.CLIENT)
    assert everything(said.store) == b"x" * 24 + frame(SETTINGS, 0, 0)


@pytest.mark.parametrize("content", [b"min", b"mine and more"])
def test_nothing_is_written_where_content_does_not_fit(content: bytes) -> None:
    with pytest.raises(UnsureError, match="cannot be told which bytes"):
        rewritten(stored(frame(DATA, 0, OWN, b"mine")), stream_of(content))
