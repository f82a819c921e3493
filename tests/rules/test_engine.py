"""What the engine adds to findings, how it treats services it does not know, and which finding is the verdict."""

import pytest
from made_session import Said, audio, direction, gap, keepalives, session, track

from analyzer.model.finding import Severity
from analyzer.model.schema import Kind, Side
from analyzer.model.session import Direction, Service
from analyzer.model.tls import Tls
from analyzer.rules import judge

NET_0001 = "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"


def client(*said: Said, **more: object) -> Direction:
    return direction(Side.CLIENT, said, **more)  # type: ignore[arg-type]


def test_a_healthy_session_is_ok_and_says_what_was_streamed() -> None:
    made = session(
        client(*audio(0.1, 9.9), Said(10, Kind.CONTROL, "CloseStream")),
        direction(Side.SERVER, [Said(1, Kind.EVENT, "Results")], [(10.2, 1000, "")]),
    )
    judgement = judge(made)
    assert judgement.findings == ()
    assert (judgement.verdict.rule, judgement.verdict.severity) == (None, "ok")
    assert judgement.verdict.text == "The client streamed 10.0 s of linear16 audio in 100 messages; the server closed with 1000."


def test_the_engine_fills_in_what_rules_leave_out() -> None:
    made = session(client(*audio(0, 1), Said(1.05, Kind.EMPTY), *audio(1.1, 2)), direction(Side.SERVER, (), [(3, 1000, "")]))
    (finding,) = judge(made).findings
    assert finding.rule == "empty-binary-frame"
    assert finding.tcp_stream == 3
    assert finding.packets == (2050,)
    assert finding.filter == "frame.number in {2050}"
    assert finding.remedy.startswith("Check the length of every buffer")


def test_no_finding_cites_more_packets_than_the_limit() -> None:
    made = session(client(*(Said(number, Kind.MISPLACED, "KeepAlive") for number in range(50)), *audio(0.5, 50.5)))
    finding = next(finding for finding in judge(made).findings if finding.rule == "keepalive-as-binary")
    assert len(finding.packets) == 20
    assert finding.count == 50


@pytest.mark.parametrize(("provider", "severity"), [("deepgram-listen-v1", Severity.ERROR), ("generic", Severity.WARNING)])
def test_an_unknown_service_gets_warnings_at_most(provider: str, severity: Severity) -> None:
    said = [
        *audio(0, 2),
        Said(2.1, Kind.EMPTY),
        Said(2.2, Kind.MISPLACED, "KeepAlive"),
        Said(2.3, Kind.MISPLACED, "Finalize"),
        *audio(3, 4),
    ]
    found = {
        finding.rule: finding.severity for finding in judge(session(client(*said), provider=provider, service=Service(1))).findings
    }
    rules = ("empty-binary-frame", "keepalive-as-binary", "control-as-binary")
    assert {rule: found[rule] for rule in rules} == dict.fromkeys(rules, severity)


def test_what_only_documentation_makes_an_error_does_not_run_for_an_unknown_service() -> None:
    said = [Said(1, Kind.MALFORMED, text="{'a'}"), Said(2, Kind.BASE64), Said(3, Kind.CONTROL, "CloseStream"), *audio(4, 5)]
    made = session(client(*said, closes=[(6, 1000, "")]), provider="generic", query={})
    assert judge(made).findings == ()


def test_the_cause_is_the_verdict_and_the_text_names_the_consequence() -> None:
    made = session(
        client(*audio(0, 3), *(Said(time, Kind.MISPLACED, "KeepAlive") for time in (5, 9))),
        direction(Side.SERVER, [Said(1, Kind.EVENT, "Results")], [(21, 1011, NET_0001)]),
        gaps=(gap(3, 21, "close"),),
    )
    judgement = judge(made)
    assert [finding.rule for finding in judgement.findings] == ["keepalive-as-binary", "silence-gap", "net-0001"]
    assert judgement.verdict.rule == "keepalive-as-binary"
    assert judgement.verdict.text.endswith("where only text counts, so the server closed with 1011 NET-0001.")


def test_errors_come_before_warnings_of_a_lower_rank() -> None:
    made = session(client(*audio(0, 3)), gaps=(gap(3, 15, "capture-end"),), tcp_end="rst-server", last=15)
    judgement = judge(made)
    assert [finding.rule for finding in judgement.findings] == ["abrupt-close", "silence-gap"]
    assert judgement.verdict.rule == "abrupt-close"


def test_a_note_is_no_verdict() -> None:
    made = session(
        client(*audio(0, 3), *keepalives(6, 9, 12), *audio(15, 16), Said(17, Kind.CONTROL, "CloseStream")),
        direction(Side.SERVER, [Said(1, Kind.EVENT, "Results")], [(18, 1000, "")]),
        gaps=(gap(3, 15, "audio", keepalives=3, widest=3.0),),
    )
    judgement = judge(made)
    assert [(finding.rule, finding.severity) for finding in judgement.findings] == [("silence-gap", Severity.NOTE)]
    assert judgement.verdict.severity == "ok"


def test_an_incomplete_capture_is_the_verdict_only_when_nothing_else_was_found() -> None:
    whole = session(client(*audio(0, 3), missing=10, closes=[(4, 1000, "")]), client_audio=track())
    assert judge(whole).verdict.rule == "capture-incomplete"
    worse = session(client(*audio(0, 3), Said(3.1, Kind.MISPLACED, "KeepAlive"), missing=10, closes=[(4, 1000, "")]))
    assert judge(worse).verdict.rule == "keepalive-as-binary"


def test_an_encrypted_session_has_a_verdict() -> None:
    judgement = judge(session(outcome="encrypted", tls=Tls()))
    assert (judgement.verdict.rule, judgement.verdict.severity) == ("tls-not-decrypted", "note")


def test_a_sentence_does_not_end_inside_a_quotation() -> None:
    rejected = session(outcome="rejected", status=400, headers={"dg-error": "Bad. Very bad.", "dg-request-id": "1"})
    assert judge(rejected).verdict.text == "The server rejected the upgrade with 400 Rejected: `Bad. Very bad.`."
