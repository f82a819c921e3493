"""This program beside others on the same capture: `python tests/bench/side_by_side.py [CAPTURE] [--runs N] [--bytes N]`.

Each program runs as a process of its own, in turn, so that a slow moment of the machine meets all of them; shown are medians, their
ratio to this program, and the most memory each took. What is not installed is left out. Without a capture a load is made: as many
sessions of 50 s as come to about `--bytes`. Needs only the standard library, and Linux or macOS to tell the memory of a process.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from load import Load, write_pcap

OURS = "analyzer report"
MEGABYTE = 1_000_000
ON_THE_WIRE = 1.13
"""Bytes of the capture per byte of audio, with headers and acknowledgements."""


def commands(capture: Path, program: str) -> dict[str, list[str]]:
    """What is compared, by the name that is shown: all list or rebuild what the capture holds."""
    fields = ["-T", "fields", "-e", "websocket.opcode"]
    return {
        OURS: [program, "report", str(capture), "--format", "json"],
        "tshark websocket.opcode": ["tshark", "-r", str(capture), "-Y", "websocket", *fields],
        "tcpflow": ["tcpflow", "-q", "-r", str(capture)],
    }


def run(command: list[str]) -> tuple[float, float]:
    """Seconds on the clock and MB at most of one run, in a folder that is thrown away. Exits where the command fails."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed with status {process.returncode}")
    return seconds, usage.ru_maxrss / (MEGABYTE if sys.platform == "darwin" else 1000)


def compare(capture: Path, program: str, runs: int) -> None:
    """Run all in turn and print the table."""
    chosen = commands(capture, program)
    for name, (tool, *_) in list(chosen.items()):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed and left out")  # noqa: T201 - a script
            del chosen[name]
    if OURS not in chosen:
        sys.exit("name this program with --analyzer")
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    for command in chosen.values():  # once for nothing: the file comes into memory, modules are compiled
        run(command)
    for _ in range(runs):
        for name, command in chosen.items():
            taken[name].append(run(command))
    print(f"\n{capture}, {capture.stat().st_size / MEGABYTE:.1f} MB, median of {runs}\n")  # noqa: T201 - a script
    print("| program | seconds | ratio | MB at most |\n|---|---|---|---|")  # noqa: T201 - a script
    ours = statistics.median(seconds for seconds, _ in taken[OURS])
    for name, results in taken.items():
        seconds = statistics.median(seconds for seconds, _ in results)
        memory = max(most for _, most in results)
        print(f"| `{name}` | {seconds:.2f} | {seconds / ours:.2f} | {memory:.0f} |")  # noqa: T201 - a script


def main() -> None:
    """Read the command line, make a load where no capture is named, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", nargs="?", type=Path, help="a capture file; without one a load is made")
    parser.add_argument("--runs", type=int, default=5, help="how often each program runs (default 5)")
    parser.add_argument("--bytes", type=float, default=300e6, help="about how large the load is (default 300e6)")
    parser.add_argument("--message", type=int, default=3200, help="bytes of audio per message of the load (default 3200)")
    beside = Path(sys.executable).with_name("analyzer")
    parser.add_argument(
        "--analyzer", default=str(beside) if beside.exists() else "analyzer", help="the program, where it is not found"
    )
    chosen = parser.parse_args()
    if not hasattr(os, "wait4"):
        sys.exit("this system does not tell the memory of a process that ended")
    if chosen.capture is not None:
        compare(chosen.capture.resolve(), chosen.analyzer, chosen.runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "load.pcap"
        maker = Process(target=make, args=(capture, chosen.bytes, chosen.message))
        maker.start()  # apart: what a process started from here is said to take at most begins with what this one takes
        maker.join()
        compare(capture, chosen.analyzer, chosen.runs)


def make(capture: Path, size: float, message: int) -> None:
    """Write a load of about `size` bytes."""
    load = Load(seconds=50, message=message)
    load = Load(max(1, round(size / ON_THE_WIRE / (load.seconds * load.per_second))), load.seconds, message)
    packets = write_pcap(capture, load.packets())
    print(f"made {load.sessions} sessions at once, {packets} packets")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
