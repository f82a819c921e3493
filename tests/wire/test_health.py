"""What a connection's walk tells, as facts: of captures with known faults, and of waits that go on at the end."""

from pathlib import Path

import numpy as np
import pytest
from wire_script import write_capture

import analyzer
from analyzer.model.places import Moment
from analyzer.model.schema import PACKETS
from analyzer.model.tcp import Health
from analyzer.wire.health import TcpHealth

FIN, SYN, ACK = 1, 2, 16
MS = 1_000_000


def fed(*packets: tuple[int, int, int, int, int, int, int], health: TcpHealth | None = None, number: int = 1) -> TcpHealth:
    """Feed (side, time in ms, seq, length, ack, flags, window) as one batch."""
    rows = sorted(enumerate(packets, number), key=lambda one: one[1][0])
    names = ("side", "time", "seq", "length", "ack", "flags", "window")
    columns = {name: [packet[place] for _, packet in rows] for place, name in enumerate(names)}
    columns |= {"number": [n for n, _ in rows], "ident": [n << 16 for n, _ in rows], "time": [t * MS for t in columns["time"]]}
    middle = columns["side"].count(0)
    arrays = {column.name: np.array(columns.get(column.name, [0] * len(rows)), column.dtype) for column in PACKETS}
    made = health or TcpHealth()
    made.feed(arrays, ((0, middle), (middle, len(rows))))
    return made


OPENED = ((0, 0, 99, 0, 0, SYN, 500), (1, 30, 899, 0, 100, SYN | ACK, 500), (0, 32, 100, 0, 900, ACK, 500))


def test_a_wait_that_goes_on_counts_up_to_the_end() -> None:
    made = fed(*OPENED, (0, 100, 100, 10, 900, ACK, 500), (0, 400, 100, 10, 900, ACK, 500))
    client, server = made.settle(2000 * MS)
    assert (client.stall, client.stall_from, client.waiting_from) == (1900 * MS, Moment(4, 100 * MS), Moment(4, 100 * MS))
    assert (client.unacknowledged, client.retransmissions, client.first_resent) == (10, 1, Moment(5, 400 * MS))
    assert (server.unacknowledged, server.waiting_from, server.stall_from) == (0, None, None)
    assert (client.waited, server.waited) == (30 * MS, 2 * MS)
    assert (client.packets, client.bytes, client.resent) == (4, 20, 1)


def test_a_closed_window_counts_up_to_the_end() -> None:
    made = fed(*OPENED, (1, 100, 900, 0, 100, ACK, 0), (1, 200, 900, 0, 100, ACK, 1), (1, 300, 900, 0, 100, ACK, 0))
    server = made.settle(900 * MS)[1]
    assert (server.zero, server.zero_from, server.zero_total) == (600 * MS, Moment(6, 300 * MS), 700 * MS)
    assert made.settle(350 * MS)[1].zero_from == Moment(4, 100 * MS)


def test_a_fin_is_no_byte() -> None:
    made = fed(*OPENED, (0, 100, 100, 10, 900, ACK | FIN, 500))
    assert made.settle(200 * MS)[0].unacknowledged == 10
    fed((1, 150, 900, 0, 110, ACK, 500), health=made, number=5)
    client, _ = made.settle(200 * MS)
    assert (client.unacknowledged, client.waiting_from) == (0, Moment(5, 150 * MS))
    fed((1, 160, 900, 0, 111, ACK, 500), health=made, number=6)
    assert made.settle(200 * MS)[0].waiting_from is None


def test_nothing_is_known_of_what_no_packet_tells() -> None:
    made = TcpHealth()
    assert made.settle(0) == (Health(), Health())
    fed((0, 5, 100, 10, 900, ACK, 500), health=made)
    client, server = made.settle(9000 * MS)
    assert (client.unacknowledged, client.stall, client.waited, server) == (None, 0, None, Health())


def test_after_the_end_the_result_stays() -> None:
    made = fed(*OPENED)
    before = made.settle(50 * MS)
    made.finish(50 * MS)
    assert made.settle(9999 * MS) == before


@pytest.mark.parametrize("batch", [300, 1 << 20])
def test_the_size_of_a_read_does_not_matter(batch: int, tmp_path: Path) -> None:
    script = "\n".join(
        [
            *(
                "0 client GET /v1/listen?encoding=linear16&sample_rate=16000",
                "0.02 server 101",
                "0.1 client audio 320 x5 every 0.1",
            ),
            *("0.6 client unanswered audio 320 x3 every 0.1", "1 client again", "1.7 client again arrives", "2 server window 0"),
            *("3.5 server window 500", "4 client lost audio 320", "4.1 client audio 320", "5 client rst"),
        ]
    )
    path = write_capture(script, tmp_path / "a.pcap")
    (session,) = analyzer.analyze(str(path), settings=analyzer.Settings(limits=analyzer.Limits(batch=batch))).sessions
    client, server = session.tcp["client"], session.tcp["server"]
    assert (client["retransmissions"], client["duplicates"], client["late"]) == (6, 0, 0)
    assert (client["longest_stall_s"], client["unacknowledged"]) == (pytest.approx(1.1001, abs=1e-4), 0)
    assert (server["zero_windows"], server["zero_window_s"]) == (1, 1.5)
    assert session.tcp["handshake_rtt_s"] == pytest.approx(0.002)
