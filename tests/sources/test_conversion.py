"""What tshark writes anew is the same capture; what it cannot write is none."""

import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.model.settings import Settings
from analyzer.sources import open_source
from analyzer.sources.conversion import as_pcapng

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
CAPTURE = Path(__file__).parents[2] / "captures" / "healthy-linear16" / "capture.pcap"


def packets(path: Path) -> list[tuple[int, int]]:
    """Give times and lengths."""
    with open_source(str(path), Settings()) as source:
        return [
            row
            for batch in source.batches()
            for row in zip(*(batch.records[name].tolist() for name in ("time", "captured")), strict=True)
        ]


def test_a_foreign_format_becomes_pcapng(tmp_path: Path) -> None:
    foreign = tmp_path / "capture.snoop"
    subprocess.run(["editcap", "-F", "snoop", CAPTURE, foreign], check=True)
    made = as_pcapng(str(foreign), tmp_path)
    assert made is not None
    assert made.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert packets(made) == packets(CAPTURE)


def test_what_tshark_does_not_read_becomes_none(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(bytes(100))
    assert as_pcapng(str(other), tmp_path) is None
