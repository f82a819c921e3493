"""What of each session goes into a support bundle: a capture of its own, the report that tells of it, its audio.

In: a capture's report, and how it was made. Out: a `Part` and a report per session, in files of a temporary folder. A session's own
capture is analysed as support will do it; where that finds the same, the report is of it, with its packet numbers, and otherwise of
the original.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from analyzer.audio.playback import playback
from analyzer.excerpt import Excerpt, excerpt
from analyzer.model.archive import Archive
from analyzer.model.errors import UsageError
from analyzer.model.finding import Severity
from analyzer.model.limits import DEFAULT
from analyzer.model.redact import redact
from analyzer.model.report import CaptureReport, Report, SessionReport
from analyzer.model.schema import Side
from analyzer.model.settings import Dump, Settings
from analyzer.pipeline import analyze
from analyzer.reports import html, pieces
from analyzer.reports.bundle import Member, Part
from analyzer.reports.phrases import plural
from analyzer.rules import pages

MOST = 5
"""Sessions in a bundle unless one is named: support looks at the first ones."""
KINDS = ("wav", "raw")
"""Audio files that go into it."""
_CODE_LENGTH = 1 << 20
"""Bytes of a file of code."""


def worst(report: Report) -> list[tuple[CaptureReport, SessionReport]]:
    """The sessions that the bundle is about, in their order: of those with the heaviest verdicts the first ones."""
    every = [(capture, session) for capture in report.captures for session in capture.sessions]
    weights = [session.verdict.weight for _, session in every]
    heaviest = sorted(range(len(every)), key=lambda place: weights[place])
    told = [place for place in heaviest if weights[place] <= Severity.WARNING.weight] or heaviest[:1]
    return [every[place] for place in sorted(told[:MOST])]


def reports(report: Report, parts: Sequence[Part]) -> Iterator[Member]:
    """The report in its formats. The page plays the audio of the temporary folder; the others name the files of the zip."""
    yield "report.html", "report", html.pieces(report, pages(), play=partial(playback, limits=DEFAULT))
    named = replace(report, captures=tuple(_named(capture, part) for capture, part in zip(report.captures, parts, strict=True)))
    yield "report.md", "report", pieces(named, "markdown")
    yield "report.json", "report", pieces(named, "json")


def _named(capture: CaptureReport, part: Part) -> CaptureReport:
    """A capture whose audio files are those of the zip."""
    (session,) = capture.sessions
    audio = {}
    for side, track in session.audio.items():
        kept = {kind: name for kind in KINDS if (name := f"{part.folder}/{side}.{kind}") in part.files}
        audio[side] = track and {
            **{key: value for key, value in track.items() if key != "files"},
            **({"files": kept} if kept else {}),
        }
    return replace(capture, sessions=Archive([(session.id, replace(session, audio=audio))]))


def shown(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without what they say of the machine."""
    return {name: value for name, value in chosen.items() if name != "key_logs"}


def redacted(path: Path) -> str:
    """A file of code without its keys. Raises UsageError for what is no text."""
    try:
        data = path.read_bytes()
        if len(data) > _CODE_LENGTH:
            msg = f"{path} has {len(data):,} bytes, which no file of code has; name the file that opens the WebSocket."
            raise UsageError(msg)
        return redact(data.decode("utf-8"))
    except OSError as error:
        msg = f"Cannot read {path}: {error.strerror}."
        raise UsageError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path} is no text; name a file of code."
        raise UsageError(msg) from error


