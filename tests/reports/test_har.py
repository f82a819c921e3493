"""HAR out: the fields that Chrome writes, in its units, and nothing that only a packet can show."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from wire_script import write_capture

from analyzer import Settings, analyze
from analyzer.model.errors import UsageError
from analyzer.reports.har import pieces

CAPTURES = Path(__file__).parents[2] / "captures"


def entries(name: str) -> list[dict[str, Any]]:
    report = analyze(CAPTURES / name / "capture.pcap", settings=Settings(contents=True))
    log = json.loads("".join(pieces(report)))["log"]
    assert log["version"] == "1.2"
    return list(log["entries"])


def test_an_entry_has_what_chrome_writes() -> None:
    (entry,) = entries("control-as-binary")
    assert entry["_resourceType"] == "websocket"
    assert entry["request"]["url"] == ("ws://127.0.0.1:18121/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&channels=1")
    assert {"name": "sample_rate", "value": "16000"} in entry["request"]["queryString"]
    assert entry["response"]["status"] == 101
    assert entry["startedDateTime"] == "2026-11-22T14:00:02.411972Z"
    assert entry["time"] == 15035.955
    messages = entry["_webSocketMessages"]
    assert [one["type"] for one in messages].count("send") == 31
    assert {one["opcode"] for one in messages} == {1, 2}
    assert 1_795_356_002 < messages[0]["time"] < 1_795_356_018
    assert len(base64.b64decode(messages[0]["data"])) == 3200
    assert json.loads(messages[-2]["data"])["type"] == "Results"
    assert entry["_close"]["code"] == 1011
    assert entry["_verdict"]["rule"] == "control-as-binary"


def test_a_rejection_and_a_refusal() -> None:
    (rejected,) = entries("upgrade-rejected-401")
    assert rejected["response"]["status"] == 401
    assert "Invalid credentials" in rejected["response"]["content"]["text"]
    assert rejected["_webSocketMessages"] == []
    assert all(one["response"]["_error"] == "net::ERR_CONNECTION_REFUSED" for one in entries("connection-refused"))


def test_an_encrypted_session_has_no_entry() -> None:
    assert entries("tls-without-keys") == []


def test_without_contents_it_is_refused() -> None:
    report = analyze(CAPTURES / "control-as-binary" / "capture.pcap")
    with pytest.raises(UsageError, match="contents=True"):
        "".join(pieces(report))


def test_a_parameter_that_stands_twice_stands_twice(tmp_path: Path) -> None:
    script = "0 client GET /v1/listen?keywords=a%20b&tag=&keywords=c\n0.1 server 101\n0.2 server fin\n"
    path = write_capture(script, tmp_path / "talk.pcap")
    (entry,) = json.loads("".join(pieces(analyze(path, settings=Settings(contents=True)))))["log"]["entries"]
    assert [(one["name"], one["value"]) for one in entry["request"]["queryString"]] == [
        ("keywords", "a b"),
        ("tag", ""),
        ("keywords", "c"),
    ]
