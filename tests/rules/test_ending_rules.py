"""Rules about how a session ends: codes of the service, other close codes, pings, error messages, abrupt ends, no CloseStream."""

import pytest
from made_session import Said, audio, direction, moment, session

from analyzer.model.finding import Finding, Severity, Unjudged
from analyzer.model.schema import Kind, Side
from analyzer.model.session import Session
from analyzer.model.tcp import Tcp
from analyzer.rules import judge
from analyzer.rules.abrupt_close import abrupt_close
from analyzer.rules.closed_with_error import closed_with_error
from analyzer.rules.no_close_stream import no_close_stream
from analyzer.rules.ping_timeout import ping_timeout
from analyzer.rules.service_error import service_error

CODES = {"net-0000", "net-0001", "data-0000", "closed-with-error", "ping-timeout"}


def closed(code: int | None, reason: str = "", by: Side = Side.SERVER, provider: str = "deepgram-listen-v1") -> dict[str, Severity]:
    sides = [
        direction(side, audio(0, 3) if side is Side.CLIENT else (), [(4, code, reason)] if side is by else ()) for side in Side
    ]
    return {
        finding.rule: finding.severity for finding in judge(session(*sides, provider=provider)).findings if finding.rule in CODES
    }


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        ("NET-0001", "net-0001"),
        ("net0001", "net-0001"),
        (
            "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001",
            "net-0001",
        ),
        ("Deepgram did not receive audio data in time", "net-0001"),
        ("Deepgram did not receive a", "net-0001"),  # the snap length cut the rest
        ("Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000", "net-0000"),
        ("did not provide a response", "net-0000"),
        ("DATA-0000", "data-0000"),
        ("See https://dpgr.am/data0000", "data-0000"),
        ("NET-0002", "closed-with-error"),
        ("xnet0001", "closed-with-error"),
        ("NET-00011", "closed-with-error"),
    ],
)
def test_a_code_is_read_in_either_spelling(reason: str, rule: str) -> None:
    assert closed(1011, reason) == {rule: Severity.ERROR}


@pytest.mark.parametrize(
    ("code", "by", "provider", "severity"),
    [
        (1000, Side.SERVER, "deepgram-listen-v1", None),
        (1000, Side.CLIENT, "deepgram-listen-v1", None),
        (1001, Side.CLIENT, "deepgram-listen-v1", None),
        (None, Side.CLIENT, "deepgram-listen-v1", None),
        (None, Side.SERVER, "deepgram-listen-v2", None),
        (None, Side.SERVER, "deepgram-listen-v1", Severity.WARNING),
        (1001, Side.SERVER, "deepgram-listen-v1", Severity.WARNING),
        (1001, Side.SERVER, "generic", None),
        (1011, Side.SERVER, "deepgram-listen-v1", Severity.ERROR),
        (1011, Side.SERVER, "generic", Severity.ERROR),
        (1002, Side.CLIENT, "deepgram-listen-v1", Severity.WARNING),
        (4000, Side.SERVER, "deepgram-listen-v1", Severity.ERROR),
        (4000, Side.SERVER, "generic", Severity.WARNING),
    ],
)
def test_a_close_code_by_who_sent_it(code: int | None, by: Side, provider: str, severity: Severity | None) -> None:
    assert closed(code, by=by, provider=provider) == ({"closed-with-error": severity} if severity else {})


def test_the_service_is_believed_when_both_sides_close_at_once() -> None:
    made = session(direction(Side.CLIENT, audio(0, 3), [(4, 1000, "")]), direction(Side.SERVER, (), [(4.01, 1011, "NET-0000")]))
    assert {finding.rule for finding in judge(made).findings} & CODES == {"net-0000"}


def test_an_echo_of_the_clients_close_is_no_finding() -> None:
    made = session(direction(Side.CLIENT, audio(0, 3), [(4, 1000, "")]), direction(Side.SERVER, (), [(4.01, 1011, "bye")]))
    assert list(closed_with_error(made)) == []


def test_a_code_means_what_the_endpoint_says() -> None:
    made = session(None, direction(Side.SERVER, (), [(4, 1011, "NET-0001")]), provider="deepgram-speak-v1")
    (finding,) = [finding for finding in judge(made).findings if finding.rule == "net-0001"]
    assert "failed to receive a message" in finding.text


def test_unanswered_pings_are_not_the_services_timeout() -> None:
    client = direction(Side.CLIENT, [*audio(0, 3), Said(1, Kind.PING), Said(2, Kind.PING)], [(4, 1011, "keepalive ping timeout")])
    made = session(client, direction(Side.SERVER, [Said(1.1, Kind.PONG)]))
    (finding,) = ping_timeout(made)
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.side) == (Severity.ERROR, "client")
    assert (finding.values["pings"], finding.values["pongs"]) == (2, 1)
    assert list(closed_with_error(made)) == []


