"""pcapng files of all kinds for property tests, and a reader of blocks that knows nothing of the program's own."""

import struct
from collections.abc import Iterator, Sequence

from hypothesis import strategies as st

Block = tuple[bool, int, bytes]
"""Whether its section is big-endian, its type, its body."""
Option = tuple[int, bytes]
SECTION, INTERFACE, OLD_PACKET, SIMPLE, NAMES, STATISTICS, PACKET, SECRETS = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 10
KEY = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def packed(form: str, *values: object, big: bool) -> bytes:
    return struct.pack((">" if big else "<") + form, *values)


def block(kind: int, body: bytes, *, big: bool) -> bytes:
    length = packed("I", len(body) + 12, big=big)
    return packed("I", kind, big=big) + length + body + length


def options(chosen: Sequence[Option], *, big: bool) -> bytes:
    if not chosen:
        return b""
    return b"".join(packed("HH", code, len(value), big=big) + padded(value) for code, value in chosen) + bytes(4)


def blocks(data: bytes) -> Iterator[Block]:
    """All blocks of a sound file."""
    at, big = 0, False
    while at < len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            big = data[at + 8] == 0x1A
        kind, total = struct.unpack_from(">II" if big else "<II", data, at)
        assert total % 4 == 0
        assert data[at + 4 : at + 8] == data[at + total - 4 : at + total]
        yield big, kind, data[at + 8 : at + total - 4]
        at += total


def comments(one: Block) -> list[str]:
    """The comments among the options of a section header or packet block."""
    big, kind, body = one
    at = 16 if kind == SECTION else 20 + len(padded(bytes(struct.unpack_from(">I" if big else "<I", body, 12)[0])))
    found = []
    while at + 4 <= len(body):
        code, size = struct.unpack_from(">HH" if big else "<HH", body, at)
        if code == 0:
            break
        if code == 1:
            found.append(body[at + 4 : at + 4 + size].decode())
        at += 4 + len(padded(bytes(size)))
    return found


OPTIONS = st.lists(
    st.one_of(
        st.tuples(st.just(1), st.text(alphabet="aö ", max_size=6).map(str.encode)),
        st.tuples(st.just(1), st.just(b"before\n" + KEY + b"\nbehind")),
        st.tuples(st.sampled_from((4, 2, 2988, 19372)), st.binary(max_size=9)),
    ),
    max_size=3,
)
DATA = st.binary(max_size=40)


@st.composite
def sections(draw: st.DrawFn) -> bytes:
    """One section."""
    big = draw(st.booleans())
    interfaces = draw(st.integers(1, 3))
    body = b"".join(
        block(INTERFACE, packed("HHI", 1, 0, draw(st.sampled_from((0, 16))), big=big) + options(draw(OPTIONS), big=big), big=big)
        for _ in range(interfaces)
    )
    for _ in range(draw(st.integers(0, 8))):
        body += draw(others(big=big, interfaces=interfaces))
    length = draw(st.sampled_from((-1, len(body))))
    head = packed("IHHq", 0x1A2B3C4D, 1, 0, length, big=big) + options(draw(OPTIONS), big=big)
    return block(SECTION, head, big=big) + body


@st.composite
def others(draw: st.DrawFn, *, big: bool, interfaces: int) -> bytes:
    """One block behind the interfaces."""
    kind = draw(st.sampled_from((PACKET, PACKET, OLD_PACKET, SIMPLE, NAMES, STATISTICS, SECRETS, 0xBAD, 0x40000BAD, 9)))
    which, data, said = draw(st.integers(0, interfaces - 1)), draw(DATA), options(draw(OPTIONS), big=big)
    if kind == PACKET:
        body = packed("IIIII", which, draw(st.integers(0, 9)), 7, len(data), len(data) + 3, big=big) + padded(data) + said
    elif kind == OLD_PACKET:
        body = packed("HHIIII", which, 0, 1, 8, len(data), len(data), big=big) + padded(data) + said
    elif kind == SIMPLE:
        body = packed("I", len(data), big=big) + padded(data)
    elif kind == NAMES:
        body = packed("HH", 1, 8, big=big) + b"\x7f\0\0\1a.b\0" + bytes(4) + said
    elif kind == STATISTICS:
        body = packed("III", which, 0, 9, big=big) + said
    elif kind == SECRETS:
        body = packed("II", 0x544C534B, len(KEY), big=big) + padded(KEY)
    else:
        body = padded(data)
    return block(kind, body, big=big)


FILES = st.lists(sections(), min_size=1, max_size=3).map(b"".join)
