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
    """A lost SYN is an attempt where another capture shows that its server carries WebSockets, or where it is all there is."""
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
        list(fleet.read([Task(("a",)), Task(("b",))], None))
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


class Stuck(NamedTuple):
    """A report by two processes, the numbers of these, and what each of them waits for: the rest of a capture."""

    process: subprocess.Popen[bytes]
    workers: list[int]
    captures: list[IO[bytes]]


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Stuck]:
    """Captures are named pipes, into which nothing is written."""
    if not hasattr(os, "mkfifo") or not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("needs named pipes and a system that tells the children of a process")
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        os.mkfifo(path)
    command = [sys.executable, "-m", "analyzer", "report", *map(str, paths), "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        captures = [path.open("wb") for path in paths]  # opens when the worker has opened it to read
        workers = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        yield Stuck(process, workers, captures)
        process.kill()
        for capture in captures:
            capture.close()


def runs(worker: int) -> bool:
    """Whether there is such a process, and it has not ended yet (those of a parent that was killed may not be cleared away)."""
    try:
        return Path(f"/proc/{worker}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def test_a_process_that_is_killed_is_told(stuck: Stuck) -> None:
    os.kill(stuck.workers[1], signal.SIGKILL)
    output, errors = stuck.process.communicate(timeout=60)
    assert (stuck.process.returncode, output) == (2, b"")
    assert b"ended with signal 9; if memory ran out, try fewer jobs" in errors
    assert len(errors.splitlines()) == 1
    assert not any(map(runs, stuck.workers))


def test_an_interrupt_ends_all(stuck: Stuck) -> None:
    stuck.process.send_signal(signal.SIGINT)
    output, errors = stuck.process.communicate(timeout=60)
    assert (stuck.process.returncode, output) == (130, b"")
    assert errors.split() == [b"analyzer:", b"Interrupted."]
    assert not any(map(runs, stuck.workers))


def test_workers_do_not_outlive_a_parent_that_is_killed(stuck: Stuck) -> None:
    """They finish what they read, and then nobody listens."""
    stuck.process.kill()
    for capture in stuck.captures:
        capture.close()
    output, errors = stuck.process.communicate(timeout=60)  # until nobody holds these any more
    assert (output, errors) == (b"", b"")
    deadline = 1000
    while any(map(runs, stuck.workers)) and deadline:
        time.sleep(0.01)
        deadline -= 1
    assert deadline
