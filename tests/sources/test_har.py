"""HAR in: what browsers and their drivers write is analysed like a capture; what is no HAR is refused or left out, with a word."""

import base64
import json
import shutil
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection, serve

from analyzer import Report, Settings, analyze
from analyzer.model.errors import UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT
from analyzer.reports import render
from analyzer.reports.har import pieces
from analyzer.sources.har import read_har

CAPTURES = Path(__file__).parents[2] / "captures"
START = 1_795_341_600.0
WIRE_ONLY = {
    *("abrupt-close", "audio-after-close-stream", "capture-incomplete", "net-0000", "net-0001", "data-0000", "no-close-stream"),
    *("protocol-violation", "slow-handshake", "tcp-retransmissions", "tcp-zero-window", "unacknowledged-data", "wrong-accept"),
    *("closed-with-error", "keepalive-without-audio", "no-audio", "ping-timeout", "silence-gap"),
}
"""Rules that need packets, close frames or pings; some wait for the end."""


def message(kind: str, time: float, data: str | bytes) -> dict[str, Any]:
    binary = isinstance(data, bytes)
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    return {"type": kind, "time": time, "opcode": 2 if binary else 1, "data": text}


def entry(*messages: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    return {
        "startedDateTime": "2026-11-22T10:00:00.000Z",
        "time": 15_000,
        "request": {
            "method": "GET",
            "url": "wss://api.deepgram.com/v1/listen?encoding=linear16&sample_rate=16000",
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "Sec-WebSocket-Protocol", "value": "token, 0123456789abcdef0123456789abcdef01234567"}],
        },
        "response": {"status": 101, "statusText": "Switching Protocols", "httpVersion": "HTTP/1.1", "headers": []},
        "timings": {"connect": 20, "wait": 30, "ssl": -1},
        "serverIPAddress": "192.0.2.1",
        "_resourceType": "websocket",
        "_webSocketMessages": list(messages),
        **changes,
    }


def written(tmp_path: Path, *entries: Any, name: str = "saved.har") -> Path:  # noqa: ANN401 - also what is no entry
    path = tmp_path / name
    path.write_text(json.dumps({"log": {"version": "1.2", "creator": {"name": "test"}, "entries": list(entries)}}))
    return path


AUDIO = bytes(range(256)) * 12 + bytes(128)
TALK = (
    *(message("send", START + 0.1 + number / 10, AUDIO) for number in range(10)),
    message("send", START + 1.2, b""),
    message("send", START + 1.3, b'{"type":"KeepAlive"}'),
    message("receive", START + 1.4, '{"type":"Results","start":0,"duration":1.0,"is_final":true,"channel":{}}'),
)


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
def test_it_is_judged_like_a_capture(tmp_path: Path, unit: int) -> None:
    said = [{**one, "time": one["time"] * unit} for one in TALK]
    report = analyze(written(tmp_path, entry(*said)), settings=Settings(contents=True))
    (session,) = report.sessions
    assert session.provider == "deepgram-listen-v1"
    assert session.upgrade["outcome"] == "accepted"
    assert session.start == "2026-11-22T10:00:00.000000000Z"
    assert session.duration_s == 15.0
    assert session.audio["client"]["bytes"] == 10 * len(AUDIO)
    assert {"empty-binary-frame", "keepalive-as-binary", "silence-gap"} <= {finding.rule for finding in session.findings}
    assert session.service["results"] == 1
    assert (session.server.ip, session.server.port) == ("192.0.2.1", 443)
    first = session.conversation
    assert first is not None
    assert first.columns["first_time"][0] == pytest.approx(int((START + 0.1) * 1e9), abs=1000)


def test_nothing_of_it_has_a_packet_number(tmp_path: Path) -> None:
    report = analyze(written(tmp_path, entry(*TALK)))
    assert all(finding.packets == () and finding.filter == "" and finding.tcp_stream is None for finding in report.findings)
    assert "packet" not in render(report, "markdown").partition("### Session")[2].replace("packets on the same", "")


def test_what_it_cannot_show_is_said(tmp_path: Path) -> None:
    (capture,) = analyze(written(tmp_path, entry(*TALK), {"request": {"url": "https://x/"}})).captures
    assert capture.format == "har"
    (finding,) = capture.findings
    assert (finding.rule, finding.severity) == ("capture-incomplete", "note")
    assert "no close frames" in finding.text


def test_secrets_are_redacted(tmp_path: Path) -> None:
    path = written(tmp_path, entry(*TALK))
    for form in ("json", "markdown"):
        assert "0123456789abcdef0123456789abcdef01234567" not in render(analyze(path), form)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"status": 401, "statusText": "Unauthorized", "headers": [{"name": "dg-error", "value": "Bad key."}]}, "rejected"),
        ({"status": 0, "_error": "net::ERR_CONNECTION_REFUSED"}, "refused"),
        ({"status": -1, "_failureText": "net::ERR_NAME_NOT_RESOLVED"}, "unreachable"),
        ({"status": 0}, "no-response"),
    ],
)
def test_attempts_that_failed(tmp_path: Path, response: dict[str, Any], outcome: str) -> None:
    (session,) = analyze(written(tmp_path, entry(response=response))).sessions
    assert session.upgrade["outcome"] == outcome
    assert session.verdict.severity == "error"


