"""Rules about TLS connections without keys, in captures that scripts write: what is found, how sure, and what is advised."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_session import direction, moment, session
from wire_script import write_capture

import analyzer
from analyzer.model.finding import Confidence, Finding, Severity
from analyzer.model.report import SessionReport
from analyzer.model.schema import Side
from analyzer.model.session import Proxy, Request, Upgrade
from analyzer.model.settings import Settings
from analyzer.model.tcp import Tcp
from analyzer.model.tls import ALERTS, Alert, Certificate, Tls
from analyzer.rules._tls import alert_text, certificate_problems, client_word, how_to_record
from analyzer.rules.tls_handshake_failed import tls_handshake_failed
from analyzer.rules.tls_not_decrypted import tls_not_decrypted
from analyzer.wire.tls.clients import CLIENTS

OPEN = "0.0 client tls api.deepgram.com\n0.03 server tls\n0.05 client finished\n0.06 client record 400\n0.1 server record 150\n"
STREAM = "0.2 client record 3208 x20 every 0.1\n"
END = "{0} client record 28\n{0} server record 4\n{0} client record 8\n{0} client record 2\n{0} server fin\n{0} client fin\n"
SERVER_ENDS = "14.3 server record 112\n14.31 client record 8\n14.4 server fin\n14.4 client fin\n"


def report(script: str, folder: Path) -> SessionReport:
    (found,) = analyzer.analyze(str(write_capture(script, folder / "script.pcap"))).sessions
    return found


def found(script: str, folder: Path) -> dict[str, tuple[Severity, Confidence]]:
    return {one.rule: (one.severity, one.confidence) for one in report(script, folder).findings}


def test_a_healthy_session_has_the_note_alone(tmp_path: Path) -> None:
    made = report(OPEN + STREAM + END.format(3), tmp_path)
    assert [(one.rule, one.severity) for one in made.findings] == [("tls-not-decrypted", Severity.NOTE)]
    assert made.verdict.rule == "tls-not-decrypted"
    assert "as 16-bit mono at 16 kHz takes" in made.findings[0].text
    assert made.tls is not None
    assert made.tls["records"]["client"]["records"] == 23
    assert sum(made.timeline["record_bytes"]["client"]) > 64_000


@pytest.mark.parametrize(
    ("script", "severity"),
    [
        (SERVER_ENDS, Severity.ERROR),
        ("14.3 client record 3208 x20 every 0.1\n" + END.format(17), Severity.WARNING),
        ("6 client record 26\n10 client record 26\n14.3 client record 3208 x20 every 0.1\n" + END.format(17), Severity.NOTE),
        ("6 client record 26\n10 client record 26\n" + SERVER_ENDS, Severity.WARNING),
    ],
)
def test_silence_is_weighed_by_what_came_of_it(script: str, severity: Severity, tmp_path: Path) -> None:
    assert found(OPEN + STREAM + script, tmp_path)["encrypted-silence"] == (severity, Confidence.LIKELY)


def test_a_request_without_tls_to_a_port_that_wants_it(tmp_path: Path) -> None:
    script = "0 client GET /v1/listen\n{0} server fin\n{0} client fin"
    (finding,) = report(script.format(0.01), tmp_path).findings
    assert finding.rule == "no-response"
    assert "wss://" in finding.text
    assert "wss://" not in report(script.format(6), tmp_path).findings[0].text


@pytest.mark.parametrize(
    ("name", "endpoints", "attempts"),
    [
        ("api.deepgram.com", (), 2),
        ("speech.example", (), 1),
        ("speech.example", (("Speech.example", None),), 2),
        ("speech.example", (("speech.example", 8080),), 2),
        ("speech.example", (("speech.example", 443),), 1),
    ],
)
def test_the_name_in_the_client_hello_counts(
    name: str, endpoints: tuple[tuple[str, int | None], ...], attempts: int, tmp_path: Path
) -> None:
    plain = write_capture("0 client GET /v1/listen\n0.1 server 101\n0.2 client rst", tmp_path / "plain.pcap")
    data = bytearray(write_capture(f"9 client tls {name}\n9.1 server tls\n9.2 client rst", tmp_path / "tls.pcap").read_bytes())
    data = data.replace(bytes([10, 0, 0, 1]), bytes([10, 0, 0, 9]))  # another server
    (tmp_path / "tls.pcap").write_bytes(data)
    settings = Settings(merge=True, endpoints=endpoints)
    made = analyzer.analyze(str(plain), str(tmp_path / "tls.pcap"), settings=settings)
    assert len(made.sessions) == attempts
    assert {one.tls["sni"] for one in made.sessions if one.tls} == ({name} if attempts > 1 else set())


def test_a_silence_that_the_server_ended_is_the_verdict(tmp_path: Path) -> None:
    verdict = report(OPEN + STREAM + SERVER_ENDS, tmp_path).verdict
    assert verdict.rule == "encrypted-silence"
    assert verdict.text.endswith("so the server probably closed for it.")


def test_missing_bytes_inside_a_silence_leave_it_open(tmp_path: Path) -> None:
    made = report(OPEN + STREAM + "8 client lost record 3208\n" + SERVER_ENDS, tmp_path)
    assert "encrypted-silence" not in {one.rule for one in made.findings}
    assert "encrypted-silence" in {one["rule"] for one in made.not_judged}


@pytest.mark.parametrize(
    ("script", "confidence", "said"),
    [
        ("0 client tls12\n0.1 server alert protocol_version\n0.2 server fin", Confidence.CERTAIN, "TLSv1.2"),
        ("0 client tls x.example\n0.1 server alert unrecognized_name\n0.2 server fin", Confidence.CERTAIN, "`x.example`"),
        ("0 client tls x\n0.1 server tls\n0.2 client record 2\n0.3 client fin", Confidence.LIKELY, "size of an alert"),
        ("0 client tls x\n0.1 server tls\n0.2 client alert unknown_ca\n0.3 client fin", Confidence.CERTAIN, "unknown_ca"),
        ("0 client tls x\n0.1 server tls\n0.2 client finished\n0.3 client fin", Confidence.LIKELY, "right behind"),
        (
            "0 client tls x\n0.1 server tls\n0.2 client finished\n0.3 server record 2\n0.4 server fin",
            Confidence.LIKELY,
            "certificate of",
        ),
        ("0 client tls x\n0.1 server tls\n0.2 client fin", Confidence.CERTAIN, "in the middle"),
        ("0 client tls x\n0.1 server fin\n0.2 client fin", Confidence.CERTAIN, "never answered"),
        ("0 client tls x\n0.1 server plain SSH-2.0-OpenSSH_9.2\n0.2 client fin", Confidence.CERTAIN, "no TLS"),
        ("0 client tls x\n0.1 server 400 {}\n0.2 client fin", Confidence.CERTAIN, "no TLS"),
    ],
)
def test_handshakes_that_fail(script: str, confidence: Confidence, said: str, tmp_path: Path) -> None:
    made = report(script, tmp_path)
    finding = next(one for one in made.findings if one.rule == "tls-handshake-failed")
    assert (finding.severity, finding.confidence) == (Severity.ERROR, confidence)
    assert said in finding.text
    assert made.verdict.rule == "tls-handshake-failed"


CERTIFICATE = Certificate(
    "a.example", "Proxy CA", ("a.example", "*.b.example"), moment(-1000).time, moment(-10).time, self_signed=False
)


def test_a_refused_certificate_is_told() -> None:
    tls = Tls(
        version="TLSv1.2",
        offered=("TLSv1.2",),
        sni="c.example",
        certificate=CERTIFICATE,
        alerts=(Alert(Side.CLIENT, fatal=True, code=48, at=moment(1)),),
    )
    made = session(direction(Side.CLIENT), direction(Side.SERVER, tcp=Tcp(packets=3)), outcome="encrypted", tls=tls)
    (finding,) = tls_handshake_failed(made)
    assert isinstance(finding, Finding)
    assert "signed by `Proxy CA`" in finding.text
    assert "not for `c.example`" in finding.text
    assert "SSL_CERT_FILE" in finding.remedy
    assert list(tls_not_decrypted(made)) == []


@pytest.mark.parametrize(
    ("sni", "fits"), [("a.example", True), ("x.b.example", True), ("x.y.b.example", False), ("b.example", False)]
)
def test_names_are_compared_as_clients_do(sni: str, fits: bool) -> None:
    assert any("is for" in one for one in certificate_problems(CERTIFICATE, sni, moment(-500).time)) is not fits


def test_every_alert_has_words() -> None:
    for code in ALERTS:
        for side in Side:
            assert alert_text(Alert(side, fatal=True, code=code, at=moment(0)))


@pytest.mark.parametrize("client", [*CLIENTS, None])
def test_every_client_has_advice(client: str | None) -> None:
    assert ("--keylog FILE" in how_to_record(client)) is (client not in ("schannel", "apple"))


@pytest.mark.parametrize(
    ("client", "agent", "word"),
    [
        (None, "Go-http-client/1.1", "go"),
        ("openssl", "Python/3.11 websockets/15.0", "python"),
        ("java", "curl/8", "java"),
        (None, "something", None),
    ],
)
def test_a_user_agent_helps(client: str | None, agent: str, word: str | None) -> None:
    asked = Request("a:443", "a:443", {}, "1.1", {"user-agent": agent}, moment(0), method="CONNECT")
    made = session(outcome="encrypted", tls=Tls(client=client))
    made = replace(made, upgrade=Upgrade("encrypted", proxy=Proxy(asked, None)))
    assert client_word(made) == word
    (finding,) = tls_not_decrypted(made)
    assert isinstance(finding, Finding)
    assert agent in finding.text
