"""Rules about sessions that never came to be: rejected, refused, unanswered, wrongly accepted."""

from dataclasses import replace

import pytest
from made_session import direction, moment, session

from analyzer.model.finding import Finding, Severity, Unjudged
from analyzer.model.schema import Side
from analyzer.model.session import Session
from analyzer.model.tcp import Health, Tcp
from analyzer.rules import judge
from analyzer.rules.connection_refused import connection_refused
from analyzer.rules.no_response import no_response
from analyzer.rules.upgrade_rejected import upgrade_rejected
from analyzer.rules.wrong_accept import wrong_accept

DEEPGRAM = {"dg-request-id": "1", "dg-error": "Invalid credentials."}


def rejected(status: int, headers: dict[str, str], **more: object) -> Finding:
    (finding,) = upgrade_rejected(session(outcome="rejected", status=status, headers=headers, **more))  # type: ignore[arg-type]
    assert isinstance(finding, Finding)
    return finding


def test_a_rejection_gives_the_services_reason_and_advice() -> None:
    finding = rejected(401, DEEPGRAM)
    assert finding.severity is Severity.ERROR
    assert "401" in finding.text
    assert "Invalid credentials." in finding.text
    assert "Authorization" in finding.remedy


def test_a_rejection_without_the_services_headers_is_a_proxys() -> None:
    finding = rejected(403, {"server": "nginx"}, body=b"<html>denied</html>")
    assert finding.values["service_headers"] is False
    assert "proxy" in finding.remedy


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"err_msg":"No such model"}', "No such model"),
        (b"plain", "plain"),
        (b"[" * 60000, "[[["),
        (b"\xff\xfe", "\ufffd"),
        (b"", "400"),
    ],
)
def test_the_reason_may_stand_in_the_body(body: bytes, said: str) -> None:
    assert said in rejected(400, {"dg-request-id": "1"}, body=body).text


def test_values_that_look_like_a_slip_are_named() -> None:
    finding = rejected(400, DEEPGRAM, query={"punctuate": "True", "model": "undefined", "language": "en"})
    assert finding.values["suspect_parameters"] == ["`punctuate=True`", "`model=undefined`"]


def test_an_accepted_upgrade_is_not_rejected() -> None:
    assert list(upgrade_rejected(session())) == []


def test_a_reset_instead_of_a_connection() -> None:
    made = session(
        direction(Side.CLIENT, tcp=Tcp(packets=1, syn=moment(0))),
        direction(Side.SERVER, tcp=Tcp(packets=1, rst=moment(0.001))),
        outcome="refused",
        tcp_end="rst-server",
    )
    (finding,) = connection_refused(made)
    assert isinstance(finding, Finding)
    assert finding.packets == (1000, 1001)


def unanswered(outcome: str, server_packets: int = 3, resent: int = 0, **more: object) -> Session:
    client = direction(Side.CLIENT, tcp=Tcp(packets=4, syn=moment(-0.02), last=moment(6), health=Health(syn_retries=resent)))
    return session(client, direction(Side.SERVER, tcp=Tcp(packets=server_packets)), outcome=outcome, last=6.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "kinds"),
    [
        (unanswered("no-response", tcp_end="fin-client"), [Finding]),
        (unanswered("no-response", tcp_end="open"), [Finding]),
        (unanswered("no-response", tcp_end="open", capture_cut=True), [Unjudged]),
        (unanswered("no-response", server_packets=0), [Unjudged]),
        (unanswered("unreachable", server_packets=0, resent=3, tcp_end="open", capture_cut=True), [Finding]),
        (unanswered("unreachable", server_packets=0, tcp_end="open", capture_cut=True), [Unjudged]),
        (unanswered("accepted"), []),
    ],
)
def test_silence_of_the_server(made: Session, kinds: list[type]) -> None:
    assert [type(outcome) for outcome in no_response(made)] == kinds


@pytest.mark.parametrize(("valid", "found"), [(False, 1), (True, 0), (None, 0)])
def test_the_answer_must_fit_the_key(valid: bool | None, found: int) -> None:
    made = session()
    response = made.upgrade.response
    assert response is not None
    upgrade = replace(made.upgrade, response=replace(response, accept_valid=valid))
    assert len(list(wrong_accept(replace(made, upgrade=upgrade)))) == found


def test_what_follows_from_a_wrong_accept_is_not_said_again() -> None:
    made = session(tcp_end="fin-client")
    response = made.upgrade.response
    assert response is not None
    upgrade = replace(made.upgrade, response=replace(response, accept_valid=False))
    assert {finding.rule for finding in judge(replace(made, upgrade=upgrade)).findings} == {"wrong-accept"}


def test_a_page_is_quoted_as_it_reads() -> None:
    page = b"<html><head><style>b{}</style><title>403 Forbidden</title></head><body><h1>nginx</h1></body></html>"
    assert "`403 Forbidden nginx`" in rejected(403, {"server": "nginx"}, body=page).text