def test_filters_choose_entries(tmp_path: Path) -> None:
    path = written(tmp_path, entry(*TALK), entry(serverIPAddress="192.0.2.9", startedDateTime="2026-11-22T11:00:00Z"))
    assert len(analyze(path).sessions) == 2
    assert len(analyze(path, settings=Settings(hosts=("192.0.2.9",))).sessions) == 1
    assert len(analyze(path, settings=Settings(until=int(START + 60) * 10**9)).sessions) == 1
    assert [one.id for one in analyze(path, settings=Settings(session="2")).sessions] == [2]
    assert len(analyze(path, frames=False, jobs=2).sessions) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON but no HAR"),
        ('{"log": {"entries": {}}}', "JSON but no HAR"),
        ('{"a": 1}', "save it with the browser's Export HAR"),
        ('{"a":' * 200_000, "JSON but no HAR"),
    ],
)
def test_what_is_no_har_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UnusableInputError, match=said):
        analyze(path)


def test_one_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError, match=r"more than 100 bytes"):
        read_har(str(written(tmp_path, entry(*TALK))), replace(DEFAULT, har=100))


def test_entries_that_are_no_har_are_left_out_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, 7, None, entry(*TALK), entry(startedDateTime="yesterday"), {"request": {"url": "ws://[x"}})
    (capture,) = analyze(path).captures
    assert len(capture.sessions) == 1
    assert not capture.complete
    assert any("4 of 5 entries" in finding.text for finding in capture.findings)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["send", "receive", "AAAA", "ws://h/p"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(entry())), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*sorted(entry()), "_opened", "_error"]), JSON, max_size=3), st.lists(JSON, max_size=3))
def test_hostile_fields_never_raise(tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], messages: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("har")
    mixed = [*TALK[:1], *messages, *({**TALK[0], "time": one, "data": one, "opcode": one} for one in messages)]
    path = written(folder, entry(**changes), entry(_webSocketMessages=mixed))
    report = analyze(path, settings=Settings(contents=True))
    assert render(report, "json")
    assert "".join(pieces(report))


def back(report: Report, tmp_path: Path) -> Report:
    path = tmp_path / "back.har"
    path.write_text("".join(pieces(report)), encoding="utf-8")
    return analyze(path, settings=Settings(contents=True))


NAMES = sorted(path.parent.name for path in CAPTURES.glob("*/capture.pcap*"))


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_that_goes_through_a_har_is_judged_the_same(tmp_path: Path, name: str) -> None:
    """But for what a HAR cannot hold; audio is the same to the byte."""
    (path,) = (CAPTURES / name).glob("capture.pcap*")
    report = analyze(path, settings=Settings(contents=True))
    shown = [one for one in report.sessions if one.upgrade["outcome"] != "encrypted"]
    again = back(report, tmp_path).sessions
    assert len(again) == len(shown)
    for one, other in zip(shown, again, strict=True):
        assert other.upgrade["query"] == one.upgrade["query"]
        assert other.start[:26] == one.start[:26]
        if one.audio["client"] and not one.coverage["client"]["missing"]:
            assert other.audio["client"]["sha256"] == one.audio["client"]["sha256"]
        if one.coverage["client"]["missing"] or one.coverage["server"]["missing"] or one.upgrade["outcome"] == "no-response":
            continue
        kept = [[finding.rule for finding in session.findings if finding.rule not in WIRE_ONLY] for session in (one, other)]
        assert sorted(kept[1]) == sorted(kept[0])


def test_one_that_a_browser_saved(tmp_path: Path) -> None:
    """Chromium driven by Playwright against a real server on loopback."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if browser is None:
        pytest.skip("needs chromium")

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    def answer(socket: ServerConnection) -> None:
        for said in socket:
            if isinstance(said, str):
                socket.send('{"type":"Results","is_final":true,"start":0,"duration":0.2,"channel":{}}')
                socket.close(1000)

    page_server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server = serve(answer, "127.0.0.1", 0)
    for one in (page_server, server):
        threading.Thread(target=one.serve_forever, daemon=True).start()
    script = """port => new Promise(done => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/listen?encoding=linear16&sample_rate=16000`);
        const sound = new Uint8Array(3200).map((_, place) => place * 7);
        const control = new TextEncoder().encode('{"type":"KeepAlive"}');
        const said = [sound, sound, control, '{"type":"CloseStream"}'];
        socket.onopen = () => said.forEach(one => socket.send(one));
        socket.onclose = () => done(true);
    })"""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=[*flags, "--disable-component-update", "--disable-sync"])
        context = chromium.new_context(record_har_path=tmp_path / "browser.har")
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{page_server.server_port}/")
        assert tab.evaluate(script, server.socket.getsockname()[1])
        context.close()
        chromium.close()
    server.shutdown()
    page_server.shutdown()
    page_server.server_close()
    (session,) = analyze(tmp_path / "browser.har").sessions
    assert session.upgrade["outcome"] == "accepted"
    assert session.audio["client"]["bytes"] == 6400
    assert "keepalive-as-binary" in {finding.rule for finding in session.findings}
    assert session.service["results"] == 1


def test_several_hars_are_not_merged(tmp_path: Path) -> None:
    paths = [written(tmp_path, entry(*TALK), name=name) for name in ("a.har", "b.har")]
    assert len(analyze(*paths).sessions) == 2
    with pytest.raises((UnusableInputError, UsageError)):
        analyze(*paths, settings=Settings(merge=True))
