"""The support bundle: what support asks for is in it, hashes are right, and its capture says the same when it is opened again."""

import json
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from canaries import WRAPPINGS, found_in
from click.testing import CliRunner, Result

import analyzer.bundle
from analyzer import Report, Settings, analyze
from analyzer.cli import main
from analyzer.model.archive import Archive
from analyzer.model.report import SessionReport

CAPTURES = Path(__file__).parents[1] / "captures"
Make = Callable[..., ZipFile]
Alter = Callable[[Callable[[SessionReport], SessionReport | None]], None]


@pytest.fixture
def bundle(tmp_path: Path) -> Make:
    """Make a bundle of a capture in `captures`, or of a path, and open it."""

    def make(capture: str | Path, *options: str) -> ZipFile:
        path = capture if isinstance(capture, Path) else next((CAPTURES / capture).glob("capture.pcap*"))
        result = run(path, "-o", tmp_path / "bundle.zip", *options)
        assert result.exit_code == 0, result.output
        return ZipFile(BytesIO((tmp_path / "bundle.zip").read_bytes()))

    return make


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bundle", *map(str, arguments)], catch_exceptions=False)


def manifest(archive: ZipFile) -> dict[str, list[dict[str, object]]]:
    return dict(json.loads(archive.read("manifest.json")))


def reopened(archive: ZipFile, tmp_path: Path, name: str = "session-1/capture.pcapng", **settings: object) -> Report:
    path = tmp_path / "inside.pcapng"
    path.write_bytes(archive.read(name))
    return analyze(path, settings=Settings(**settings))  # type: ignore[arg-type]


def test_what_support_asks_for_is_in_it(bundle: Make) -> None:
    archive = bundle("control-as-binary")
    page = archive.read("README.md").decode()
    for asked in (
        "The error received: 1011 by server",
        "`6af271f6-d266-4c0d-a57e-25457d626798`",
        "`session-1/client.wav`",
        "`code/`",
    ):
        assert asked in page
    names = ["README.md", "report.html", "report.md", "report.json", "session-1/client.wav", "session-1/capture.pcapng"]
    assert archive.namelist() == [*names, "code/README.txt", "manifest.json"]
    with wave.open(BytesIO(archive.read("session-1/client.wav"))) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (16000, 48000)


def test_hashes_and_sizes_are_right(bundle: Make) -> None:
    archive = bundle("silence-gap-net-0001")
    listed = manifest(archive)["files"]
    assert [one["path"] for one in listed] == archive.namelist()[:-1]
    for one in listed:
        data = archive.read(str(one["path"]))
        assert (one["bytes"], one["sha256"]) == (len(data), sha256(data).hexdigest())


def test_the_same_capture_gives_the_same_zip(bundle: Make) -> None:
    first = bundle("control-as-binary").fp.getvalue()  # type: ignore[union-attr]
    assert bundle("control-as-binary").fp.getvalue() == first  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "name",
    ["control-as-binary", "silence-gap-net-0001", "upgrade-rejected-401", "deflate-context-takeover", "vlan-qinq", "zero-window"],
)
def test_its_capture_says_the_same_when_it_is_opened_again(bundle: Make, tmp_path: Path, name: str) -> None:
    archive = bundle(name)
    (session,) = reopened(archive, tmp_path).sessions
    (original,) = analyze(next((CAPTURES / name).glob("capture.pcap*"))).sessions
    told = json.loads(archive.read("report.json"))["captures"][0]["sessions"][0]
    assert (
        [one["rule"] for one in told["findings"]]
        == [one.rule for one in session.findings]
        == [one.rule for one in original.findings]
    )
    assert [one["packets"] for one in told["findings"]] == [list(one.packets) for one in session.findings]
    assert session.verdict.rule == original.verdict.rule
    assert manifest(archive)["sessions"][0]["capture"]["same_findings"] is True  # type: ignore[index]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_wireshark_opens_its_capture(bundle: Make, tmp_path: Path) -> None:
    archive = bundle("control-as-binary")
    (tmp_path / "inside.pcapng").write_bytes(archive.read("session-1/capture.pcapng"))
    command = [
        "tshark",
        "-r",
        tmp_path / "inside.pcapng",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
        "-T",
        "fields",
    ]
    fields = [word for field in ("tcp.checksum.status", "ip.checksum.status", "websocket.opcode") for word in ("-e", field)]
    rows = [
        line.split("\t")
        for line in subprocess.run([*command, *fields], check=True, capture_output=True, text=True).stdout.splitlines()
    ]
    assert len(rows) == 82
    assert {(row[0], row[1]) for row in rows} == {("1", "1")}
    assert sum(len(row[2].split(",")) for row in rows if row[2]) == 36


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_no_secret_is_left_behind_a_mask(bundle: Make, tmp_path: Path, wrapping: str) -> None:
    """In the packets text of the client is masked, so that a search in the file alone would prove nothing."""
    data, keys = WRAPPINGS[wrapping]("listen")
    (tmp_path / "planted.pcap").write_bytes(data)
    (tmp_path / "keys.log").write_bytes(keys)
    archive = bundle(tmp_path / "planted.pcap", *(["--keylog", str(tmp_path / "keys.log")] if keys else []))
    assert found_in(archive.read("session-1/capture.pcapng")) == []
    (session,) = reopened(archive, tmp_path, contents=True).sessions
    talk = session.conversation
    assert talk is not None
    said = b"\0".join(talk._raw(row) or b"" for row in range(len(talk)))
    assert (len(said) > 64_000) is not wrapping.startswith("rejected")
    assert found_in(said) == []


