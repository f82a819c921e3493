"""The program itself: help that costs nothing, failures in one sentence, quiet ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from analyzer.cli import COMMANDS

Run = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_help_lists_every_command(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in COMMANDS)
    assert run().output == result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run: Run, name: str) -> None:
    result = run(name, "-h")
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize("arguments", [[], ["--help"], ["report", "--help"], ["audio", "--help"]])
def test_help_loads_neither_numpy_nor_rich(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['analyzer', *{arguments!r}]\n"
        "from analyzer.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({'numpy', 'rich', 'analyzer.pipeline'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_json_report_of_raw_audio_loads_no_heavy_library(healthy: Path) -> None:
    heavy = {"rich", "scapy", "pyshark", "av", "soundfile", "asyncio", "jsonschema"}
    code = (
        f"import sys; sys.argv = ['analyzer', 'report', {str(healthy)!r}, '--format', 'json']\n"
        "from analyzer.cli import main\n"
        "try: main()\n"
        f"except SystemExit: print(sorted({heavy!r} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_version(process: Process) -> None:
    ran = process("--version")
    assert ran.returncode == 0
    assert ran.stdout.startswith(b"analyzer 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["report"],
        ["report", "--nonsense", "x"],
        ["report", "/nonexistent/capture.pcap"],
        ["report", "x", "--format", "pdf"],
        ["report", "x", "--gap", "0"],
        ["report", "x", "--since", "yesterday"],
        ["report", "x", "--endpoint", "host:99999"],
        ["frames", "/nonexistent/capture.pcap"],
        ["sessions", "/nonexistent/capture.pcap"],
        ["audio", "/nonexistent/capture.pcap"],
        ["explain", "nonsense"],
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_status_2(process: Process, arguments: list[str], tmp_path: Path) -> None:
    ran = process(*arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"analyzer: ")
    assert ran.stderr.count(b"\n") == 1


def test_a_file_that_is_no_capture_is_refused(process: Process, tmp_path: Path) -> None:
    path = tmp_path / "song.txt"
    path.write_text("no packets in here\n")
    ran = process("report", path)
    assert ran.returncode == 2
    assert b"song.txt" in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
def test_an_interrupt_ends_cleanly() -> None:
    command = [sys.executable, "-m", "analyzer", "report", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        time.sleep(1.0)
        waiting.send_signal(signal.SIGINT)
        out, error = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert out == b""
    assert error.strip() == b"analyzer: Interrupted."


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
def test_a_reader_that_goes_away_is_no_failure(silent: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "analyzer", "frames", str(silent), "--format", "jsonl"]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_narrow_encoding_does_not_break_output(process: Process, silent: Path) -> None:
    ran = process("report", silent, "--format", "terminal", env={"PYTHONIOENCODING": "ascii"})
    assert ran.returncode == 0
    assert b"silence-gap" in ran.stdout
