"""What scapy's readers do not do by themselves: interfaces, sections, offsets, damage, hostile lengths, silence."""

import gzip
import logging
import struct
from pathlib import Path

import pytest

from analyzer.model.errors import UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT, Limits
from analyzer.model.secrets import TlsSecret
from analyzer.sources.scapy import ScapySource

SECTION, INTERFACE, SIMPLE, ENHANCED, SECRETS = 0x0A0D0D0A, 1, 3, 6, 10


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def section() -> bytes:
    return block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(link_type: int, snap: int = 0, *options: tuple[int, bytes]) -> bytes:
    coded = b"".join(struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in options)
    return block(INTERFACE, struct.pack("<HHI", link_type, 0, snap) + coded)


def packet(index: int, ticks: int, data: bytes) -> bytes:
    return block(ENHANCED, struct.pack("<5I", index, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)) + data)


def pcap(*records: bytes, claimed: int | None = None) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    return head + b"".join(struct.pack("<IIII", 1, 2, claimed or len(data), len(data)) + data for data in records)


def read(path: Path, content: bytes, limits: Limits = DEFAULT) -> tuple[ScapySource, list[tuple[int, int, bytes]]]:
    """The source, and time, link type and bytes of each packet."""
    path.write_bytes(content)
    source = ScapySource(str(path), limits)
    found = []
    for batch in source.batches():
        columns = (batch.records[name].tolist() for name in ("offset", "captured", "time", "interface"))
        for begin, size, time, index in zip(*columns, strict=True):
            found.append((time, source.log.interfaces[index].link_type, batch.data[begin : begin + size].tobytes()))
    return source, found


def test_interfaces_count_on_over_sections(tmp_path: Path) -> None:
    nanoseconds, offset = (9, b"\x09"), (14, struct.pack("<q", 100))
    content = section() + interface(1) + interface(101, 0, nanoseconds, (2, b"other")) + packet(0, 5, b"ab") + packet(1, 7, b"cd")
    content += (
        section() + interface(113, 0, nanoseconds, offset) + packet(0, 9, b"ef") + block(SIMPLE, struct.pack("<I", 3) + b"ghi")
    )
    source, found = read(tmp_path / "x.pcapng", content)
    assert found == [(5000, 1, b"ab"), (7, 101, b"cd"), (100_000_000_009, 113, b"ef"), (100_000_000_009, 113, b"ghi")]
    assert [(one.link_type, one.name) for one in source.log.interfaces] == [(1, ""), (101, "other"), (113, "")]
    assert source.log.format == "pcapng"
    assert not source.log.problems


def test_times_are_exact(tmp_path: Path) -> None:
    ticks = 1_795_400_000_123_456_789  # a float would lose the last three digits
    _, found = read(tmp_path / "x.pcapng", section() + interface(1, 0, (9, b"\x09")) + packet(0, ticks, b"a"))
    assert found[0][0] == ticks


def test_secrets_are_found(tmp_path: Path) -> None:
    line = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48
    secrets = struct.pack("<II", 0x544C534B, len(line)) + line
    source, _ = read(tmp_path / "x.pcapng", section() + interface(1) + block(SECRETS, secrets))
    assert source.log.secrets == [TlsSecret("CLIENT_RANDOM", b"\xab" * 32, b"\xcd" * 48)]


def test_long_packets_are_not_cut(tmp_path: Path) -> None:
    _, found = read(tmp_path / "x.pcap", pcap(b"x" * 100_000))
    assert found[0][2] == b"x" * 100_000


@pytest.mark.parametrize("missing", [1, 9, 10, 20, 26])
def test_a_cut_record_is_a_problem(tmp_path: Path, missing: int) -> None:
    source, found = read(tmp_path / "x.pcap", pcap(b"a" * 10, b"b" * 10)[:-missing] if missing < 26 else pcap(b"a" * 10))
    assert [one[2] for one in found] == [b"a" * 10]
    if missing < 26:
        assert source.log.problems[0].packet == 1
        assert "cut off" in source.log.problems[0].text
    else:
        assert not source.log.problems


def test_a_cut_block_is_a_problem(tmp_path: Path) -> None:
    whole = section() + interface(1) + packet(0, 1, b"a" * 10)
    for kept in range(len(whole) + 1, len(whole) + 36):
        source, found = read(tmp_path / "x.pcapng", (whole + packet(0, 2, b"b" * 4))[:kept])
        assert len(found) == 1
        assert len(source.log.problems) == 1, kept


def test_an_impossible_length_costs_no_memory(tmp_path: Path) -> None:
    limits = Limits(record=1000)
    huge = struct.pack("<II", ENHANCED, 0xFFFFFFF0)
    source, found = read(tmp_path / "x.pcapng", section() + interface(1) + packet(0, 1, b"a") + huge + bytes(5000), limits)
    assert len(found) == 1
    assert "4294967280" in source.log.problems[0].text or "damaged" in source.log.problems[0].text


def test_gzip(tmp_path: Path) -> None:
    content = gzip.compress(pcap(b"a" * 10, b"b" * 10))
    source, found = read(tmp_path / "x.pcap.gz", content)
    assert len(found) == 2
    assert not source.log.problems
    source, found = read(tmp_path / "y.pcap.gz", content[:-20])
    assert source.log.problems


@pytest.mark.parametrize(
    "content", [b"", b"\xa1\xb2", b"GIF89a not a capture", gzip.compress(gzip.compress(pcap(b"a"), mtime=0), mtime=0)]
)
def test_what_is_no_capture(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnusableInputError) as raised:
        read(tmp_path / "x", content)
    assert str(tmp_path / "x") in str(raised.value)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError):
        ScapySource(str(tmp_path / "missing"), DEFAULT)
    with pytest.raises(UsageError, match="file"):
        ScapySource("-", DEFAULT)


def test_scapy_stays_silent_and_keeps_its_loggers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    read(tmp_path / "x.pcapng", section() + interface(1) + packet(7, 1, b"no such interface") + packet(0, 1, b"a"))
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("scapy.runtime").disabled


def test_scapy_itself_reads_as_before(tmp_path: Path) -> None:
    import scapy.utils  # noqa: PLC0415 - only where it is tested

    before = scapy.utils.RawPcapReader.alternative
    read(tmp_path / "x.pcap", pcap(b"a"))
    assert scapy.utils.RawPcapReader.alternative is before
