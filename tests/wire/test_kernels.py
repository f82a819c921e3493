"""The walks against plain readings of the formats, as they were built and as plain Python: both must say the same."""

import struct
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_kernels import plain

from analyzer.wire import kernels

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


FIN, SYN, RST, ACK = 1, 2, 4, 16
FAR = 1 << 24
CLIENT, SERVER = 0x0A000002, 0x0A000001


def packet(flags: int, seq: int, ack: int = 0, *, size: int = 0, port: int = 5000, back: bool = False) -> tuple[list[int], ...]:
    """One TCP packet as `locate` leaves it: addresses and ports, and seq, ack, flags, length."""
    ports = 80 << 16 | port if back else port << 16 | 80
    ends = [0, SERVER, 0, CLIENT] if back else [0, CLIENT, 0, SERVER]
    return [*ends, 4 << 32 | ports], [seq % (1 << 32), ack % (1 << 32), flags, size]


def track(
    walks: ModuleType, packets: list[tuple[list[int], ...]], capacity: int = 64
) -> tuple[int, list[tuple[int, int]], list[int]]:
    """Rows done, flow and side of each, and Wireshark's number of each flow."""
    slots, keys = np.full(capacity * 4, -1, np.int32), np.zeros(capacity * 5, np.uint64)
    initial, latest = np.full(capacity * 2, -1, np.int64), np.full(capacity * 4, -1, np.int64)
    opened, chain = np.zeros(capacity, np.uint8), np.zeros(capacity * 2, np.int32)
    ends = np.array([words for words, _ in packets], np.uint64).reshape(-1)
    seq, ack, flags, length = np.array([fields for _, fields in packets], np.int64).T
    flow, side = np.zeros(len(packets), np.int32), np.zeros(len(packets), np.uint8)
    columns = [np.ones(len(packets), np.uint8), ends, seq.astype(np.uint32), ack.astype(np.uint32), flags.astype(np.uint8)]
    done, flows, streams = walks.track(
        *map(memoryview, [*columns, length.astype(np.int32)]),
        0,
        len(packets),
        FAR,
        *map(memoryview, (slots, keys, initial, latest, opened, chain)),
        0,
        0,
        memoryview(flow),
        memoryview(side),
    )
    numbers = chain[: flows * 2 : 2].tolist()
    assert streams == max(streams, *numbers) if numbers else streams == 0
    return done, list(zip(flow[:done].tolist(), side[:done].tolist(), strict=True)), numbers


@BOTH
def test_flows_are_numbered_as_they_appear(walks: ModuleType) -> None:
    """A SYN with another sequence number begins a new connection on known ports; a repeated one does not."""
    packets = [
        packet(SYN, 100),
        packet(SYN | ACK, 7, 101, back=True),
        packet(SYN, 100),
        packet(ACK, 9, port=5001),
        packet(SYN, 101),
    ]
    packets += [packet(24, 8, back=True), packet(RST, 1, port=5001, back=True)]
    done, places, numbers = track(walks, packets)
    assert done == 7
    assert places == [(0, 0), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (1, 1)]
    assert numbers == [0, 1, 2]
    assert track(walks, packets, capacity=1)[0] == 3


@BOTH
def test_an_answer_to_a_syn_that_is_not_in_the_capture_begins_a_connection(walks: ModuleType) -> None:
    """Wireshark gives it no number of its own."""
    packets = [packet(SYN, 100), packet(SYN | ACK, 700, 101, back=True), packet(ACK, 101, 701, size=5)]
    packets += [packet(SYN | ACK, 700, 101, back=True), packet(SYN | ACK, 900_000_000, 500_000_001, back=True)]
    packets += [packet(ACK, 500_000_001, 900_000_001, size=5), packet(SYN | ACK, 700, 101, back=True)]
    packets += [packet(SYN, 9), packet(SYN | ACK, 70, 10, back=True)]
    _, places, numbers = track(walks, packets)
    assert places == [(0, 0), (0, 1), (0, 0), (0, 1), (1, 0), (1, 1), (0, 1), (2, 0), (2, 1)]
    assert numbers == [0, 0, 1]


@BOTH
def test_an_answer_with_another_number_to_the_same_syn_begins_none(walks: ModuleType) -> None:
    """As with SYN cookies, when the SYN is repeated; and data on the SYN may be acknowledged with it."""
    packets = [packet(SYN, 100), packet(SYN | ACK, 7, 101, back=True), packet(SYN | ACK, 1 << 30, 101, back=True)]
    packets += [packet(SYN | ACK, 1 << 30, 1001, back=True)]
    assert track(walks, packets)[1] == [(0, 0), (0, 1), (0, 1), (0, 1)]


