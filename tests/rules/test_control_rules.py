"""Rules about messages that break the protocol: empty, misplaced, malformed, late, base64; and frames that break RFC 6455."""

import pytest
from made_session import Said, audio, direction, session

from analyzer.model.anomalies import Anomaly, FrameAnomaly
from analyzer.model.finding import Confidence, Finding, Severity
from analyzer.model.schema import Kind, Side
from analyzer.rules.audio_after_close_stream import audio_after_close_stream
from analyzer.rules.base64_audio import base64_audio
from analyzer.rules.control_as_binary import control_as_binary
from analyzer.rules.empty_binary_frame import empty_binary_frame
from analyzer.rules.keepalive_as_binary import keepalive_as_binary
from analyzer.rules.malformed_control import malformed_control
from analyzer.rules.protocol_violation import protocol_violation

EMPTY, CLOSE_STREAM = Said(2, Kind.EMPTY), Said(2.1, Kind.CONTROL, "CloseStream")


@pytest.mark.parametrize(
    ("after", "severity"),
    [
        (audio(2.1, 3), Severity.ERROR),
        ([], Severity.WARNING),
        ([CLOSE_STREAM], Severity.WARNING),
        ([Said(3, Kind.PONG)], Severity.WARNING),
    ],
    ids=["audio", "nothing", "CloseStream", "pong"],
)
def test_an_empty_binary_message_by_what_follows(after: list[Said], severity: Severity) -> None:
    (finding,) = empty_binary_frame(session(direction(Side.CLIENT, [*audio(0, 1.9), EMPTY, *after])))
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.time_s, finding.side) == (severity, 2, "client")


def test_two_empty_messages_are_both_counted() -> None:
    (finding,) = empty_binary_frame(session(direction(Side.CLIENT, [EMPTY, Said(2.05, Kind.EMPTY)])))
    assert isinstance(finding, Finding)
    assert (finding.count, finding.values["in_mid_stream"]) == (2, 1)


def test_an_empty_message_where_the_capture_ends_is_less_sure() -> None:
    (finding,) = empty_binary_frame(session(direction(Side.CLIENT, [*audio(0, 1), EMPTY]), tcp_end="open"))
    assert isinstance(finding, Finding)
    assert finding.confidence is Confidence.LIKELY


def test_an_empty_message_may_be_the_documented_end() -> None:
    assert list(empty_binary_frame(session(direction(Side.CLIENT, [*audio(0, 1), EMPTY]), provider="soniox"))) == []
    (finding,) = empty_binary_frame(session(direction(Side.CLIENT, [*audio(0, 1), EMPTY, *audio(3, 4)]), provider="soniox"))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR


def test_keepalive_and_other_words_in_binary_are_told_apart() -> None:
    words = [Said(1, Kind.MISPLACED, "KeepAlive"), Said(2, Kind.MISPLACED, "Finalize"), Said(3, Kind.MISPLACED, "CloseStream")]
    made = session(direction(Side.CLIENT, words))
    (keepalive,) = keepalive_as_binary(made)
    (control,) = control_as_binary(made)
    assert isinstance(keepalive, Finding)
    assert isinstance(control, Finding)
    assert (keepalive.count, keepalive.time_s) == (1, 1)
    assert (control.count, control.values["words"]) == (2, ["CloseStream", "Finalize"])


@pytest.mark.parametrize(
    ("text", "label", "fault"),
    [
        ("{'type': 'CloseStream'}", "", "single quotes"),
        ("[object Blob]", "", "name of a JavaScript object"),
        (" ", "", "is empty"),
        ('{"type":"keepalive"}', "keepalive", "is not spelled KeepAlive"),
        ('{"type":"KeepAlive "}', "KeepAlive ", "is not spelled KeepAlive"),
        ('{"type":"Stop"}', "Stop", "of the type `Stop`"),
        ("hello", "", "is no JSON"),
    ],
)
def test_a_malformed_control_message_is_quoted_with_its_fault(text: str, label: str, fault: str) -> None:
    (finding,) = malformed_control(session(direction(Side.CLIENT, [Said(1, Kind.MALFORMED, label, text=text)])))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR
    assert fault in finding.text


def test_a_long_hostile_text_is_cut_and_made_harmless() -> None:
    text = "\x1b[31m`" + "A" * 5000
    (finding,) = malformed_control(session(direction(Side.CLIENT, [Said(1, Kind.MALFORMED, text=text)])))
    assert isinstance(finding, Finding)
    assert len(finding.text) < 400
    assert "\x1b" not in finding.text


def test_settings_without_a_type_are_no_malformed_control_message() -> None:
    said = [Said(0, Kind.MALFORMED, text='{"api_key":"x","audio_format":"auto"}')]
    assert list(malformed_control(session(direction(Side.CLIENT, said), provider="soniox"))) == []


def test_audio_behind_close_stream() -> None:
    (finding,) = audio_after_close_stream(session(direction(Side.CLIENT, [*audio(0, 2), CLOSE_STREAM, *audio(2.2, 3.1)])))
    assert isinstance(finding, Finding)
    assert (finding.count, finding.values["bytes_after"], finding.severity) == (10, 32000, Severity.ERROR)
    assert list(audio_after_close_stream(session(direction(Side.CLIENT, [*audio(0, 2), CLOSE_STREAM])))) == []


def test_base64_is_wrong_only_where_binary_is_wanted() -> None:
    client = direction(Side.CLIENT, [Said(1, Kind.BASE64, size=4268), Said(2, Kind.BASE64, size=4268)])
    (finding,) = base64_audio(session(client))
    assert isinstance(finding, Finding)
    assert (finding.count, finding.values["text_bytes"]) == (2, 8536)
    assert list(base64_audio(session(client, provider="twilio-media-streams"))) == []


def test_frames_that_break_the_protocol_are_one_finding() -> None:
    made = session(
        direction(Side.CLIENT, frame_anomalies=[(1, FrameAnomaly.UNMASKED_CLIENT), (2, FrameAnomaly.UNMASKED_CLIENT)]),
        direction(Side.SERVER, sightings=[(3, Anomaly.BAD_UTF8)]),
    )
    (finding,) = protocol_violation(made)
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.count, finding.side) == (Severity.ERROR, 3, None)
    assert finding.values == {"client": {"unmasked-client": 2}, "server": {"bad-utf8": 1}}
    assert finding.packets == (2000, 3000, 4000)


def test_a_length_that_is_too_long_is_a_warning() -> None:
    (finding,) = protocol_violation(session(direction(Side.CLIENT, frame_anomalies=[(1, FrameAnomaly.LENGTH_NOT_MINIMAL)])))
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.side) == (Severity.WARNING, "client")


def test_frames_behind_a_hole_are_not_judged() -> None:
    client = direction(Side.CLIENT, frame_anomalies=[(5, FrameAnomaly.RESERVED_OPCODE)], holes=[(4, 4.5)], missing=10)
    assert list(protocol_violation(session(client))) == []


def test_without_the_handshake_nothing_that_needs_it_is_judged() -> None:
    client = direction(Side.CLIENT, frame_anomalies=[(5, FrameAnomaly.RESERVED_BITS)], sightings=[(6, Anomaly.INFLATE_FAILED)])
    assert list(protocol_violation(session(client, outcome="not-captured"))) == []
