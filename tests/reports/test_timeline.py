"""The time line: what is drawn stands where it happened."""

from dataclasses import replace

import pytest

from analyzer.model.report import SessionReport
from analyzer.reports.timeline import LABEL, rows


def drawn(session: SessionReport, width: int) -> dict[str, str]:
    """Rows by label, without styles."""
    texts = ["".join(text for text, _ in row) for row in rows(session, width)]
    return {text[:LABEL].strip(): text[LABEL:] for text in texts if text[:LABEL].strip()}


@pytest.mark.parametrize("width", [40, 71, 120])
def test_audio_gap_and_close_stand_in_order(silent: SessionReport, width: int) -> None:
    picture = drawn(silent, width)
    columns = width - LABEL
    assert picture["audio"].startswith("█")
    begin = picture["audio"].index("╌")
    assert begin == pytest.approx(columns * 3.0 / 15.5, abs=1.5)
    assert set(picture["audio"][begin:].strip()) == {"╌"}
    assert picture["keepalive"].index("k") == pytest.approx(columns * 4.0 / 15.5, abs=1.5)
    assert picture["events"].index("✕") == pytest.approx(columns * 15.1 / 15.5, abs=1.5)
    assert all(len(line) <= columns for line in picture.values())


def test_many_buckets_are_summed(healthy: SessionReport) -> None:
    timeline = {**healthy.timeline, "audio_bytes": [0] * 500 + [100] * 500, "server_messages": [0] * 1000, "keepalives": [0] * 1000}
    audio = drawn(replace(healthy, timeline=timeline), LABEL + 20)["audio"]
    assert audio == " " * 10 + "█" * 10


def test_volume_shows_as_height(healthy: SessionReport) -> None:
    timeline = {**healthy.timeline, "bucket_s": 1.0, "audio_bytes": [1, 50, 100, 0] * 5}
    assert drawn(replace(healthy, timeline=timeline), LABEL + 20)["audio"] == "▂▄█ " * 5


def test_steps_between_messages_are_no_pauses(healthy: SessionReport) -> None:
    steady = {**healthy.timeline, "bucket_s": 0.03, "audio_bytes": [3200, 0, 0] * 20, "server_messages": [], "keepalives": []}
    assert drawn(replace(healthy, timeline=steady), LABEL + 60)["audio"].rstrip() == "█" * 58
    pause = {**steady, "audio_bytes": [3200] * 20 + [0] * 20 + [3200] * 20}
    assert drawn(replace(healthy, timeline=pause), LABEL + 60)["audio"] == "█" * 20 + " " * 20 + "█" * 20


def test_the_axis_has_round_numbers_and_events_are_spelled_out(silent: SessionReport) -> None:
    texts = ["".join(text for text, _ in row) for row in rows(silent, 80)]
    assert any("╵0 s" in text and "╵5 s" in text and "╵10 s" in text for text in texts)
    assert any("15.1 s close 1011 by server" in text for text in texts)


@pytest.mark.parametrize("timeline", [{}, {"bucket_s": 0.0, "audio_bytes": [1]}, {"bucket_s": 0.1, "audio_bytes": [0]}])
def test_nothing_to_draw(healthy: SessionReport, timeline: dict[str, object]) -> None:
    assert rows(replace(healthy, timeline=timeline), 80) == []
