"""A boundary is found where frames are, and never where none are."""

import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.schema import Side
from analyzer.model.streams import Data, Origins
from analyzer.wire.resync import WINDOW, find_anywhere, find_frame

SIDES = pytest.mark.parametrize("side", list(Side))


def stream(*packets: bytes, start: int = 0) -> Data:
    """Packets in a row; `start` is the first one's stream offset."""
    starts = start + np.cumsum([0, *map(len, packets)])[: len(packets)].astype(np.int64)
    numbers = np.arange(1, len(packets) + 1)
    return Data(start, np.frombuffer(b"".join(packets), np.uint8), Origins(starts, numbers, numbers * 1000))


def frame(side: Side, opcode: int, payload: bytes, fin: int = 1) -> bytes:
    size = len(payload)
    masked = side is Side.CLIENT
    head = bytes([fin << 7 | opcode, masked << 7 | (size if size < 126 else 126 if size < 65536 else 127)])
    head += b"" if size < 126 else size.to_bytes(2 if size < 65536 else 8, "big")
    if not masked:
        return head + payload
    key = random.Random(payload).randbytes(4)  # noqa: S311 - a key that differs is wanted, not a secret one
    wide = np.frombuffer(key * (size // 4 + 1), np.uint8)[:size]
    return head + key + (np.frombuffer(payload, np.uint8) ^ wide).tobytes()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - the same bytes each time are wanted


@SIDES
def test_whole_frames_in_packets_are_found_at_once(side: Side) -> None:
    frames = [frame(side, 2, noise(160, number)) for number in range(5)]
    assert find_frame(stream(*frames, start=700), side) == 700
    assert find_frame(stream(noise(33), *frames, start=700), side) == 733


@SIDES
def test_a_message_of_json_is_enough_with_another(side: Side) -> None:
    frames = [frame(side, 1, b'{"type":"Results"}'), frame(side, 1, b'{"type":"Metadata"}')]
    assert find_frame(stream(noise(20), *frames), side) == 20


@SIDES
def test_one_short_frame_is_not_enough(side: Side) -> None:
    assert find_frame(stream(frame(side, 2, b"abc")), side) is None


@SIDES
def test_the_mask_must_fit_the_side(side: Side) -> None:
    frames = [frame(side, 2, noise(160, number)) for number in range(5)]
    assert find_frame(stream(*frames), side.peer) is None
    assert find_frame(stream(*frames), None) == 0


@SIDES
@pytest.mark.parametrize(
    "spoilt",
    [b"\x83\x01", b"\xa2\x01", b"\x80\x01", b"\x89\x7e\0\x80", b"\x82\x7e\0\x05", b"\x82\x7f\x80" + bytes(7)],
    ids=["reserved opcode", "rsv", "stray continuation", "long control", "length not minimal", "impossible length"],
)
def test_one_illegal_header_speaks_against_the_chain(side: Side, spoilt: bytes) -> None:
    header = bytes([spoilt[0], spoilt[1] | 128]) + spoilt[2:] + bytes(4) if side is Side.CLIENT else spoilt
    frames = [frame(side, 2, noise(160, number)) for number in range(5)]
    assert find_frame(stream(*frames, header), side) is None


def test_compression_is_legal_only_where_it_may_be() -> None:
    frames = [b"\xc2\x05abcde"] * 6
    assert find_frame(stream(*frames), Side.SERVER) == 0
    assert find_frame(stream(*frames), Side.SERVER, rsv=False) is None


TLS = b"".join(b"\x17\x03\x03\x01\x00" + noise(256, number) for number in range(40))
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\nContent-Type: text/html\r\n\r\n" + b"<p>words and more words</p>\n" * 70
SSH = b"SSH-2.0-OpenSSH_9.6\r\n" + b"".join(struct.pack(">IB", 300, 14) + noise(299, number) for number in range(20))
DNS = b"".join(struct.pack(">HHHHHHH", 60, number, 0x8180, 1, 1, 0, 0) + b"\7example\3com\0" + bytes(30) for number in range(40))
OTHERS = {
    "TLS": TLS,
    "HTTP": HTTP,
    "SSH": SSH,
    "DNS": DNS,
    "zeros": bytes(5000),
    "ones": b"\xff" * 5000,
    "PCM": struct.pack("<4000h", *(round(9000 * np.sin(at / 9)) for at in range(4000))),
    "quiet PCM": struct.pack("<4000h", *(at % 3 - 1 for at in range(4000))),
    "JSON": b'{"a": [1, 2, 3], "b": "text"}\n' * 200,
    "Redis": b"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$5\r\nvalue\r\n" * 200,
}


@SIDES
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("size", [100, 1460])
def test_other_protocols_hold_no_frames(name: str, size: int, side: Side) -> None:
    data = OTHERS[name]
    for shift in range(6):
        packets = [data[at : at + size] for at in range(shift, len(data), size)]
        assert find_frame(stream(*packets), side) is None
        assert find_anywhere(stream(*packets), side, rsv=True) is None


@SIDES
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_noise_holds_no_frames(side: Side, seed: int, sizes: list[int]) -> None:
    data = noise(sum(sizes), seed)
    ends = np.cumsum(sizes).tolist()
    packets = [data[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    assert find_frame(stream(*packets), side) is None
    assert find_anywhere(stream(data), side, rsv=True) is None


@pytest.mark.long
@SIDES
def test_much_noise_holds_no_frames(side: Side) -> None:
    for seed in range(100):
        packets = [noise(1460, seed * 1000 + number) for number in range(200)]
        assert find_frame(stream(*packets), side) is None
        assert find_anywhere(stream(*packets), side, rsv=True) is None


@given(st.binary(max_size=400), st.sampled_from(list(Side)))
def test_nothing_raises(data: bytes, side: Side) -> None:
    found = find_frame(stream(data, start=5), side)
    assert found is None or 5 <= found < 5 + len(data)
    found = find_anywhere(stream(data, start=5), side, rsv=True)
    assert found is None or 5 <= found < 5 + len(data)


@SIDES
@pytest.mark.parametrize("size", [20, 160, 3200, 20_000, 66_000])
def test_frames_sent_in_bulk_are_found_within_a_few(side: Side, size: int) -> None:
    """Packets begin anywhere in them, as when a file is sent as fast as it goes."""
    frames = [frame(side, 2, noise(size, number)) for number in range(max(12, 40_000 // size))]
    sent = b"".join(frames)
    starts = [0, *np.cumsum([len(one) for one in frames]).tolist()]
    chance = random.Random(size)  # noqa: S311 - the same bytes each time are wanted
    for _ in range(10):
        begin = chance.randrange(1, starts[2])
        rest = sent[begin:]
        found = find_anywhere(stream(*(rest[at : at + 1460] for at in range(0, len(rest), 1460)), start=begin), side, rsv=True)
        first = next(number for number, start in enumerate(starts) if start >= begin)
        assert found in starts[first : first + 4]


def test_frames_behind_a_giant_one_are_found() -> None:
    side = Side.CLIENT
    frames = [frame(side, 2, noise(3 * WINDOW)), *(frame(side, 2, noise(500, number)) for number in range(100))]
    data = stream(b"".join(frames)[1000:], start=1000)
    assert find_anywhere(data, side, rsv=True) == len(frames[0])
