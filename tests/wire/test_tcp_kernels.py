"""The walk over both directions, as it was built and as plain Python, in batches of any size: the same, and what RFC 9293 says."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_kernels import plain

from analyzer.model.schema import PACKETS
from analyzer.wire import health, tcp_kernels

FIN, SYN, RST, ACK = 1, 2, 4, 16
MS = 1_000_000
PLAIN = plain(tcp_kernels)
BOTH = pytest.mark.parametrize("walks", [tcp_kernels, PLAIN], ids=["built", "plain"])
CLIENT, SERVER = 0, 1


class Packet(NamedTuple):
    """One packet: who, when (ns), its words."""

    side: int
    time: int
    seq: int = 0
    length: int = 0
    ack: int = 0
    flags: int = ACK
    window: int = 1000
    ident: int = 0


def observed(walks: ModuleType, packets: Sequence[Packet], cuts: Iterable[int] = ()) -> list[int]:
    """The state after all packets, which come in batches."""
    state = health._FRESH[:]
    edges = sorted({0, len(packets), *(cut for cut in cuts if cut < len(packets))})
    for begin, end in pairwise(edges):
        batch = [(number, packet) for number, packet in enumerate(packets[begin:end], begin + 1)]
        batch.sort(key=lambda one: one[1].side)
        middle = sum(packet.side == CLIENT for _, packet in batch)
        values = {name: [getattr(packet, name) for _, packet in batch] for name in Packet._fields}
        values["number"] = [number for number, _ in batch]
        columns = {column.name: np.array(values[column.name], column.dtype) for column in PACKETS if column.name in health.OBSERVED}
        views = [memoryview(columns[name]) for name in health.OBSERVED]
        walks.observe(*views, 0, middle, middle, len(batch), memoryview(state))
    return list(state)


def told(walks: ModuleType, packets: Sequence[Packet], side: int = CLIENT) -> dict[str, int]:
    """What one side's state says, by name."""
    words = observed(walks, packets)[side * tcp_kernels.SIDE :]
    return dict(zip(tcp_kernels.STATE, words, strict=False))


def sent_again(walks: ModuleType, packets: Sequence[Packet], side: int = CLIENT) -> tuple[int, ...]:
    """Retransmissions, late, out of order, duplicates, keep-alives."""
    found = told(walks, packets, side)
    return tuple(found[name] for name in ("retransmissions", "late", "out_of_order", "duplicates", "keepalives"))


def opened(round_trip: int = 40 * MS, first: int = 1000) -> list[Packet]:
    """A handshake captured beside the server."""
    return [
        Packet(CLIENT, 0, first - 1, flags=SYN, ident=1 << 16),
        Packet(SERVER, MS, 8999, ack=first, flags=SYN | ACK, ident=1 << 16),
        Packet(CLIENT, MS + round_trip, first, ack=9000, ident=2 << 16),
    ]


TIMES = st.one_of(st.integers(0, 400 * MS), st.integers(-(2**61), 2**62))
WORDS = st.one_of(st.integers(1000, 1040), st.integers(2**32 - 20, 2**32 - 1), st.integers(0, 20), st.integers(0, 2**32 - 1))
LENGTHS = st.one_of(st.integers(0, 12), st.integers(0, 2**30))
IDENTS = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1))
STRANGE = st.builds(
    Packet,
    side=st.integers(0, 1),
    time=TIMES,
    seq=WORDS,
    length=LENGTHS,
    ack=WORDS,
    flags=st.one_of(st.just(ACK), st.integers(0, 63)),
    window=st.sampled_from((0, 0, 1, 1000, 65535)),
    ident=IDENTS,
)


@given(packets=st.lists(STRANGE, max_size=40), cuts=st.lists(st.integers(0, 40), max_size=5))
def test_batches_and_builds_do_not_matter(packets: list[Packet], cuts: list[int]) -> None:
    """However hostile the packets are."""
    whole = observed(tcp_kernels, packets)
    assert observed(tcp_kernels, packets, cuts) == whole
    assert observed(PLAIN, packets, cuts) == whole
    assert array("q", whole)[tcp_kernels.STATE.index("packets")] <= len(packets)


@st.composite
def conversations(draw: st.DrawFn) -> list[Packet]:
    """A client that sends, a server that acknowledges; packets are lost before the capture, overtake and are sent again."""
    packets, identity, time = opened(), 10, 50 * MS
    for step in draw(st.lists(st.sampled_from(("data", "again", "hole", "close", "open", "wait")), max_size=25)):
        time += 5 * MS
        identity += 1
        size = draw(st.integers(1, 5))
        top = max(packet.seq + packet.length for packet in packets if packet.side == CLIENT)
        last = max(packet.ack for packet in packets if packet.side == SERVER)
        if step == "wait":
            time += draw(st.integers(1, 3000)) * MS
        elif step in ("data", "hole"):
            skipped = size if step == "hole" else 0
            packets.append(Packet(CLIENT, time, top + skipped, size, 9000, ident=identity << 16))
            if step == "data":
                packets.append(Packet(SERVER, time + MS, 9000, 0, top + size, ident=identity << 16))
        elif step == "again":
            packets.append(Packet(CLIENT, time, max(top - size, 1000), size, 9000, ident=identity << 16))
        else:
            window = 0 if step == "close" else 900
            packets.append(Packet(SERVER, time, 9000, 0, last, window=window, ident=identity << 16))
    return packets


