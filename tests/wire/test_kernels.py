"""The walks against plain readings of the formats, as they were built and as plain Python: both must say the same."""

import struct
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_kernels import plain

from analyzer.model.schema import PACKETS
from analyzer.wire import kernels

TCP_FIELDS = ("flow", "side", "seq", "ack", "flags", "window", "payload", "captured", "length")
ETHERNET, NULL, RAW, SLL, SLL2, IPV4, IPV6 = 1, 0, 101, 113, 276, 228, 229
PLAIN = plain(kernels)
BOTH = pytest.mark.parametrize("walks", [kernels, PLAIN], ids=["built", "plain"])


@BOTH
@given(
    sizes=st.lists(st.integers(0, 70), max_size=12),
    big=st.booleans(),
    header=st.sampled_from((16, 24)),
    cut=st.integers(0, 40),
    room=st.integers(1, 14),
)
def test_pcap_records(walks: ModuleType, sizes: list[int], big: bool, header: int, cut: int, room: int) -> None:
    order = ">" if big else "<"
    parts = [struct.pack(f"{order}IIII", 7, 9 + n, size, size + n) + bytes(header - 16 + size) for n, size in enumerate(sizes)]
    data = b"".join(parts)
    data = data[: max(0, len(data) - cut)]
    columns = [np.zeros(room, np.int64) for _ in range(4)]
    found = walks.walk_pcap(memoryview(data), 0, len(data), big, 1000, header, 0, 64, *map(memoryview, columns))
    want, at, why = [], 0, kernels.MORE
    for number, part in enumerate(parts):
        if at + header > len(data):
            break
        if len(want) == room:
            why = kernels.FULL
            break
        if sizes[number] > 64:
            why = kernels.DAMAGED
            break
        if at + len(part) > len(data):
            break
        want.append((at + header, sizes[number], sizes[number] + number, 7_000_000_000 + (9 + number) * 1000))
        at += len(part)
    assert found == (len(want), at, why)
    assert list(zip(*(column[: len(want)].tolist() for column in columns), strict=True)) == want


@BOTH
@given(times=st.lists(st.integers(-50, 50), max_size=30), behind=st.integers(0, 40), cut=st.integers(0, 30))
def test_runs(walks: ModuleType, times: list[int], behind: int, cut: int) -> None:
    """In one call or in two: where a run begins, and how far each has come."""
    starts, moments, highest = [], [], -100
    for row, time in enumerate(times):
        if time < highest - behind:
            starts.append(row)
            highest = time
        highest = max(highest, time)
        moments.append(highest)
    reached, found_starts, found_moments = -100, [], []
    for part, offset in ((times[:cut], 0), (times[cut:], cut)):
        moment, begun = np.zeros(len(part), np.int64), np.zeros(len(part), np.int64)
        views = memoryview(np.array(part, np.int64)), memoryview(moment), memoryview(begun)
        count, reached = walks.follow(views[0], len(part), reached, behind, *views[1:])
        found_starts += [offset + row for row in begun[:count].tolist()]
        found_moments += moment.tolist()
    assert (found_starts, found_moments, reached) == (starts, moments, highest)


def ip4(payload: bytes, total: int | None = None, *, fragment: int = 0, protocol: int = 6, options: bytes = b"") -> bytes:
    size = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, size, 0, fragment, 64, protocol, 0)
    return head + bytes([10, 0, 0, 2, 10, 0, 0, 1]) + options + payload


def ip6(payload: bytes, following: int = 6) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(payload), following, 64) + bytes(15) + b"\2" + bytes(15) + b"\1" + payload


def tcp(payload: bytes = b"", *, seq: int = 5, ack: int = 6, flags: int = 24, ports: tuple[int, int] = (5000, 80)) -> bytes:
    return struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 777, 0, 0) + payload


def ether(kind: int, payload: bytes) -> bytes:
    return bytes(12) + struct.pack(">H", kind) + payload


