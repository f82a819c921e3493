"""Numbers with units, and places with names."""

from dataclasses import replace

import pytest

from analyzer.model.places import Endpoint
from analyzer.model.report import SessionReport
from analyzer.reports.phrases import (
    WHOLE_LENGTH,
    address,
    audio_format,
    close,
    end,
    error_received,
    facts,
    outcome,
    plural,
    printable,
    seconds,
    shell_name,
    size,
    where,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "unknown"),
        (0.000_02, "0.02 ms"),
        (1e-10, "0 s"),
        (0.05, "0.05 s"),
        (12.144, "12.14 s"),
        (3.0, "3 s"),
        (125.2, "2 min 05 s"),
        (4205, "1 h 10 min"),
        (-1.5, "-1.5 s"),
    ],
)
def test_durations(value: float | None, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(1, "1 byte"), (640, "640 bytes"), (120_000, "117 KiB"), (5 << 40, "5120 GiB")])
def test_sizes(value: int, shown: str) -> None:
    assert size(value) == shown


def test_small_words() -> None:
    assert plural(1234, "packet") == "1,234 packets"
    assert address(Endpoint("2001:db8::1", 443)) == "[2001:db8::1]:443"
    assert printable("a\x00b\nc", 20) == "a\\x00b c"
    assert printable("x" * 50, 10) == "xxxxxxx..."


@pytest.mark.parametrize(
    ("closed", "tcp_end", "shown"),
    [
        ({"by": "client", "code": None, "reason": ""}, "open", "no code by client"),
        ({"by": "server", "code": 1011, "reason": "NET-0001"}, "open", "1011 by server: NET-0001"),
        (None, "rst-client", "no close frame, TCP RST by client"),
        (None, "open", "not in the capture"),
    ],
)
def test_ends(healthy: SessionReport, closed: dict[str, object] | None, tcp_end: str, shown: str) -> None:
    assert close(replace(healthy, close=closed, tcp_end=tcp_end)) == shown


def test_ends_in_short(healthy: SessionReport, rejected: SessionReport) -> None:
    reset, empty = replace(healthy, close=None, tcp_end="rst-client"), replace(healthy, close={"by": "client", "code": None})
    cut = replace(healthy, close=None, tcp_end="open")
    shown = [end(one) for one in (healthy, empty, reset, cut, rejected)]
    assert shown == ["1000 by server", "close by client", "RST by client", "open", "rejected 401"]


def test_facts_name_what_the_bytes_really_are(healthy: SessionReport, rejected: SessionReport) -> None:
    track = healthy.audio["client"]
    actual = {"container": "wav", "encoding": "linear16", "sample_rate": 8000, "channels": 1, "confidence": "certain"}
    wrong = {**track, "format": {**track["format"], "actual": actual}, "decodable": False, "problem": "A WAV header."}
    told = dict(facts(replace(healthy, audio={"client": wrong, "server": None})))
    assert "the bytes are wav, linear16, 8000 Hz, 1 channel" in told["Audio format"]
    assert told["Audio"].endswith("not decodable")
    assert told["Audio problem"] == "A WAV header."
    assert audio_format(None) == "not declared"
    assert outcome(rejected) == "rejected 401"
    assert "Audio" not in dict(facts(rejected))


def test_evidence_in_one_line(silent: SessionReport) -> None:
    finding = replace(silent.findings[0], packets=tuple(range(1, 12)), count=3)
    assert where(finding) == "client, from 3 s to 15.1 s, packets 1, 2, 3, 4, 5, 6, 7, 8, ..., 3 times"
    assert where(replace(finding, packets=(), count=1, until_s=3.0001)) == "client, at 3 s"


def test_facts_tell_the_handshake_and_what_did_not_go_straight(healthy: SessionReport) -> None:
    assert dict(facts(healthy))["TCP"] == "handshake 21.3 ms (20.1 ms to SYN-ACK, 1.2 ms to ACK)"
    client = {
        **healthy.tcp["client"],
        "retransmissions": 3,
        "late": 1,
        "out_of_order": 2,
        "duplicates": 1200,
        "unacknowledged": 640,
    }
    server = {**healthy.tcp["server"], "zero_windows": 2, "zero_window_s": 3.5}
    tcp = {**healthy.tcp, "handshake_rtt_s": None, "syn_retries": 2, "client": client, "server": server}
    told = "client 4 sent again, 2 out of order, 1,200 captured twice, 640 bytes not acknowledged; server window closed for 3.5 s"
    assert dict(facts(replace(healthy, tcp=tcp)))["TCP"] == f"SYN sent again 2 times; {told}"
    assert "TCP" not in dict(facts(replace(healthy, tcp={**healthy.tcp, "handshake_rtt_s": None})))


def test_a_format_that_nothing_declares_comes_from_nowhere(healthy: SessionReport) -> None:
    track = healthy.audio["client"]
    assert track is not None
    nothing = {**track["format"], "encoding": None, "sample_rate": None, "channels": None}
    told = dict(facts(replace(healthy, audio={"client": {**track, "format": nothing}, "server": None})))
    assert told["Audio format"] == "not declared"


def test_a_head_that_is_cut_is_not_taken_for_whole(healthy: SessionReport, rejected: SessionReport) -> None:
    told = [dict(facts(replace(one, upgrade={**one.upgrade, "partial": True})))["Upgrade"] for one in (healthy, rejected)]
    cut = "its head not whole in the capture"
    assert told == [f"accepted, {cut}", f"rejected 401, {cut}: Invalid credentials."]


def test_the_error_received_is_cut(rejected: SessionReport) -> None:
    assert error_received(rejected) == "Invalid credentials."
    assert len(error_received(replace(rejected, upgrade={**rejected.upgrade, "error": "x" * 10_000}))) == WHOLE_LENGTH


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("captures/one.pcap", "captures/one.pcap"),
        ("C:\\my captures\\one.pcap", '"C:\\my captures\\one.pcap"'),
        ("a;b|c.pcap", '"a;b|c.pcap"'),
        ("$(id).pcap", "'$(id).pcap'"),
        ("`id`.pcap", "'`id`.pcap'"),
        ('a"; id; ".pcap', "'a\"; id; \".pcap'"),
        ("it's $HOME.pcap", "'it'\"'\"'s $HOME.pcap'"),
    ],
)
def test_a_name_on_a_command_line_is_only_a_name(path: str, shown: str) -> None:
    assert shell_name(path) == shown
