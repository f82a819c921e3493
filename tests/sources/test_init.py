"""Which reader a file gets, and what is said of those that none can read."""

import gzip
import io
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from backports.zstd import ZstdCompressor

from analyzer.model.errors import UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.sources import open_source

SETTINGS = Settings()
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
    layers = (bytes, gzip.compress, lambda raw: ZstdCompressor().compress(raw, ZstdCompressor.FLUSH_FRAME))
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
        read(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(".")


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
    with pytest.raises(UsageError, match="no source called fast; choose native, scapy or pyshark"):
        read(path, Settings(source="fast"))