@BOTH
@pytest.mark.parametrize("base", [0, 0xFFFFFFF0, 0x7FFFFFF0])
def test_ports_are_used_again_without_a_syn(walks: ModuleType, base: int) -> None:
    """Payload far away in both directions is another connection's; far in one alone is a hole in the capture."""
    old = [packet(ACK, base, base + 50, size=10), packet(ACK, base + 50, base + 10, back=True)]
    jump = [packet(ACK, base + FAR * 2, base + 50, size=10), packet(ACK, base + 50, base + FAR * 2, size=1, back=True)]
    new = [packet(ACK, base + FAR * 40, base + FAR * 80, size=10), packet(ACK, base + FAR * 80, base + FAR * 40 + 10, back=True)]
    late = [packet(FIN | ACK, base + 60, base + FAR * 2 + 10, back=True), packet(ACK, base + FAR * 2 + 10, base + 61)]
    again = [packet(ACK, base + FAR * 40 + 10, base + FAR * 80, size=3)]
    _, places, numbers = track(walks, [*old, *jump, *new, *late, *again])
    assert places == [(0, 0), (0, 1), (0, 0), (0, 1), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0)]
    assert numbers == [0, 0]


@BOTH
def test_what_carries_nothing_far_away_belongs_to_none(walks: ModuleType) -> None:
    """It must not acknowledge what another connection sent. The numbers of a RST may be anything."""
    packets = [packet(ACK, 5, 50, size=10), packet(ACK, 5 + FAR * 9, FAR * 9), packet(RST, FAR * 9), packet(ACK, 15, 50, size=1)]
    assert track(walks, packets)[1] == [(0, 0), (-1, 0), (0, 0), (0, 0)]


@BOTH
def test_what_comes_late_goes_to_the_connection_before(walks: ModuleType) -> None:
    """Also when the server spoke first in one of them, and to a side that has not spoken yet in the new one."""
    old = [packet(ACK, 700, 100, size=5, back=True), packet(ACK, 100, 705, size=5)]
    new = [packet(SYN, 1 << 30), packet(FIN | ACK, 705, 105, back=True), packet(SYN | ACK, 1 << 31, (1 << 30) + 1, back=True)]
    late = [packet(ACK, 105, 706), packet(ACK, (1 << 30) + 1, (1 << 31) + 1, size=2)]
    _, places, numbers = track(walks, [*old, *new, *late])
    assert places == [(0, 0), (0, 1), (1, 0), (0, 0), (1, 1), (0, 1), (1, 0)]
    assert numbers == [0, 1]


@BOTH
def test_a_syn_that_comes_late_begins_none_but_has_a_number(walks: ModuleType) -> None:
    packets = [
        packet(SYN, 100),
        packet(SYN, 1 << 30),
        packet(SYN, 100),
        packet(ACK, (1 << 30) + 1, 9, size=1),
        packet(SYN, 1, port=9),
    ]
    _, places, numbers = track(walks, packets)
    assert places == [(0, 0), (1, 0), (0, 0), (1, 0), (2, 0)]
    assert numbers == [0, 1, 3]


SOME = st.sampled_from((0, 1, 99, FAR - 1, FAR, FAR + 1, FAR * 3, 1 << 31, (1 << 32) - 1))


@given(
    st.lists(
        st.builds(
            packet,
            st.sampled_from((ACK, ACK, SYN, SYN | ACK, RST, RST | ACK, FIN | ACK, 0)),
            SOME,
            SOME,
            size=st.integers(0, 2),
            port=st.sampled_from((80, 5000)),
            back=st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_built_and_plain_track_alike(packets: list[tuple[list[int], ...]]) -> None:
    assert track(kernels, packets) == track(PLAIN, packets)


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


@BOTH
@given(sizes=st.lists(st.integers(0, 40), max_size=9), big=st.booleans(), before=st.integers(0, 5))
def test_where_blocks_begin(walks: ModuleType, sizes: list[int], big: bool, before: int) -> None:
    lengths = [32 + (size + 3 & ~3) for size in sizes]
    blocks = [struct.pack(">II" if big else "<II", 6, length) + bytes(length - 8) for length in lengths]
    data = bytes(before) + b"".join(blocks)
    starts = np.zeros(len(sizes) + 1, np.int64)
    end = walks.block_starts(memoryview(data), before, big, len(sizes), memoryview(starts))
    assert end == len(data)
    assert starts.tolist() == [before + sum(lengths[:row]) for row in range(len(sizes) + 1)]
