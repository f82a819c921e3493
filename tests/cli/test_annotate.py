"""`analyzer annotate`: the copy is the capture, to our own reader and to Wireshark's, with the findings where they belong."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from click.testing import CliRunner, Result
from kinds import CAPTURES, of_each_file

from analyzer.cli import main
from analyzer.model.errors import UnusableInputError
from analyzer.model.limits import Limits
from analyzer.model.settings import Settings
from analyzer.sources import open_source

Run = Callable[..., Result]
APART = {
    *("connect-proxy", "geneve-mpls", "http2-two-streams", "ip-fragments", "mirrored-twice", "network-cut", "port-reuse"),
    *("silence-gap-net-0001", "upgrade-rejected-401", "zero-window"),
}
"""Captures whose findings stand elsewhere than at a frame of the only session."""
COPIED = sorted({*of_each_file(), *(path for path in CAPTURES if path.parent.name in APART)})
TSHARK = shutil.which("tshark")
FIELDS = ("frame.number", "frame.time_epoch", "frame.interface_id", "frame.len", "frame.cap_len", "frame.md5_hash", "frame.comment")
SEVERAL = "\x1f"
"""Between two comments of a packet."""


def report(run: Run, *arguments: object) -> dict[str, Any]:
    """Give the report of the one capture, without what the copy has of its own."""
    said = run("report", *arguments, "--format", "json")
    assert said.exit_code == 0
    (capture,) = json.loads(said.stdout)["captures"]
    return {name: value for name, value in capture.items() if name not in {"path", "format", "bytes", "comments", "files"}}


def wireshark(path: Path) -> list[list[str]]:
    """Give FIELDS of each packet as tshark sees them; the one interface of other formats than pcapng, which it leaves out, is 0."""
    fields = [word for field in FIELDS for word in ("-e", field)]
    options = ("-o", "frame.generate_md5_hash:TRUE", "-T", "fields", "-E", f"aggregator={SEVERAL}")
    ran = subprocess.run(["tshark", "-r", path, *options, *fields], check=True, capture_output=True, text=True)
    rows = [line.split("\t") for line in ran.stdout.splitlines()]
    return [[*row[:2], row[2] or "0", *row[3:]] for row in rows]


def packets(*paths: Path) -> list[tuple[int, int, int, int, bytes]]:
    """Give time, interface, lengths and bytes of each packet as our reader sees them."""
    rows: list[tuple[int, int, int, int, bytes]] = []
    for path in paths:
        with open_source(str(path), Settings()) as source:
            for batch in source.batches():
                columns = (batch.records[name].tolist() for name in ("time", "interface", "on_wire", "captured", "offset"))
                rows += [
                    (time, which, wire, size, batch.data[at : at + size].tobytes())
                    for time, which, wire, size, at in zip(*columns, strict=True)
                ]
    return rows


def expected(capture: dict[str, Any]) -> dict[int, list[str]]:
    """Give the beginnings of the comments of each packet, from the JSON report."""
    found: dict[int, list[str]] = {}
    owners = [(f"session {session['id']}", session["findings"]) for session in capture["sessions"]]
    for whose, findings in (*owners, ("capture", capture["findings"])):
        for finding in findings:
            for place, number in enumerate(finding["packets"], 1):
                first = f"analyzer: {finding['severity']} {finding['rule']}, {whose}: "
                further = f"analyzer: {finding['rule']}, {whose}, {place} of {len(finding['packets'])} (see packet "
                found.setdefault(number, []).append(first if place == 1 else further)
    return found


@pytest.mark.parametrize("capture", COPIED, ids=lambda path: path.parent.name)
def test_the_copy_gives_the_same_report_and_holds_the_comments(run: Run, capture: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcapng"
    result = run("annotate", capture, "-o", copy, "--keep-secrets")
    assert result.exit_code == 0
    before, after = report(run, capture), report(run, copy)
    assert after == before
    assert packets(copy) == packets(capture)
    count = sum(len(texts) for texts in expected(before).values())
    assert f"on {len(expected(before))} packet" in result.stdout
    assert int(result.stdout.partition(": ")[2].split()[0]) >= count
    if TSHARK is None:
        return
    old, new = wireshark(capture), wireshark(copy)
    assert [row[:-1] for row in new] == [row[:-1] for row in old]
    said = {int(row[0]): row[-1].split(SEVERAL) for row in new if "analyzer" in row[-1]}
    wanted = expected(before)
    assert said.keys() == wanted.keys()
    for number, beginnings in wanted.items():
        ours = [text for text in said[number] if text.startswith("analyzer: ")]
        assert len(ours) == len(beginnings)
        assert all(text.startswith(begin) for text, begin in zip(ours, beginnings, strict=True)), number
    capinfos = subprocess.run(["capinfos", copy], check=True, capture_output=True, text=True)
    for session in before["sessions"]:
        assert f"session {session['id']} tcp.stream {session['tcp_stream']} " in capinfos.stdout
    again = tmp_path / "again.pcapng"
    run("annotate", copy, "-o", again, "--keep-secrets")
    assert again.read_bytes() == copy.read_bytes()


def test_keys_stay_behind(run: Run, tmp_path: Path) -> None:
    for name, gone in (("tls13-embedded-secrets", "1 secrets block"), ("tls12-secrets-in-comment", "1 line with a key")):
        (capture,) = (path for path in CAPTURES if path.parent.name == name)
        keys = [word for word in capture.read_bytes().split() if len(word) >= 64 and word.isalnum()]
        assert keys
        copy, kept = tmp_path / f"{name}.pcapng", tmp_path / f"{name}-kept.pcapng"
        assert f"left out: {gone}. " in run("annotate", capture, "-o", copy).stdout
        assert not any(key in copy.read_bytes() for key in keys)
        assert "nothing left out" in run("annotate", capture, "-o", kept, "--keep-secrets").stdout
        assert all(key in kept.read_bytes() for key in keys)
        assert report(run, copy)["sessions"][0]["upgrade"]["outcome"] == "encrypted"
        assert packets(copy) == packets(capture)


def test_where_to_look_is_said(run: Run, silent: Path, healthy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcapng"
    assert run("annotate", silent, "-o", copy).stdout.endswith('. Wireshark shows them with: frame.comment contains "analyzer"\n')
    said = run("annotate", healthy, "-o", copy).stdout
    assert said.endswith("1 section; nothing left out. Wireshark shows it in Statistics > Capture File Properties\n")
    (secret,) = (path for path in CAPTURES if path.parent.name == "tls13-embedded-secrets")
    assert "it cannot decrypt this copy" in run("annotate", secret, "-o", copy).stdout
    assert "decrypt" not in run("annotate", secret, "-o", copy, "--keep-secrets").stdout


def test_a_compressed_capture_is_written_without_compression(run: Run, silent: Path, tmp_path: Path) -> None:
    for source in (silent, tmp_path / "plain.pcapng"):
        packed = tmp_path / f"{source.name}.gz"
        run("annotate", silent, "-o", tmp_path / "plain.pcapng")
        packed.write_bytes(gzip.compress(source.read_bytes()))
        assert run("annotate", packed, "-o", tmp_path / "copy.pcapng").exit_code == 0
        assert (tmp_path / "copy.pcapng").read_bytes() == (tmp_path / "plain.pcapng").read_bytes()


def test_standard_input_is_kept_as_far_as_the_limit(silent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CliRunner().invoke(main, ["annotate", str(silent), "-o", str(tmp_path / "named.pcapng")], catch_exceptions=False)
    arguments = ["annotate", "-", "-o", str(tmp_path / "copy.pcapng")]
    result = CliRunner().invoke(main, arguments, input=silent.read_bytes(), catch_exceptions=False)
    assert result.exit_code == 0
    assert (tmp_path / "copy.pcapng").read_bytes() == (tmp_path / "named.pcapng").read_bytes()
    unusable = CliRunner().invoke(main, arguments, input=b"nothing", catch_exceptions=False)
    assert unusable.exit_code == 2
    assert unusable.stderr.startswith("analyzer: standard input is ")
    monkeypatch.setattr("analyzer.cli.annotate.settings", lambda **_: Settings(limits=Limits(spooled=1000)))
    too_long = CliRunner().invoke(main, arguments, input=silent.read_bytes(), catch_exceptions=False)
    assert too_long.exit_code == 2
    assert "save it to a file first" in too_long.stderr


def test_a_merged_set_is_numbered_as_in_its_report(run: Run, silent: Path, healthy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcapng"
    assert run("annotate", silent, healthy, "-o", copy).exit_code == 2
    assert run("annotate", silent, healthy, "-o", copy, "--merge").exit_code == 0
    before, after = report(run, silent, healthy, "--merge"), report(run, copy)
    assert after == before
    if TSHARK is not None:
        said = {int(row[0]) for row in wireshark(copy) if "analyzer: error silence-gap" in row[-1]}
        assert said == {session["findings"][0]["packets"][0] for session in before["sessions"] if session["findings"]}


@pytest.mark.skipif(TSHARK is None, reason="needs tshark")
def test_a_merged_set_keeps_what_its_files_said(run: Run, silent: Path, healthy: Path, tmp_path: Path) -> None:
    one, two, copy = tmp_path / "one.pcapng", tmp_path / "two.pcapng.gz", tmp_path / "copy.pcapng"
    subprocess.run(["editcap", "-a", "3:of the engineer", silent, one], check=True)
    (secret,) = (path for path in CAPTURES if path.parent.name == "tls13-embedded-secrets")
    two.write_bytes(gzip.compress(secret.read_bytes()))
    result = run("annotate", one, two, healthy, "--merge", "-o", copy, "--keep-secrets")
    assert "nothing left out" in result.stdout
    assert report(run, copy) == report(run, one, two, healthy, "--merge")
    before = {row[5] for row in wireshark(one) if row[-1] == "of the engineer"}
    assert {row[5] for row in wireshark(copy) if row[-1].startswith("of the engineer")} == before
    said = subprocess.run(["capinfos", copy], check=True, capture_output=True, text=True).stdout
    assert "Merged from:" in said
    assert "two.pcapng.gz, written by Editcap" in said
    assert "Number of decryption secrets in file: 1" in said
    again = tmp_path / "again.pcapng"
    run("annotate", copy, "-o", again, "--keep-secrets")
    assert again.read_bytes() == copy.read_bytes()
    assert "left out: 1 secrets block." in run("annotate", one, two, "--merge", "-o", copy).stdout
    snoop = tmp_path / "three.snoop"
    subprocess.run(["editcap", "-F", "snoop", healthy, snoop], check=True)
    assert "left out: 1 input's own comments" in run("annotate", one, snoop, "--merge", "-o", copy).stdout


def test_one_session_only(run: Run, silent: Path, healthy: Path, tmp_path: Path) -> None:
    both, copy = tmp_path / "both.pcapng", tmp_path / "copy.pcapng"
    run("annotate", silent, healthy, "-o", both, "--merge")
    (ok,) = (one["id"] for one in report(run, both)["sessions"] if one["verdict"]["severity"] == "ok")
    assert "1 comment on 0 packets" in run("annotate", both, "-o", copy, "--session", ok).stdout
    assert packets(copy) == packets(both)


@pytest.mark.skipif(TSHARK is None, reason="needs tshark")
def test_a_format_that_tshark_alone_reads(run: Run, silent: Path, tmp_path: Path) -> None:
    snoop, copy = tmp_path / "capture.snoop", tmp_path / "copy.pcapng"
    subprocess.run(["editcap", "-F", "snoop", silent, snoop], check=True)
    assert run("annotate", snoop, "-o", copy).exit_code == 0
    assert report(run, copy) == report(run, snoop)
    assert [row[:-1] for row in wireshark(copy)] == [row[:-1] for row in wireshark(snoop)]
    assert "microseconds (6)" in subprocess.run(["capinfos", copy], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(TSHARK is None, reason="needs tshark")
def test_a_format_that_tshark_reads_but_does_not_write(
    run: Run, silent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snoop, copy = tmp_path / "capture.snoop", tmp_path / "copy.pcapng"
    subprocess.run(["editcap", "-F", "snoop", silent, snoop], check=True)
    monkeypatch.setattr("analyzer.sources.conversion.as_pcapng", lambda *_: None)
    assert "left out: 1 input's own comments" in run("annotate", snoop, "-o", copy).stdout
    assert report(run, copy) == report(run, snoop)


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_the_input_is_never_overwritten(run: Run, silent: Path, tmp_path: Path, link: Callable[..., None]) -> None:
    capture = tmp_path / "capture.pcap"
    shutil.copy(silent, capture)
    link(capture, tmp_path / "other.pcap")
    for output in (capture, tmp_path / "other.pcap"):
        result = run("annotate", capture, "-o", output)
        assert result.exit_code == 2
        assert "is the input" in result.stderr
    assert capture.read_bytes() == silent.read_bytes()


def test_what_cannot_be_written_is_said(run: Run, silent: Path, tmp_path: Path) -> None:
    result = run("annotate", silent, "-o", tmp_path / "no" / "folder.pcapng")
    assert result.exit_code == 2
    assert "Cannot write" in result.stderr


@pytest.mark.parametrize(("failure", "status"), [(KeyboardInterrupt, 130), (UnusableInputError("It ends."), 2)])
def test_nothing_is_left_of_a_copy_that_was_not_finished(
    run: Run, silent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, status: int
) -> None:
    def half(_: object, out: BinaryIO, *__: object) -> None:
        out.write(b"half")
        raise failure

    monkeypatch.setattr("analyzer.copies.annotate.convert", half)
    before = tmp_path / "before.pcapng"
    before.write_bytes(b"before")
    for output in (before, tmp_path / "copy.pcapng"):
        assert run("annotate", silent, "-o", output).exit_code == status
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("before.pcapng", b"before")]


def test_of_a_damaged_capture_is_written_what_could_be_read(run: Run, silent: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pcapng"
    run("annotate", silent, "-o", whole)
    for source in (silent, whole):
        cut, copy = tmp_path / f"cut{source.suffix}", tmp_path / "copy.pcapng"
        cut.write_bytes(source.read_bytes()[:-30])
        packed = tmp_path / "cut.gz"
        packed.write_bytes(gzip.compress(source.read_bytes(), 0)[:-5000])
        for damaged in (cut, packed):
            result = run("annotate", damaged, "-o", copy)
            assert result.exit_code == 0
            assert result.stderr.startswith(f"analyzer: {damaged}: the ")
            assert "what could be read is written" in result.stderr
            assert packets(copy) == packets(damaged)
            assert run("annotate", copy, "-o", tmp_path / "sound.pcapng").stderr == ""
