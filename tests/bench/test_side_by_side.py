"""The comparison runs, with whatever is installed, on a capture that is named and on a load of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("side_by_side.py")
CAPTURE = SCRIPT.parents[2] / "captures" / "healthy-linear16" / "capture.pcap"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the memory of a process that ended")
@pytest.mark.parametrize("what", [[str(CAPTURE)], ["--bytes", "2e6", "--message", "160"]], ids=["capture", "load"])
def test_a_table_is_printed(what: list[str]) -> None:
    ran = subprocess.run([sys.executable, str(SCRIPT), *what, "--runs", "1"], capture_output=True, text=True, check=True)
    (row,) = (line for line in ran.stdout.splitlines() if line.startswith("| `analyzer report`"))
    assert row.split("|")[3].strip() == "1.00"
