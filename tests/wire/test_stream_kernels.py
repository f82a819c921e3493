"""The walks over a stream against plain readings of the standards, as they were built and as plain Python: both must say the
same.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_kernels import plain

from analyzer.model.streams import Run
from analyzer.wire import stream_kernels
from analyzer.wire.frames import FrameColumns

FRAME = ("offset", "header", "length", "opcode", "fin", "rsv", "masked", "key")
BOTH = pytest.mark.parametrize("walks", [stream_kernels, plain(stream_kernels)], ids=["built", "plain"])


class Walked(NamedTuple):
    """Frames (the one that goes on is the last), their unmasked payload, the packets of each, and whether the walk stopped as
    damaged.
    """

    frames: list[tuple[int, ...]]
    payload: bytes
    packets: list[tuple[int, int]]
    damaged: bool


def walk_frames(walks: ModuleType, data: bytes, room: int, cuts: Sequence[int] = (), most: int = 1 << 20) -> Walked:
    """Walk a stream that comes in parts, in columns with room for so many frames, and for so many bytes of payload."""
    columns, run = FrameColumns(room), run_of(data, cuts)
    views = run.views
    state, head = np.zeros(8, np.int64), np.zeros(14, np.uint8)
    why, part, inside, payload, rows, kept = stream_kernels.FULL, 0, 0, b"", [], []
    while why == stream_kernels.FULL:
        ended, pieces, part, inside, why, _ = walks.walk_frames(
            *views, part, inside, True, most, memoryview(state), memoryview(head), *columns.views
        )
        for at, length, key in zip(
            columns.piece_at[:pieces], columns.piece_length[:pieces], columns.piece_key[:pieces], strict=True
        ):
            masked = run.bytes[at : at + length]
            payload += bytes(byte ^ (int(key) >> (24 - 8 * (n % 4)) & 255) for n, byte in enumerate(masked.tolist()))
        rows += [columns.rows(row, row + 1) for row in range(ended)]
        kept = [columns.rows(ended, ended + 1)] if state[0] else []
        if kept:
            columns.put(kept[0])
    rows += kept
    frames = [tuple(int(row[name][0]) for name in FRAME) for row in rows]
    return Walked(
        frames, payload, [(int(row["first_packet"][0]), int(row["last_packet"][0])) for row in rows], why == stream_kernels.DAMAGED
    )


def run_of(data: bytes, cuts: Sequence[int]) -> Run:
    """Parts that lie apart, each with a packet of its own."""
    edges = np.array([0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)], np.int64)
    edges = np.unique(edges)
    start, length = edges[:-1], np.diff(edges)
    at = start + 3 * np.arange(1, len(edges))
    lying = np.zeros(len(data) + 3 * len(edges), np.uint8)
    for begin, size, place in zip(start.tolist(), length.tolist(), at.tolist(), strict=True):
        lying[place : place + size] = np.frombuffer(data, np.uint8)[begin : begin + size]
    return Run(start, length, np.arange(1, len(edges)), np.arange(1, len(edges)) * 10, at, lying)


def read_frames(data: bytes, cuts: Sequence[int] = ()) -> Walked:
    """RFC 6455 section 5.2, header by header."""
    packet = np.searchsorted(sorted({cut for cut in cuts if 0 < cut < len(data)}), np.arange(len(data)), side="right") + 1
    at, rows, payload, packets = 0, [], b"", []
    while at + 2 <= len(data):
        size, masked = data[at + 1] & 127, data[at + 1] >> 7
        wide = {126: 2, 127: 8}.get(size, 0)
        head = 2 + wide + 4 * masked
        if at + head > len(data):
            break
        length = int.from_bytes(data[at + 2 : at + 2 + wide], "big") if wide else size
        if length >> 63:
            return Walked(rows, payload, packets, damaged=True)
        key = data[at + 2 + wide : at + head]
        rows.append((at, head, length, data[at] & 15, data[at] >> 7, data[at] >> 4 & 7, masked, int.from_bytes(key, "big")))
        content = data[at + head : at + head + length]
        payload += bytes(byte ^ key[n % 4] for n, byte in enumerate(content)) if masked else content
        packets.append((int(packet[at]), int(packet[min(at + head + length, len(data)) - 1])))
        at += head + length
    return Walked(rows, payload, packets, damaged=False)


HEADERS = st.builds(
    lambda first, second, rest: bytes([first, second]) + rest,
    st.integers(0, 255),
    st.sampled_from((0, 1, 5, 125, 126, 127, 128, 129, 253, 254, 255)),
    st.one_of(st.binary(max_size=20), st.binary(max_size=8).map(lambda rest: bytes(8 - len(rest)) + rest)),
)


@BOTH
@given(
    data=st.lists(HEADERS, max_size=12).map(b"".join),
    room=st.integers(1, 20),
    cuts=st.lists(st.integers(1, 200), max_size=20),
    most=st.sampled_from((1, 10, 1000)),
)
def test_frames_are_read_as_the_rfc_says(walks: ModuleType, data: bytes, room: int, cuts: list[int], most: int) -> None:
    assert walk_frames(walks, data, room, cuts, most) == read_frames(data, cuts)


@BOTH
@pytest.mark.parametrize("stop", range(15))
def test_a_header_that_is_cut_is_not_a_frame(walks: ModuleType, stop: int) -> None:
    header = b"\x82\xff" + (70_000).to_bytes(8, "big") + b"mask"
    for cuts in ((), range(15)):
        assert len(walk_frames(walks, header[:stop], 1, cuts).frames) == (stop == len(header))


@BOTH
def test_what_is_odd_is_seen(walks: ModuleType) -> None:
    """1 for what deserves a closer look, 2 for a close, 4 for fragments, 8 for reserved bits; nothing for what is usual."""
    key = bytes(4)
    usual = b"\x82\x80" + key + b"\x81\x80" + key + b"\x89\x80" + key + b"\x82\xfe\0\x7e" + key + bytes(126)
    close, fragment, reserved, unmasked, long = (
        b"\x88\x80" + key,
        b"\x02\x80" + key,
        b"\xc2\x80" + key,
        b"\x82\0",
        b"\x82\xfe\0\x05" + key + bytes(5),
    )
    for more, seen in ((b"", 0), (close, 2), (fragment, 5), (reserved, 9), (unmasked, 1), (long, 1), (close + fragment, 7)):
        columns, run = FrameColumns(20), run_of(usual + more + usual, ())
        views = run.views
        state, head = memoryview(np.zeros(8, np.int64)), memoryview(np.zeros(14, np.uint8))
        assert walks.walk_frames(*views, 0, 0, True, 1000, state, head, *columns.views)[5] == seen


@BOTH
@given(
    opcodes=st.lists(st.sampled_from((0, 1, 2, 2, 2, 8, 9, 10, 5)), max_size=30),
    contents=st.data(),
    longest=st.sampled_from((-1, 10)),
    bare=st.sampled_from((-1, 3)),
)
def test_messages_are_sorted(walks: ModuleType, opcodes: list[int], contents: st.DataObject, longest: int, bare: int) -> None:
    letters = st.sampled_from((b"", b"{", b"{}", b" {a} ", b"{" + b"x" * 20 + b"}", b"abc", b"abcd", b"\r{\n", b"}{"))
    parts = [contents.draw(letters) for _ in opcodes]
    flags = [(contents.draw(st.integers(0, 1)), contents.draw(st.integers(0, 1))) for _ in opcodes]
    kinds = np.arange(100, 116).astype(np.uint8)
    out, asked = np.zeros(len(opcodes), np.uint8), np.zeros(len(opcodes), np.int64)
    sizes = np.array([len(part) for part in parts], np.int64)
    columns = (np.array(opcodes, np.uint8), sizes, np.cumsum(sizes) - sizes)
    marks = (np.array([flag[which] for flag in flags], np.uint8) for which in (0, 1))
    views = [memoryview(one) for one in (*columns, *marks)]
    count = walks.sort_messages(
        *views, memoryview(b"".join(parts)), memoryview(kinds), 1, 2, 3, longest, bare, memoryview(out), memoryview(asked)
    )
    want, questions = [], []
    for row, (opcode, part, (readable, whole)) in enumerate(zip(opcodes, parts, flags, strict=True)):
        binary = opcode == 2
        want.append(100 + opcode if not binary else 3 if not readable else 2 if whole and not part else 1)
        json_like = part[:1] in (b"{", b" ", b"\r") and part[-1:] in (b"}", b" ", b"\n")
        if opcode in (1, 8) or (binary and readable and whole and 0 < len(part) <= longest and (len(part) <= bare or json_like)):
            questions.append(row)
    assert (out.tolist(), asked[:count].tolist()) == (want, questions)
