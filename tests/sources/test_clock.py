"""Where times fall back: a clock that was set back, packets out of place, or a clock that was wrong for a moment."""

import struct

import numpy as np
import pytest
from peers import CLIENT, tcp_packet

from analyzer.model.capture import CaptureLog, ClockStep, Interface
from analyzer.model.limits import DEFAULT, SECOND
from analyzer.sources.clock import Chain, Stretch, Verdict

ACK, RST, SERVER = 16, 4, 1


def stretch(times: list[float], sequences: list[int], flags: int = ACK, port: int | None = None) -> Stretch:
    """Packets of one connection that the client sent."""
    packets = [bytearray(tcp_packet(CLIENT, sequence & 0xFFFFFFFF, 77, flags, b"x" * 10)) for sequence in sequences]
    for packet in packets:
        packet[34:36] = struct.pack(">H", port or 50000)
    sizes = np.array([len(packet) for packet in packets], np.int64)
    records = {
        "offset": np.cumsum(sizes) - sizes,
        "captured": sizes,
        "on_wire": sizes,
        "time": np.array([round(time * SECOND) for time in times], np.int64),
        "interface": np.zeros(len(packets), np.int32),
    }
    return Stretch.of(np.frombuffer(b"".join(packets), np.uint8), records)


def meet(before: Stretch, after: Stretch) -> tuple[Verdict, Chain, list[ClockStep]]:
    log = CaptureLog("x", "pcap", interfaces=[Interface(1)])
    chain = Chain(log, DEFAULT)
    chain.moments(before.times)
    return chain.meets(before, after, 7), chain, log.clock_steps


@pytest.mark.parametrize("base", [1000, (1 << 32) - 25, -2500])
def test_sequence_numbers_that_go_on_prove_that_the_clock_was_set_back(base: int) -> None:
    verdict, chain, steps = meet(stretch([50, 51], [base, base + 10]), stretch([20, 21], [base + 20, base + 30]))
    assert verdict is Verdict.SET_BACK
    assert steps == [ClockStep(7, 31 * SECOND)]
    assert chain.shift == 31 * SECOND
    assert chain.moments(np.array([20, 21]) * SECOND + chain.shift).tolist() == [51 * SECOND, 52 * SECOND]


@pytest.mark.parametrize(
    "after",
    [
        stretch([20, 21], [970, 980]),
        stretch([20, 21], [1000, 1010]),
        stretch([20, 21], [1020, 1030], port=4000),
        stretch([20, 21], [1020, 1030], ACK | RST),
        stretch([20, 21, 60], [1000, 1010, 1020]),
    ],
    ids=["earlier", "the same", "another connection", "resets", "the same and more"],
)
def test_other_packets_are_out_of_place(after: Stretch) -> None:
    verdict, chain, steps = meet(stretch([50, 51], [1000, 1010]), after)
    assert (verdict, chain.shift, steps) == (Verdict.MISPLACED, 0, [])
    assert chain.moments(after.times).tolist() == after.times.tolist()


def test_a_jump_that_is_taken_back_was_a_stray_clock() -> None:
    verdict, chain, steps = meet(stretch([10, 11, 90_000], [1000, 1010, 1020]), stretch([12, 13], [1030, 1040]))
    assert (verdict, chain.shift, chain.reached, steps) == (Verdict.STRAY, 0, 12 * SECOND, [])


def test_nothing_before_says_nothing() -> None:
    chain = Chain(CaptureLog("x", "pcap", interfaces=[Interface(1)]), DEFAULT)
    assert chain.meets(Stretch.none(), stretch([0], [2]), 0) is Verdict.MISPLACED


def test_stretches_join() -> None:
    one, two = stretch([1, 2], [1, 2]), stretch([3], [3])
    both = one.joined(two)
    assert (len(both), both.times.tolist()) == (3, [SECOND, 2 * SECOND, 3 * SECOND])
    last = both.last(1)
    assert last.data.tobytes() == two.data.tobytes()
    assert last.later(5).times.tolist() == [3 * SECOND + 5]
