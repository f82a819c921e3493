"""IP packets that came in fragments: whole whatever the order and the copies, never made of what does not belong together."""

import itertools
import struct
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wrapping import HOSTS6, OUTER, ether, ip4, ip6, tcp, type_of, udp

from analyzer.model.capture import CaptureLog, Interface, PacketBatch
from analyzer.model.limits import DEFAULT, SECOND, Limits
from analyzer.model.schema import RECORDS
from analyzer.wire.tcp import FlowTable, Watch

VXLAN = b"\x08\0\0\0\0\0\7\0"
BODY = bytes(range(256)) * 3


def fragments4(packet: bytes, size: int, ident: int) -> list[bytes]:
    """An IPv4 packet in fragments of `size` bytes, a multiple of eight."""
    head, rest = packet[:20], packet[20:]
    parts = []
    for at in range(0, len(rest), size):
        more = 0x2000 if at + size < len(rest) else 0
        part = rest[at : at + size]
        parts.append(head[:2] + struct.pack(">HHH", 20 + len(part), ident, more | at // 8) + head[8:] + part)
    return parts


def fragments6(packet: bytes, size: int, ident: int) -> list[bytes]:
    """The same of IPv6, behind an extension header that all fragments repeat."""
    following, rest = packet[6], packet[40:]
    parts = []
    for at in range(0, len(rest), size):
        fields = struct.pack(">BBHI", following, 0, at | (at + size < len(rest)), ident)
        parts.append(ip6(b"\x2c\0" + bytes(6) + fields + rest[at : at + size], 60, HOSTS6))
    return parts


def vxlan(ip: bytes) -> bytes:
    return ip4(udp(4789, VXLAN + ether(type_of(ip), ip)), protocol=17, hosts=OUTER)


SEGMENT = tcp(BODY)
WAYS: dict[str, list[bytes]] = {
    "ipv4": fragments4(ip4(SEGMENT), 248, 7),
    "ipv6": fragments6(ip6(SEGMENT), 248, 7),
    "outer of a tunnel": fragments4(vxlan(ip4(SEGMENT)), 248, 7),
    "outer of a tunnel, ipv6 inside": fragments4(vxlan(ip6(SEGMENT)), 256, 7),
    "inner of a tunnel": [vxlan(part) for part in fragments4(ip4(SEGMENT), 400, 7)],
    "both": [
        part for number, inner in enumerate(fragments4(ip4(SEGMENT), 400, 7)) for part in fragments4(vxlan(inner), 256, 20 + number)
    ],
}


class Reader:
    """A table, its log, and what it found: packet number, time and payload of each TCP packet."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.table, self.log = FlowTable(limits), CaptureLog("x", "pcap", interfaces=[Interface(1)])
        self.found: list[tuple[int, int, bytes]] = []
        self._read = 0

    def read(self, packets: list[bytes], *, cut: int = 0, step: int = 1000, start: int = 0) -> None:
        """One batch of IP packets in Ethernet; `cut` bytes of each are not captured."""
        frames = [ether(type_of(packet), packet) for packet in packets]
        sizes = np.array([len(frame) for frame in frames], np.int64)
        times = start + np.arange(self._read, self._read + len(frames)) * step
        values: dict[str, Any] = {"offset": np.cumsum(sizes) - sizes, "captured": sizes - cut, "on_wire": sizes, "time": times}
        records = {column.name: np.array(values.get(column.name, sizes * 0), column.dtype) for column in RECORDS}
        batch = PacketBatch(np.frombuffer(b"".join(frames), np.uint8), records, self._read + 1)
        self._read += len(frames)
        packets_ = self.table.decode(batch, self.log, Watch())
        columns = packets_.columns
        for row in np.argsort(columns["number"], kind="stable").tolist():
            begin, size = int(columns["payload"][row]), int(columns["captured"][row])
            payload = packets_.data[begin : begin + size].tobytes()
            self.found.append((int(columns["number"][row]), int(columns["time"][row]), payload))


def waiting(reader: Reader) -> int:
    return reader.log.unread.get("IP fragments", 0)


@pytest.mark.parametrize("way", WAYS)
def test_a_packet_in_fragments_is_one_packet(way: str) -> None:
    """It has number and time of the fragment that completes it; in every order the same."""
    parts = WAYS[way]
    for order in itertools.islice(itertools.permutations(parts), 24):
        reader = Reader()
        reader.read(list(order))
        assert reader.found == [(len(parts), (len(parts) - 1) * 1000, BODY)]
        assert reader.log.unread == {}


@given(
    way=st.sampled_from(sorted(WAYS)),
    order=st.randoms(use_true_random=False),
    copies=st.lists(st.integers(0, 99), max_size=6),
    missing=st.one_of(st.none(), st.integers(0, 99)),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
def test_any_order_and_copies_in_batches_of_any_size(
    way: str, order: Random, copies: list[int], missing: int | None, sizes: list[int]
) -> None:
    parts = WAYS[way]
    wanted = [part for at, part in enumerate(parts) if missing is None or at != missing % len(parts)]
    packets = [*wanted, *(wanted[copy % len(wanted)] for copy in copies), ip4(tcp(b"whole"))]
    order.shuffle(packets)
    whole, divided = Reader(), Reader()
    whole.read(packets)
    for size in itertools.cycle(sizes):
        if not packets:
            break
        divided.read(packets[:size])
        packets = packets[size:]
    assert divided.found == whole.found
    assert divided.log.unread == whole.log.unread
    assert sorted(payload for _, _, payload in whole.found) == sorted([b"whole"] + [BODY] * (missing is None))
    assert missing is not None or not waiting(whole)


@pytest.mark.parametrize("way", ["ipv4", "ipv6"])
def test_what_lacks_a_fragment_is_counted(way: str) -> None:
    reader = Reader()
    reader.read(WAYS[way][1:])
    assert (reader.found, waiting(reader)) == ([], len(WAYS[way]) - 1)
    reader.read(WAYS[way][:1])
    assert ([payload for *_, payload in reader.found], waiting(reader)) == ([BODY], 0)


def test_a_fragment_that_the_snap_length_cut_is_not_used() -> None:
    reader = Reader()
    reader.read(WAYS["ipv4"], cut=1)
    assert (reader.found, waiting(reader)) == ([], len(WAYS["ipv4"]))


def test_ordinary_datagrams_in_fragments_are_no_loss() -> None:
    reader = Reader()
    reader.read(fragments4(ip4(udp(53, BODY), protocol=17), 248, 9))
    reader.read(fragments4(ip4(udp(53, BODY), protocol=17), 248, 10)[1:])
    assert (reader.found, reader.log.unread) == ([], {})


def test_parts_of_two_packets_with_one_identification_are_not_joined() -> None:
    """The first lacks a fragment; the second contradicts it, and is whole by itself."""
    one, two = WAYS["ipv4"], fragments4(ip4(tcp(BODY[::-1])), 248, 7)
    reader = Reader()
    reader.read([one[0], one[2], *two])
    assert [payload for *_, payload in reader.found] == [BODY[::-1]]
    assert waiting(reader) == 2


def test_overlaps_that_agree_are_taken_and_others_are_not() -> None:
    head, rest = ip4(b"")[:20], SEGMENT

    def part(begin: int, end: int, content: bytes | None = None) -> bytes:
        body = rest[begin:end] if content is None else content
        more = 0x2000 if end < len(rest) else 0
        return head[:2] + struct.pack(">HHH", 20 + len(body), 7, more | begin // 8) + head[8:] + body

    reader = Reader()
    reader.read([part(0, 400), part(600, len(rest)), part(200, 648)])
    assert [payload for *_, payload in reader.found] == [BODY]
    reader = Reader()
    reader.read([part(0, 400), part(600, len(rest)), part(200, 648, bytes(448))])
    assert (reader.found, waiting(reader)) == ([], 3)


@pytest.mark.parametrize(
    "packet",
    [
        ip4(tcp(bytes(7)), fragment=0x2000),
        ip4(bytes(100), fragment=0x1FFF),
        ip4(b"", fragment=0x2000),
        ip6(b"\6\0\xff\xf9" + bytes(4) + bytes(80), 44),
    ],
    ids=["not a multiple of eight", "beyond the longest packet", "empty", "ipv6 beyond the longest packet"],
)
def test_what_cannot_be_a_fragment_is_counted(packet: bytes) -> None:
    reader = Reader()
    reader.read([packet])
    assert (reader.found, waiting(reader)) == ([], 1)


def test_fragments_wait_in_capture_time() -> None:
    for step, found in ((SECOND, 1), (16 * SECOND, 0)):
        reader = Reader()
        reader.read(WAYS["ipv4"], step=step)
        assert len(reader.found) == found


def test_what_waits_is_bounded() -> None:
    others = [fragments4(ip4(SEGMENT), 248, 100 + number)[0] for number in range(9)]
    for limits in (replace(DEFAULT, fragmented=5), replace(DEFAULT, fragment_bytes=4000)):
        reader = Reader(limits)
        reader.read([WAYS["ipv4"][0], *others, *WAYS["ipv4"][1:]])
        assert reader.found == []
        assert waiting(reader) == len(WAYS["ipv4"]) + len(others)
    reader = Reader()
    reader.read([WAYS["ipv4"][0], *others, *WAYS["ipv4"][1:]])
    assert len(reader.found) == 1


@given(st.lists(st.binary(min_size=1, max_size=120), max_size=8), st.sampled_from((6, 17, 4)))
def test_no_bytes_raise(contents: list[bytes], protocol: int) -> None:
    packets = [
        ip4(content[1:], fragment=content[0] << 8 & 0x2000 | content[0] & 15, protocol=protocol, ident=7) for content in contents
    ]
    reader = Reader()
    reader.read(packets)
    assert waiting(reader) >= 0
