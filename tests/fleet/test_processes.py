"""Several captures in several processes: to the last byte what one process says; no process outlives it."""

import multiprocessing
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from load import Load, write_pcap
from peers import CLIENT, SYN, file, tcp_packet

import analyzer
from analyzer import pipeline
from analyzer.fleet import LARGE, MOST_SHARES, Task, fitting, processes
from analyzer.fleet.processes import Processes
from analyzer.model.errors import AnalyzerError, UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT
from analyzer.model.schema import Side
from analyzer.model.settings import Dump, Settings
from analyzer.reports.plain import plain

FOLDER = Path(__file__).parents[2] / "captures"
CAPTURES = sorted(FOLDER.glob("*/capture.pcap*"))
APART = (
    *("clock-set-back", "connect-proxy", "connection-refused", "deflate-context-takeover", "halves-swapped"),
    *("http2-two-streams", "ip-fragments", "loss-reorder-duplication", "midsession", "mirrored-twice", "no-response-syn"),
    *("pcapng-sections", "port-reuse", "snap-length-96", "tls-without-keys", "tls13-embedded-secrets"),
    *("upgrade-rejected-401", "wav-per-chunk", "zero-window"),
)
"""One of each kind that may be divided wrongly: by connections, order, numbering, and what is decided at the end."""
HEALTHY, SILENT = FOLDER / "healthy-linear16" / "capture.pcap", FOLDER / "silence-gap-net-0001" / "capture.pcap"

Ran = tuple[int, bytes, bytes]


def command(*arguments: object) -> Ran:
    """Exit status, standard output and standard error of a process of its own."""
    ran = subprocess.run([sys.executable, "-m", "analyzer", *map(str, arguments)], capture_output=True, check=False, timeout=120)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_any_number_of_jobs_prints_the_same(form: str) -> None:
    usual = command("report", *CAPTURES, "--format", form)
    assert usual[0] == 0
    for jobs in (1, 2, 5):
        assert command("report", *CAPTURES, "--format", form, "--jobs", jobs) == usual, jobs


@pytest.mark.parametrize("name", APART)
def test_a_divided_capture_gives_the_same_report(name: str) -> None:
    (path,) = (path for path in CAPTURES if path.parent.name == name)
    usual = plain(analyzer.analyze(path, frames=False))
    for jobs in (2, 3):
        assert plain(analyzer.analyze(path, frames=False, jobs=jobs)) == usual, jobs


@pytest.mark.parametrize("attempts", [0, 1, 5])
def test_a_divided_capture_of_little_gives_the_same_report(attempts: int, tmp_path: Path) -> None:
    """Shares may be empty, and an attempt of which no byte was seen belongs to one of them."""
    path = tmp_path / "little.pcap"
    path.write_bytes(file([tcp_packet(CLIENT, number, 0, SYN) for number in range(attempts)]))
    usual = plain(analyzer.analyze(path, frames=False))
    assert plain(analyzer.analyze(path, frames=False, jobs=4)) == usual


def test_a_divided_capture_that_is_unusable_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "nothing.pcap"
    path.write_bytes(b"nothing")
    told: list[Exception] = []
    assert not analyzer.analyze(path, frames=False, jobs=3, unusable=told.append).captures
    assert len(told) == 1


def test_a_session_of_a_divided_capture_keeps_its_number(tmp_path: Path) -> None:
    path = tmp_path / "load.pcap"
    write_pcap(path, Load(sessions=5, seconds=2).packets())
    usual = analyzer.analyze(path, frames=False)
    for number in range(1, 6):
        chosen = analyzer.analyze(path, settings=Settings(session=str(number)), frames=False, jobs=2)
        assert chosen.sessions == usual.sessions[number - 1 : number]