def test_audio_words_and_addresses_can_be_left_out(bundle: Make, tmp_path: Path) -> None:
    archive = bundle("control-as-binary", "--no-audio", "--no-transcripts", "--replace-addresses")
    assert not [name for name in archive.namelist() if name.endswith(".wav")]
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"quick" not in everything
    assert b"127.0.0.1" not in everything.replace(b"127.0.0.1:18121", b"")  # that is the Host header, which names the service
    (session,) = reopened(archive, tmp_path, contents=True).sessions
    assert session.server.ip.startswith(("192.0.2.", "198.51.100."))
    assert session.audio["client"]["bytes"] == 96_000
    (original,) = analyze(CAPTURES / "control-as-binary" / "capture.pcap").sessions
    assert session.audio["client"]["sha256"] != original.audio["client"]["sha256"]


def test_code_goes_with_it_without_its_keys(bundle: Make, tmp_path: Path) -> None:
    code = tmp_path / "client.py"
    code.write_text('connect(url, headers={"Authorization": "Token 0123456789abcdef0123456789abcdef01234567"})\n')
    archive = bundle("control-as-binary", "--code", str(code))
    kept = archive.read("code/client.py").decode()
    assert kept.startswith('connect(url, headers={"Authorization": "Token <redacted:')
    assert "`code/client.py`" in archive.read("README.md").decode()


def test_nothing_of_the_machine_and_of_other_traffic_is_in_it(bundle: Make, tmp_path: Path) -> None:
    shutil.copy(CAPTURES / "http2-two-streams" / "capture.pcap", tmp_path / "private-name.pcap")
    archive = bundle(tmp_path / "private-name.pcap", "--session", "2")
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert str(tmp_path).encode() not in everything
    told = json.loads(archive.read("report.json"))
    assert [one["id"] for one in told["captures"][0]["sessions"]] == [2]
    (session,) = reopened(archive, tmp_path, "session-1/capture.pcapng").sessions
    assert (session.upgrade["stream_id"], session.verdict.rule) == (3, "keepalive-as-binary")
    assert manifest(archive)["sessions"][0]["capture"]["same_findings"] is True  # type: ignore[index]
    assert b"stream 3" in archive.read("session-1/capture.pcapng")
    assert b"stream 1" not in archive.read("session-1/capture.pcapng")


@pytest.fixture
def altered(monkeypatch: pytest.MonkeyPatch) -> Alter:
    """Have the session's own capture say something else."""

    def alter(change: Callable[[SessionReport], SessionReport | None]) -> None:
        def other(*paths: str, **wishes: Any) -> Report:  # noqa: ANN401 - those of `analyze`
            report = analyze(*paths, **wishes)
            if not paths[0].endswith("whole.pcapng"):
                return report
            changed = [change(session) for session in report.sessions]
            sessions = Archive([(one.id, one) for one in changed if one is not None])
            return replace(report, captures=(replace(report.captures[0], sessions=sessions),))

        monkeypatch.setattr(analyzer.bundle, "analyze", other)

    return alter


def capture_facts(archive: ZipFile) -> Any:  # noqa: ANN401 - JSON
    return manifest(archive)["sessions"][0]["capture"]


def with_more_frames(session: SessionReport) -> SessionReport:
    counts = {**session.frame_counts, "client": {**session.frame_counts["client"], "binary": 1000}}
    return replace(session, frame_counts=counts)


def without_findings(session: SessionReport) -> SessionReport:
    return replace(session, findings=())


