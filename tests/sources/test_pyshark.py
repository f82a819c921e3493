"""tshark by way of pyshark: exact times, its failures in one sentence, no thread left behind, and what to install without it."""

import shutil
import struct
import threading
from pathlib import Path

import pytest
from wrapping import LINKS, ip4, pcapng, tcp

from analyzer.model.errors import MissingDependencyError, UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT, Limits
from analyzer.sources.pyshark import PysharkSource, nanoseconds
from analyzer.wire.tcp import FlowTable, Watch

CAPTURE = Path(__file__).parents[2] / "captures" / "healthy-mulaw" / "capture.pcap"
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("1795400000.123456789", 1_795_400_000_123_456_789),
        ("1795400000.5", 1_795_400_000_500_000_000),
        ("1795400000", 1_795_400_000_000_000_000),
        ("0.000000001", 1),
        ("1.1234567899", 1_123_456_789),
        ("-1.5", -1_500_000_000),
    ],
)
def test_time_stamps_are_exact(stamp: str, time: int) -> None:
    assert nanoseconds(stamp) == time


@pytest.mark.parametrize("stamp", ["", "yesterday", "1.x"])
def test_other_time_stamps_are_refused(stamp: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        nanoseconds(stamp)


@needs_tshark
@pytest.mark.parametrize("content", [b"\x99\x98\x97 no capture at all", b"\xd4\xc3\xb2\xa1\x02\0", b""])
def test_what_is_no_capture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    with pytest.raises(UnusableInputError) as raised:
        list(PysharkSource(str(path), DEFAULT).batches())
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@needs_tshark
def test_a_cut_file_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(CAPTURE.read_bytes()[:5000])
    source = PysharkSource(str(path), DEFAULT)
    packets = sum(len(batch.records["time"]) for batch in source.batches())
    assert packets == source.log.packets > 0
    assert [problem.packet for problem in source.log.problems] == [packets]
    assert "cut short" in source.log.problems[0].text


@needs_tshark
def test_records_that_are_no_packets_are_left_out(tmp_path: Path) -> None:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    journal = block(9, b"__REALTIME_TIMESTAMP=1\nMESSAGE=hello\n")
    packet = block(6, struct.pack("<5I", 0, 0, 5, 14, 14) + bytes(14))
    path = tmp_path / "journal.pcapng"
    head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    path.write_bytes(head + journal + packet + journal + packet)
    source = PysharkSource(str(path), DEFAULT)
    assert [batch.records["time"].tolist() for batch in source.batches()] == [[5000, 5000]]


@needs_tshark
def test_letting_go_early_ends_the_thread() -> None:
    batches = PysharkSource(str(CAPTURE), Limits(batch=100)).batches()
    assert next(batches).first_number == 1
    batches.close()
    assert "pyshark" not in [thread.name for thread in threading.enumerate()]


@needs_tshark
def test_works_while_another_loop_runs_in_this_thread() -> None:
    import asyncio  # noqa: PLC0415 - only where it is tested

    async def read() -> int:
        return sum(len(batch.records["time"]) for batch in PysharkSource(str(CAPTURE), DEFAULT).batches())

    assert asyncio.run(read()) > 0


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError):
        PysharkSource(str(tmp_path / "missing"), DEFAULT)
    with pytest.raises(UsageError, match="file"):
        PysharkSource("-", DEFAULT)


def test_without_tshark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("os.path.exists", lambda _: False)
    with pytest.raises(MissingDependencyError, match="tshark") as raised:
        PysharkSource(str(CAPTURE), DEFAULT)
    assert any(how in str(raised.value) for how in ("apt install tshark", "brew install wireshark", "Wireshark installer"))


@needs_tshark
def test_every_link_that_is_read_is_read_by_way_of_tshark(tmp_path: Path) -> None:
    """It has its own numbers for link types."""
    wraps = list(LINKS.values())
    path = tmp_path / "all.pcapng"
    path.write_bytes(pcapng([(link, wrap(ip4(tcp(b"hello", ports=(5000 + at, 80))))) for at, (link, wrap) in enumerate(wraps)]))
    source = PysharkSource(str(path), DEFAULT)
    (batch,) = source.batches()
    packets = FlowTable().decode(batch, source.log, Watch())
    assert packets.columns["length"].tolist() == [5] * len(wraps)
    assert source.log.unread == {}
