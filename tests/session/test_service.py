"""What the service said is read with care: nothing in it can break the analysis."""

from dataclasses import replace

import pytest

from analyzer.model.limits import DEFAULT
from analyzer.model.places import Moment
from analyzer.session.service import ServiceFacts, number


def test_results_move_the_cursor() -> None:
    facts = ServiceFacts()
    facts.event("Results", {"start": 0.0, "duration": 1.5}, 3, 30)
    facts.event("Results", {"start": 1.5, "duration": 1.0}, 5, 50)
    facts.event("Results", {"start": 0.5, "duration": 0.1}, 6, 60)
    facts.event("UtteranceEnd", {}, 7, 70)
    service = facts.freeze()
    assert (service.results, service.transcript_cursor_s) == (3, 2.5)
    assert (service.first_result, service.last_event) == (Moment(3, 30), Moment(7, 70))


@pytest.mark.parametrize(
    ("value", "cursor"),
    [
        ({"start": 1, "duration": 0.5}, 1.5),
        ({"start": 2, "duration": 1}, 3.0),
        ({"start": float("nan"), "duration": 0.5, "audio_window_end": 4.0}, 4.0),
        ({"start": 1.0, "duration": float("inf")}, None),
        ({"start": 1.0, "duration": True}, None),
        ({"start": "1.0", "duration": 2.0}, None),
        ({"start": 1.0}, None),
        ({"start": 1e308, "duration": 1e308}, float("inf")),
    ],
)
def test_a_result_ends_where_its_numbers_say(value: dict[str, object], cursor: float | None) -> None:
    facts = ServiceFacts()
    facts.event("Results", value, 1, 1)
    assert facts.freeze().transcript_cursor_s == cursor


def test_turns_have_a_window() -> None:
    facts = ServiceFacts()
    facts.event("TurnInfo", {"audio_window_start": 1, "audio_window_end": 4}, 1, 1)
    assert facts.freeze().transcript_cursor_s == 4.0


def test_the_last_summary_counts() -> None:
    facts = ServiceFacts()
    assert facts.freeze().metadata is None
    facts.event("Metadata", {"request_id": "x"}, 1, 1)
    assert facts.freeze().metadata is None
    facts.event("Metadata", {"duration": 1, "sha256": "0" * 64, "channels": 1}, 1, 1)
    facts.event("Metadata", {"duration": 2.5, "sha256": "f" * 100, "channels": 2.0}, 2, 2)
    assert facts.freeze().metadata == {"duration_s": 2.5, "sha256": "f" * 64, "channels": 2}
    facts.event("Termination", {"audio_duration_seconds": 7}, 3, 3)
    assert facts.freeze().metadata == {"duration_s": 7.0, "sha256": None, "channels": None}


@pytest.mark.parametrize("value", [None, "1", True, [], {}, float("nan"), float("inf"), 10**400, -(10**400)])
def test_what_is_no_number(value: object) -> None:
    assert number(value) is None
    facts = ServiceFacts()
    facts.event("Results", {"start": value, "duration": 1}, 1, 1)
    facts.event("Metadata", {"duration": value, "sha256": 5, "channels": value}, 1, 1)
    assert facts.freeze().transcript_cursor_s is None
    assert facts.freeze().metadata == {"duration_s": None, "sha256": None, "channels": None}


def results(text: str, *, final: bool, start: float = 0.0, channel: int = 0) -> dict[str, object]:
    alternatives = {"alternatives": [{"transcript": text}]}
    return {"channel_index": [channel, 2], "is_final": final, "start": start, "duration": 1.0, "channel": alternatives}


def test_interim_words_give_way_to_what_follows_on_their_channel() -> None:
    facts = ServiceFacts()
    said = [("a", False, 0), ("x", False, 1), ("a b", False, 0), ("a b c", True, 0), ("", True, 0), ("d", False, 0), ("", False, 0)]
    for number_, (text, final, channel) in enumerate(said):
        facts.event("Results", results(text, final=final, start=float(number_), channel=channel), number_, number_ * 10)
    found = facts.freeze().transcripts
    assert [(one.text, one.final, one.begin, one.end, one.at.packet) for one in found] == [
        ("x", False, 1.0, 2.0, 1),
        ("a b c", True, 3.0, 4.0, 3),
        ("d", False, 5.0, 6.0, 5),
    ]


def test_words_of_other_services_and_words_that_are_none() -> None:
    facts = ServiceFacts(replace(DEFAULT, transcripts=2, transcript=8))
    facts.event("TurnInfo", {"event": "EndOfTurn", "transcript": "one", "audio_window_start": 0.5, "audio_window_end": 2}, 1, 10)
    for channel in ({"alternatives": []}, {"alternatives": [7]}, {"alternatives": [{"transcript": 3}]}, [], None):
        facts.event("Results", {"is_final": True, "channel": channel}, 2, 20)
    facts.event("Turn", {"end_of_turn": True, "transcript": "two three four"}, 3, 30)
    facts.event("Turn", {"end_of_turn": True, "transcript": "no room"}, 4, 40)
    found = facts.freeze().transcripts
    assert [(one.text, one.begin, one.end) for one in found] == [("one", 0.5, 2.0), ("two", None, None)]
