"""The commands beside `report`: sessions, frames, audio, rules, explain, doctor."""

import csv
import io
import json
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_sessions_has_a_line_each(run: Run, silent: Path) -> None:
    result = run("sessions", silent)
    rows = list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))
    assert [row["id"] for row in rows] == ["1"]
    assert rows[0]["rule"] == "silence-gap"
    assert rows[0]["upgrade"] == "accepted"


@pytest.mark.parametrize("form", ["table", "jsonl", "csv"])
def test_frames_in_every_format(run: Run, silent: Path, form: str) -> None:
    report = json.loads(run("report", silent, "--format", "json").stdout)["captures"][0]["sessions"][0]
    count = sum(sum(kinds.values()) for kinds in report["frames"].values())
    result = run("frames", silent, "--session", "1", "--format", form)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == count + (form != "jsonl")


def test_a_har_says_what_it_leaves_out(run: Run, silent: Path) -> None:
    encrypted = silent.parents[1] / "tls-without-keys" / "capture.pcap"
    result = run("har", silent, encrypted)
    assert (result.exit_code, len(json.loads(result.stdout)["log"]["entries"])) == (0, 1)
    assert "1 session in TLS left out" in result.stderr
    assert run("har", silent).stderr == ""


def test_frames_agree_with_the_report(run: Run, silent: Path) -> None:
    rows = [json.loads(line) for line in run("frames", silent, "--format", "jsonl").stdout.splitlines()]
    close = next(row for row in rows if row["opcode"] == "close" and row["side"] == "server")
    report = json.loads(run("report", silent, "--format", "json").stdout)["captures"][0]["sessions"][0]
    finding = next(one for one in report["findings"] if one["rule"] == "net-0001")
    assert close["packets"][0] in finding["packets"]
    assert close["time_s"] == pytest.approx(finding["time_s"], abs=1e-6)


def test_audio_writes_what_was_sent(run: Run, healthy: Path, tmp_path: Path) -> None:
    result = run("audio", healthy, "-o", tmp_path / "out" / "audio", "--raw")
    assert result.exit_code == 0
    assert "decodable" in result.stdout
    (path,) = (tmp_path / "out" / "audio").glob("*.wav")
    report = json.loads(run("report", healthy, "--format", "json").stdout)["captures"][0]["sessions"][0]
    with wave.open(str(path)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(report["audio"]["client"]["duration_s"], abs=0.001)
        assert file.getframerate() == report["audio"]["client"]["format"]["sample_rate"]
    raw = [other for other in path.parent.iterdir() if other != path]
    assert [other.stat().st_size for other in raw] == [report["audio"]["client"]["bytes"]]


def test_audio_cannot_write_where_a_file_stands(run: Run, healthy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("audio", healthy, "-o", tmp_path / "file" / "folder")
    assert result.exit_code == 2
    assert "Cannot make the folder" in result.stderr


def test_every_rule_can_be_explained(run: Run) -> None:
    slugs = [line.split()[0] for line in run("rules").stdout.splitlines()]
    assert "silence-gap" in slugs
    assert slugs == sorted(slugs)
    for slug in slugs:
        page = run("explain", slug)
        assert page.exit_code == 0
        assert page.stdout.startswith(f"{slug}\n")
        assert all(f"\n{heading}\n" in page.stdout for heading in ("What it means", "What to do", "Example"))


@pytest.mark.parametrize(("asked", "hint"), [("silence_gp", "silence-gap"), ("net-001", "net-0001"), ("zzz", "analyzer rules")])
def test_an_unknown_rule_gets_a_hint(run: Run, asked: str, hint: str) -> None:
    result = run("explain", asked)
    assert result.exit_code == 2
    assert hint in result.stderr


def test_doctor_names_versions_and_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("doctor")
    assert result.exit_code == 0
    assert all(
        word in result.stdout
        for word in ("Python", "numpy", "Compiled loops", "libsndfile", "FFmpeg", "zstd", "lz4", "HTTP/2", "tshark")
    )
    monkeypatch.setenv("PATH", "")
    assert "not found, so that only pcap and pcapng are read" in run("doctor").stdout


def test_several_captures_are_listed_one_by_one(run: Run, silent: Path, healthy: Path) -> None:
    rows = [json.loads(line) for line in run("frames", silent, healthy, "--format", "jsonl").stdout.splitlines()]
    assert [row["capture"] for row in rows] == sorted(row["capture"] for row in rows)
    assert {row["capture"] for row in rows} == {1, 2}
    assert rows[-1]["session"] == 1
    for form in ("table", "csv"):
        head, *others = run("frames", silent, healthy, "--format", form).stdout.splitlines()
        assert head.startswith("capture")
        assert len(others) == len(rows)
    sessions = list(csv.DictReader(io.StringIO(run("sessions", silent, healthy).stdout), delimiter="\t"))
    assert [row["capture"] for row in sessions] == [str(silent), str(healthy)]


def test_several_captures_are_merged(run: Run, silent: Path, healthy: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in run("frames", silent, healthy, "--merge", "--format", "jsonl").stdout.splitlines()]
    assert {row["session"] for row in rows} == {1, 2}
    assert "capture" not in rows[0]
    assert len(run("sessions", silent, healthy, "--merge").stdout.splitlines()) == 3
    assert run("audio", silent, healthy, "--merge", "-o", tmp_path / "audio").exit_code == 0
    assert {path.name for path in (tmp_path / "audio").iterdir()} == {"session-1-client.wav", "session-2-client.wav"}
    report = json.loads(run("report", silent, healthy, "--merge", "--format", "json").stdout)
    assert report["settings"]["merge"] is True
    (capture,) = report["captures"]
    assert [one["path"] for one in capture["files"]] == [str(silent), str(healthy)]
    for form in ("markdown", "terminal"):
        text = run("report", silent, healthy, "--merge", "--format", form).stdout
        assert "Merged, numbered as by mergecap" in text


def test_audio_of_several_captures(run: Run, silent: Path, healthy: Path, tmp_path: Path) -> None:
    result = run("audio", silent, healthy, "-o", tmp_path / "audio")
    assert result.exit_code == 0
    assert "Capture 2, session 1, client" in result.stdout
    assert len(list((tmp_path / "audio").iterdir())) == 2
