"""What a session says of itself: where its seconds count from, who closed first, whether it ended and is whole, and its rows."""

import pytest
from made_session import ORIGIN, Said, audio, direction, keepalives, moment, session

from analyzer.model.limits import SECOND
from analyzer.model.schema import Kind, Side


def test_seconds_count_from_the_upgrade_or_the_first_packet() -> None:
    assert session().origin == ORIGIN
    assert session().seconds(ORIGIN + SECOND // 2) == 0.5
    assert session(outcome="not-captured").origin == moment(-0.02).time
    assert session(outcome="rejected", status=401).origin == moment(-0.02).time


@pytest.mark.parametrize(
    ("outcome", "accepted"),
    [("accepted", True), ("not-captured", True), ("rejected", False), ("refused", False), ("no-response", False)],
)
def test_frames_follow_an_accepted_upgrade_only(outcome: str, accepted: bool) -> None:
    assert session(outcome=outcome).accepted is accepted


def test_the_first_close_frame_counts() -> None:
    client = direction(Side.CLIENT, closes=[(5.1, 1000, "")])
    server = direction(Side.SERVER, closes=[(5.0, 1011, "NET-0001"), (6.0, 1000, "")])
    close = session(client, server).close
    assert close is not None
    assert (close.side, close.code, close.reason) == (Side.SERVER, 1011, "NET-0001")
    assert session().close is None


def test_it_ended_with_a_close_frame_or_tcp() -> None:
    closed = direction(Side.CLIENT, closes=[(5.0, None, "")])
    assert session(closed, tcp_end="open").ended
    assert session(tcp_end="rst-client").ended
    assert not session(tcp_end="open").ended


def test_it_is_whole_without_holes_from_the_handshake_on() -> None:
    assert session().whole
    assert not session(direction(Side.CLIENT, missing=1)).whole
    assert not session(server=direction(Side.SERVER, missing=1)).whole
    assert not session(outcome="not-captured").whole


def test_rows_by_kind_and_word() -> None:
    said = [*audio(0.1, 0.5), *keepalives(1.0, 2.0), Said(3.0, Kind.CONTROL, "CloseStream")]
    client = direction(Side.CLIENT, said)
    assert session(client).audio_rows.tolist() == [0, 1, 2, 3, 4]
    assert client.rows(Kind.CONTROL).tolist() == [5, 6, 7]
    assert client.rows(Kind.CONTROL, frozenset({"KeepAlive"})).tolist() == [5, 6]
    assert client.rows(Kind.CONTROL, frozenset({"Finalize"})).tolist() == []
    assert [client.label(row) for row in (0, 5, 7)] == ["", "KeepAlive", "CloseStream"]
    assert client.moment(7) == moment(3.0)


def test_packets_are_in_order_without_repetition_and_bounded() -> None:
    client = direction(Side.CLIENT, [Said(1.0, Kind.AUDIO), Said(1.0, Kind.AUDIO), *audio(1.1, 9.0)])
    rows = client.rows(Kind.AUDIO)
    assert client.packets(rows, 3) == (2000, 2100, 2200)
    assert len(client.packets(rows)) == 20