def test_that_it_has_not_as_many_frames_is_said(bundle: Make, altered: Alter) -> None:
    (original,) = analyze(CAPTURES / "control-as-binary" / "capture.pcap").sessions
    there = sum(sum(side.values()) for side in original.frame_counts.values())
    here = there - original.frame_counts["client"]["binary"] + 1000
    archive = bundle("control-as-binary")
    assert "the original has the same findings\n" in archive.read("README.md").decode()
    assert capture_facts(archive)["same_counts"] is True
    altered(with_more_frames)
    archive = bundle("control-as-binary")
    said = f"the original has the same findings, but {there:,} frames instead of {here:,}\n"
    assert said in archive.read("README.md").decode()
    assert (capture_facts(archive)["same_findings"], capture_facts(archive)["same_counts"]) == (True, False)


@pytest.mark.parametrize(
    ("options", "said", "findings"),
    [
        ([], "it does not show every finding of the original, of which the report tells, with its packet numbers\n", 3),
        (["--replace-addresses"], "the report tells of this capture, which does not have the same findings as the original\n", 0),
    ],
)
def test_of_which_capture_the_report_tells_is_said(
    bundle: Make, altered: Alter, options: list[str], said: str, findings: int
) -> None:
    altered(without_findings)
    archive = bundle("control-as-binary", *options)
    assert said in archive.read("README.md").decode()
    (session,) = json.loads(archive.read("report.json"))["captures"][0]["sessions"]
    assert len(session["findings"]) == findings
    assert capture_facts(archive)["same_findings"] is False


def test_no_report_has_addresses_that_were_to_be_replaced(tmp_path: Path, altered: Alter) -> None:
    """Where a session is not found again in its own capture, only the original could tell of it."""
    altered(lambda _: None)
    result = run(CAPTURES / "control-as-binary" / "capture.pcap", "--replace-addresses", "-o", tmp_path / "bundle.zip")
    assert result.exit_code == 2
    assert "Addresses of session 1 cannot be replaced" in result.output
    assert not list(tmp_path.iterdir())


def test_what_is_not_in_it_is_said(bundle: Make) -> None:
    assert (
        "other streams of an HTTP/2 connection, TLS keys, and credentials" in bundle("http2-two-streams").read("README.md").decode()
    )


def test_of_many_sessions_the_worst_are_taken(tmp_path: Path) -> None:
    names = ("healthy-linear16", "control-as-binary", "pacing-slow")
    paths = [str(CAPTURES / name / "capture.pcap") for name in names]
    assert run(*paths, "-o", tmp_path / "bundle.zip").exit_code == 0
    with ZipFile(tmp_path / "bundle.zip") as archive:
        rules = [one["verdict"]["rule"] for one in manifest(archive)["sessions"]]  # type: ignore[index]
    assert rules == ["control-as-binary", "pacing-slow"]


def test_a_har_and_standard_input_can_be_packed(bundle: Make, tmp_path: Path) -> None:
    har = tmp_path / "saved.har"
    assert CliRunner().invoke(main, ["har", str(CAPTURES / "control-as-binary" / "capture.pcap"), "-o", str(har)]).exit_code == 0
    assert "A HAR holds no packets" in bundle(har).read("README.md").decode()
    piped = tmp_path / "piped.zip"
    command = [sys.executable, "-m", "analyzer", "bundle", "-", "-o", str(piped)]
    with (CAPTURES / "control-as-binary" / "capture.pcap").open("rb") as capture:
        subprocess.run(command, stdin=capture, check=True, capture_output=True)
    with ZipFile(piped) as archive:
        assert "session-1/capture.pcapng" in archive.namelist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["{unrelated}"], "no WebSocket session"),
        (["{capture}", "--code", "{binary}"], "is no text"),
        (["{capture}", "-o", "{folder}/missing/bundle.zip"], "Cannot write"),
        (["{har}", "--replace-addresses"], "cannot be replaced: A HAR holds no packets"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path: Path, options: list[str], said: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    capture = CAPTURES / "control-as-binary" / "capture.pcap"
    assert CliRunner().invoke(main, ["har", str(capture), "-o", str(tmp_path / "saved.har")]).exit_code == 0
    (tmp_path / "unrelated.har").write_text('{"log": {"entries": []}}')
    names = {
        "folder": tmp_path,
        "binary": tmp_path / "binary",
        "unrelated": tmp_path / "unrelated.har",
        "capture": capture,
        "har": tmp_path / "saved.har",
    }
    result = run("-o", tmp_path / "bundle.zip", *(one.format(**names) for one in options))
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
