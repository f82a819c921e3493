"""Rules about what the audio is and how it is sent: format, declaration, silence, pace."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from made_session import Said, audio, direction, pace, session, track

from analyzer.model.finding import Finding, Severity, Unjudged
from analyzer.model.schema import Kind, Side
from analyzer.model.session import Service, Session
from analyzer.model.track import ActualFormat, AudioFormat, Repeats, SilentSpan
from analyzer.rules import judge
from analyzer.rules.clipped_audio import clipped_audio
from analyzer.rules.container_header_missing import container_header_missing
from analyzer.rules.dc_offset import dc_offset
from analyzer.rules.digital_silence import digital_silence
from analyzer.rules.encoding_not_declared import encoding_not_declared
from analyzer.rules.faint_audio import faint_audio
from analyzer.rules.format_mismatch import format_mismatch
from analyzer.rules.repeated_audio import repeated_audio

CLIENT = direction(Side.CLIENT, audio(0.1, 10))
ENDED = direction(Side.SERVER, (), [(11, 1000, "")])
LINEAR16 = AudioFormat(encoding="linear16", sample_rate=16000, channels=1)
UNDECLARED = track(format=AudioFormat(), decodable=False, duration_s=None)


def actual(**changes: object) -> ActualFormat:
    values = {
        "encoding": "mulaw",
        "sample_rate": 16000,
        "channels": 1,
        "container": None,
        "confidence": "certain",
        "evidence": "seen",
    }
    return ActualFormat(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("results", "reason", "severity"),
    [(0, "", Severity.ERROR), (3, "", Severity.WARNING), (3, "DATA-0000", Severity.ERROR), (3, "NET-0000", Severity.ERROR)],
)
def test_raw_audio_without_a_declaration(results: int, reason: str, severity: Severity) -> None:
    server = direction(Side.SERVER, (), [(11, 1008 if reason else 1000, reason)])
    made = session(CLIENT, server, query={"model": "nova-3"}, client_audio=UNDECLARED, service=Service(results))
    (finding,) = encoding_not_declared(made)
    assert isinstance(finding, Finding)
    assert finding.severity is severity


@pytest.mark.parametrize("query", [{"encoding": "linear16"}, {"sample_rate": "16000"}])
def test_one_parameter_without_the_other(query: dict[str, str]) -> None:
    (finding,) = encoding_not_declared(session(CLIENT, ENDED, query=query))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING


def test_a_container_needs_no_declaration() -> None:
    ogg = track(format=AudioFormat("ogg", "opus", 48000, 1, "sniffed"))
    assert list(encoding_not_declared(session(CLIENT, ENDED, query={}, client_audio=ogg))) == []


def test_a_declaration_that_is_not_in_the_capture_is_not_judged() -> None:
    assert [type(outcome) for outcome in encoding_not_declared(session(CLIENT, outcome="not-captured"))] == [Unjudged]


@pytest.mark.parametrize("container", ["webm", "ogg", "mp4"])
def test_a_container_without_its_beginning(container: str) -> None:
    sent = track(format=AudioFormat(), decodable=False, headless=container)
    made = session(CLIENT, ENDED, query={}, client_audio=sent, service=Service(0))
    assert {finding.rule for finding in judge(made).findings if finding.severity is Severity.ERROR} == {"container-header-missing"}


def test_a_container_with_its_beginning() -> None:
    assert list(container_header_missing(session(CLIENT, ENDED, client_audio=track()))) == []


def test_undeclared_audio_that_looks_like_something() -> None:
    sent = track(format=AudioFormat(), decodable=False, actual=actual(encoding="mulaw", sample_rate=None, confidence="hint"))
    (finding,) = encoding_not_declared(session(CLIENT, ENDED, query={}, client_audio=sent, service=Service(0)))
    assert isinstance(finding, Finding)
    assert finding.text.endswith("The bytes look like mulaw.")
    heard = actual(encoding="linear16", sample_rate=16000, channels=2, confidence="likely")
    sent = track(format=AudioFormat(), decodable=False, actual=heard)
    (finding,) = encoding_not_declared(session(CLIENT, ENDED, query={}, client_audio=sent, service=Service(0)))
    assert isinstance(finding, Finding)
    assert finding.text.endswith(f"{heard.evidence} The bytes look like linear16 at 16000 Hz with 2 channels.")
    assert finding.values["looks_like"] == {"encoding": "linear16", "sample_rate": 16000, "channels": 2}


def test_samples_out_of_step_are_said_to_be() -> None:
    for found, words in (
        (actual(encoding="linear16", offset=1), "linear16, 16000 Hz, 1 byte out of step."),
        (actual(encoding="linear16", shifted_at=3200), "linear16, 16000 Hz out of step from byte 3200 on."),
    ):
        (finding,) = format_mismatch(session(CLIENT, client_audio=track(actual=found)))
        assert isinstance(finding, Finding)
        assert words in finding.text


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (actual(encoding="linear16", sample_rate=48000), "Declare sample_rate=48000 if"),
        (actual(encoding="mulaw", sample_rate=16000), "Declare encoding=mulaw if"),
        (actual(encoding="linear16", sample_rate=16000, channels=2), "Declare channels=2 if"),
        (actual(encoding="opus", container="webm"), "Leave out encoding and sample_rate"),
        (actual(encoding="mulaw", container="rtp"), "Cut the RTP header"),
        (actual(encoding="linear16", sample_rate=16000, container="wav", headers=20), "Cut the WAV header"),
        (actual(encoding="linear16", sample_rate=8000, container="wav", confidence="likely"), "Cut the WAV header"),
        (actual(encoding="pcm_s16be"), "Swap the two bytes"),
        (actual(encoding="pcm_s24le"), "Send the upper two of the three bytes"),
        (actual(encoding="pcm_s32le"), "Send the upper two of the four bytes"),
        (actual(encoding="pcm_u8"), "Subtract 128"),
        (actual(encoding="linear16", offset=1), "Send whole samples"),
        (actual(encoding="linear16", shifted_at=3200), "Send whole samples"),
    ],
)
def test_the_remedy_names_what_to_declare(found: ActualFormat, remedy: str) -> None:
    (finding,) = format_mismatch(session(CLIENT, client_audio=track(actual=found)))
    assert isinstance(finding, Finding)
    assert finding.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (actual(), Severity.ERROR),
        (actual(encoding="linear16", container="wav"), Severity.NOTE),
        (actual(encoding="linear16", container="wav", sample_rate=8000), Severity.ERROR),
        (actual(encoding="linear16", container="wav", channels=2), Severity.ERROR),
        (actual(encoding="opus", container="webm"), Severity.ERROR),
        (actual(confidence="likely"), Severity.ERROR),
        (actual(confidence="hint"), Severity.NOTE),
    ],
)
def test_bytes_that_are_not_what_was_declared(found: ActualFormat, severity: Severity) -> None:
    (finding,) = format_mismatch(session(CLIENT, ENDED, client_audio=track(actual=found)))
    assert isinstance(finding, Finding)
    assert finding.severity is severity
    assert finding.values["actual"]["encoding"] == found.encoding


def test_audio_that_does_not_decode_as_declared() -> None:
    broken = track(format=AudioFormat(encoding="flac", sample_rate=16000), decodable=False, problem="no frame was found")
    (finding,) = format_mismatch(session(CLIENT, ENDED, client_audio=broken))
    assert isinstance(finding, Finding)
    assert "no frame was found" in finding.text


def test_undeclared_raw_audio_is_no_mismatch() -> None:
    assert list(format_mismatch(session(CLIENT, ENDED, client_audio=UNDECLARED))) == []
    guessed = track(format=AudioFormat(), decodable=False, actual=actual(confidence="likely"))
    assert list(format_mismatch(session(CLIENT, ENDED, client_audio=guessed))) == []


def test_silence_is_placed_in_time_by_its_bytes() -> None:
    silent = track(silent_spans=(SilentSpan(160_000, 352_000, 320_000, 704_000),), digital_silence_s=12.0, duration_s=30.0)
    (finding,) = digital_silence(session(direction(Side.CLIENT, audio(0, 29.9)), ENDED, client_audio=silent))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING
    assert (finding.time_s, finding.until_s) == (pytest.approx(10), pytest.approx(21.9))
    assert finding.values["silence_s"] == pytest.approx(12)


@pytest.mark.parametrize(("seconds", "total", "found"), [(9, 30.0, 0), (11, 30.0, 1), (3, 3.0, 1), (3, 4.0, 0)])
def test_silence_counts_from_the_gap_on_or_when_it_is_all(seconds: int, total: float, found: int) -> None:
    spans = (SilentSpan(0, seconds * 16000, 0, seconds * 32000),)
    silent = track(silent_spans=spans, digital_silence_s=float(seconds), duration_s=total)
    assert len(list(digital_silence(session(direction(Side.CLIENT, audio(0, total)), ENDED, client_audio=silent)))) == found


def test_silence_of_something_else_than_declared_is_not_judged() -> None:
    silent = track(silent_spans=(SilentSpan(0, 320_000, 0, 640_000),), digital_silence_s=20.0, duration_s=20.0, actual=actual())
    assert list(digital_silence(session(CLIENT, ENDED, client_audio=silent))) == []


def rules_of_pace(ratio: float, audio_s: float = 10.0, found: ActualFormat | None = None, missing: int = 0) -> list[str]:
    client = direction(Side.CLIENT, [*audio(0.1, 10), Said(10.1, Kind.CONTROL, "CloseStream")], missing=missing)
    made = session(client, ENDED, pace=pace(ratio, audio_s), client_audio=track(actual=found))
    return [finding.rule for finding in judge(made).findings if finding.rule.startswith("pacing")]


@pytest.mark.parametrize(
    ("ratio", "rules"),
    [
        (1.0, []),
        (1.25, []),
        (1.26, ["pacing-fast"]),
        (4.0, ["pacing-fast"]),
        (0.8, []),
        (0.79, ["pacing-slow"]),
        (0.5, ["pacing-slow"]),
    ],
)
def test_pace(ratio: float, rules: list[str]) -> None:
    assert rules_of_pace(ratio) == rules


def test_pace_is_not_judged_without_ground() -> None:
    assert rules_of_pace(4.0, audio_s=1.9) == []
    assert rules_of_pace(2.0, found=actual(encoding="linear16", sample_rate=32000, confidence="likely")) == []
    assert rules_of_pace(0.5, missing=100) == []


def test_a_wav_header_does_not_excuse_the_pace() -> None:
    assert rules_of_pace(4.0, found=actual(encoding="linear16", container="wav")) == ["pacing-fast"]


def test_values_are_plain() -> None:
    silent = track(silent_spans=(SilentSpan(0, 320_000, 0, 640_000),), digital_silence_s=20.0, duration_s=20.0)
    for finding in judge(session(CLIENT, ENDED, client_audio=silent, pace=pace(4.0))).findings:
        assert not any(
            isinstance(value, np.generic) for value in (finding.count, finding.time_s, finding.until_s, *finding.values.values())
        )
        assert all(type(packet) is int for packet in finding.packets)


SIGNALS = [
    (clipped_audio, {"clipped_share": 0.02}, {"clipped_share": 0.01}),
    (faint_audio, {"rms_dbfs": -60.01}, {"rms_dbfs": -60.0}),
    (dc_offset, {"dc_offset": -0.06}, {"dc_offset": 0.05}),
    (repeated_audio, {"repeats": Repeats(3, 2, 6400)}, {"repeats": Repeats(2, 2, 6400)}),
]


@pytest.mark.parametrize(("judge_signal", "bad", "good"), SIGNALS, ids=lambda one: getattr(one, "__name__", ""))
def test_the_signal(
    judge_signal: Callable[[Session], Iterator[Finding | Unjudged]], bad: dict[str, object], good: dict[str, object]
) -> None:
    (finding,) = judge_signal(session(CLIENT, ENDED, client_audio=track(**bad)))
    assert isinstance(finding, Finding)
    assert finding.packets
    for harmless in (good, {**bad, "decodable": False}, {**bad, "duration_s": 0.9}, {**bad, "actual": actual()}):
        assert list(judge_signal(session(CLIENT, ENDED, client_audio=track(**harmless)))) == []
    assert list(judge_signal(session(CLIENT, ENDED, client_audio=None))) == []


def test_a_repetition_is_shown_where_it_begins() -> None:
    (finding,) = repeated_audio(session(CLIENT, ENDED, client_audio=track(repeats=Repeats(3, 2, 6400))))
    assert isinstance(finding, Finding)
    assert (finding.time_s, finding.count, len(finding.packets)) == (0.3, 3, 2)
