"""Whoever reads a capture, the packets are the same: number, time, lengths, link type and bytes."""

import shutil
from pathlib import Path

import pytest
from kinds import CAPTURES, of_each_file

import analyzer
from analyzer.model.capture import Source
from analyzer.model.limits import Limits
from analyzer.model.settings import Settings
from analyzer.sources import open_source

SMALL_BATCHES = Limits(batch=20_000)
Packet = tuple[int, int, int, int, int, bytes]

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def packets(source: Source) -> list[Packet]:
    """Number, time (ns), captured and wire length, link type and bytes of every packet."""
    found: list[Packet] = []
    for batch in source.batches():
        records = batch.records
        for row in range(len(records["time"])):
            begin, captured = int(records["offset"][row]), int(records["captured"][row])
            link_type = source.log.interfaces[int(records["interface"][row])].link_type
            content = batch.data[begin : begin + captured].tobytes()
            found.append(
                (batch.first_number + row, int(records["time"][row]), captured, int(records["on_wire"][row]), link_type, content)
            )
    return found


def read(path: Path, source: str) -> tuple[list[Packet], Source]:
    with open_source(str(path), Settings(source=source, limits=SMALL_BATCHES)) as opened:
        return packets(opened), opened


@pytest.mark.parametrize("path", of_each_file(), ids=lambda path: path.parent.name)
@pytest.mark.parametrize("other", ["scapy", pytest.param("pyshark", marks=needs_tshark)])
def test_same_packets(path: Path, other: str) -> None:
    native, first = read(path, "native")
    theirs, second = read(path, other)
    assert theirs == native
    assert not first.log.problems
    assert not second.log.problems
    for fact in ("packets", "first_time", "last_time", "truncated", "link_packets"):
        assert getattr(second.log, fact) == getattr(first.log, fact), fact


@pytest.mark.parametrize("kept", [24, 40, 47_000, 47_001])
@pytest.mark.parametrize("other", ["scapy", pytest.param("pyshark", marks=needs_tshark)])
def test_same_packets_of_a_cut_file(tmp_path: Path, kept: int, other: str) -> None:
    whole = CAPTURES[0].parents[1] / "healthy-linear16" / "capture.pcap"
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole.read_bytes()[:kept])
    native, first = read(cut, "native")
    if not native and other == "pyshark" and first.log.problems:
        return  # tshark calls a file without one whole packet unreadable; its own test says so
    theirs, second = read(cut, other)
    assert theirs == native
    assert bool(second.log.problems) == bool(first.log.problems)


@pytest.mark.parametrize("name", ["healthy-mulaw", "pcapng-sections", "loss-reorder-duplication"])
@pytest.mark.parametrize("other", ["scapy", pytest.param("pyshark", marks=needs_tshark)])
def test_same_report(name: str, other: str) -> None:
    (path,) = (path for path in CAPTURES if path.parent.name == name)
    native, theirs = (analyzer.analyze(str(path), settings=Settings(source=source)) for source in ("native", other))
    assert theirs.sessions == native.sessions
