"""Reports built by hand: one healthy session, and one of each kind of trouble that a format must show."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from analyzer.model.finding import Finding, Severity, Verdict
from analyzer.model.places import Endpoint
from analyzer.model.report import CaptureReport, Report, SessionReport

NO_MESSAGES = {"text": 0, "binary": 0, "ping": 0, "pong": 0, "close": 0}
NO_FRAMES = {"text": 0, "binary": 0, "continuation": 0, "ping": 0, "pong": 0, "close": 0}
HEALTHY = Verdict(None, "ok", "3 s of linear16 audio were streamed, 4 results came back, and the server closed with 1000.")


NO_TCP = {
    **dict.fromkeys(("packets", "bytes", "retransmissions", "retransmitted_bytes", "late", "out_of_order", "duplicates"), 0),
    **dict.fromkeys(("keepalives", "zero_windows", "zero_window_s", "longest_zero_window_s"), 0),
    **dict.fromkeys(("zero_window_from_s", "stall_from_s", "rst_s")),
    "longest_stall_s": 0.0,
    "unacknowledged": 0,
}


def session_report(**changes: Any) -> SessionReport:  # noqa: ANN401 - any field
    """Make a healthy session of three seconds, with changes."""
    session = SessionReport(
        id=1,
        client=Endpoint("10.0.0.2", 50000),
        server=Endpoint("10.0.0.1", 80),
        start="2026-11-22T10:00:00.000000001Z",
        duration_s=3.5,
        provider="deepgram-listen-v1",
        opened="handshake",
        tls=None,
        upgrade={
            "outcome": "accepted",
            "http_version": "1.1",
            "target": "/v1/listen?encoding=linear16&sample_rate=16000",
            "path": "/v1/listen",
            "query": {"encoding": "linear16", "sample_rate": "16000"},
            "status": 101,
            "request_id": "5002d33e-31f3-4a45-a26e-da2763dfeabd",
            "error": None,
            "extensions": None,
            "subprotocol": None,
        },
        message_counts={"client": {**NO_MESSAGES, "text": 1, "binary": 30}, "server": {**NO_MESSAGES, "text": 5, "close": 1}},
        frame_counts={"client": {**NO_FRAMES, "text": 1, "binary": 30}, "server": {**NO_FRAMES, "text": 5, "close": 1}},
        empty_binary={"client": 0, "server": 0},
        keepalives={"text": 0, "binary": 0},
        audio={
            "client": {
                "bytes": 96000,
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "messages": 30,
                "duration_s": 3.0,
                "format": {
                    "container": None,
                    "encoding": "linear16",
                    "sample_rate": 16000,
                    "channels": 1,
                    "from": "query",
                    "actual": None,
                },
                "decodable": True,
                "problem": None,
                "peak_dbfs": -3.0123,
                "rms_dbfs": -20.0456,
                "digital_silence_s": 0.0,
                "dc_offset": 0.0001,
                "clipped_share": 0.0,
                "repeated_messages": 0,
            },
            "server": None,
        },
        gaps=(),
        close={"by": "server", "code": 1000, "reason": ""},
        tcp_end="fin-server",
        tcp_stream=0,
        tcp={
            "handshake_rtt_s": 0.0213,
            "syn_to_syn_ack_s": 0.0201,
            "syn_ack_to_ack_s": 0.0012,
            "syn_retries": 0,
            "client": {**NO_TCP, "packets": 64, "bytes": 96700},
            "server": {**NO_TCP, "packets": 40, "bytes": 1100},
        },
        coverage={"client": {"bytes": 96300, "missing": 0}, "server": {"bytes": 900, "missing": 0}},
        verdict=HEALTHY,
        service={"results": 4, "metadata": {"duration_s": 3.0, "sha256": None}, "transcript_cursor_s": 3.0, "first_result_s": 1.1},
        findings=(),
        not_judged=(),
        timeline={
            "bucket_s": 0.1,
            "audio_bytes": [3200] * 30 + [0] * 5,
            "keepalives": [0] * 35,
            "server_messages": [0] * 10 + [1] + [0] * 19 + [4] + [0] * 4,
            "events": [(3.05, "CloseStream"), (3.4, "close 1000 by server")],
        },
        origin_ns=1_795_341_600_000_000_000,
    )
    return replace(session, **changes)


def silent_session(**changes: Any) -> SessionReport:  # noqa: ANN401 - any field
    """Make a session that the server closed after a silence."""
    gap = Finding(
        Severity.ERROR,
        "No audio for 12.1 s from 3 s on, and no KeepAlive in it; then the server closed with 1011 NET-0001.",
        packets=(12, 40),
        time_s=3.0,
        until_s=15.1,
        side="client",
        values={"gap_s": 12.1, "keepalives": 0, "level_dbfs": -12.3456},
        remedy="Send audio, silent audio too, or KeepAlive as text every 3 to 5 s.",
        rule="silence-gap",
        tcp_stream=0,
        filter="frame.number in {12, 40}",
    )
    close = Finding(
        Severity.ERROR,
        "The server closed with 1011 NET-0001.",
        packets=(41,),
        time_s=15.1,
        side="server",
        values={"code": 1011},
        remedy="See silence-gap.",
        rule="net-0001",
        tcp_stream=0,
        filter="frame.number in {41}",
    )
    timeline = {
        "bucket_s": 0.5,
        "audio_bytes": [16000] * 6 + [0] * 25,
        "keepalives": [0] * 8 + [1] + [0] * 22,
        "server_messages": [0, 0, 1, 0, 1, 0] + [0] * 24 + [1],
        "events": [(15.1, "close 1011 by server")],
    }
    session = session_report(
        duration_s=15.2,
        close={"by": "server", "code": 1011, "reason": "https://dpgr.am/net0001"},
        gaps=({"start_s": 3.0, "duration_s": 12.1, "keepalives": 0},),
        keepalives={"text": 1, "binary": 0},
        verdict=Verdict("silence-gap", "error", "No audio for 12.1 s, so the server closed with 1011 NET-0001."),
        findings=(gap, close),
        not_judged=({"rule": "no-close-stream", "why": "the capture ends before the session does"},),
        timeline=timeline,
    )
    return replace(session, **changes)


def rejected_session(**changes: Any) -> SessionReport:  # noqa: ANN401 - any field
    """Make an attempt that was answered with 401."""
    upgrade = {**session_report().upgrade, "outcome": "rejected", "status": 401, "error": "Invalid credentials."}
    finding = Finding(
        Severity.ERROR,
        "The service answered 401: Invalid credentials.",
        packets=(6,),
        time_s=0.02,
        side="server",
        values={"status": 401},
        remedy="Check the API key.",
        rule="upgrade-rejected",
        tcp_stream=1,
        filter="frame.number in {6}",
    )
    session = session_report(
        duration_s=0.03,
        upgrade=upgrade,
        audio={"client": None, "server": None},
        close=None,
        tcp_end="fin-server",
        tcp_stream=1,
        service={"results": 0, "metadata": None, "transcript_cursor_s": None, "first_result_s": None},
        message_counts={"client": NO_MESSAGES, "server": NO_MESSAGES},
        frame_counts={"client": NO_FRAMES, "server": NO_FRAMES},
        coverage={"client": {"bytes": 0, "missing": 0}, "server": {"bytes": 0, "missing": 0}},
        verdict=Verdict("upgrade-rejected", "error", "The service answered the upgrade with 401: Invalid credentials."),
        findings=(finding,),
        timeline={"bucket_s": 0.01, "audio_bytes": [0], "keepalives": [0], "server_messages": [0], "events": []},
    )
    return replace(session, **changes)


def report_of(*sessions: SessionReport, **changes: Any) -> Report:  # noqa: ANN401 - any field
    """Make a report of one capture with these sessions, numbered from 1."""
    capture = CaptureReport(
        path="capture.pcap",
        format="pcap",
        packets=100,
        bytes=120_000,
        first_time="2026-11-22T10:00:00.000000001Z",
        last_time="2026-11-22T10:00:15.200000001Z",
        link_types=("ethernet",),
        complete=True,
        findings=(),
        other_connections={"http": 2},
        comments=(),
        sessions=tuple(replace(session, id=number) for number, session in enumerate(sessions, 1)),
    )
    return Report({"name": "analyzer", "version": "0.1.0"}, {"gap_s": 10.0}, (replace(capture, **changes),))


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """`report_of`, for tests."""
    return report_of


@pytest.fixture
def healthy() -> SessionReport:
    """Give a healthy session."""
    return session_report()


@pytest.fixture
def silent() -> SessionReport:
    """Give a session that the server closed after a silence."""
    return silent_session()


@pytest.fixture
def rejected() -> SessionReport:
    """Give an attempt that was rejected."""
    return rejected_session()