@given(packets=conversations(), behind=st.integers(1, 5))
def test_a_mirrored_conversation_is_the_same_but_for_its_duplicates(packets: list[Packet], behind: int) -> None:
    """Each packet comes a second time, some packets later."""
    places = [(number, packet) for number, packet in enumerate(packets)]
    copies = [(number + behind - 0.5, packet._replace(time=packet.time + 10_000)) for number, packet in places]
    twice = [packet for _, packet in sorted([*places, *copies], key=lambda one: one[0])]
    for side in (CLIENT, SERVER):
        once, doubled = told(tcp_kernels, packets, side), told(tcp_kernels, twice, side)
        assert doubled["duplicates"] == once["duplicates"] + once["packets"]
        for name in once:
            if name not in ("duplicates", "copy_packet", "copy_time") and not name.endswith("_packet"):
                assert doubled[name] == once[name], name


@BOTH
def test_a_packet_that_fills_a_hole_at_once_was_overtaken_and_later_sent_again(walks: ModuleType) -> None:
    behind = Packet(CLIENT, 100 * MS, 1010, 10, 9000, ident=8 << 16)
    for after, expected in ((40 * MS, (0, 0, 1, 0, 0)), (41 * MS, (0, 1, 0, 0, 0))):
        filler = Packet(CLIENT, 100 * MS + after, 1000, 10, 9000, ident=7 << 16)
        assert sent_again(walks, [*opened(), behind, filler]) == expected
    joined = [Packet(CLIENT, 0, 990, 10), behind, Packet(CLIENT, 104 * MS, 1000, 10, 9000)]
    assert sent_again(walks, joined) == (0, 1, 0, 0, 0), "without a handshake 3 ms decide"


@BOTH
def test_what_was_seen_before_is_a_retransmission(walks: ModuleType) -> None:
    first = Packet(CLIENT, 100 * MS, 1000, 20, 9000, ident=7 << 16)
    again = Packet(CLIENT, 101 * MS, 1005, 30, 9000, ident=8 << 16)
    found = told(walks, [*opened(), first, again])
    assert (found["retransmissions"], found["retransmitted"], found["again_packet"]) == (1, 15, 5)
    assert (found["bytes"], found["top"] & 0xFFFFFFFF) == (50, 1035)


@BOTH
@pytest.mark.parametrize(
    ("after", "ident", "copy"),
    [
        (0, 7 << 16 | 5, True),
        (99, 7 << 16 | 5, True),
        (100, 7 << 16 | 5, False),
        (0, 7 << 16 | 6, False),
        (0, 8 << 16 | 5, False),
        (2, 5, True),
        (3, 5, False),
    ],
)
def test_a_copy_has_the_same_identity_and_comes_soon(walks: ModuleType, after: int, ident: int, *, copy: bool) -> None:
    """Without an IP identification at once, since a packet sent again may have the same checksum."""
    first = Packet(CLIENT, 100 * MS, 1000, 20, 9000, ident=ident if after in (2, 3) else 7 << 16 | 5)
    second = first._replace(time=(100 + after) * MS, ident=ident)
    assert sent_again(walks, [*opened(), first, second]) == ((0, 0, 0, 1, 0) if copy else (1, 0, 0, 0, 0))


@BOTH
def test_a_hole_filled_in_parts(walks: ModuleType) -> None:
    behind = Packet(CLIENT, 100 * MS, 1030, 10, 9000)
    parts = [Packet(CLIENT, 101 * MS, start, 10, 9000) for start in (1010, 1000, 1020)]
    assert sent_again(walks, [*opened(), behind, *parts]) == (0, 0, 3, 0, 0)
    over = Packet(CLIENT, 102 * MS, 1000, 30, 9000)
    assert sent_again(walks, [*opened(), behind, *parts, over]) == (1, 0, 3, 0, 0)


@BOTH
def test_of_too_many_holes_the_oldest_is_forgotten(walks: ModuleType) -> None:
    apart = [Packet(CLIENT, (100 + n) * MS, 1010 + 20 * n, 10, 9000) for n in range(tcp_kernels.HOLES + 1)]
    fillers = [Packet(CLIENT, 110 * MS, 1000 + 20 * n, 10, 9000) for n in range(tcp_kernels.HOLES + 1)]
    assert sent_again(walks, [*opened(), *apart, *fillers]) == (1, 0, tcp_kernels.HOLES, 0, 0)


