"""A boundary is found where frames are, and never where none are."""

import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.schema import Side
from analyzer.model.streams import Data, Gap, Origins
from analyzer.wire.resync import STRANGER, Habits, find_frame

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


def find(*packets: bytes, side: Side | None, start: int = 0, rsv: bool = True, final: bool = True) -> int | None:
    assert side is not None
    return find_frame([stream(*packets, start=start)], side, rsv=rsv, final=final)


@SIDES
def test_whole_frames_in_packets_are_found_at_once(side: Side) -> None:
    frames = [frame(side, 2, noise(160, number)) for number in range(5)]
    assert find(*frames, start=700, side=side) == 700
    assert find(noise(33), *frames, start=700, side=side) == 733


@SIDES
def test_a_message_of_json_is_enough(side: Side) -> None:
    packets = noise(20), frame(side, 1, b'{"type":"Results"}')
    assert find(*packets, side=side) == 20
    assert find(*packets, side=side, final=False) == 20


@SIDES
def test_one_frame_between_two_holes_is_enough_when_it_fills_its_packet(side: Side) -> None:
    whole = frame(side, 2, noise(3200))
    pieces = [Gap(0, 50, 1, 0), stream(whole, start=50), Gap(50 + len(whole), 9, 2, 0)]
    assert find_frame(pieces, side) == 50
    assert find_frame([pieces[0], stream(whole[:-1], start=50), Gap(49 + len(whole), 9, 2, 0)], side) is None


@SIDES
def test_a_close_frame_at_the_end_is_found(side: Side) -> None:
    assert find(noise(20), frame(side, 8, b"\x03\xe8"), side=side) == 20
    assert find(noise(20), frame(side, 8, b"\x03\xf3net-0001"), side=side) == 20
    assert find(noise(20), frame(side, 8, b"\x10\xe8"), side=side) is None


@SIDES
def test_one_short_frame_is_not_enough(side: Side) -> None:
    assert find(frame(side, 2, b"abc"), side=side) is None


@SIDES
def test_the_mask_must_fit_the_side(side: Side) -> None:
    frames = [frame(side, 2, noise(160, number)) for number in range(5)]
    assert find(*frames, side=side.peer) is None


@SIDES
@pytest.mark.parametrize(
    "spoilt",
    [b"\x83\x01", b"\xa2\x01", b"\x80\x01", b"\x89\x7e\0\x80", b"\x82\x7e\0\x05", b"\x82\x7f\x80" + bytes(7)],
    ids=["reserved opcode", "rsv", "stray continuation", "long control", "length not minimal", "impossible length"],
)
def test_one_illegal_header_speaks_against_the_chain(side: Side, spoilt: bytes) -> None:
    header = bytes([spoilt[0], spoilt[1] | 128]) + spoilt[2:] + bytes(4) if side is Side.CLIENT else spoilt
    frames = [frame(side, 2, noise(160, number)) for number in range(5)]
    assert find(*frames, header, side=side) is None


@SIDES
def test_no_chain_leads_across_a_hole_of_a_length_not_known(side: Side) -> None:
    pieces: list[Data | Gap] = []
    at = 7
    for number in range(4):
        whole = frame(side, 2, noise(3200, number))
        pieces += [stream(whole[:14], start=at), Gap(at + 14, len(whole) - 14, number, 0, exact=False)]
        at += len(whole)
    assert find_frame(pieces, side) is None


@SIDES
def test_the_stretches_on_both_sides_of_a_hole_of_a_length_not_known_stand_for_themselves(side: Side) -> None:
    frames = [frame(side, 2, noise(3200, number)) for number in range(3)]
    hole = Gap(700, 50, 1, 0, exact=False)
    assert find_frame([stream(noise(700)), hole, stream(*frames, start=750)], side, final=True) == 750
    assert find_frame([stream(frames[0]), Gap(len(frames[0]), 50, 1, 0, exact=False), stream(noise(9), start=5000)], side) == 0


