"""The walk over HTTP/2 frames, compiled and as plain Python: the same, in any pieces."""

import struct
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_kernels import plain

from analyzer.wire import http2_kernels

PLAIN = plain(http2_kernels)
BOTH = pytest.mark.parametrize("walks", [http2_kernels, PLAIN], ids=["built", "plain"])


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def walk(walks: ModuleType, data: bytes, cuts: list[int], room: int = 64) -> list[tuple[object, ...]]:
    """What was found: content by stream, joined where it follows; frames for the caller, with their payload; ends of streams."""
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    start = np.array(edges[:-1], np.int64)
    length = np.diff(np.array(edges, np.int64))
    zeros = np.zeros(len(start), np.int64)
    views = [memoryview(one) for one in (np.frombuffer(data, np.uint8), start, length, zeros, zeros, start)]
    state, head = np.zeros(8, np.int64), np.zeros(9, np.uint8)
    found: list[tuple[object, ...]] = []
    part = inside = 0
    while True:
        columns = [np.zeros(room, np.int64) for _ in range(5)]
        rows, part, inside, why = walks.walk_http2(
            *views, part, inside, memoryview(state), memoryview(head), *[memoryview(one) for one in columns]
        )
        for stream, size, at in zip(*(columns[name][:rows].tolist() for name in (0, 1, 4)), strict=True):
            content = data[at : at + size]
            if found and found[-1][:2] == ("content", stream):
                content = found.pop()[2] + content  # type: ignore[operator] - the bytes of the last one
            found.append(("content", stream, content))
        if why == walks.MORE:
            return found
        if why == walks.FRAME:
            found.append(("frame", head.tobytes(), int(state[0])))
        elif why == walks.ENDED:
            found.append(("ended", int(state[2])))


@BOTH
def test_what_is_told_and_what_is_stepped_over(walks: ModuleType) -> None:
    data = frame(8, 0, 0, b"\0\0\0\1") + frame(0, 0, 1, b"abc") + frame(0, 9, 3, b"\2defxx") + frame(0xFE, 255, 1, b"grease")
    data += frame(4, 1, 0) + frame(1, 4, 5, b"block") + frame(0, 1, 1) + frame(0, 8, 1, b"\xffxyz") + frame(0, 0, 0, b"none")
    for cuts in ([], [1, 9, 12, 13, 14], list(range(len(data)))):
        assert walk(walks, data, cuts) == [
            ("content", 1, b"abc"),
            ("content", 3, b"def"),
            ("ended", 3),
            ("frame", frame(4, 1, 0), 0),
            ("frame", frame(1, 4, 5, b"block")[:9], 5),
            ("ended", 1),
        ]


FRAMES = st.builds(frame, st.integers(0, 12), st.integers(0, 255), st.integers(0, 5), st.binary(max_size=40))


@given(frames=st.lists(FRAMES, max_size=10), rest=st.binary(max_size=30), cuts=st.lists(st.integers(0, 500), max_size=20))
def test_both_forms_give_the_same_in_any_pieces(frames: list[bytes], rest: bytes, cuts: list[int]) -> None:
    data = b"".join(frames) + rest
    if not data:
        return
    whole = walk(http2_kernels, data, [])
    for walks in (http2_kernels, PLAIN):
        assert walk(walks, data, cuts) == whole
        assert walk(walks, data, cuts, room=1) == whole
