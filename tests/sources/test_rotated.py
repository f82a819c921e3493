"""Which files belong together, as their names tell."""

import pytest

from analyzer.sources.rotated import rotated

RING = ["d/x_00001_20261122100000.pcapng", "d/x_00002_20261122100500.pcapng.gz", "d/x_00010_20261122104500.pcapng"]
NEWER = ["x_20261122100000_00001.pcapng", "x_20261122100500_00002.pcapng"]


@pytest.mark.parametrize(
    "paths",
    [
        ["x.pcap", "x.pcap1", "x.pcap2", "x.pcap10"],
        ["x.pcap00", "x.pcap01", "x.pcap02.zst"],
        ["../a b.PCAP1", "../a b.PCAP2"],
        ["x.cap", "x.cap1"],
        RING,
        NEWER,
        ["x_00001_20261122100000", "x_00002_20261122100001"],
    ],
    ids=str,
)
def test_sets(paths: list[str]) -> None:
    assert rotated(paths) == [tuple(paths)]
    assert rotated(paths[::-1]) == [tuple(paths[::-1])]
    assert rotated([paths[0], "other.pcap", *paths[1:]]) == [tuple(paths), ("other.pcap",)]


@pytest.mark.parametrize(
    "paths",
    [
        ["a.pcap", "b.pcap"],
        ["a/x.pcap", "b/x.pcap1"],
        ["x.pcap", "x.pcapng1"],
        ["capture1", "capture2"],
        ["x1.pcap", "x2.pcap"],
        ["x.pcap", "y.pcap", "x.pcap"],
        ["x.pcap1", "y.pcap", "x.pcap1.gz"],
        ["-", "-"],
        ["x_00001_20261122100000.pcapng", "y_00002_20261122100000.pcapng"],
        ["x_00001_20261122100000.pcapng", "x_00001_20261122200000.pcapng"],
        ["x_00001_20261122100000.pcapng", "x_20261122100000_00002.pcapng"],
    ],
    ids=str,
)
def test_files_that_stand_alone(paths: list[str]) -> None:
    assert rotated(paths) == [(path,) for path in paths]


def test_two_sets_at_once() -> None:
    woven = [name for pair in zip(RING, NEWER, strict=False) for name in pair]
    assert rotated(woven) == [tuple(RING[:2]), tuple(NEWER)]
