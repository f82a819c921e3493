"""The report's entry of a session: its numbers, its times, and no secret."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_session import ORIGIN, Said, audio, direction, keepalives, moment, session, track
from wire_script import write_capture

from analyzer.model.finding import Finding, Severity, Unjudged, Verdict
from analyzer.model.limits import SECOND
from analyzer.model.report import SessionReport
from analyzer.model.schema import FRAMES, Kind, Side
from analyzer.model.session import Request, Response, Service, Session, Upgrade
from analyzer.model.tcp import Health, Tcp
from analyzer.pipeline import analyze
from analyzer.session.summary import iso, summarise

KEY = "0123456789abcdef0123456789abcdef01234567"
OK = Verdict(None, "ok", "Fine.")


def summed(one: Session, *findings: Finding, frames: bool = False) -> SessionReport:
    return summarise(one, findings, (Unjudged(f"the token {KEY}", "pacing-slow"),), OK, frames=frames)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_795_000_000 * SECOND + 5, "2026-11-18T11:06:40.000000005Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
    ],
)
def test_times(time: int | None, text: str | None) -> None:
    assert iso(time) == text


def test_messages_are_counted_by_opcode_and_kind() -> None:
    said = [*audio(1, 2), *keepalives(3, 4), Said(5, Kind.MISPLACED, "KeepAlive"), Said(6, Kind.EMPTY), Said(7, Kind.PING)]
    found = summed(session(direction(Side.CLIENT, said), direction(Side.SERVER, [Said(1, Kind.EVENT, "Results")])))
    assert found.message_counts["client"] == {"text": 2, "binary": 13, "ping": 1, "pong": 0, "close": 0}
    assert found.message_counts["server"] == {"text": 1, "binary": 0, "ping": 0, "pong": 0, "close": 0}
    assert found.empty_binary == {"client": 1, "server": 0}
    assert found.keepalives == {"text": 2, "binary": 1}
    assert (found.duration_s, found.provider, found.origin_ns) == (60.02, "deepgram-listen-v1", ORIGIN)
    assert found.tls is None
    assert found.frame_table is None


def test_tcp_is_told_in_seconds_of_the_session() -> None:
    client = Health(packets=9, bytes=700, retransmissions=2, stall=SECOND, stall_from=moment(3), waited=20_000_000, syn_retries=1)
    server = Health(zero_windows=1, zero=SECOND // 2, zero_total=SECOND, zero_from=moment(5), unacknowledged=4, waited=1_000_000)
    sides = direction(Side.CLIENT, tcp=Tcp(packets=9, health=client)), direction(Side.SERVER, tcp=Tcp(rst=moment(7), health=server))
    found = summed(session(*sides)).tcp
    assert [found[name] for name in ("handshake_rtt_s", "syn_to_syn_ack_s", "syn_ack_to_ack_s", "syn_retries")] == [
        0.021,
        0.02,
        0.001,
        1,
    ]
    assert {name: value for name, value in found["client"].items() if value} == {
        "packets": 9,
        "bytes": 700,
        "retransmissions": 2,
        "longest_stall_s": 1.0,
        "stall_from_s": 3.0,
    }
    assert found["client"]["unacknowledged"] is None
    assert {name: value for name, value in found["server"].items() if value} == {
        "zero_windows": 1,
        "zero_window_s": 1.0,
        "longest_zero_window_s": 0.5,
        "zero_window_from_s": 5.0,
        "unacknowledged": 4,
        "rst_s": 7.0,
    }
    assert summed(session()).tcp["handshake_rtt_s"] is None


def test_no_secret_leaves() -> None:
    target = f"/v1/listen?token={KEY}&encoding=linear16"
    request = Request(
        target, "/v1/listen", {"token": KEY, "encoding": "linear16"}, "1.1", {"authorization": f"Token {KEY}"}, session().first
    )
    headers = {
        "dg-error": f"bad key {KEY}",
        "dg-request-id": "7f3b8c1e-0000-4000-8000-00000000000a",
        "sec-websocket-protocol": f"token, {KEY}",
    }
    response = Response(401, "Unauthorized", "1.1", headers, KEY.encode(), session().first)
    finding = Finding(Severity.ERROR, f"said {KEY}", values={"reason": KEY})
    one = replace(session(), upgrade=Upgrade("rejected", request, response))
    found = summed(one, finding)
    assert KEY not in repr(found)
    assert found.upgrade["request_id"] == headers["dg-request-id"]
    assert found.upgrade["query"]["encoding"] == "linear16"
    assert found.upgrade["status"] == 401


@pytest.mark.parametrize(
    ("stated", "hashed", "missing", "complete"),
    [
        (10.0, None, 0, True),
        (10.04, None, 0, True),
        (10.0, None, 5, False),
        (9.0, None, 0, False),
        (None, "0" * 64, 5, True),
        (10.0, "1" * 64, 5, False),
    ],
)
def test_whether_the_service_proves_that_all_audio_is_there(
    *, stated: float | None, hashed: str | None, missing: int, complete: bool
) -> None:
    metadata = {"duration_s": stated, "sha256": hashed, "channels": 1}
    one = session(direction(Side.CLIENT, audio(1, 2), missing=missing), service=Service(1, metadata), client_audio=track())
    found = summed(one)
    assert found.service["complete_by_server"] is complete
    assert found.service["metadata"] == metadata


def test_frames_come_in_order_of_capture() -> None:
    client = direction(Side.CLIENT, frame_anomalies=[(1.0, 0), (3.0, 0)])
    server = direction(Side.SERVER, frame_anomalies=[(0.5, 0), (2.0, 0)])
    table = summed(session(client, server), frames=True).frame_table
    assert table is not None
    assert table.column("side").tolist() == [1, 0, 1, 0]
    assert [column.name for column in table.schema] == ["side", *(column.name for column in FRAMES)]


def test_counts_are_no_secrets_where_a_provider_has_a_secret_of_their_name(tmp_path: Path) -> None:
    script = "0.0 client GET /v1/agent/converse\n0.0 server 101\n0.1 client audio 3200 x3 every 0.1\n"
    report = analyze(write_capture(script, tmp_path / "agent.pcap"))
    assert report.sessions[0].audio["client"]["messages"] == 3


def test_what_a_rule_measured_is_no_secret_whatever_it_is_called() -> None:
    found = Finding(Severity.ERROR, "x", values={"messages": 3, "token": 1.5, "examples": [f"token={KEY}"]}, rule="base64-audio")
    (shown,) = summed(session(), found).findings
    assert (shown.values["messages"], shown.values["token"]) == (3, 1.5)
    assert KEY not in str(shown.values)
