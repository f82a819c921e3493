"""Anomaly names, and counting with a bound on places."""

from analyzer.model.anomalies import Anomaly, FrameAnomaly, Sightings
from analyzer.model.schema import FRAMES


def test_bits_have_names_and_fit_the_column() -> None:
    assert FrameAnomaly.UNMASKED_CLIENT.slug == "unmasked-client"
    assert FrameAnomaly.slugs(1 | 16) == ["unmasked-client", "oversized-control"]
    assert FrameAnomaly.slugs(0) == []
    (column,) = (one for one in FRAMES if one.name == "anomalies")
    assert column.dtype == "u2"
    assert sum(FrameAnomaly) < 1 << 16


def test_places_are_bounded_counts_are_not() -> None:
    sightings = Sightings(limit=2)
    for number in range(5):
        sightings.record(Anomaly.BAD_UTF8, number, number * 10, "x")
    sightings.record(Anomaly.RESYNC, 9, 90)
    assert [place.packet for place in sightings.places] == [0, 1, 9]
    assert sightings.counts == {Anomaly.BAD_UTF8: 5, Anomaly.RESYNC: 1}