def test_where_no_process_can_be_started_one_does_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But who asks for several is told."""
    path = tmp_path / "load.pcap"
    write_pcap(path, Load(sessions=3, seconds=2).packets())
    usual = plain(analyzer.analyze(path, frames=False))

    def refuse(*_: object) -> None:
        raise AnalyzerError("2 processes cannot be started")

    monkeypatch.setattr(processes.Processes, "__init__", refuse)
    monkeypatch.setattr(pipeline, "fitting", lambda _: 2)
    assert plain(analyzer.analyze(path, frames=False, jobs=None)) == usual
    with pytest.raises(AnalyzerError, match="cannot be started"):
        analyzer.analyze(path, frames=False, jobs=2)


def test_only_one_large_file_is_divided_unasked(tmp_path: Path) -> None:
    large = tmp_path / "large.pcap"
    with large.open("wb") as sparse:
        sparse.truncate(LARGE)
    task, small = Task((str(large),)), Task((str(HEALTHY),))
    assert fitting([small]) == fitting([task] * 2) == fitting([Task(("-",))]) == fitting([Task((str(tmp_path),))]) == 1
    if sys.platform == "linux":
        assert fitting([task]) == fitting([Task((str(large), str(HEALTHY)))]) == min(len(os.sched_getaffinity(0)), MOST_SHARES)


@pytest.mark.parametrize(
    "options",
    [
        ("--session", "2"),
        ("--session", "99"),
        ("--port", "18121"),
        ("--gap", "2.5", "--fail-on", "error"),
        ("--provider", "nobody"),
        ("--encoding", "mulaw", "--sample-rate", "8000"),
        ("--source", "scapy"),
    ],
    ids=" ".join,
)
def test_options_mean_the_same(options: tuple[str, ...]) -> None:
    chosen = [*CAPTURES[::9], SILENT]
    usual = command("report", *chosen, "--format", "json", *options)
    assert command("report", *chosen, "--format", "json", *options, "--jobs", "2") == usual


def test_what_is_unusable_does_not_hide_the_others(tmp_path: Path) -> None:
    broken, absent = tmp_path / "broken.txt", tmp_path / "absent.pcap"
    broken.write_text("nothing")
    for captures in ([HEALTHY, broken, absent, SILENT], [broken, absent]):
        status, output, errors = command("report", *captures, "--format", "json")
        assert (status, len(errors.splitlines())) == (2, 2)
        assert command("report", *captures, "--format", "json", "--jobs", "3") == (status, output, errors)


@pytest.mark.parametrize(("jobs", "status"), [("0", 2), ("-3", 2), ("two", 2), ("1000", 0)])
def test_numbers_of_jobs(jobs: str, status: int) -> None:
    ran = command("report", HEALTHY, SILENT, "--jobs", jobs)
    assert ran[0] == status
    assert len(ran[2].splitlines()) == (status != 0)


def test_a_small_capture_and_standard_input_need_no_other_process() -> None:
    code = f"""
import sys
from analyzer.cli import main
try:
    main([*{["report", str(HEALTHY)]!r}])
except SystemExit as end:
    assert not end.code
assert "multiprocessing" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    both = [sys.executable, "-m", "analyzer", "report", "-", str(SILENT), "--format", "json"]
    usual, split = (subprocess.run([*both, "--jobs", jobs], input=HEALTHY.read_bytes(), capture_output=True) for jobs in "12")  # noqa: PLW1510 - compared
    assert (usual.returncode, usual.stdout) == (split.returncode, split.stdout)
    assert usual.returncode == 0


def test_connections_are_decided_by_the_servers_of_all_captures(tmp_path: Path) -> None:
    """A lost SYN is an attempt where another capture shows that its server carries WebSockets, or where its capture has no other."""
    carrying = FOLDER / "healthy-linear16" / "capture.pcap"
    (session,) = analyzer.analyze(carrying, frames=False).sessions
    port = session.server.port
    for ports, attempts in (([port], [port]), ([9, port], [port]), ([9], [9])):
        packets = [bytearray(tcp_packet(CLIENT, 1, 0, SYN)) for _ in ports]
        for number, packet in enumerate(packets):
            packet[30:34] = bytes(map(int, session.server.ip.split(".")))
            packet[34:38] = (40_000 + number).to_bytes(2, "big") + ports[number].to_bytes(2, "big")
        lost = tmp_path / "lost.pcap"
        lost.write_bytes(file([bytes(packet) for packet in packets]))
        for jobs in (1, 2):
            report = analyzer.analyze(lost, carrying, frames=False, jobs=jobs)
            assert [[one.server.port for one in capture.sessions] for capture in report.captures] == [attempts, [port]]
