"""What is written is read again by our own reader, and by Wireshark's."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.copies import blocks
from analyzer.model import pcapng
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.sources import open_capture

ETHERNET, RAW = 1, 101


@given(st.lists(st.tuples(st.integers(0, 1 << 60), st.binary(max_size=70), st.text(max_size=9)), max_size=9), st.text(max_size=20))
def test_packets_and_comments_come_back(
    tmp_path_factory: pytest.TempPathFactory, packets: list[tuple[int, bytes, str]], said: str
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "capture.pcapng"
    comments = [text.encode("utf-8", "replace").decode() for text in (said, *(text for _, _, text in packets))]
    whole = blocks.section([blocks.comment(said)]) + blocks.interface(ETHERNET)
    path.write_bytes(whole + b"".join(blocks.packet(0, time, data, len(data) + 5, [text]) for time, data, text in packets))
    with open_capture((str(path),), Settings(source="native"), disordered=True) as source:
        read = []
        for batch in source.batches():
            rows = zip(*(batch.records[name].tolist() for name in ("offset", "captured", "on_wire", "time")), strict=True)
            read += [(time, batch.data[at : at + size].tobytes(), wire) for at, size, wire, time in rows]
        log = source.log
    assert sorted(read) == sorted((time, data, len(data) + 5) for time, data, _ in packets)
    assert sorted(log.comments) == sorted(text for text in (one.strip("\r\n") for one in comments) if text)
    assert not log.problems


def test_an_option_is_cut_between_characters() -> None:
    code, value = blocks.comment("ä" * DEFAULT.whole)
    assert code == pcapng.COMMENT
    assert value.decode() == "ä" * (blocks.LONGEST // 2)


@pytest.mark.parametrize(("lost", "written"), [(7, 7), (1 << 65, (1 << 64) - 1)])
def test_lost_packets_come_back_as_far_as_the_format_can_say(lost: int, written: int, tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    path.write_bytes(blocks.section() + blocks.interface(ETHERNET) + blocks.statistics(0, 1, lost))
    with open_capture((str(path),), Settings(source="native"), disordered=True) as source:
        assert list(source.batches()) == []
        assert [one.dropped for one in source.log.interfaces] == [written]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_wireshark_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    frame = bytes.fromhex("4500001400010000400600007f0000017f000001")
    path.write_bytes(
        blocks.section([blocks.comment("of the section")])
        + blocks.interface(RAW, 70)
        + blocks.interface(RAW, resolution=6)
        + blocks.packet(0, 1_700_000_000_000_000_001, frame, 20, ["one", "two"])
        + blocks.packet(1, 1_700_000_000_000_002, frame[:19], 20)
    )
    fields = ("frame.time_epoch", "frame.interface_id", "frame.cap_len", "frame.len", "frame.comment")
    command = ["tshark", "-r", path, "-T", "fields", *(word for field in fields for word in ("-e", field))]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said == [
        "1700000000.000000001\t0\t20\t20\tone,two",
        "1700000000.000002000\t1\t19\t20\t",
    ]
