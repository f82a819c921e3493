"""What a session and a capture file lack."""

import pytest
from made_session import Said, audio, direction, session

from analyzer.model.capture import Capture, CaptureLog, Interface, Problem
from analyzer.model.finding import Severity, Unjudged
from analyzer.model.schema import Kind, Side
from analyzer.model.session import Session
from analyzer.model.tcp import Tcp
from analyzer.rules import judge, judge_capture
from analyzer.rules.capture_incomplete import capture_incomplete

HOLED = direction(Side.CLIENT, audio(0, 3), missing=100, holes=[(1, 1.5)])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (session(HOLED), "100 bytes of the client are missing."),
        (session(outcome="not-captured"), "after the handshake"),
        (session(direction(Side.CLIENT, tcp=Tcp(packets=9, truncated=7))), "snap length cut 7 packets of the client."),
        (
            session(direction(Side.CLIENT, missing=1, tcp=Tcp(packets=9, truncated=1))),
            "1 byte of the client is missing (the snap length cut 1 packet).",
        ),
        (session(direction(Side.CLIENT, [Said(0, Kind.UNREADABLE)])), ": 1 message of the client cannot be read."),
        (
            session(direction(Side.CLIENT, [Said(0, Kind.UNREADABLE)] * 2, missing=9)),
            "9 bytes of the client are missing, so that 2 messages cannot be read.",
        ),
        (session(server=direction(Side.SERVER, tcp=Tcp(packets=0))), "no packet of the server"),
        (session(capture_cut=True), "breaks off"),
    ],
)
def test_what_a_session_lacks_is_named(made: Session, words: str) -> None:
    (finding,) = capture_incomplete(made, ())
    assert finding.severity is Severity.WARNING
    assert words in finding.text


def test_the_rules_that_could_not_judge_are_named() -> None:
    (finding,) = capture_incomplete(session(HOLED), (Unjudged("why", "no-audio"), Unjudged("why", "abrupt-close")))
    assert finding.values["not_judged"] == ["abrupt-close", "no-audio"]
    assert "abrupt-close, no-audio" in finding.text
    assert finding.packets == (2000, 2500)


@pytest.mark.parametrize("outcome", ["refused", "unreachable"])
def test_an_attempt_without_answer_lacks_nothing(outcome: str) -> None:
    assert list(capture_incomplete(session(server=direction(Side.SERVER, tcp=Tcp(packets=0)), outcome=outcome), ())) == []


def test_a_session_that_goes_on_where_the_capture_ends_is_not_incomplete() -> None:
    judgement = judge(session(direction(Side.CLIENT, audio(0, 3)), tcp_end="open"))
    assert [finding.rule for finding in judgement.findings] == []
    assert "abrupt-close" in {one.rule for one in judgement.not_judged}


def log(**changes: object) -> CaptureLog:
    return CaptureLog("x.pcap", "pcap", packets=10, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "words", "packets"),
    [
        (log(problems=[Problem("the last record is cut", 10)]), "The last record is cut", (10,)),
        (log(truncated=4), "cut 4 of 10 packets", ()),
        (log(interfaces=[Interface(1), Interface(1, name="eth0", dropped=12)]), "eth0 dropped 12 packets", ()),
        (log(unread={"GRE": 3}), "3 GRE", ()),
    ],
)
def test_what_a_file_lacks(made: CaptureLog, words: str, packets: tuple[int, ...]) -> None:
    (finding,) = judge_capture(Capture(made, 0, 0, {}))
    assert (finding.rule, finding.severity, finding.packets) == ("capture-incomplete", Severity.WARNING, packets)
    assert words in finding.text
    assert finding.remedy


def test_packets_that_could_not_be_followed_do_not_matter_when_every_session_is_whole() -> None:
    assert judge_capture(Capture(log(unread={"GRE": 3}), 1, 0, {})) == ()
    assert len(judge_capture(Capture(log(unread={"GRE": 3}), 1, 1, {}))) == 1


def test_a_whole_file_lacks_nothing() -> None:
    assert judge_capture(Capture(log(interfaces=[Interface(1, snap_length=65535, dropped=0)]), 1, 0, {})) == ()