def test_compression_is_legal_only_where_it_may_be() -> None:
    frames = [b"\xc2\x05abcde"] * 6
    assert find(*frames, side=Side.SERVER) == 0
    assert find(*frames, side=Side.SERVER, rsv=False) is None


@SIDES
def test_what_was_usual_before_the_loss_speaks_for_a_frame(side: Side) -> None:
    """A frame in the middle of a packet, of which the capture holds nothing behind."""
    data = stream(noise(100) + frame(side, 2, noise(3200))[:500])
    usual = Habits(np.array([0x82], np.uint8), np.array([3200]))
    pieces = [data, Gap(data.end, 9000, 1, 0)]
    assert find_frame(pieces, side) is None
    at_packet = stream(noise(100), frame(side, 2, noise(3200))[:500])
    assert find_frame([at_packet, Gap(data.end, 9000, 1, 0)], side) is None
    assert find_frame([at_packet, Gap(data.end, 9000, 1, 0)], side, habits=usual) == 100


@SIDES
@pytest.mark.parametrize("kept", [14, 30])
def test_headers_chain_across_holes(side: Side, kept: int) -> None:
    """A snap length keeps the first bytes of each packet."""
    pieces: list[Data | Gap] = []
    at = 7
    for number in range(4):
        whole = frame(side, 2, noise(3200, number))
        pieces += [stream(whole[:kept], start=at), Gap(at + kept, len(whole) - kept, number, 0)]
        at += len(whole)
    assert find_frame(pieces, side) == 7
    assert find_frame(pieces[:3], side) == 7
    assert find_frame([stream(noise(kept), start=7), *pieces[1:]], side) == pieces[2].begin


def test_silence_behind_a_mask_is_no_chain_of_frames() -> None:
    """Zeros behind a mask are the key again and again: where two of its bytes look like a header, so do all that follow."""
    key = b"\x82\x82\x01\x02"
    for shift in range(4):
        data = (key * 1000)[shift:]
        for size in (400, 1460):
            assert find(*(data[at : at + size] for at in range(0, len(data), size)), side=Side.CLIENT) is None


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
        assert find(*packets, side=side) is None


