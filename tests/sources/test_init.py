"""Which reader a file gets, and what is said of those that none can read."""

import bz2
import gzip
import io
import lzma
import shutil
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import lz4.frame
import pytest
from backports.zstd import ZstdCompressor

from analyzer.model.capture import CaptureLog
from analyzer.model.errors import UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT, SECOND, Limits
from analyzer.model.settings import Settings
from analyzer.sources import open_capture, open_source
from analyzer.sources.order import OutOfOrderError

SETTINGS = Settings()
NATIVE = Settings(source="native")
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
SNOOP = b"snoop\0\0\0" + struct.pack(">II", 2, 4) + struct.pack(">IIIIII", 14, 14, 40, 0, 5, 0) + bytes(16)
"""A file of Solaris snoop (RFC 1761) with one packet of 14 bytes."""
RECORD = struct.pack("<IIII", 1, 2, 3, 3) + b"abc"
PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 1) + RECORD * 1000
SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
PCAPNG = SECTION + struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20) + struct.pack("<IIIIIIII", 6, 32, 0, 0, 5, 0, 0, 32) * 1000


def read(path: Path | str, settings: Settings = SETTINGS) -> tuple[str, int, list[str]]:
    """Format, packets and problems of a file."""
    with open_source(str(path), settings) as source:
        packets = sum(len(batch.records["time"]) for batch in source.batches())
    return source.log.format, packets, [problem.text for problem in source.log.problems]


@pytest.mark.parametrize(("data", "form"), [(PCAP, "pcap"), (PCAPNG, "pcapng")])
def test_the_first_bytes_decide(data: bytes, form: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.txt"
    packers = (gzip.compress, bz2.compress, lzma.compress, lz4.frame.compress)
    layers = (bytes, *packers, lambda raw: ZstdCompressor().compress(raw, ZstdCompressor.FLUSH_FRAME))
    for layer in layers:
        path.write_bytes(layer(data))
        assert read(path) == (form, 1000, [])


@pytest.mark.parametrize(("data", "form"), [(PCAP, "pcap"), (PCAPNG, "pcapng")])
@pytest.mark.parametrize("batch", [DEFAULT.batch, 1000])
def test_a_damaged_layer_keeps_what_was_read(data: bytes, form: str, batch: int, tmp_path: Path) -> None:
    """Also where the damage was met while packets before it were still walked."""
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(data, 0)[:9000])
    found, packets, problems = read(path, Settings(limits=replace(DEFAULT, batch=batch)))
    size = len(RECORD) if form == "pcap" else 32
    assert (found, problems[0]) == (form, "the compressed file ends early")
    assert packets >= (9000 - 100) // size - 1


