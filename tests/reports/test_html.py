"""The HTML page as text: one file with nothing from outside, its policy, what it says without a script, and its limits."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wire_script import write_capture

from analyzer.model.limits import DEFAULT
from analyzer.model.playback import Playback
from analyzer.model.report import Report, SessionReport
from analyzer.model.settings import Settings
from analyzer.pipeline import analyze
from analyzer.reports import render
from analyzer.reports.html import SCRIPTS, pieces
from analyzer.reports.html.columns import GROUPS
from analyzer.rules import pages

Make = Callable[..., Report]
EVIL = "\"><script>alert('x')</script><!-- </script> \u202egnp.exe \ud800 \x1b[31m 'q' &amp; ]]>"
SILENT = Path(__file__).parents[2] / "captures" / "silence-gap-net-0001" / "capture.pcap"
CUT = Path(__file__).parents[2] / "captures" / "snap-length-96" / "capture.pcap"
VOID = {"meta", "input", "br", "rect", "line", "path"}


class Page(HTMLParser):
    """What the page is made of; every element must be closed, and no two may have one name."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, list[str]] = {"script": [], "style": [], "title": [], "h1": []}
        self.data: dict[str, str] = {}
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open
        named = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(named) == len(set(named))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)
        if tag in self.contents:
            self.contents[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element of the drawing, which is closed at once."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the last one, which it must be."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take text."""
        tag = self.open[-1] if self.open else ""
        if tag in self.contents:
            self.contents[tag][-1] += data
        identifier = self.elements[-1][1].get("id") if self.elements else None
        if tag == "script" and identifier and identifier.endswith("-data"):
            self.data[identifier] = data
        elif tag not in ("script", "style"):
            self.text += data

    def of(self, name: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of this name."""
        return [attributes for tag, attributes in self.elements if tag == name]


def written(report: Report, **options: Any) -> Page:  # noqa: ANN401 - what `pieces` takes
    return Page("".join(pieces(report, pages(), **options)))


def test_the_page_asks_for_nothing(make_report: Make, silent: SessionReport, rejected: SessionReport) -> None:
    page = written(make_report(silent, rejected))
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "img")
        for name in ("src", "srcset", "action", "data", "poster", "style"):
            assert name not in attributes or tag == "audio", (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#") is not None
        assert str(attributes.get("href", "#")).startswith("#")
    assert "@import" not in page.contents["style"][0]
    assert "url(" not in page.contents["style"][0]


def test_the_policy_names_the_script_and_the_style(make_report: Make, silent: SessionReport) -> None:
    page = written(make_report(silent))
    policy = next(one["content"] for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy")
    rules = dict(part.strip().split(" ", 1) for part in (policy or "").split(";"))
    run = [
        script for script, attributes in zip(page.contents["script"], page.of("script"), strict=True) if "type" not in attributes
    ]
    for name, contents in (("script-src", run), ("style-src", page.contents["style"])):
        (content,) = contents
        assert rules.pop(name) == f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "media-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_page_is_found_out_to_be_one(make_report: Make, silent: SessionReport) -> None:
    text = render(make_report(silent), "html", pages=pages())
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert text == render(make_report(silent), "html", pages=pages())


def test_what_matters_is_said_without_a_script(make_report: Make, silent: SessionReport) -> None:
    page = written(make_report(silent))
    assert page.contents["h1"] == [silent.verdict.text]
    for said in (
        *(finding.text for finding in silent.findings),
        *(finding.remedy for finding in silent.findings),
        *(finding.filter for finding in silent.findings),
        "5002d33e-31f3-4a45-a26e-da2763dfeabd",
        "the capture ends before the session does",
        "1011 by server: https://dpgr.am/net0001",
        "analyzer audio capture.pcap -o audio --session 1",
        "How it is found",
    ):
        assert said in page.text
    assert {"svg", "details", "dl"} <= {tag for tag, _ in page.elements}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("duration_s", 12.006_56, "duration 12.01 s"),
        ("rms_dbfs", -61.5, "rms -61.50 dBFS"),
        ("clipped_share", 0.2, "clipped 20.0%"),
        ("retransmitted_bytes", 6740, "retransmitted bytes 6,740"),
        ("code", 1011, "code 1011"),
        ("service_headers", True, "service headers yes"),
        ("declared", {"encoding": "mulaw", "sample_rate": 8000, "container": None}, "declared encoding mulaw, sample rate 8000"),
    ],
)
def test_what_was_measured_has_its_unit(make_report: Make, silent: SessionReport, name: str, value: object, shown: str) -> None:
    one = replace(silent.findings[0], values={name: value})
    page = written(make_report(replace(silent, findings=(one,))))
    assert page.text.partition("Measured")[2].startswith(f"{shown}What it means")


