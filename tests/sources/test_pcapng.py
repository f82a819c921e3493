"""pcapng: sections, interfaces, every packet block and clock, comments, drops, secrets; cut and damaged anywhere."""

import io
import struct
import time
from dataclasses import replace
from typing import NamedTuple

import pytest
from drops import Drops
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.capture import CaptureLog
from analyzer.model.errors import UnusableInputError
from analyzer.model.limits import DEFAULT, SECOND, Limits
from analyzer.model.secrets import TlsSecret
from analyzer.sources.pcapng import MOST_INTERFACES, PcapngSource

SMALL = replace(DEFAULT, batch=64)
NOW = 1_795_000_000
LATEST = 9_000_000_000 * SECOND


class Packet(NamedTuple):
    """What a block says."""

    time: int
    data: bytes
    on_wire: int
    interface: int = 0


KEYS = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"


class Writer:
    """Blocks in one byte order."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def block(self, kind: int, body: bytes) -> bytes:
        """Wrap a body."""
        body += bytes(-len(body) % 4)
        return struct.pack(f"{self.order}II", kind, len(body) + 12) + body + struct.pack(f"{self.order}I", len(body) + 12)

    def options(self, *options: tuple[int, bytes], end: bool = True) -> bytes:
        """Write options; the end mark may be left out."""
        parts = [struct.pack(f"{self.order}HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in options]
        return b"".join(parts) + (bytes(4) if end and options else b"")

    def section(self, *options: tuple[int, bytes], major: int = 1) -> bytes:
        """Write a section header."""
        fields = struct.pack(f"{self.order}IHHq", 0x1A2B3C4D, major, 0, -1)
        return self.block(0x0A0D0D0A, fields + self.options(*options))

    def secrets(self, keys: bytes) -> bytes:
        """Write the body of a Decryption Secrets Block with a TLS key log."""
        return struct.pack(f"{self.order}II", 0x544C534B, len(keys)) + keys

    def interface(self, *options: tuple[int, bytes], link: int = 1, snap: int = 0) -> bytes:
        """Write an interface description."""
        return self.block(1, struct.pack(f"{self.order}HHI", link, 0, snap) + self.options(*options))

    def enhanced(self, ticks: int, data: bytes = b"", *options: tuple[int, bytes], interface: int = 0, end: bool = True) -> bytes:
        """Write an Enhanced Packet Block; the packet had one byte more on the wire."""
        fields = struct.pack(f"{self.order}IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) + 1)
        return self.block(6, fields + data + bytes(-len(data) % 4) + self.options(*options, end=end))

    def obsolete(self, ticks: int, data: bytes, interface: int = 0) -> bytes:
        """Write a Packet Block as older versions did."""
        fields = struct.pack(f"{self.order}HHIIII", interface, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) + 1)
        return self.block(2, fields + data)

    def simple(self, data: bytes, on_wire: int) -> bytes:
        """Write a Simple Packet Block."""
        return self.block(3, struct.pack(f"{self.order}I", on_wire) + data)

    def drops(self, count: int, interface: int = 0) -> bytes:
        """Write interface statistics."""
        return self.block(
            5, struct.pack(f"{self.order}III", interface, 0, 0) + self.options((5, struct.pack(f"{self.order}Q", count)))
        )


L = Writer()


def read(data: bytes, limits: Limits = DEFAULT, stream: type[io.BytesIO] = io.BytesIO) -> tuple[list[Packet], CaptureLog]:
    source, found = PcapngSource(stream(data), "x.pcapng", limits), []
    for batch in source.batches():
        assert batch.first_number == len(found) + 1
        names = ("time", "offset", "captured", "on_wire", "interface")
        for at, offset, captured, on_wire, interface in zip(*(batch.records[name].tolist() for name in names), strict=True):
            found.append(Packet(at, batch.data[offset : offset + captured].tobytes(), on_wire, interface))
    assert source.log.packets == len(found)
    return found, source.log


def every_kind(order: str) -> tuple[bytes, list[Packet]]:
    """Two sections with three interfaces, every block there is, and one that nobody knows."""
    one, two = Writer(order), Writer(">" if order == "<" else "<")
    micro, nano = NOW * 10**6 + 123_456, NOW * 10**9 + 123_456_789
    data = one.section((1, b"first section")) + one.interface((2, b"eth0"), (1, b"an interface"))
    data += one.enhanced(micro, b"abc") + one.block(0xBAD, b"?" * 9) + one.interface((9, b"\x09"), link=101, snap=4)
    data += one.enhanced(nano, b"defg", (1, b"a packet"), interface=1) + one.simple(b"hi", 2) + one.obsolete(micro + 1, b"jklmn")
    data += one.drops(3, 1) + one.block(10, one.secrets(KEYS)) + two.section()
    data += two.interface(link=113) + two.enhanced(micro + 2, b"o")
    return data, [
        Packet(micro * 1000, b"abc", 4, 0),
        Packet(nano, b"defg", 5, 1),
        Packet(nano, b"hi", 2, 0),
        Packet(micro * 1000 + 1000, b"jklmn", 6, 0),
        Packet(micro * 1000 + 2000, b"o", 2, 2),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind(order: str) -> None:
    data, expected = every_kind(order)
    for limits, stream in ((DEFAULT, io.BytesIO), (SMALL, io.BytesIO), (DEFAULT, Drops), (SMALL, Drops)):
        packets, log = read(data, limits, stream)
        assert packets == expected
        assert (log.format, log.bytes, log.problems) == ("pcapng", len(data), [])
        assert [(one.link_type, one.snap_length, one.name, one.dropped) for one in log.interfaces] == [
            (1, 0, "eth0", None),
            (101, 4, "", 3),
            (113, 0, "", None),
        ]
        assert log.comments == ["first section", "an interface", "a packet"]
        assert log.secrets == [TlsSecret("CLIENT_RANDOM", b"\xab" * 32, b"\xcd" * 48)]
        assert log.link_packets == {1: 3, 101: 1, 113: 1}
        assert log.truncated == 4


@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (6, 1_500_000, 1_500_000_000),
        (0, 7, 7_000_000_000),
        (3, 1_001, 1_001_000_000),
        (9, 1_000_000_001, 1_000_000_001),
        (12, 1_000_000_000_999, 1_000_000_000),
        (18, 10**18 + 10**9, 1_000_000_001),
        (0x80 | 10, 1024 + 512, 1_500_000_000),
        (0x80 | 30, 2**30 + 2**29, 1_500_000_000),
        (0x80 | 32, 2**32 + 2**31, 1_500_000_000),
        (0x80 | 63, 2**63, 1_000_000_000),
        (0x80, 3, 3_000_000_000),
        (0, 2**64 - 1, LATEST),
        (0xFF, 2**64 - 1, 0),
    ],
)
def test_every_clock(resolution: int, ticks: int, nanoseconds: int) -> None:
    data = L.section() + L.interface((9, bytes([resolution]))) + L.enhanced(ticks)
    (packet,), log = read(data)
    assert packet.time == nanoseconds
    assert log.problems == []


@pytest.mark.parametrize(
    ("offset", "second"), [(0, 100), (1000, 1100), (-50, 50), (2**63 - 1, 220_000_100), (-(2**63), -219_999_900)]
)
def test_an_interface_may_count_from_another_second(offset: int, second: int) -> None:
    data = L.section() + L.interface((14, struct.pack("<q", offset))) + L.enhanced(100 * 10**6)
    assert read(data)[0][0].time == second * SECOND


def test_the_latest_time_and_the_largest_offset_fit_together() -> None:
    data = L.section() + L.interface((9, b"\0"), (14, struct.pack("<q", 2**63 - 1))) + L.enhanced(2**64 - 1)
    assert read(data)[0][0].time == LATEST + 220_000_000 * SECOND < 2**63


def test_a_simple_packet_is_cut_by_the_snap_length_and_has_no_time() -> None:
    data = L.section() + L.interface(snap=3) + L.simple(b"abcd", 9) + L.enhanced(5_000_000) + L.simple(b"abcd", 2)
    packets = read(data)[0]
    assert [(one.time, one.data, one.on_wire) for one in packets] == [
        (0, b"abc", 9),
        (5_000_000_000, b"", 1),
        (5_000_000_000, b"ab", 2),
    ]


@pytest.mark.parametrize("limits", [DEFAULT, SMALL], ids=["usual", "small"])
def test_a_file_cut_anywhere_gives_what_is_whole(limits: Limits) -> None:
    data, expected = every_kind("<")
    first = 28 + len(L.options((1, b"first section")))
    ends = [at for at in range(len(data) + 1) if at >= first and read_quietly(data[:at])]
    for stop in range(first, len(data) + 1):
        packets, log = read(data[:stop], limits)
        assert packets == expected[: len(packets)]
        assert bool(log.problems) == (stop not in ends)
        if log.problems:
            assert "ends in the middle of a block" in log.problems[0].text
            assert log.problems[0].packet == len(packets)
    assert len(ends) == 13


def read_quietly(data: bytes) -> bool:
    """Whether blocks end at the end, by the plain walk over their lengths."""
    at, order = 0, "little"
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "little" if data[at + 8] == 0x4D else "big"
        at += int.from_bytes(data[at + 4 : at + 8], order)  # type: ignore[arg-type]
    return at == len(data)


@pytest.mark.parametrize("stop", range(28))
def test_a_cut_section_header_cannot_be_used(stop: int) -> None:
    with pytest.raises(UnusableInputError, match="it ends in its first block"):
        read(L.section()[:stop])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "no byte-order magic"),
        (L.section(major=2), "version 2 is not known"),
        (L.section()[:4] + struct.pack("<I", 13) + L.section()[8:], "claims 13 bytes"),
        (L.section()[:4] + struct.pack("<I", 0xFFFFFFFC) + L.section()[8:], "claims 4294967292 bytes"),
        (struct.pack("<IIII", 0x0A0D0D0A, 16, 0x1A2B3C4D, 16), "too short"),
    ],
)
def test_a_section_that_cannot_be(data: bytes, words: str) -> None:
    with pytest.raises(UnusableInputError, match=words):
        read(data)
    packets, log = read(L.section() + L.interface() + L.enhanced(1) + data + L.enhanced(2))
    assert len(packets) == 1
    assert words in log.problems[0].text


@pytest.mark.parametrize(
    "damage",
    [
        struct.pack("<II", 6, 30) + bytes(40),
        struct.pack("<II", 6, 28) + bytes(40),
        struct.pack("<II", 6, 0xFFFFFFFC) + bytes(40),
        struct.pack("<IIIIIII", 6, 32, 0, 0, 0, 1, 1) + bytes(40),
        struct.pack("<IIIIIII", 6, 32, 1, 0, 0, 0, 0) + bytes(40),
        struct.pack("<II", 3, 12) + bytes(40),
        struct.pack("<II", 1, 12) + bytes(40),
        struct.pack("<II", 77, 8) + bytes(40),
    ],
    ids=["odd", "short", "long", "more than the block", "no such interface", "empty simple", "empty interface", "no block"],
)
@pytest.mark.parametrize("limits", [DEFAULT, SMALL], ids=["usual", "small"])
def test_a_block_that_cannot_be_ends_the_capture(damage: bytes, limits: Limits) -> None:
    packets, log = read(L.section() + L.interface() + L.enhanced(1, b"x") + damage, limits)
    assert [packet.data for packet in packets] == [b"x"]
    (problem,) = log.problems
    assert problem.packet == 1


def test_a_packet_without_interface_is_damage() -> None:
    assert "after packet 0" in read(L.section() + L.enhanced(1))[1].problems[0].text


def test_options_are_read_up_to_their_block() -> None:
    """Without an end mark, what follows is another block and no option."""
    follower = L.block(0x00010001, b"\x01\0\x04\0fake" * 4)
    data = L.section() + L.interface() + L.enhanced(1, b"abc", (1, b"real"), end=False) + follower + L.enhanced(2, b"", (1, b"two"))
    assert read(data)[1].comments == ["real", "two"]
    damaged = L.section((1, b"x" * 5)).replace(b"\x01\0\x05\0", b"\x01\0\xff\xff")
    assert read(damaged + L.interface())[1].comments == []


def test_only_the_first_hundred_comments_are_kept() -> None:
    data = L.section() + L.interface() + b"".join(L.enhanced(number, b"", (1, b"%d" % number)) for number in range(150))
    assert read(data, SMALL)[1].comments == [str(number) for number in range(100)]


def test_lost_packets_are_counted_by_statistics_or_by_packets() -> None:
    lost = (4, struct.pack("<Q", 5))
    data = L.section() + L.interface() + L.interface() + L.enhanced(1, b"", lost) + L.enhanced(2, b"", lost, interface=1)
    assert [one.dropped for one in read(data)[1].interfaces] == [5, 5]
    data += L.enhanced(3, b"", lost) + L.drops(7, 0) + L.drops(70, 1) + L.drops(1, 9)
    for limits in (DEFAULT, SMALL):
        assert [one.dropped for one in read(data, limits)[1].interfaces] == [10, 70]


def test_secrets_and_names_are_bounded() -> None:
    limits = replace(DEFAULT, block_options=5000, tls_secrets=2)
    data = L.section() + L.interface((2, b"n" * 4000)) + L.block(10, L.secrets(KEYS)) * 5
    log = read(data, limits)[1]
    assert len(log.secrets) == 2
    assert log.interfaces[0].name == "n" * 256
    assert log.problems == []


def test_many_interfaces_cost_no_more_each() -> None:
    data = L.section() + (L.interface() + L.enhanced(1)) * (MOST_INTERFACES // 4)
    begin = time.process_time()
    packets, log = read(data)
    assert time.process_time() - begin < 5
    assert len(packets) == len(log.interfaces) == MOST_INTERFACES // 4
    assert "interfaces" in read(L.section() + L.interface() * (MOST_INTERFACES + 1))[1].problems[0].text


def test_a_block_longer_than_a_batch() -> None:
    data = L.section() + L.interface((1, b"c" * 30_000)) + L.enhanced(1, b"d" * 30_000)
    packets, log = read(data, SMALL)
    assert len(packets[0].data) == len(log.comments[0]) == 30_000


@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 400),
    order=st.sampled_from("<>"),
)
def test_damage_raises_nothing_and_reads_alike_in_any_batch(changes: list[tuple[int, int]], cut: int, order: str) -> None:
    data = bytearray(every_kind(order)[0])
    for at, value in changes:
        data[at % len(data)] = value
    damaged = bytes(data[: len(data) - cut])
    try:
        once, log = read(damaged)
    except UnusableInputError:
        with pytest.raises(UnusableInputError):
            read(damaged, SMALL, Drops)
        return
    again, other = read(damaged, SMALL, Drops)
    assert once == again
    assert (log.problems, log.comments, log.interfaces, log.secrets) == (
        other.problems,
        other.comments,
        other.interfaces,
        other.secrets,
    )