def test_standard_input_is_read_and_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BufferedReader(io.BytesIO(PCAP))
    monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": stream}))
    with open_source("-", SETTINGS) as source:
        assert source.log.path == "standard input"
        assert sum(len(batch.records["time"]) for batch in source.batches()) == 1000
    assert not stream.closed


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty; record again"),
        (b"hello world", r"is not a capture .*starts with 68 65 6c 6c.*--source pyshark"),
        (gzip.compress(b"hello world", mtime=0), "is not a capture that the native reader knows"),
        (gzip.compress(b"", mtime=0), "the compressed file is empty"),
        (PCAP[:20], "header is cut, 20 of 24 bytes"),
        (PCAPNG[:20], "section header cannot be used"),
    ],
)
def test_what_is_no_capture(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(data)
    with pytest.raises(UnusableInputError, match=words) as caught:
        read(path, NATIVE)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(".")


@needs_tshark
@pytest.mark.parametrize("layer", [bytes, gzip.compress], ids=["bare", "gzip"])
def test_tshark_reads_what_it_alone_knows(layer: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.snoop"
    path.write_bytes(layer(SNOOP))
    assert read(path) == ("snoop", 1, [])
    with pytest.raises(UnusableInputError, match=r"starts with 73 6e 6f 6f.*try --source pyshark"):
        read(path, NATIVE)


@needs_tshark
@pytest.mark.parametrize("name", ["x.pcap", "x.txt"])
def test_tshark_decides_what_is_no_capture(name: str, tmp_path: Path) -> None:
    """It opens texts and pictures, where their names or their first bytes allow it."""
    path = tmp_path / name
    path.write_bytes(b"hello world")
    with pytest.raises(UnusableInputError, match=r"is no capture(: tshark takes it for \w+,| that tshark can read)") as caught:
        read(path)
    assert str(caught.value).endswith(".")


def test_where_tshark_is_not_or_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.snoop.bz2"
    path.write_bytes(bz2.compress(SNOOP))
    with pytest.raises(UnusableInputError, match="not in this compression: unpack it first"):
        read(path)
    monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": io.BufferedReader(io.BytesIO(SNOOP))}))
    with pytest.raises(UnusableInputError, match="save it to a file first"):
        read("-")
    path.write_bytes(SNOOP)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("os.path.exists", lambda _: False)
    with pytest.raises(UnusableInputError, match=r"starts with 73 6e 6f 6f.*save it as pcapng in Wireshark, or let tshark read it"):
        read(path)


def in_order(paths: Sequence[Path], settings: Settings = SETTINGS) -> tuple[list[int], CaptureLog]:
    """Times of a capture in order of time, opened anew where it has to be."""
    for disordered in (False, True):
        try:
            with open_capture([str(path) for path in paths], settings, disordered=disordered) as source:
                times = [time for batch in source.batches() for time in batch.records["time"].tolist()]
        except OutOfOrderError:
            continue
        return times, source.log
    raise AssertionError


def seconds(*times: int) -> bytes:
    return PCAP[:24] + b"".join(struct.pack("<IIII", time, 0, 3, 3) + b"abc" for time in times)


@pytest.mark.parametrize("limits", [DEFAULT, replace(DEFAULT, runs=1), replace(DEFAULT, runs=1, sorted_whole=10)])
@pytest.mark.parametrize("layer", [bytes, gzip.compress], ids=["bare", "gzip"])
def test_a_capture_comes_in_order_of_time(layer: Callable[[bytes], bytes], limits: Limits, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(layer(seconds(50, 60, 30, 40, 10, 20)))
    times, log = in_order([path], Settings(limits=limits))
    assert times == [second * SECOND for second in (10, 20, 30, 40, 50, 60)]
    assert log.problems == []
    assert log.numbering is not None
    assert log.numbering.each(range(1, 7)) == (5, 6, 3, 4, 1, 2)


def test_a_reversed_file_is_sorted_whole(tmp_path: Path) -> None:
    """Its stretches of a second are reversed, too."""
    path, tenths = tmp_path / "x.pcap", range(50)
    path.write_bytes(PCAP[:24] + b"".join(struct.pack("<IIII", one // 10, one % 10, 0, 0) for one in reversed(tenths)))
    times, log = in_order([path])
    assert times == sorted(times)
    assert len(times) == len(tenths)
    assert log.numbering is not None
    assert log.numbering.each((1, 50)) == (50, 1)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("x.pcap", "put the file in order with Wireshark's reordercap first"), ("x.gz", "unpack the file first"), ("-", "a pipe")],
)
def test_what_is_too_far_out_of_order_is_said(name: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = seconds(*range(1000, 1100), *range(100, 0, -3))
    path = tmp_path / name if name != "-" else Path("-")
    if name == "-":
        monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": io.BufferedReader(io.BytesIO(data))}))
    else:
        path.write_bytes(gzip.compress(data) if name == "x.gz" else data)
    limits = replace(DEFAULT, runs=1, sorted_whole=10, reorder=700)
    times, log = in_order([path], Settings(limits=limits))
    assert len(times) == 134
    (problem,) = log.problems
    assert problem.text.startswith("34 packets lie too far behind")
    assert problem.text.endswith(advice)


def test_several_captures_come_in_order_of_time(tmp_path: Path) -> None:
    one, two = tmp_path / "1.pcap", tmp_path / "2.pcap.xz"
    one.write_bytes(seconds(50, 60, 10))
    two.write_bytes(lzma.compress(seconds(20, 55)))
    times, log = in_order([one, two])
    assert times == [second * SECOND for second in (10, 20, 50, 55, 60)]
    assert log.numbering is not None
    assert [file.packets for file in log.files] == [3, 2]


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError, match="cannot be opened: no such file or directory"):
        read(tmp_path / "missing.pcap")
    with pytest.raises(UnusableInputError, match="is a folder; name a capture file in it"):
        read(tmp_path)
    for source in ("scapy", "pyshark"):
        with pytest.raises(UnusableInputError, match="cannot be opened"):
            read(tmp_path / "missing.pcap", Settings(source=source))


def test_an_unknown_source(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(PCAP)
    with pytest.raises(UsageError, match="no source called fast; choose auto, native, scapy or pyshark"):
        read(path, Settings(source="fast"))