def test_each_rule_is_explained_once(make_report: Make, silent: SessionReport) -> None:
    page = written(make_report(silent, silent))
    assert sum(attributes.get("id") == "rule-silence-gap" for _, attributes in page.elements) == 1
    assert sum(attributes.get("href") == "#rule-silence-gap" for _, attributes in page.elements) == 2


def test_sentences_of_a_page_stay_whole(make_report: Make, silent: SessionReport) -> None:
    one = replace(silent.findings[0], rule="keepalive-as-binary")
    assert "for text and binary." in written(make_report(replace(silent, findings=(one,)))).text


def test_links_lead_somewhere(make_report: Make, silent: SessionReport, healthy: SessionReport) -> None:
    page = written(make_report(silent, healthy))
    named = {attributes.get("id") for _, attributes in page.elements}
    for link in page.of("a"):
        assert (link["href"] or "")[1:] in named


def hostile(session: SessionReport) -> SessionReport:
    """Put evil text wherever a capture reaches the report."""
    findings = tuple(
        replace(one, text=EVIL, values={EVIL: EVIL, "more": [EVIL, {"deep": EVIL}]}, filter=EVIL) for one in session.findings
    )
    return replace(
        session,
        provider=EVIL,
        upgrade={**session.upgrade, "target": EVIL, "request_id": EVIL, "error": EVIL, "proxy": {"target": EVIL, "status": None}},
        close={"by": "server", "code": 1011, "reason": EVIL},
        verdict=replace(session.verdict, text=EVIL),
        findings=findings,
        not_judged=({"rule": EVIL, "why": EVIL},),
        timeline={**session.timeline, "events": [(1.0, EVIL)]},
        audio={
            **session.audio,
            "client": {**(session.audio["client"] or {}), "problem": EVIL, "sound": {"results": [(0, 1, EVIL)]}},
        },
    )


def test_captured_text_is_never_markup(make_report: Make, silent: SessionReport) -> None:
    plain, page = written(make_report(silent)), written(make_report(hostile(silent), comments=(EVIL,), path=EVIL))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == [tag for tag, _ in plain.elements].count("script")
    assert "alert('x')" in page.text
    text = "".join(pieces(make_report(hostile(silent), comments=(EVIL,), path=EVIL), pages()))
    body = text.partition("<body>")[2].rpartition("<script>")[0]
    assert not re.search("[\u202e\ud800\x1b]", body)
    assert text.encode("utf-8")
    assert "gnp.exe" in json.loads(page.data["s1-data"])["events"][0][1]


def test_long_text_is_cut(make_report: Make, silent: SessionReport) -> None:
    session = replace(silent, upgrade={**silent.upgrade, "target": "x" * 1_000_000, "error": "y" * 1_000_000})
    assert len("".join(pieces(make_report(session), pages()))) < 500_000


def test_a_capture_without_sessions(make_report: Make) -> None:
    page = written(make_report())
    assert page.contents["h1"] == ["no WebSocket session"]
    assert not page.of("table")


def test_several_sessions_have_a_table_that_leads_to_them(make_report: Make, silent: SessionReport, healthy: SessionReport) -> None:
    page = written(make_report(healthy, silent, healthy))
    assert page.contents["h1"] == ["3 sessions: 1 with an error, 2 healthy"]
    assert {"#s1", "#s2", "#s3"} <= {str(link["href"]) for link in page.of("a")}
    opened = {str(one["id"]): "open" in one for one in page.of("details") if one.get("class") == "session"}
    assert opened == {"s1": False, "s2": True, "s3": False}


