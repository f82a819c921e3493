"""What `analyzer audio` says of its files."""

from collections.abc import Callable
from dataclasses import replace

from analyzer.model.report import Report, SessionReport
from analyzer.reports.audio import lines


def test_files_format_and_verdict(make_report: Callable[..., Report], healthy: SessionReport, rejected: SessionReport) -> None:
    track = {**healthy.audio["client"], "files": {"wav": "out/session-1-client.wav"}}
    text = "".join(lines(make_report(replace(healthy, audio={"client": track, "server": None}), rejected)))
    assert "Session 1, client" in text
    assert "out/session-1-client.wav" in text
    assert "linear16, 16000 Hz, 1 channel" in text
    assert "decodable" in text
    assert "1 session without audio" in text


def test_the_guess_says_as_what_it_was_written(make_report: Callable[..., Report], healthy: SessionReport) -> None:
    actual = {"encoding": "linear16", "sample_rate": 16000, "channels": 1, "container": None, "confidence": "likely", "offset": 1}
    form = {**healthy.audio["client"]["format"], "actual": actual}
    track = {**healthy.audio["client"], "format": form, "guess_s": 12.5, "files": {"guess": "out/session-1-client.guess.wav"}}
    text = "".join(lines(make_report(replace(healthy, audio={"client": track, "server": None}))))
    assert "out/session-1-client.guess.wav" in text
    assert "12.5 s decoded as linear16, 16000 Hz, 1 channel, whole samples only (likely)" in text


def test_no_session(make_report: Callable[..., Report]) -> None:
    assert "".join(lines(make_report())) == "There is no WebSocket session in the capture.\n"