@pytest.mark.parametrize(("label", "severity"), [("Error", Severity.ERROR), ("Warning", Severity.WARNING), ("Results", None)])
def test_what_the_service_reports(label: str, severity: Severity | None) -> None:
    text = '{"type":"Error","code":"UNPARSABLE_CLIENT_MESSAGE","description":"Could not read it"}'
    found = list(service_error(session(server=direction(Side.SERVER, [Said(1, Kind.EVENT, label, text=text)]))))
    assert [finding.severity for finding in found if isinstance(finding, Finding)] == ([severity] if severity else [])
    if severity:
        assert "UNPARSABLE_CLIENT_MESSAGE: Could not read it" in getattr(found[0], "text", "")


@pytest.mark.parametrize("text", ["[" * 5000, "{", '{"code": 5}', "[]", '"x"'])
def test_an_error_that_is_not_what_it_should_be_is_still_found(text: str) -> None:
    assert len(list(service_error(session(server=direction(Side.SERVER, [Said(1, Kind.EVENT, "Error", text=text)]))))) == 1


def ended(tcp_end: str, **more: object) -> Session:
    sides = [direction(side, audio(0, 3), tcp=Tcp(packets=9, fin=moment(4), rst=moment(4))) for side in Side]
    return session(*sides, **{"tcp_end": tcp_end, "last": 4.1, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("tcp_end", ["fin-client", "fin-server", "rst-client", "rst-server"])
def test_an_end_without_a_close_frame(tcp_end: str) -> None:
    (finding,) = abrupt_close(ended(tcp_end))
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.time_s, finding.packets) == (Severity.ERROR, 4, (5000,))
    assert finding.side == tcp_end.partition("-")[2]


def test_an_end_that_is_not_in_the_capture_is_not_judged() -> None:
    assert [type(outcome) for outcome in abrupt_close(ended("open"))] == [Unjudged]
    lost = direction(Side.SERVER, audio(0, 3), holes=[(3.5, 3.9)], missing=9)
    assert [type(outcome) for outcome in abrupt_close(session(direction(Side.CLIENT, audio(0, 3)), lost))] == [Unjudged]
    unseen = direction(Side.SERVER, tcp=Tcp(packets=0))
    assert [type(outcome) for outcome in abrupt_close(session(direction(Side.CLIENT, audio(0, 3)), unseen))] == [Unjudged]


def test_an_early_hole_hides_no_close_frame() -> None:
    client = direction(Side.CLIENT, audio(0, 3), holes=[(1, 1.2)], missing=9)
    assert [type(outcome) for outcome in abrupt_close(session(client, last=4))] == [Finding]


@pytest.mark.parametrize("outcome", ["rejected", "no-response", "refused", "unreachable", "encrypted"])
def test_only_an_accepted_session_ends_abruptly(outcome: str) -> None:
    assert list(abrupt_close(session(outcome=outcome, tcp_end="rst-client"))) == []


def test_a_round_lifetime_points_to_a_proxy() -> None:
    tcp = Tcp(packets=9, fin=moment(60.2))
    made = session(direction(Side.CLIENT, audio(0, 3)), direction(Side.SERVER, tcp=tcp), tcp_end="fin-server", last=60.2)
    (finding,) = abrupt_close(made)
    assert isinstance(finding, Finding)
    assert "close to 60 s" in finding.text


@pytest.mark.parametrize(
    ("client", "server", "tcp_end", "found"),
    [
        ([(4, 1000, "")], [], "fin-client", True),
        ([], [], "fin-client", True),
        ([], [], "rst-client", True),
        ([], [], "rst-server", False),
        ([], [], "open", False),
        ([(4.1, 1011, "")], [(4, 1011, "NET-0001")], "fin-server", False),
    ],
    ids=["close frame", "FIN", "RST", "server RST", "goes on", "server closed first"],
)
def test_the_client_ended_without_close_stream(
    client: list[tuple[float, int, str]], server: list[tuple[float, int, str]], tcp_end: str, found: bool
) -> None:
    tcp = Tcp(packets=9, fin=moment(4), rst=moment(4))
    made = session(direction(Side.CLIENT, audio(0, 3), client, tcp=tcp), direction(Side.SERVER, (), server), tcp_end=tcp_end)
    outcomes = list(no_close_stream(made))
    assert [getattr(outcome, "severity", None) for outcome in outcomes] == ([Severity.WARNING] if found else [])


@pytest.mark.parametrize(
    ("said", "server"),
    [
        ([*audio(0, 3), Said(3.5, Kind.CONTROL, "CloseStream")], []),
        ([*audio(0, 3), Said(3.5, Kind.EMPTY)], []),
        (audio(0, 3), [Said(3.5, Kind.EVENT, "Error")]),
        ([], []),
    ],
    ids=["CloseStream", "an empty message", "the service reported an error", "no audio"],
)
def test_a_client_that_may_close(said: list[Said], server: list[Said]) -> None:
    assert list(no_close_stream(session(direction(Side.CLIENT, said, [(4, 1000, "")]), direction(Side.SERVER, server)))) == []


def test_close_stream_may_be_among_missing_bytes() -> None:
    made = session(direction(Side.CLIENT, audio(0, 3), [(4, 1000, "")], missing=40))
    assert [type(outcome) for outcome in no_close_stream(made)] == [Unjudged]
