"""pcap files of every kind, cut anywhere, damaged anywhere, a byte at a time."""

import io
import struct
from dataclasses import replace
from typing import NamedTuple

import pytest
from drops import Drops
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.capture import CaptureLog
from analyzer.model.errors import UnusableInputError
from analyzer.model.limits import DEFAULT, Limits
from analyzer.sources.pcap import MODIFIED, PcapSource, magic_of

SMALL = replace(DEFAULT, batch=64)


class Packet(NamedTuple):
    """What a record says."""

    time: int
    data: bytes
    on_wire: int


PACKETS = [Packet(1_795_000_000_123_456_000 + number * 1000, bytes([number]) * number, number * 2) for number in range(30)]


def header(order: str = "<", magic: int = 0xA1B2C3D4, *, major: int = 2, minor: int = 4, link: int = 1) -> bytes:
    return struct.pack(f"{order}IHHiIII", magic, major, minor, 0, 0, 96, link)


def record(packet: Packet, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    unit = 1 if magic == 0xA1B23C4D else 1000
    seconds, rest = divmod(packet.time, 10**9)
    more = bytes(8) if magic == MODIFIED else b""
    return struct.pack(f"{order}IIII", seconds, rest // unit, len(packet.data), packet.on_wire) + more + packet.data


def read(data: bytes, limits: Limits = DEFAULT, stream: type[io.BytesIO] = io.BytesIO) -> tuple[list[Packet], CaptureLog]:
    source, found = PcapSource(stream(data), "x.pcap", limits), []
    for batch in source.batches():
        assert batch.first_number == len(found) + 1
        names = ("time", "offset", "captured", "on_wire", "interface")
        for time, offset, captured, on_wire, interface in zip(*(batch.records[name].tolist() for name in names), strict=True):
            assert interface == 0
            found.append(Packet(time, batch.data[offset : offset + captured].tobytes(), on_wire))
    assert source.log.packets == len(found)
    return found, source.log


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D, MODIFIED])
def test_every_kind(order: str, magic: int) -> None:
    data = header(order, magic, link=101 | 0xF4000000) + b"".join(record(packet, order, magic) for packet in PACKETS)
    for limits, stream in ((DEFAULT, io.BytesIO), (SMALL, io.BytesIO), (DEFAULT, Drops), (SMALL, Drops)):
        packets, log = read(data, limits, stream)
        assert packets == PACKETS
        assert (log.format, log.bytes, log.problems, log.truncated) == ("pcap", len(data), [], 29)
        assert (log.first_time, log.last_time) == (PACKETS[0].time, PACKETS[-1].time)
        assert [(one.link_type, one.snap_length) for one in log.interfaces] == [(101, 96)]
        assert log.link_packets == {101: 30}


def swapped(packet: Packet, order: str) -> bytes:
    """A record with the length on the wire first, as old versions have it."""
    data = record(packet, order)
    return data[:8] + data[12:16] + data[8:12] + data[16:]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("major", "minor"), [(2, 0), (2, 2), (543, 0), (2, 3)])
def test_versions_before_2_4(order: str, major: int, minor: int) -> None:
    """As libpcap reads them: of 2.3 there are files of both kinds."""
    data = header(order, major=major, minor=minor) + b"".join(swapped(packet, order) for packet in PACKETS)
    for limits in (DEFAULT, SMALL):
        packets, log = read(data, limits)
        assert packets == PACKETS
        assert log.problems == []
    if minor == 3:
        assert read(header(order, minor=3) + b"".join(record(packet, order) for packet in PACKETS))[0] == PACKETS
    huge = struct.pack(f"{order}IIII", 1, 1, 0xFFFFFFFF, 0xFFFFFFFE)
    assert "claims 4294967294 bytes" in read(header(order, major=major, minor=minor) + huge)[1].problems[0].text


def test_later_minor_versions_are_read_as_this_one() -> None:
    assert read(header(minor=9) + b"".join(map(record, PACKETS)))[0] == PACKETS


def test_nanoseconds_are_kept() -> None:
    packet = Packet(5_000_000_001, b"", 0)
    assert read(header(magic=0xA1B23C4D) + record(packet, magic=0xA1B23C4D))[0] == [packet]


@pytest.mark.parametrize("limits", [DEFAULT, SMALL], ids=["usual", "small"])
def test_a_file_cut_anywhere_gives_what_is_whole(limits: Limits) -> None:
    data, ends = header(), [24]
    for packet in PACKETS[:8]:
        data += record(packet)
        ends.append(len(data))
    for stop in range(24, len(data) + 1):
        packets, log = read(data[:stop], limits)
        whole = sum(end <= stop for end in ends) - 1
        assert packets == PACKETS[:whole]
        assert log.bytes == ends[whole]
        if stop in ends:
            assert log.problems == []
        else:
            (problem,) = log.problems
            assert problem.packet == whole
            assert f"{stop - ends[whole]} bytes after packet {whole}" in problem.text


@pytest.mark.parametrize("stop", range(24))
def test_a_cut_file_header_cannot_be_used(stop: int) -> None:
    with pytest.raises(UnusableInputError, match=f"x.pcap: the pcap file header is cut, {stop} of 24"):
        read(header()[:stop])


def test_another_version_cannot_be_used() -> None:
    with pytest.raises(UnusableInputError, match="version 3 is not known, only version 2"):
        read(header(major=3))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [DEFAULT.record + 1, 0xFFFFFFFF])
def test_a_length_that_cannot_be_ends_the_capture(order: str, size: int) -> None:
    data = header(order) + record(PACKETS[3], order) + struct.pack(f"{order}IIII", 1, 1, size, size) + bytes(100)
    packets, log = read(data)
    assert packets == PACKETS[3:4]
    assert [problem.packet for problem in log.problems] == [1]
    assert f"claims {size} bytes" in log.problems[0].text


def test_a_record_longer_than_a_batch() -> None:
    packets = [Packet(1000, bytes(100_000), 100_000), Packet(2000, b"x", 1)]
    assert read(header() + b"".join(map(record, packets)), SMALL)[0] == packets


def test_garbage_behind_the_header_is_no_packet() -> None:
    packets, log = read(header() + b"\xff" * 40)
    assert packets == []
    assert len(log.problems) == 1


@given(noise=st.binary(max_size=300), order=st.sampled_from("<>"), magic=st.sampled_from((0xA1B2C3D4, 0xA1B23C4D, MODIFIED)))
def test_noise_raises_nothing(noise: bytes, order: str, magic: int) -> None:
    once, log = read(header(order, magic) + noise)
    again, other = read(header(order, magic) + noise, SMALL, Drops)
    assert once == again
    assert (log.problems, log.bytes) == (other.problems, other.bytes)


def test_magic_numbers() -> None:
    assert magic_of(header()) == (0xA1B2C3D4, False)
    assert magic_of(header(">", MODIFIED)) == (MODIFIED, True)
    assert magic_of(b"\x0a\x0d\x0d\x0a") is None
    assert magic_of(b"") is None
