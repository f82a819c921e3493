"""Packets in order of time, held against the definition: by the highest time so far in their run, earlier in the file first."""

import io
import struct
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.capture import Source
from analyzer.model.limits import DEFAULT, SECOND, Limits
from analyzer.sources.gather import ROW_COST
from analyzer.sources.order import InOrder, OutOfOrderError
from analyzer.sources.pcap import PcapSource
from analyzer.sources.reorder import Reordered
from analyzer.sources.runs import in_runs
from analyzer.sources.window import Readable

HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 0, 1)
TINY = replace(DEFAULT, batch=300, part=100)
SIZE = 10
times = st.lists(st.integers(0, 12 * 10), max_size=60).map(lambda tenths: [one * SECOND // 10 for one in tenths])


def pcap(times: Sequence[int]) -> bytes:
    """Packets of ten bytes that say where they stand; TCP is in none of them."""
    return HEADER + b"".join(
        struct.pack("<IIII", time // SECOND, time % SECOND, SIZE, SIZE) + number.to_bytes(SIZE, "big")
        for number, time in enumerate(times, 1)
    )


def expected(times: Sequence[int], disorder: int = DEFAULT.disorder) -> list[int]:
    """Packet numbers in order of time."""
    keys, highest = [], -1
    for time in times:
        highest = time if time < highest - disorder else max(highest, time)
        keys.append(highest)
    return sorted(range(1, len(times) + 1), key=lambda number: keys[number - 1])


def order_of(source: Source, times: Sequence[int]) -> list[int]:
    """Numbers in the order in which packets come out; all that belongs to them is looked at, too."""
    found: list[int] = []
    for batch in source.batches():
        assert batch.first_number == len(found) + 1
        records = batch.records
        numbers = [
            int.from_bytes(batch.data[at : at + size].tobytes(), "big")
            for at, size in zip(records["offset"].tolist(), records["captured"].tolist(), strict=True)
        ]
        assert records["time"].tolist() == [times[number - 1] for number in numbers]
        assert batch.numbers is None or batch.numbers.tolist() == numbers
        found += numbers
    if source.log.numbering is not None:
        assert list(source.log.numbering.each(range(1, len(found) + 1))) == found
    assert source.log.packets == len(times)
    return found


def plain(times: Sequence[int], limits: Limits) -> PcapSource:
    return PcapSource(io.BytesIO(pcap(times)), "x.pcap", limits)


def runs(times: Sequence[int], limits: Limits) -> Source | None:
    def open_at(stream: Readable, limits: Limits) -> PcapSource:
        return PcapSource(stream, "x.pcap", limits)

    return in_runs(io.BytesIO(pcap(times)), open_at, limits)


@given(times)
@pytest.mark.parametrize("limits", [DEFAULT, TINY], ids=["usual", "tiny"])
def test_a_file_is_merged_by_time(limits: Limits, times: list[int]) -> None:
    source = runs(times, limits)
    backwards = sum(later < before for before, later in pairwise(times)) > len(times) // 2
    assert (source is None) == backwards  # there is no run worth the name
    if source is not None:
        assert order_of(source, times) == expected(times)
        assert (source.log.first_time, source.log.last_time) == (min(times, default=None), max(times, default=None))
    assert order_of(Reordered(plain(times, limits), limits, None, ""), times) == expected(times)
    few = replace(limits, runs=1)
    assert order_of(Reordered(plain(times, few), few, None, ""), times) == expected(times)


@given(times)
def test_a_file_in_order_passes_as_it_is(times: list[int]) -> None:
    source = InOrder(plain(times, TINY), TINY)
    ordered = sorted(times)
    assert order_of(InOrder(plain(ordered, TINY), TINY), ordered) == list(range(1, len(times) + 1))
    highest = 0
    for time in times:
        highest = max(highest, time)
        if time < highest - DEFAULT.disorder:
            with pytest.raises(OutOfOrderError):
                list(source.batches())
            return
    assert order_of(source, times) == list(range(1, len(times) + 1))


@given(times, st.integers(1, 12))
def test_a_stream_is_the_same_in_any_batches(times: list[int], packets: int) -> None:
    """A window of so many packets: what the batches are does not matter, and nothing is lost."""
    window = 3 * packets * (SIZE + ROW_COST)
    found = []
    for batch in (DEFAULT.batch, 26, 300):
        limits = replace(DEFAULT, batch=batch)
        source = Reordered(plain(times, limits), limits, window, "do something")
        order = order_of(source, times)
        assert sorted(order) == list(range(1, len(times) + 1))
        found.append((order, [problem.text for problem in source.log.problems]))
    assert found[0] == found[1] == found[2]
    assert bool(found[0][1]) or found[0][0] == expected(times)


@given(times, st.integers(2, 10))
def test_what_is_out_of_place_by_less_than_a_block_is_put_in_order(times: list[int], packets: int) -> None:
    ordered = sorted(times)
    shuffled = [one for at in range(0, len(ordered), packets) for one in reversed(ordered[at : at + packets])]
    source = Reordered(plain(shuffled, TINY), TINY, 3 * packets * (SIZE + ROW_COST), "")
    assert order_of(source, shuffled) == expected(shuffled)
    assert source.log.problems == []


def test_what_comes_too_late_is_counted() -> None:
    times = [second * SECOND for second in (*range(100, 200), *range(50))]
    source = Reordered(plain(times, TINY), TINY, 3 * 10 * (SIZE + ROW_COST), "unpack the file first")
    order = order_of(source, times)
    assert [number for number in order if number <= 100] == list(range(1, 101))
    assert [number for number in order if number > 100] == list(range(101, 151))
    (problem,) = source.log.problems
    assert problem.text == "50 packets lie too far behind those of a later time to be put in order; unpack the file first"
    assert problem.packet == 101


def test_an_empty_capture() -> None:
    assert order_of(Reordered(plain([], DEFAULT), DEFAULT, DEFAULT.reorder, ""), []) == []
    source = runs([], DEFAULT)
    assert source is not None
    assert order_of(source, []) == []


def test_too_many_runs_are_not_merged() -> None:
    backwards = [second * 2 * SECOND + later for second in range(20, 0, -1) for later in range(3)]
    assert runs(backwards, replace(DEFAULT, runs=19)) is None
    source = runs(backwards, replace(DEFAULT, runs=20))
    assert source is not None
    assert order_of(source, backwards) == [3 * run + later for run in range(19, -1, -1) for later in (1, 2, 3)]
