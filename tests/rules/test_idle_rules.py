"""Rules about audio that does not come: silence-gap, keepalive-without-audio, no-audio."""

import pytest
from made_session import Said, audio, direction, gap, keepalives, session

from analyzer.model.finding import Finding, Severity, Unjudged
from analyzer.model.schema import Kind, Side
from analyzer.model.session import AudioGap
from analyzer.rules.keepalive_without_audio import keepalive_without_audio
from analyzer.rules.no_audio import no_audio
from analyzer.rules.silence_gap import silence_gap

NET_0000 = "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000"


def weigh(
    one: AudioGap, *said: Said, close: tuple[float, int, str] | None = None, provider: str = "deepgram-listen-v1"
) -> Severity:
    server = direction(Side.SERVER, (), [close] if close else ())
    (finding,) = silence_gap(session(direction(Side.CLIENT, said), server, gaps=(one,), provider=provider))
    assert isinstance(finding, Finding)
    return finding.severity


@pytest.mark.parametrize(
    ("reason", "ended_by", "severity"),
    [
        ("NET-0001", "close", Severity.ERROR),
        ("see https://dpgr.am/net0001", "close", Severity.ERROR),
        ("NET-0000", "close", Severity.ERROR),
        ("DATA-0000", "close", Severity.WARNING),
        ("", "close", Severity.WARNING),
        ("NET-0001", "audio", Severity.WARNING),
    ],
)
def test_a_gap_is_an_error_when_the_server_closed_for_it(reason: str, ended_by: str, severity: Severity) -> None:
    assert weigh(gap(3, 15, ended_by), *audio(0, 3), close=(15, 1011, reason)) is severity


def test_keepalives_do_not_make_it_less_when_the_server_closed_for_it() -> None:
    one = gap(0, 30, "close", keepalives=7, widest=4)
    assert weigh(one, *keepalives(4, 8, 12), close=(30, 1011, NET_0000)) is Severity.ERROR


def test_base64_audio_explains_a_server_without_answer() -> None:
    assert weigh(gap(0, 10.5, "close"), Said(1, Kind.BASE64, size=4268), close=(10.5, 1011, NET_0000)) is Severity.WARNING


@pytest.mark.parametrize(
    ("count", "widest", "severity"),
    [(3, 4.0, Severity.NOTE), (1, 10.0, Severity.NOTE), (1, 10.1, Severity.WARNING), (0, 13, Severity.WARNING)],
)
def test_keepalives_often_enough_make_a_gap_a_note(count: int, widest: float, severity: Severity) -> None:
    assert weigh(gap(3, 16, "audio", keepalives=count, widest=widest), *audio(0, 3)) is severity


def test_missing_bytes_inside_a_gap_leave_it_open() -> None:
    (outcome,) = silence_gap(session(direction(Side.CLIENT, audio(0, 3)), gaps=(gap(3, 15, "audio", covered=False),)))
    assert isinstance(outcome, Unjudged)


@pytest.mark.parametrize(
    ("said", "found"),
    [(audio(0, 3), 1), (audio(0, 0.5), 0), (audio(0, 30, step=3.0), 0)],
    ids=["a stream", "few messages", "far apart"],
)
def test_an_unknown_service_must_have_streamed_before(said: list[Said], found: int) -> None:
    one = gap(said[-1].time, said[-1].time + 15, "audio")
    assert len(list(silence_gap(session(direction(Side.CLIENT, said), gaps=(one,), provider="generic")))) == found


def test_every_gap_is_a_finding_of_its_own() -> None:
    made = session(direction(Side.CLIENT, audio(0, 3)), gaps=(gap(3, 15, "audio"), gap(20, 40, "close-stream")))
    found = [outcome for outcome in silence_gap(made) if isinstance(outcome, Finding)]
    assert [(finding.time_s, finding.until_s) for finding in found] == [(3, 15), (20, 40)]
    assert found[0].values["duration_s"] == pytest.approx(12)


def test_keepalives_alone_on_a_fresh_session() -> None:
    client = direction(Side.CLIENT, keepalives(4, 8, 12, 16))
    (error,) = keepalive_without_audio(session(client, direction(Side.SERVER, (), [(20, 1011, NET_0000)])))
    assert isinstance(error, Finding)
    assert (error.severity, error.count) == (Severity.ERROR, 4)
    (warning,) = keepalive_without_audio(
        session(client, direction(Side.SERVER, [Said(18, Kind.EVENT, "Metadata")], [(20, 1000, "")]))
    )
    assert isinstance(warning, Finding)
    assert warning.severity is Severity.WARNING


def test_the_summary_of_a_close_is_no_answer() -> None:
    server = direction(Side.SERVER, [Said(19.98, Kind.EVENT, "Metadata")], [(20, 1011, NET_0000)])
    (error,) = keepalive_without_audio(session(direction(Side.CLIENT, keepalives(4, 8, 12, 16)), server))
    assert isinstance(error, Finding)
    assert error.severity is Severity.ERROR
    assert "closed with 1011 NET-0000" in error.text


@pytest.mark.parametrize(
    ("client", "server"),
    [
        ([*keepalives(1), *audio(2, 3)], [Said(2.5, Kind.EVENT, "Results")]),
        ([*audio(0, 3), *keepalives(5)], []),
        (keepalives(5), [Said(0.1, Kind.EVENT, "Welcome")]),
        (audio(0, 3), []),
    ],
    ids=["audio before the answer", "audio first", "the server spoke first", "no keepalive"],
)
def test_keepalives_that_do_no_harm(client: list[Said], server: list[Said]) -> None:
    made = session(direction(Side.CLIENT, client), direction(Side.SERVER, server, [(20, 1000, "")]))
    assert list(keepalive_without_audio(made)) == []


def test_keepalives_are_not_judged_where_audio_may_be_missing() -> None:
    made = session(direction(Side.CLIENT, keepalives(4, 8), missing=100), direction(Side.SERVER, (), [(20, 1011, NET_0000)]))
    assert [type(outcome) for outcome in keepalive_without_audio(made)] == [Unjudged]


def test_no_audio_to_the_end() -> None:
    (finding,) = no_audio(session(direction(Side.CLIENT, keepalives(1)), direction(Side.SERVER, (), [(5, 1000, "")])))
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.until_s) == (Severity.WARNING, 5)


@pytest.mark.parametrize(("last", "kind"), [(12.0, Finding), (4.0, Unjudged)])
def test_no_audio_in_a_session_that_goes_on(last: float, kind: type) -> None:
    assert [type(outcome) for outcome in no_audio(session(tcp_end="open", last=last))] == [kind]


def test_no_audio_is_not_said_of_what_is_not_in_the_capture() -> None:
    assert [type(outcome) for outcome in no_audio(session(outcome="not-captured"))] == [Unjudged]
    assert [type(outcome) for outcome in no_audio(session(direction(Side.CLIENT, missing=5)))] == [Unjudged]
    assert [type(outcome) for outcome in no_audio(session(direction(Side.CLIENT, [Said(1, Kind.UNREADABLE)])))] == [Unjudged]


def test_no_audio_where_none_is_wanted() -> None:
    assert list(no_audio(session(provider="deepgram-speak-v1"))) == []
    assert list(no_audio(session(outcome="rejected", status=401))) == []