def decode(
    walks: ModuleType, packets: Sequence[bytes], link: int = ETHERNET, on_wire: Sequence[int] | None = None, capacity: int = 64
) -> tuple[int, int, list[dict[str, int]]]:
    """Rows done, flows, and the columns of each row."""
    lengths = np.array([len(packet) for packet in packets], np.int64)
    wire = lengths if on_wire is None else np.array(on_wire, np.int64)
    slots, keys = np.full(capacity * 4, -1, np.int32), np.zeros(capacity * 5, np.uint64)
    initial, opened = np.full(capacity * 2, -1, np.int64), np.zeros(capacity, np.uint8)
    kind = np.zeros(len(packets), np.uint8)
    columns = {column.name: np.zeros(len(packets), column.dtype) for column in PACKETS}
    done, flows = walks.decode(
        memoryview(b"".join(packets) or b"\0"),
        *map(
            memoryview, (np.cumsum(lengths) - lengths, lengths, wire, np.zeros(len(packets), np.int32), np.array([link], np.int64))
        ),
        0,
        len(packets),
        *map(memoryview, (slots, keys, initial, opened)),
        0,
        memoryview(kind),
        *(memoryview(columns[name]) for name in TCP_FIELDS),
    )
    rows = [{"kind": int(kind[row]), **{name: int(columns[name][row]) for name in TCP_FIELDS}} for row in range(done)]
    return done, flows, rows


SEGMENT = tcp(b"hello")
LINKS = {
    "ethernet": (ETHERNET, ether(0x0800, ip4(SEGMENT))),
    "ethernet padding": (ETHERNET, ether(0x0800, ip4(SEGMENT)) + bytes(9)),
    "ip options": (ETHERNET, ether(0x0800, ip4(SEGMENT, options=bytes(8)))),
    "two tags": (ETHERNET, ether(0x88A8, b"\0\7\x81\0\0\5\x08\0" + ip4(SEGMENT))),
    "ipv6": (ETHERNET, ether(0x86DD, ip6(SEGMENT))),
    "ipv6 extensions": (ETHERNET, ether(0x86DD, ip6(b"\x3c\0" + bytes(6) + b"\6\0" + bytes(6) + SEGMENT, 0))),
    "ipv6 atomic fragment": (ETHERNET, ether(0x86DD, ip6(b"\6\0\0\0" + bytes(4) + SEGMENT, 44))),
    "null": (NULL, b"\2\0\0\0" + ip4(SEGMENT)),
    "null big-endian ipv6": (NULL, b"\0\0\0\x1e" + ip6(SEGMENT)),
    "raw": (RAW, ip4(SEGMENT)),
    "raw ipv6": (RAW, ip6(SEGMENT)),
    "linktype ipv4": (IPV4, ip4(SEGMENT)),
    "linktype ipv6": (IPV6, ip6(SEGMENT)),
    "cooked": (SLL, bytes(14) + b"\x08\0" + ip4(SEGMENT)),
    "cooked 2": (SLL2, b"\x08\0" + bytes(18) + ip4(SEGMENT)),
}


@BOTH
@pytest.mark.parametrize("case", LINKS)
def test_tcp_is_found_below_every_link(walks: ModuleType, case: str) -> None:
    link, packet = LINKS[case]
    _, flows, (row,) = decode(walks, [packet], link)
    assert flows == 1
    assert {name: row[name] for name in ("kind", "seq", "ack", "flags", "window", "captured", "length")} == {
        "kind": kernels.TCP,
        "seq": 5,
        "ack": 6,
        "flags": 24,
        "window": 777,
        "captured": 5,
        "length": 5,
    }
    assert packet[row["payload"] :][:5] == b"hello"


@BOTH
@pytest.mark.parametrize("case", LINKS)
def test_a_packet_cut_anywhere_is_cut_and_not_wrong(walks: ModuleType, case: str) -> None:
    link, packet = LINKS[case]
    whole = packet.index(b"hello")
    for stop in range(len(packet)):
        _, _, (row,) = decode(walks, [packet[:stop]], link, [len(packet)])
        if stop < whole:
            assert row["kind"] in (kernels.CUT, kernels.NOT_TCP), stop
            assert row["flow"] == -1
        else:
            assert (row["captured"], row["length"]) == (min(stop - whole, 5), 5)