class Maker:
    """Makes the parts of a bundle in a temporary folder."""

    def __init__(self, wanted: Settings, folder: Path, *, audio: bool, replace_addresses: bool) -> None:
        self._wanted = wanted
        self._folder = folder
        self._audio = audio
        self._replace_addresses = replace_addresses

    def part(self, capture: CaptureReport, session: SessionReport, number: int) -> tuple[Part, CaptureReport]:
        """The part of a session, and the report that tells of it: of its own capture where that says the same."""
        name = f"session-{number}"
        folder = self._folder / name
        folder.mkdir()
        found, path = self._excerpt(capture, session, folder)
        told, same, others = None, False, None
        if path is not None:
            told = self._analysed([str(path)], session, folder, original=False)
            same = told is not None and _judged(told[1]) == _judged(session)
            others = None if told is None else _others(told[1], session)
        ours = same or self._replace_addresses  # the original has the real addresses
        if told is None and self._replace_addresses:
            msg = f"Addresses of session {session.id} cannot be replaced: a capture of it alone does not show it."
            raise UsageError(msg)
        if told is None or not ours:
            told = self._analysed(_paths(capture), session, folder, original=True)
            assert told is not None
        files = {f"{name}/{side}.{kind}": file for side, kind, file in _audio(told[1])} if self._audio else {}
        if path is not None:
            files[f"{name}/capture.pcapng"] = self._shipped(capture, session, path)
        shown = f"{name}/capture.pcapng" if ours else Path(capture.path).name
        facts = {
            "session": session.id,
            "request_id": session.upgrade.get("request_id"),
            "verdict": {"rule": session.verdict.rule, "severity": str(session.verdict.severity), "text": session.verdict.text},
            "capture": {
                "packets": found.packets,
                "overwritten_bytes": found.overwritten,
                "tls_removed": found.tls_removed,
                "why_none": found.why,
                "same_findings": same,
                "same_counts": others == "",
            },
        }
        part = Part(told[1], name, files, facts, _note(found, others or "", same=same, ours=ours))
        return part, replace(told[0], path=shown, files=(), comments=(), sessions=Archive([(session.id, told[1])]))

    def _excerpt(self, capture: CaptureReport, session: SessionReport, folder: Path) -> tuple[Excerpt, Path | None]:
        """The session's own capture, audio included, for the report. Raises UsageError where addresses cannot be replaced."""
        path = folder / "whole.pcapng"
        if capture.format == "har":
            found = Excerpt(why="A HAR holds no packets.")
        else:
            with path.open("wb") as file:
                found = excerpt(
                    _paths(capture),
                    self._wanted,
                    session,
                    file,
                    replace_addresses=self._replace_addresses,
                    transcripts=self._wanted.transcripts,
                )
        if found.why is None:
            return found, path
        if self._replace_addresses:
            msg = f"Addresses of session {session.id} cannot be replaced: {found.why}"
            raise UsageError(msg)
        return found, None

    def _shipped(self, capture: CaptureReport, session: SessionReport, path: Path) -> Path:
        """The capture for the zip: the same one, or one without the audio."""
        if self._audio:
            return path
        silent = path.with_name("silent.pcapng")
        wishes = {"replace_addresses": self._replace_addresses, "transcripts": self._wanted.transcripts, "audio": False}
        with silent.open("wb") as file:
            excerpt(_paths(capture), self._wanted, session, file, **wishes)
        return silent

    def _analysed(
        self, paths: Sequence[str], session: SessionReport, folder: Path, *, original: bool
    ) -> tuple[CaptureReport, SessionReport] | None:
        """Analyse a capture with all that the report shows; None where the session is not in it."""
        track = session.audio.get("client") or {}
        as_sent = bool(track.get("format", {}).get("container")) or track.get("decodable") is False
        dump = Dump(folder, frozenset(Side), timeline=True, raw=as_sent) if self._audio else None
        wanted = replace(self._wanted, dump=dump)
        if original:
            wanted = replace(wanted, session=str(session.id))
        else:
            wanted = replace(
                wanted, session=None, key_logs=(), hosts=(), ports=(), endpoints=(), since=None, until=None, merge=False
            )
        (capture,) = analyze(*paths, settings=wanted, frames=True).captures
        found = next((one for one in capture.sessions if original or one.start == session.start), None)
        return None if found is None else (capture, found)


def _paths(capture: CaptureReport) -> list[str]:
    """The files of a capture."""
    return [str(one["path"]) for one in capture.files] or [capture.path]


def _judged(session: SessionReport) -> list[tuple[Any, ...]]:
    """What is to be the same in the session's own capture."""
    return [(one.rule, one.severity, one.side, one.count) for one in session.findings]


def _others(copy: SessionReport, original: SessionReport) -> str:
    """How many frames and messages the original has, where its own capture has not as many."""
    told = []
    for what, name in (("frames", "frame_counts"), ("messages", "message_counts")):
        here, there = (sum(sum(side.values()) for side in getattr(one, name).values()) for one in (copy, original))
        told += [f"{there:,} {what} instead of {here:,}"] if here != there else []
    return " and ".join(told)


def _audio(session: SessionReport) -> Iterator[tuple[str, str, Path]]:
    """Side, kind and place of the audio files that the zip gets."""
    for side, track in session.audio.items():
        for kind in KINDS:
            path = ((track or {}).get("files") or {}).get(kind)
            if path:
                yield side, kind, Path(path)


def _note(found: Excerpt, others: str, *, same: bool, ours: bool) -> str:
    """What is special about the capture of a session. `ours`: the report is of it."""
    if found.why is not None:
        return f"none. {found.why} Packet numbers in the report are those of the original capture"
    told = f"{plural(found.packets, 'packet')}, {plural(found.overwritten, 'byte')} overwritten"
    told += ", TLS taken off" if found.tls_removed else ""
    if same:
        counted = f", but {others}" if others else ""
        return f"{told}; the report tells of this capture, and the original has the same findings{counted}"
    if ours:
        return f"{told}; the report tells of this capture, which does not have the same findings as the original"
    return f"{told}; it does not show every finding of the original, of which the report tells, with its packet numbers"