def test_captures_are_told_apart(make_report: Make, silent: SessionReport) -> None:
    one = make_report(silent)
    page = written(replace(one, captures=one.captures * 2))
    assert {"c1s1", "c2s1", "c1s1-data", "c2s1-f1"} <= {str(attributes.get("id")) for _, attributes in page.elements}


def test_of_many_sessions_those_with_findings_are_told(make_report: Make, silent: SessionReport, healthy: SessionReport) -> None:
    report = make_report(*[healthy] * 5, silent)
    page = written(report, limits=replace(DEFAULT, page_sessions=2, page_listed=4))
    assert {str(one["id"]) for one in page.of("details") if one.get("class") == "session"} == {"s1", "s6"}
    assert "There is no room to tell 4 sessions more in full" in page.text
    assert "2 more sessions; to list all: analyzer sessions capture.pcap" in page.text


def playback(size: int = 100) -> Playback:
    """Two seconds of something."""
    return Playback("audio/flac", b"x" * size, 2.0, bytes(200), bytes([60] * 200), True)


def heard(session: SessionReport, path: str) -> SessionReport:
    """The session with a file of its audio."""
    return replace(session, audio={**session.audio, "client": {**(session.audio["client"] or {}), "files": {"timeline": path}}})


def test_audio_stands_in_the_page(make_report: Make, silent: SessionReport) -> None:
    asked = []

    def play(path: str, room: int) -> Playback:
        asked.append((path, room))
        return playback()

    page = written(make_report(heard(silent, "a.wav")), play=play)
    assert asked == [("a.wav", DEFAULT.page_audio)]
    (audio,) = page.of("audio")
    assert audio["src"] == f"data:audio/flac;base64,{base64.b64encode(b'x' * 100).decode()}"
    assert audio["aria-label"]
    data = json.loads(page.data["s1-data"])
    assert [(side, length) for side, length, *_ in data["waves"]] == [("client", 2.0)]


def test_audio_without_room_is_named(make_report: Make, silent: SessionReport, healthy: SessionReport) -> None:
    def play(_: str, room: int) -> Playback | None:
        return playback() if room >= 100 else None

    report = make_report(heard(healthy, "a.wav"), heard(silent, "b.wav"))
    page = written(report, play=play, limits=replace(DEFAULT, page_audio=150))
    (audio,) = page.of("audio")
    assert page.elements.index(("audio", audio)) > page.elements.index(
        next(one for one in page.elements if one[1].get("id") == "s2")
    )
    assert "There is no room for the audio in this page." in page.text
    assert "analyzer audio capture.pcap -o audio --session 1 --timeline --side both" in page.text


def unpacked(packed: list[str]) -> list[float]:
    """Read a column as the script does."""
    kind, data = packed
    column: list[float] = np.frombuffer(base64.b64decode(data), f"<{kind}").tolist()
    return column


def test_frames_are_columns(tmp_path: Path) -> None:
    report = analyze(SILENT, settings=Settings(contents=True), frames=True)
    frames = json.loads(written(report).data["s1-data"])["frames"]
    (session,) = report.sessions
    table = session.frames
    columns = {name: unpacked(column) for name, column in frames["columns"].items()}
    assert frames["count"] == len(table["offset"]) == 35
    assert columns["first"] == table["first_packet"].tolist()
    assert columns["length"] == table["length"].tolist()
    assert np.allclose(np.array(columns["time"]) / 1e6, (table["first_time"] - session.origin_ns) / 1e9, atol=1e-6)
    words = [frames["words"][int(what)] for what in columns["what"]]
    assert words.count("audio") == 30
    assert words.count("Results") == 3
    assert words[-2:] == ["close 1011", "close 1011"]
    said = [frames["texts"][int(text) - 1] if text else "" for text in columns["text"]]
    assert sum("quick brown" in one for one in said) == 2
    assert not frames["cut"]
    assert not list(tmp_path.iterdir())


