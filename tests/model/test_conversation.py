"""What was said comes out in order, redacted, and without the words that were recognised where those are not wanted."""

import json
from pathlib import Path

import pytest
from wire_script import write_capture

from analyzer import Settings, analyze
from analyzer.model.conversation import Conversation
from analyzer.model.schema import Kind, Opcode

SECRET = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 - planted
SCRIPT = f"""
0 client GET /v1/listen?encoding=linear16&sample_rate=16000&token={SECRET}
0.02 server 101
0.1 client audio 3200 x3 every 0.1
0.5 client text {{"type":"Configure","api_key":"{SECRET}"}}
0.7 client binary {{"type":"KeepAlive","token":"{SECRET}"}}
0.8 server text {{"type":"Results","channel":{{"alternatives":[{{"transcript":"secret words"}}]}},"is_final":true}}
0.9 client ping
2.2 server close 1008 "DATA-0000 {SECRET}"
2.3 server fin
2.3 client fin
"""


def talk(tmp_path: Path, **settings: bool) -> Conversation:
    path = write_capture(SCRIPT, tmp_path / "capture.pcap")
    found = analyze(path, settings=Settings(contents=True, **settings)).sessions[0].conversation
    assert found is not None
    return found


def test_everything_is_there_in_order(tmp_path: Path) -> None:
    said = talk(tmp_path)
    opcodes = [Opcode(code).name for code in said.columns["opcode"].tolist()]
    assert opcodes == ["BINARY", "BINARY", "BINARY", "TEXT", "BINARY", "TEXT", "PING", "CLOSE"]
    labels = [said.label(row) for row in range(len(said))]
    assert labels == ["", "", "", "Configure", "KeepAlive", "Results", "", "1008"]
    assert [len(said.data(row) or b"") for row in range(3)] == [3200] * 3
    assert said.columns["kind"][0] == Kind.AUDIO
    assert said.text(0) is None
    assert json.loads(said.text(5) or "")["channel"]["alternatives"][0]["transcript"] == "secret words"
    assert (said.data(7) or b"")[:2] == (1008).to_bytes(2, "big")
    assert said.request is not None
    assert said.request.line.startswith("GET /v1/listen?encoding=linear16&sample_rate=16000&token=<redacted:")
    assert said.response is not None
    assert said.response.line == "HTTP/1.1 101 Switching Protocols"


def test_no_way_out_shows_a_secret(tmp_path: Path) -> None:
    said = talk(tmp_path)
    shown = "".join(f"{said.label(row)}{said.text(row)}{said.data(row)!r}" for row in range(len(said)))
    shown += f"{said.request}{said.response}"
    assert SECRET not in shown
    assert shown.count("redacted:") >= 4


def test_recognised_words_can_be_hidden(tmp_path: Path) -> None:
    said = talk(tmp_path, transcripts=False)
    assert json.loads(said.text(5) or "")["channel"]["alternatives"][0]["transcript"] == "<left out>"
    assert b"secret words" not in (said.data(5) or b"")


@pytest.mark.parametrize("contents", [False, True])
def test_it_is_kept_only_where_asked_for(tmp_path: Path, contents: bool) -> None:
    path = write_capture(SCRIPT, tmp_path / "capture.pcap")
    session = analyze(path, settings=Settings(contents=contents)).sessions[0]
    assert (session.conversation is not None) is contents
