"""Several files as one: the order and the numbers of mergecap, each file's facts, and what is said of those that cannot be used."""

import gzip
import io
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.capture import Source
from analyzer.model.errors import UnusableInputError, UsageError
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.sources import open_source
from analyzer.sources.several import Several

CAPTURES = Path(__file__).parents[2] / "captures"
needs_mergecap = pytest.mark.skipif(shutil.which("mergecap") is None, reason="mergecap is not installed")
SMALL = Settings(limits=replace(DEFAULT, batch=500, part=100))


def packets(source: Source) -> list[tuple[int, bytes, int]]:
    """Number, bytes and link type of each packet."""
    found = []
    for batch in source.batches():
        for row, (at, size, interface) in enumerate(
            zip(*(batch.records[name].tolist() for name in ("offset", "captured", "interface")), strict=True)
        ):
            link = source.log.interfaces[interface].link_type
            found.append((batch.first_number + row, batch.data[at : at + size].tobytes(), link))
    return found


def written(path: Path, times: Sequence[int], name: int = 0, link: int = 1) -> str:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, link)
    path.write_bytes(head + b"".join(struct.pack("<IIIIBB", time, 0, 2, 2, name, row) for row, time in enumerate(times)))
    return str(path)


@needs_mergecap
@pytest.mark.parametrize(
    "names",
    [
        ["healthy-linear16", "healthy-linear16"],
        ["healthy-linear16", "healthy-mulaw", "linux-cooked-v2", "pcapng-sections", "healthy-mulaw"],
    ],
    ids=["twice", "formats"],
)
def test_packets_are_those_of_mergecap(names: list[str], tmp_path: Path) -> None:
    paths = [str(next((CAPTURES / name).glob("capture.pcap*"))) for name in names]
    subprocess.run(["mergecap", "-w", tmp_path / "all.pcapng", *paths], check=True)
    with open_source(str(tmp_path / "all.pcapng"), Settings()) as source:
        expected = packets(source)
    assert packets(Several(paths, Settings())) == expected
    assert packets(Several(paths, SMALL)) == expected


@given(st.lists(st.lists(st.integers(1000, 1010), min_size=1, max_size=8), min_size=2, max_size=4))
def test_the_file_with_the_earliest_packet_is_next(tmp_path_factory: pytest.TempPathFactory, files: list[list[int]]) -> None:
    folder = tmp_path_factory.mktemp("files")
    paths = [written(folder / f"{name}.pcap", times, name) for name, times in enumerate(files)]
    left, expected = [list(enumerate(times)) for times in files], []
    while any(left):  # as mergecap does: of packets at the same time the last file's
        name = min((queue[0][1], -name) for name, queue in enumerate(left) if queue)[1] * -1
        expected.append(bytes([name, left[name].pop(0)[0]]))
    for chosen in (Settings(), SMALL):
        assert [data for _, data, _ in packets(Several(paths, chosen))] == expected


def test_what_the_files_say_is_put_together(tmp_path: Path) -> None:
    one, two = written(tmp_path / "1.pcap", [1, 5]), tmp_path / "2.gz"
    two.write_bytes(gzip.compress(Path(written(tmp_path / "2.pcap", [3, 4, 9], link=101)).read_bytes()[:-1]))
    empty = written(tmp_path / "3.pcap", [])
    source = Several([one, str(two), empty], Settings())
    assert [link for _, _, link in packets(source)] == [1, 101, 101, 1]
    log = source.log
    assert (log.path, log.format, log.packets, log.bytes) == (f"{one} + 2 more", "pcap", 4, 60 + 60 + 24)
    assert [(file.path, file.packets, file.bytes) for file in log.files] == [(one, 2, 60), (str(two), 2, 60), (empty, 0, 24)]
    assert (log.first_time, log.last_time) == (1_000_000_000, 5_000_000_000)
    assert log.link_packets == {1: 2, 101: 2}
    (problem,) = log.problems
    assert problem.text.startswith(f"{two}: the file ends in the middle of a record")


def test_files_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "1.pcap", [1, 5]), tmp_path / "missing.pcap"
    source = Several([str(bad), good], Settings())
    assert len(packets(source)) == 2
    assert [problem.text for problem in source.log.problems] == [
        f"one of the files is left out: {bad} cannot be opened: no such file or directory."
    ]
    with pytest.raises(UnusableInputError, match="cannot be opened"):
        Several([str(bad), str(bad)], Settings())
    with pytest.raises(UsageError, match="Standard input cannot be merged"):
        Several([good, "-"], Settings())


def test_few_files_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring of many files, one after the other in time."""
    paths = [written(tmp_path / f"{name}.pcap", [name * 10, name * 10 + 9], name) for name in range(50)]
    opened: list[io.BufferedReader] = []
    usual = Path.open

    def counted(path: Path, mode: str) -> io.BufferedReader:
        file = usual(path, mode)
        assert isinstance(file, io.BufferedReader)
        opened.append(file)
        assert sum(not one.closed for one in opened) <= 2
        return file

    monkeypatch.setattr(Path, "open", counted)
    assert [data[0] for _, data, _ in packets(Several(paths, Settings()))] == sorted([*range(50)] * 2)
    assert all(one.closed for one in opened)
