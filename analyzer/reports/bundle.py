"""The support bundle: a zip with report, audio and capture of each session, what support asks for on one page, and a manifest.

In: what was made of each session, as files. Out: the zip, the same bytes for the same input: no time of day is in it.
`manifest.json` has the SHA-256 of every other member.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from analyzer.model.dataclass import dataclass
from analyzer.reports.json import escaped
from analyzer.reports.markdown import code, escape, prose
from analyzer.reports.phrases import address, advice, audio_format, error_received, printable, seconds, size

if TYPE_CHECKING:
    from analyzer.model.report import SessionReport

Member = tuple[str, str, Path | Iterable[str]]
"""Name in the zip, what it is, and a file or pieces of text."""
SCHEMA = "analyzer-bundle/1"
_PIECE = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can hold."""
_READABLE = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """One session of a bundle. `files` are named as in the zip; `note` says what is special about its capture."""

    session: "SessionReport"
    folder: str
    files: Mapping[str, Path]
    facts: Mapping[str, Any]
    note: str = ""


@dataclass(slots=True)
class Bundle:
    """A zip while it is written."""

    file: IO[bytes]
    listed: list[dict[str, Any]] = field(default_factory=list)

    def write(self, members: Iterable[Member], head: Mapping[str, Any]) -> None:
        """Write members, then the manifest. Raises OSError."""
        with ZipFile(self.file, "w", ZIP_DEFLATED) as archive:
            for name, what, content in members:
                self._member(archive, name, what, content)
            manifest = {"schema": SCHEMA, **head, "files": self.listed}
            text = escaped(json.dumps(manifest, ensure_ascii=False, indent=2)) + "\n"
            archive.writestr(_info("manifest.json"), text.encode())

    def _member(self, archive: ZipFile, name: str, what: str, content: Path | Iterable[str]) -> None:
        """One member, piece by piece: audio of hours must not be held."""
        digest, length = sha256(), 0
        with archive.open(_info(name), "w", force_zip64=True) as member:
            for piece in _pieces(content):
                member.write(piece)
                digest.update(piece)
                length += len(piece)
        self.listed.append({"path": name, "what": what, "bytes": length, "sha256": digest.hexdigest()})


def _pieces(content: Path | Iterable[str]) -> Iterator[bytes]:
    if isinstance(content, Path):
        with content.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
        return
    yield from (piece.encode("utf-8", "replace") for piece in content)


def _info(name: str) -> ZipInfo:
    info = ZipInfo(name, _EPOCH)
    info.compress_type, info.external_attr = ZIP_DEFLATED, _READABLE
    return info


def cover_page(parts: Iterable[Part], code_files: Iterable[str], *, audio: bool, transcripts: bool) -> Iterator[str]:
    """`README.md` of the bundle: what support asks for, session by session."""
    yield "# Support bundle\n\n"
    yield "Made from a packet capture. Start with `report.html` (open it in a browser; it loads nothing from the network).\n\n"
    for part in parts:
        session = part.session
        yield f"## Session {session.id}\n\n**{prose(session.verdict.text)}**\n\n"
        if todo := advice(session):
            yield f"To do: {prose(todo)}\n\n"
        yield f"- The error received: {escape(error_received(session))}\n"
        request_id = session.upgrade.get("request_id")
        yield f"- The request ID: {code(request_id) if request_id else 'not in the capture'}\n"
        yield f"- When: {session.start}, lasted {seconds(session.duration_s)}, with {escape(address(session.server))}\n"
        yield f"- A sample of the audio: {_sound(part, audio=audio)}\n"
        captures = [name for name in part.files if name.endswith(".pcapng")]
        told = f"{code(captures[0])}; {part.note}" if captures else part.note
        yield f"- The packets: {told}\n\n"
    yield "## The related code\n\n"
    listed = [code(name) for name in code_files]
    yield (
        f"{', '.join(listed)}\n\n"
        if listed
        else "None yet: put it into `code/`; the place where the WebSocket is opened, and where audio is sent.\n\n"
    )
    yield "## What is not in here\n\n"
    yield (
        "Other connections of the capture, other streams of an HTTP/2 connection, TLS keys, and credentials, which are overwritten "
        "or redacted."
    )
    yield "" if audio else " The audio was left out."
    yield "" if transcripts else " The words that the service recognised were left out."
    yield " Addresses and what was said are in it, unless they were replaced or left out.\n\n"
    yield "`manifest.json` has the SHA-256 of every file.\n"


def _sound(part: Part, *, audio: bool) -> str:
    """The files with the audio, or why there are none."""
    track = part.session.audio.get("client")
    if not track:
        return "the client sent none"
    form = escape(audio_format(track.get("format")))
    files = [name for name in part.files if not name.endswith(".pcapng")]
    if not audio or not files:
        return f"left out ({form}, {seconds(track.get('duration_s'))}, {size(track.get('bytes', 0))})"
    return f"{', '.join(code(printable(name)) for name in files)} ({form})"