def test_frames_and_texts_beyond_the_limits_are_left_out() -> None:
    report = analyze(SILENT, settings=Settings(contents=True), frames=True)
    page = written(report, limits=replace(DEFAULT, page_frames=10))
    assert json.loads(page.data["s1-data"])["frames"] is None
    assert "There is no room for them in this page" in page.text
    short = json.loads(written(report, limits=replace(DEFAULT, page_texts=700)).data["s1-data"])["frames"]
    assert short["cut"]
    assert sum(map(len, short["texts"])) <= 700
    cut = json.loads(written(report, limits=replace(DEFAULT, page_text=20)).data["s1-data"])["frames"]
    assert max(map(len, cut["texts"])) == 20


@pytest.mark.parametrize(
    ("line", "word", "group"),
    [
        ('client text {"type":"KeepAlive"}', "KeepAlive", "keepalive"),
        ('client text {"type":"Finalize"}', "Finalize", "control"),
        ('client binary {"type":"KeepAlive"}', "KeepAlive as binary", "odd"),
        ('client binary ""', "empty binary", "odd"),
        ("client text {'type':'KeepAlive'}", "malformed", "odd"),
        ("client ping", "ping", "ping"),
        ("server close", "close", "close"),
    ],
)
def test_frames_are_called_what_they_are(tmp_path: Path, line: str, word: str, group: str) -> None:
    script = f"0.0 client GET /v1/listen?encoding=linear16&sample_rate=16000\n0.0 server 101\n0.1 client audio 3200\n0.5 {line}\n"
    report = analyze(write_capture(script, tmp_path / "a.pcap"), settings=Settings(contents=True), frames=True)
    frames = json.loads(written(report).data["s1-data"])["frames"]
    last = int(unpacked(frames["columns"]["what"])[-1])
    assert frames["words"][last] == word
    assert GROUPS[frames["groups"][last]] == group


def test_what_the_capture_cut_is_not_drawn_as_a_fault() -> None:
    page = written(analyze(CUT, settings=Settings(contents=True), frames=True))
    told = json.loads(page.data["s1-data"])["frames"]
    assert dict(zip(told["words"], (GROUPS[group] for group in told["groups"]), strict=True))["unreadable"] == "text"


def test_frames_alone_are_called_by_their_opcode() -> None:
    frames = json.loads(written(analyze(SILENT, frames=True)).data["s1-data"])["frames"]
    assert set(frames["words"]) == {"binary", "text", "close"}


def test_a_har_has_messages_where_others_have_frames(tmp_path: Path) -> None:
    whole = analyze(SILENT, settings=Settings(contents=True))
    (session,) = whole.sessions
    assert session.frame_table is not None
    bare = replace(session, frame_table=type(session.frame_table)(session.frame_table.schema, 1 << 20))
    page = written(replace(whole, captures=(replace(whole.captures[0], sessions=(bare,)),)))
    frames = json.loads(page.data["s1-data"])["frames"]
    assert (frames["unit"], frames["count"]) == ("message", 35)
    assert "35 messages" in page.text
    assert "analyzer messages" in page.text
    assert not list(tmp_path.iterdir())


def test_the_handshake_shows_no_key(tmp_path: Path) -> None:
    script = '0.0 client GET /v1/listen?token=verysecretvalue123\n0.1 server 401 {"dg-error":"no"}\n'
    report = analyze(write_capture(script, tmp_path / "a.pcap"), settings=Settings(contents=True), frames=True)
    page = written(report)
    assert "GET /v1/listen?token=<redacted:" in page.text
    assert "HTTP/1.1 401" in page.text
    assert "verysecretvalue123" not in "".join(pieces(report, pages()))


def test_every_script_says_what_it_is_for() -> None:
    folder = Path(__file__).parents[2] / "analyzer" / "reports" / "html" / "assets"
    assert {path.name for path in folder.glob("*.js")} == set(SCRIPTS)
    for name in SCRIPTS:
        text = (folder / name).read_text("utf-8")
        assert text.startswith("// ")
        assert len(text.splitlines()) <= 450
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttp"):
            assert forbidden not in text, (name, forbidden)