@BOTH
def test_probes_are_no_retransmissions(walks: ModuleType) -> None:
    data = Packet(CLIENT, 100 * MS, 1000, 10, 9000)
    answer = Packet(SERVER, 101 * MS, 9000, 0, 1010)
    probes = [Packet(CLIENT, 900 * MS, 1009, length, 9000) for length in (0, 1)]
    assert sent_again(walks, [*opened(), data, answer, *probes]) == (0, 0, 0, 0, 2)
    assert sent_again(walks, [*opened(), data, probes[1]]) == (1, 0, 0, 0, 0), "the last byte is not acknowledged"
    full = Packet(SERVER, 101 * MS, 9000, 0, 1010, window=0)
    pressed = [Packet(CLIENT, (200 + 300 * n) * MS, 1010, 1, 9000) for n in range(3)]
    found = told(walks, [*opened(), data, full, *pressed])
    assert (found["keepalives"], found["retransmissions"], found["since"]) == (2, 0, -1)


@BOTH
def test_a_window_of_zero_is_timed(walks: ModuleType) -> None:
    def window(time: int, size: int, flags: int = ACK) -> Packet:
        return Packet(SERVER, time * MS, 9000, 0, 1000, flags, size)

    packets = [*opened(), window(100, 0, RST), window(200, 0), window(500, 0), window(1200, 9), window(1300, 0), window(1400, 9)]
    found = told(walks, packets, SERVER)
    assert (found["zero_windows"], found["zero_total"], found["zero"]) == (2, 1100 * MS, 1000 * MS)
    assert (found["zero_packet"], found["zero_time"], found["closed"]) == (5, 200 * MS, -1)


@BOTH
def test_the_longest_stall(walks: ModuleType) -> None:
    """From the first byte under way, or the last progress; a closed window is another matter."""
    data = [Packet(CLIENT, at * MS, 1000 + 10 * n, 10, 9000) for n, at in enumerate((100, 150, 1000, 1100))]

    def answer(at: int, ack: int, window: int = 900) -> Packet:
        return Packet(SERVER, at * MS, 9000, 0, ack, window=window)

    packets = [*opened(), data[0], data[1], answer(350, 1010), answer(900, 1020), data[2], data[3], answer(1101, 1030, 0)]
    found = told(walks, packets)
    assert (found["stall"], found["stall_packet"], found["since"]) == (550 * MS, 6, -1)
    found = told(walks, [*packets, answer(9000, 1030), answer(9100, 1040)])
    assert (found["stall"], found["since"]) == (550 * MS, -1)
    found = told(walks, [*packets, answer(9000, 1030)])
    assert (found["since"], found["acknowledged"] & 0xFFFFFFFF) == (9000 * MS, 1030)


@BOTH
def test_the_handshake(walks: ModuleType) -> None:
    """The wait counts from the last SYN before its answer, whatever comes again later."""
    first, answer, last = opened()
    retried = [first._replace(time=-MS * 900, ident=9), first, answer, answer._replace(time=2 * MS, ident=9), last]
    client, server = told(walks, [p._replace(time=p.time + 1000 * MS) for p in retried]), told(walks, retried, SERVER)
    assert (client["syn_retries"], client["waited"]) == (1, MS)
    assert (server["syn_retries"], server["waited"]) == (1, 39 * MS)
    assert told(walks, [first])["waited"] == -1


@BOTH
@pytest.mark.parametrize(
    ("before", "flags", "ack", "reset"),
    [
        ([], RST, 0, 1),
        ([Packet(CLIENT, 90 * MS, 1000, 10, 9000)], RST, 0, 3),
        ([Packet(CLIENT, 90 * MS, 1000, 10, 9000)], RST | ACK, 1010, 1),
        ([Packet(SERVER, 90 * MS, 9000, 0, 1000, FIN | ACK)], RST, 0, 5),
        ([Packet(CLIENT, 90 * MS, 1000, 0, 9000, FIN | ACK), Packet(SERVER, 91 * MS, 9000, 0, 1001)], RST, 0, 9),
    ],
)
def test_what_a_reset_came_after(walks: ModuleType, before: list[Packet], flags: int, ack: int, reset: int) -> None:
    packets = [*opened(), *before, Packet(SERVER, 100 * MS, 9000, 0, ack, flags)]
    assert told(walks, packets, SERVER)["reset"] == reset


@BOTH
def test_sequence_numbers_wrap(walks: ModuleType) -> None:
    start = 2**32 - 5
    data = [Packet(CLIENT, (100 + n) * MS, (start + 10 * n) % 2**32, 10, 9000) for n in range(3)]
    answers = [Packet(SERVER, (100 + n) * MS, 9000, 0, (start + 10 * (n + 1)) % 2**32) for n in range(3)]
    mixed = [packet for pair in zip(data, answers, strict=True) for packet in pair]
    found = told(walks, [*opened(first=start), *mixed])
    assert found["top"] == found["acknowledged"]
    assert sent_again(walks, [*opened(first=start), *mixed]) == (0, 0, 0, 0, 0)
