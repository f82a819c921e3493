"""Several captures in several processes: to the last byte what one process says; no process outlives it."""

import multiprocessing
import operator
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from peers import CLIENT, SYN, file, tcp_packet

import analyzer
from analyzer.fleet.processes import Processes
from analyzer.model.errors import UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT
from analyzer.model.schema import Side
from analyzer.model.settings import Dump, Settings
from analyzer.reports.plain import plain

FOLDER = Path(__file__).parents[2] / "captures"
CAPTURES = sorted(FOLDER.glob("*/capture.pcap*"))
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


def test_one_capture_and_standard_input_need_no_other_process() -> None:
    code = f"""
import sys
from analyzer.cli import main
try:
    main([*{["report", str(HEALTHY), "--jobs", "4"]!r}])
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
    """A lost SYN is an attempt where another capture shows that its server carries WebSockets, and else none."""
    carrying = FOLDER / "healthy-linear16" / "capture.pcap"
    (session,) = analyzer.analyze(carrying, frames=False).sessions
    for port, attempts in ((session.server.port, 1), (9, 0)):
        packet = bytearray(tcp_packet(CLIENT, 1, 0, SYN))
        packet[30:34] = bytes(map(int, session.server.ip.split(".")))
        packet[36:38] = port.to_bytes(2, "big")
        lost = tmp_path / f"{port}.pcap"
        lost.write_bytes(file([bytes(packet)]))
        for jobs in (1, 2):
            report = analyzer.analyze(lost, carrying, frames=False, jobs=jobs)
            assert [len(capture.sessions) for capture in report.captures] == [attempts, 1]


def test_the_library_gives_the_same_report() -> None:
    paths = CAPTURES[:6]
    usual = analyzer.analyze(*paths, frames=False)
    assert analyzer.analyze(*paths, frames=False, jobs=3) == usual
    framed = analyzer.analyze(*paths, jobs=3)
    assert plain(framed) == plain(usual)
    assert len(framed.sessions[0].frames["opcode"])
    assert not multiprocessing.active_children()


def test_audio_files_are_the_same(tmp_path: Path) -> None:
    paths = [HEALTHY, SILENT]
    for jobs in (1, 2):
        dump = Dump(tmp_path / str(jobs), frozenset(Side), raw=True)
        analyzer.analyze(*paths, settings=Settings(dump=dump), frames=False, jobs=jobs)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / jobs).iterdir()} for jobs in "12")
    assert one == two
    assert one


def test_the_first_error_in_order_is_raised(tmp_path: Path) -> None:
    second, third = tmp_path / "second.pcap", tmp_path / "third.pcap"
    for jobs in (1, 2, 3):
        with pytest.raises(UnusableInputError, match=r"second\.pcap cannot be opened"):
            analyzer.analyze(HEALTHY, second, third, frames=False, jobs=jobs)
        with pytest.raises(UsageError, match=f"not {-jobs}"):
            analyzer.analyze(HEALTHY, SILENT, frames=False, jobs=-jobs)
    assert not multiprocessing.active_children()


def test_what_a_process_did_not_expect_is_raised_here() -> None:
    with Processes(2, operator.truediv) as fleet, pytest.raises(TypeError) as raised:  # type: ignore[arg-type]
        list(fleet.read(["a", "b"], None))
    assert any("In a process of its own" in note for note in raised.value.__notes__)


def test_progress_counts_all_captures() -> None:
    told: list[tuple[int, int | None]] = []
    paths = CAPTURES[:5]
    size = sum(path.stat().st_size for path in paths)
    settings = Settings(limits=analyzer.Limits(batch=9000))
    analyzer.analyze(*paths, settings=settings, frames=False, jobs=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert DEFAULT.batch > 9000


@pytest.fixture
def stuck(tmp_path: Path) -> Callable[[], subprocess.Popen[bytes]]:
    """A report by two processes, each of which waits for a capture that never comes."""
    if not hasattr(os, "mkfifo") or not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("needs named pipes and a system that tells the children of a process")
    for name in ("one", "two"):
        os.mkfifo(tmp_path / name)
    arguments = ["report", str(tmp_path / "one"), str(tmp_path / "two"), "--jobs", "2"]
    return partial(subprocess.Popen, [sys.executable, "-m", "analyzer", *arguments], stdout=-1, stderr=-1)


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """Wait for both workers."""
    while len(found := Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()) < 2:
        assert process.poll() is None
    return [int(pid) for pid in found]


def test_a_process_that_is_killed_is_told(stuck: Callable[[], subprocess.Popen[bytes]]) -> None:
    with stuck() as process:
        workers = children(process)
        os.kill(workers[1], signal.SIGKILL)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (2, b"")
    assert b"ended with signal 9; if memory ran out, try fewer jobs" in errors
    assert len(errors.splitlines()) == 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_an_interrupt_ends_all(stuck: Callable[[], subprocess.Popen[bytes]]) -> None:
    with stuck() as process:
        workers = children(process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, b"")
    assert errors.split() == [b"analyzer:", b"Interrupted."]
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
