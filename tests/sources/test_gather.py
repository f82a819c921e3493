"""Single packets become batches of limited size."""

from analyzer.model.capture import CaptureLog, Interface
from analyzer.sources.gather import LATEST, ROW_COST, Gather


def log() -> CaptureLog:
    return CaptureLog("x", "pcap", interfaces=[Interface(1), Interface(101)])


def test_batches_end_at_the_limit_and_number_on() -> None:
    facts = log()
    gather = Gather(facts, 2 * (ROW_COST + 10))
    batches = [batch for number in range(5) for batch in gather.add(bytes([number]) * 10, 12, 1000 + number, number % 2)]
    batches += gather.rest()
    assert [batch.first_number for batch in batches] == [1, 3, 5]
    assert [batch.data.tobytes() for batch in batches] == [b"\0" * 10 + b"\1" * 10, b"\2" * 10 + b"\3" * 10, b"\4" * 10]
    assert batches[1].records["time"].tolist() == [1002, 1003]
    assert batches[1].records["offset"].tolist() == [0, 10]
    assert batches[1].records["on_wire"].tolist() == [12, 12]
    assert (facts.packets, facts.first_time, facts.last_time, facts.truncated) == (5, 1000, 1004, 5)
    assert facts.link_packets == {1: 3, 101: 2}


def test_a_packet_without_time_takes_that_of_the_one_before() -> None:
    gather = Gather(log(), 1 << 20)
    for time in (None, 7, None):
        assert not list(gather.add(b"x", 1, time, 0))
    (batch,) = gather.rest()
    assert batch.records["time"].tolist() == [0, 7, 7]


def test_times_stay_within_64_bits() -> None:
    gather = Gather(log(), 1)
    (batch,) = gather.add(b"", 0, 1 << 80, 0)
    assert batch.records["time"].tolist() == [LATEST]


def test_nothing_makes_no_batch() -> None:
    assert not list(Gather(log(), 1).rest())