@BOTH
@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (ether(0x0806, bytes(28)), kernels.NOT_TCP),
        (ether(0x0800, ip4(SEGMENT, protocol=17)), kernels.NOT_TCP),
        (ether(0x0800, ip4(SEGMENT, fragment=0x2000)), kernels.FRAGMENT),
        (ether(0x0800, ip4(SEGMENT, fragment=100)), kernels.FRAGMENT),
        (ether(0x0800, ip4(SEGMENT, fragment=100, protocol=17)), kernels.NOT_TCP),
        (ether(0x86DD, ip6(b"\6\0\0\x09" + bytes(4) + SEGMENT, 44)), kernels.FRAGMENT),
        (ether(0x0800, ip4(SEGMENT, protocol=47)), kernels.TUNNEL),
        (ether(0x8847, bytes(40)), kernels.TUNNEL),
        (ether(0x0800, b"\x44" + ip4(SEGMENT)[1:]), kernels.NOT_TCP),
        (ether(0x0800, ip4(SEGMENT, 30)), kernels.NOT_TCP),
    ],
)
def test_what_cannot_be_followed_is_told_apart(walks: ModuleType, packet: bytes, kind: int) -> None:
    _, flows, (row,) = decode(walks, [packet])
    assert (row["kind"], row["flow"], flows) == (kind, -1, 0)


@BOTH
def test_a_length_left_to_the_network_card_is_that_of_the_wire(walks: ModuleType) -> None:
    packet = ether(0x0800, ip4(tcp(bytes(100)), 0))
    _, _, (row, huge) = decode(walks, [packet, packet], on_wire=[70_000, 0xFFFFFFFF])
    assert (row["captured"], row["length"]) == (100, 70_000 - 54)
    assert (huge["captured"], huge["length"]) == (100, 0x3FFFFFFF - 20)


@BOTH
def test_flows_are_numbered_as_they_appear(walks: ModuleType) -> None:
    """A SYN with another sequence number begins a new connection on known ports; a repeated one does not."""

    def packet(flags: int, seq: int, ports: tuple[int, int], *, back: bool = False) -> bytes:
        ip = ip4(tcp(flags=flags, seq=seq, ports=ports[::-1] if back else ports))
        return ether(0x0800, ip[:12] + ip[16:20] + ip[12:16] + ip[20:] if back else ip)

    one, two = (5000, 80), (5001, 80)
    packets = [packet(2, 100, one), packet(18, 7, one, back=True), packet(2, 100, one), packet(16, 9, two), packet(2, 101, one)]
    packets += [packet(24, 8, one, back=True), packet(4, 1, two, back=True)]
    done, flows, rows = decode(walks, packets)
    assert (done, flows) == (7, 3)
    assert [(row["flow"], row["side"]) for row in rows] == [(0, 0), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (1, 1)]
    assert decode(walks, packets, capacity=1)[:2] == (3, 1)


@given(
    packets=st.lists(
        st.tuples(
            st.sampled_from(sorted(LINKS)),
            st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=4),
            st.integers(0, 90),
        ),
        min_size=1,
        max_size=6,
    ),
    link=st.sampled_from((ETHERNET, NULL, RAW, SLL, SLL2, 147)),
    extra=st.integers(-20, 1 << 32),
)
def test_built_and_plain_decode_alike(packets: list[tuple[str, list[tuple[int, int]], int]], link: int, extra: int) -> None:
    changed = []
    for case, bytes_, cut in packets:
        packet = bytearray(LINKS[case][1])
        for at, value in bytes_:
            packet[at % len(packet)] = value
        changed.append(bytes(packet[: max(1, len(packet) - cut)]))
    on_wire = [max(0, min(len(packet) + extra, 0xFFFFFFFF)) for packet in changed]
    assert decode(kernels, changed, link, on_wire) == decode(PLAIN, changed, link, on_wire)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4), st.integers(0, 65535), st.integers(0, 65535))
def test_a_flow_has_one_place_in_both_directions(words: list[int], sport: int, dport: int) -> None:
    place = PLAIN.flow_hash(*words, sport, dport)
    assert place == PLAIN.flow_hash(*words[2:], *words[:2], dport, sport)
    assert 0 <= place < 1 << 31


def test_ports_with_the_same_sum_do_not_meet() -> None:
    """A scan from rising ports to falling ports would otherwise make each packet look at all connections."""
    places = {PLAIN.flow_hash(0, 1, 0, 2, 1000 + port, 60_000 - port) for port in range(5000)}
    assert len(places) > 4990


def test_growing_the_table_keeps_every_connection() -> None:
    keys = np.arange(50, dtype=np.uint64)
    keys[4::5] = 4 << 32 | np.arange(10, dtype=np.uint64) << 16 | 80
    for walks in (kernels, PLAIN):
        slots = np.full(64, -1, np.int32)
        walks.rehash(memoryview(keys), 10, memoryview(slots))
        assert sorted(slots[slots >= 0].tolist()) == list(range(10))
