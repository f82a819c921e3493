"""Damaged copies of healthy captures: nothing is invented, and what was not hit is found.

From every capture without fault that is in order of time, packets are dropped, repeated, moved, cut; 100 variants each with the
compiled loops, 10 without (`damage.py` makes 200). Fewer are enough of those that show an encoding or a wrapping.
Every frame that is reported must stand in the table of the undamaged capture. Of the frames none of whose packets was hit, all must
be reported where nothing was removed, and nearly all elsewhere: a short frame alone between two holes may be anything.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damage import CAPTURES, HEALTHY, SECURED, judge, judge_secured, read, variants, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds import ENCODINGS, WRAPPED

import analyzer
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.reports.plain import plain
from analyzer.wire import stream_kernels

COMPILED = not stream_kernels.__file__.endswith(".py")
VARIANTS = 100 if COMPILED else 10
SOME = 28 if COMPILED else 10
"""Two of each damage, where the TCP is like that of others."""
LEAST = 0.98


@pytest.mark.parametrize("folder", HEALTHY, ids=lambda folder: folder.name)
def test_nothing_is_invented_and_little_is_missed(folder: Path, tmp_path: Path) -> None:
    total = judge(folder, SOME if folder.name in WRAPPED else VARIANTS, tmp_path)
    assert total.invented == []
    assert total.missed_of_moved == []
    assert total.expected
    assert total.there >= LEAST * total.expected


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_nothing_is_invented_whatever_the_encoding(name: str, tmp_path: Path) -> None:
    total = judge(CAPTURES / name, 10, tmp_path)
    assert (total.invented, total.missed_of_moved) == ([], [])
    assert total.expected


@pytest.mark.parametrize("folder", SECURED, ids=lambda folder: folder.name)
def test_nothing_is_invented_in_tls(folder: Path, tmp_path: Path) -> None:
    total = judge_secured(folder, VARIANTS, tmp_path)
    assert total.invented == []
    assert total.missed_of_moved == []
    assert total.expected
    assert total.there >= LEAST * total.expected


SMALL = (
    "healthy-ogg-opus",
    "deflate-context-takeover",
    "nanosecond-big-endian",
    "snap-length-96",
    "port-reuse",
    "protocol-violation",
)


@settings(derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(SMALL), number=st.integers(0, 10_000), batch=st.integers(100, 30_000))
def test_any_batch_size_gives_the_same_report(name: str, number: int, batch: int, tmp_path: Path) -> None:
    """Whatever is wrong with the capture, what is said of it does not depend on how it is read."""
    (capture,) = (CAPTURES / name).glob("capture.pcap*")
    (variant,) = variants(read(capture), 1, seed=1, first=number)
    path = str(write(variant.packets, tmp_path / "variant.pcapng"))
    whole, bit_by_bit = (
        analyzer.analyze(path, settings=Settings(limits=replace(DEFAULT, batch=size))) for size in (1 << 20, batch)
    )
    assert plain(bit_by_bit)["captures"] == plain(whole)["captures"]
    for one, other in zip(whole.sessions, bit_by_bit.sessions, strict=True):
        assert one.frame_table is not None
        assert other.frame_table is not None
        for column, values in one.frame_table.columns().items():
            assert np.array_equal(values, other.frame_table.column(column)), column
