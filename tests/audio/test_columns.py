"""A signal as columns: nothing is missed, whatever the cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.audio.columns import Columns


@given(st.integers(1, 5000), st.integers(1, 60), st.integers(0, 5000), st.lists(st.integers(1, 900), max_size=8))
def test_lowest_and_highest_samples_are_those_of_the_column(length: int, count: int, begin: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    frames = begin + length
    count = min(count, frames)
    columns, at = Columns(count, frames, 8000), 0
    for size in [*cuts, length]:
        columns.feed(begin + at, samples[at : at + size])
        at += size
    where = (begin + np.arange(length)) * count // frames
    for column in range(count):
        mine = samples[where == column]
        expected = (mine.min(), mine.max()) if len(mine) else (np.nan, np.nan)
        assert np.array_equal((columns.low[column], columns.high[column]), expected, equal_nan=True)


def test_a_signal_shorter_than_the_picture_has_fewer_columns() -> None:
    columns = Columns(6, 3, 8000)
    columns.feed(0, np.array([0.5, -0.25, 1], np.float32))
    assert columns.high.tolist() == [0.5, -0.25, 1]


def test_a_tone_stands_at_its_frequency_and_level() -> None:
    columns = Columns(20, 16_000, 16_000)
    columns.feed(0, (0.5 * np.sin(2 * np.pi * 2000 * np.arange(16_000) / 16_000)).astype(np.float32))
    bands = np.nanargmax(columns.spectra, axis=0)
    assert np.allclose(bands * columns.top_hz / (len(columns.spectra) - 1), 2000)
    assert np.allclose(np.nanmax(columns.spectra, axis=0), -6.02, atol=0.1)


def test_what_is_not_there_stays_empty() -> None:
    columns = Columns(10, 1000, 8000)
    columns.feed(0, np.zeros(0, np.float32))
    columns.feed(500, np.ones(100, np.float32))
    assert np.flatnonzero(~np.isnan(columns.high)).tolist() == [5]