@SIDES
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_noise_holds_no_frames(side: Side, seed: int, sizes: list[int]) -> None:
    data = noise(sum(sizes), seed)
    ends = np.cumsum(sizes).tolist()
    packets = [data[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    assert find(*packets, side=side) is None


@pytest.mark.long
@SIDES
def test_much_noise_holds_no_frames(side: Side) -> None:
    for seed in range(100):
        packets = [noise(1460, seed * 1000 + number) for number in range(200)]
        assert find(*packets, side=side) is None


BYTES = st.lists(
    st.one_of(st.binary(max_size=60), st.sampled_from([b"\x82\xfe\x00\xa0", b"\x81\x7e", bytes(20), b"{}"])), max_size=8
)


@given(
    data=BYTES.map(b"".join), holes=st.sets(st.integers(0, 400), max_size=6), side=st.sampled_from(list(Side)), final=st.booleans()
)
def test_nothing_raises(data: bytes, holes: set[int], side: Side, *, final: bool) -> None:
    pieces = holed(data, holes, 5)
    found = find_frame(pieces, side, final=final, reach=64)
    assert found is None or any(isinstance(piece, Data) and piece.start <= found < piece.end for piece in pieces)


def holed(data: bytes, holes: set[int], start: int) -> list[Data | Gap]:
    """Bytes with a hole of 10 bytes in front of some places."""
    pieces: list[Data | Gap] = []
    offset, before = start, 0
    for place in [*sorted(place for place in holes if place < len(data)), len(data)]:
        if place > before:
            pieces.append(stream(data[before:place], start=offset))
        offset += place - before
        pieces.append(Gap(offset, 10, 1, 0))
        offset, before = offset + 10, place
    return pieces[:-1]


def messages(side: Side) -> st.SearchStrategy[bytes]:
    sizes = st.sampled_from([1, 3, 20, 100, 160, 160, 160, 3200])
    binary = st.builds(lambda size, seed: frame(side, 2, noise(size, seed)), sizes, st.integers(0, 99))
    text = st.builds(lambda number: frame(side, 1, b'{"type":"Results","n":%d}' % number), st.integers(0, 99))
    return st.one_of(binary, binary, text, st.builds(noise, st.integers(1, 300)))


@pytest.mark.long
@SIDES
@given(data=st.data())
def test_what_is_found_does_not_depend_on_how_the_bytes_come(side: Side, data: st.DataObject) -> None:
    """Told bit by bit, the first boundary that is sure is the one that is found in all at once."""
    sent = b"".join(data.draw(st.lists(messages(side), max_size=12)))
    pieces = holed(sent, data.draw(st.sets(st.integers(0, 4000), max_size=4)), 0)
    step, reach = data.draw(st.integers(7, 700)), data.draw(st.sampled_from([200, 4000, 1 << 18]))
    whole = find_frame(pieces, side, final=True, reach=reach)
    some: list[Data | Gap] = []
    found = None
    for piece in pieces:
        parts = [piece] if isinstance(piece, Gap) else [part(piece, at, at + step) for at in range(0, len(piece.bytes), step)]
        for one in parts:
            some.append(one)
            found = find_frame(some, side, reach=reach) if found is None else found
    assert (find_frame(some, side, final=True, reach=reach) if found is None else found) == whole


def part(data: Data, begin: int, end: int) -> Data:
    return Data(data.start + begin, data.bytes[begin:end], data.origins)


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
        found = find(*(rest[at : at + 1460] for at in range(0, len(rest), 1460)), start=begin, side=side)
        first = next(number for number, start in enumerate(starts) if start >= begin)
        assert found in starts[first : first + 4]


@SIDES
@pytest.mark.parametrize("tail", range(1, 1400, 61))
def test_the_rest_of_a_frame_is_stepped_over(side: Side, tail: int) -> None:
    """Behind a lost header come packets that begin in the middle of its payload."""
    for seed in range(20):
        frames = [frame(side, 2, noise(3200, seed * 10 + number)) for number in range(3)]
        rest = noise(1448 + tail, seed)
        packets = [rest[:1448], rest[1448:], *(one[at : at + 1448] for one in frames for at in range(0, len(one), 1448))]
        assert find(*packets, side=side) == len(rest)


def test_frames_behind_a_giant_one_are_found() -> None:
    side, reach = Side.CLIENT, 1 << 16
    frames = [frame(side, 2, noise(3 * reach)), *(frame(side, 2, noise(500, number)) for number in range(100))]
    data = stream(b"".join(frames)[1000:], start=1000)
    assert find_frame([data], side, reach=reach, habits=STRANGER) == len(frames[0])


@pytest.mark.parametrize("side", Side)
def test_a_tone_is_no_chain(side: Side) -> None:
    """Bytes that repeat with a period of several masks hold the same false header again and again, in step with itself."""
    size = 1600
    for seed in range(100):
        chance = random.Random(seed)  # noqa: S311 - the same bytes each time are wanted
        tone = chance.randbytes(32) * (size // 32)
        length = len(frame(side, 2, tone))
        frames = [b"\x82\xfe" + size.to_bytes(2, "big") + chance.randbytes(4) for _ in range(40)]
        if side is Side.SERVER:
            whole = b"".join(frame(side, 2, tone) for _ in frames)
        else:
            whole = b"".join(one + bytes(byte ^ one[4 + (at & 3)] for at, byte in enumerate(tone)) for one in frames)
        cut = chance.randrange(3000)
        found = find(*(whole[at : at + 1460] for at in range(cut, len(whole), 1460)), side=side, start=cut)
        assert found is None or found % length == 0, seed
