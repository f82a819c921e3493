"""What stands on the time line: findings, words, control messages and closes, redacted and bounded."""

from dataclasses import replace

from made_session import ORIGIN, Said, audio, direction, keepalives, moment, session

from analyzer.model.finding import Finding, Severity, Verdict
from analyzer.model.limits import SECOND
from analyzer.model.schema import Kind, Side
from analyzer.model.session import Service
from analyzer.model.settings import Settings
from analyzer.model.track import Transcript
from analyzer.session.marks import heading, marks, sending

KEY = "0123456789abcdef0123456789abcdef01234567"
CLIENT = direction(
    Side.CLIENT,
    [
        *audio(0.1, 0.5),
        *keepalives(3, 6),
        Said(7, Kind.MISPLACED, "KeepAlive"),
        Said(8, Kind.EMPTY),
        Said(9, Kind.CONTROL, "CloseStream"),
    ],
)
SERVER = direction(Side.SERVER, (), [(10, 1011, f"{'x' * 150} {KEY}")])


def test_everything_is_there_in_order_and_redacted() -> None:
    words = Transcript("my key is " + KEY, final=False, begin=0.0, end=0.4, at=moment(1))
    made = session(CLIENT, SERVER, service=Service(1, transcripts=(words,)))
    finding = Finding(Severity.ERROR, "Nothing came.", time_s=3.5, until_s=8.0, rule="silence-gap")
    found = marks(made, (finding, replace(finding, time_s=None)))
    assert [(mark.time_s, mark.kind) for mark in found] == [
        (1.0, "result"),
        (3.0, "keepalive"),
        (3.5, "finding"),
        (6.0, "keepalive"),
        (7.0, "keepalive"),
        (8.0, "control"),
        (9.0, "control"),
        (10.0, "close"),
    ]
    assert [mark.text for mark in found[4:7]] == ["KeepAlive as binary", "empty binary message", "CloseStream"]
    assert (found[2].until_s, found[2].severity, found[2].text) == (8.0, "error", "silence-gap: Nothing came.")
    assert (found[0].audio_s, found[0].text[:19]) == ((0.0, 0.4), "interim: my key is ")
    assert not any(KEY[:8] in mark.text for mark in found)
    assert max(len(mark.text) for mark in found) <= 160


def test_the_number_of_marks_is_bounded() -> None:
    few = replace(Settings(), limits=replace(Settings().limits, marks=3))
    assert len(marks(session(CLIENT, SERVER, settings=few), ())) == 3


def test_when_audio_was_sent() -> None:
    found = sending(session(CLIENT, SERVER), Side.CLIENT)
    assert (found.times // (SECOND // 10)).tolist() == [1, 2, 3, 4, 5]
    assert found.at.tolist() == [0, 3200, 6400, 9600, 12800]
    assert found.origin == ORIGIN
    assert found.end >= 10 * SECOND
    assert len(sending(session(CLIENT, SERVER), Side.SERVER).times) == 0


def test_the_heading_names_both_ends_and_the_verdict() -> None:
    first, second = heading(session(CLIENT, SERVER), Verdict("net-0001", "error", f"Closed for {KEY}.")).split("\n")
    assert " to " in first
    assert "Z" in first
    assert second.startswith("Closed for <redacted:")
