"""Redaction, proven: secrets in every place where they travel are in no output of any command, in no spelling."""

import base64
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from canaries import CANARIES, STORIES, WRAPPINGS, files_in, found_in
from click.testing import Result

from analyzer import Settings, analyze
from analyzer.cli import COMMANDS

NO_CAPTURE = {"rules", "explain", "doctor"}
THE_USERS_OWN = {"annotate"}
"""What holds all that the capture held, and says so; its keys are looked for in a test of its own."""
OUTPUTS: dict[str, list[list[str]]] = {
    "report": [["--format", form] for form in ("terminal", "markdown", "json", "html", "sarif", "junit")],
    "sessions": [[]],
    "frames": [["--format", form] for form in ("table", "jsonl", "csv", "parquet")],
    "messages": [["--format", form] for form in ("table", "jsonl", "csv", "parquet")],
    "findings": [["--format", form] for form in ("table", "jsonl", "csv", "parquet")],
    "audio": [["--timeline", "--guess", "--raw", "--side", "both"]],
    "bundle": [[], ["--no-audio", "--no-transcripts", "--replace-addresses"]],
    "har": [[]],
    "verify": [[]],
    "diff": [["--format", form, "--all"] for form in ("terminal", "markdown", "json")],
}
"""Ways to call each command; `{}` in an argument is the output's place."""
LIKE_OTHERS = {"in TLS in TLS", "rejected over HTTP/2", "over HTTP/2"}
"""Wrappings that make a difference to the commands below only: the others see frames and messages, or none."""
TELLING = {"report", "har", "bundle"}
CASES = [
    pytest.param(story, wrapping, id=f"{story} {wrapping}")
    for story in ("listen", "agent")
    for wrapping in WRAPPINGS
    if story == "listen" or wrapping not in ("rejected", "rejected over HTTP/2", "in TLS in TLS")
]


def test_there_are_enough_and_all_differ() -> None:
    assert len(CANARIES) >= 40
    assert len(set(CANARIES.values())) == len(CANARIES)
    for one in CANARIES.values():
        assert sum(one in other for other in CANARIES.values()) == 1


def test_every_command_that_reads_captures_is_looked_at() -> None:
    assert set(OUTPUTS) == set(COMMANDS) - NO_CAPTURE - THE_USERS_OWN


@pytest.mark.parametrize("place", CANARIES)
def test_the_search_finds_each_in_every_spelling(place: str) -> None:
    """Or nothing that follows would prove anything."""
    value = CANARIES[place].encode()
    for lead in range(3):
        for spelling in (value, value.hex().encode(), quote(value).encode(), base64.b64encode(b"x" * lead + value)):
            assert place in found_in(b"before " + spelling + b" after")
    assert place not in found_in(b"before after")


@pytest.mark.parametrize("wrapping", [one for one in WRAPPINGS if "TLS" not in one])
def test_the_search_finds_each_in_a_capture(wrapping: str) -> None:
    """Behind masks, in fragments, compressed, and in headers of HTTP/2."""
    found = set(found_in(WRAPPINGS[wrapping]("listen")[0]))
    if wrapping.startswith("rejected"):
        assert {"rejected query", "without a scheme", "rejection body", "Set-Cookie"} <= found
    else:
        everything = f"{STORIES['listen']}".replace("%3D", "=")
        assert {place for place, value in CANARIES.items() if value in everything} <= found
        assert {"query key", "cookie two", "subprotocol third", "escaped name", "ping", "close reason", "Set-Cookie"} <= found


@pytest.fixture
def planted(tmp_path: Path) -> Callable[[str, str], tuple[Path, list[str]]]:
    """A capture of a story in a wrapping, and the options that it needs."""

    def write(story: str, wrapping: str) -> tuple[Path, list[str]]:
        capture, keys = WRAPPINGS[wrapping](story)
        path = tmp_path / "capture.pcap"
        path.write_bytes(capture)
        if not keys:
            return path, []
        (tmp_path / "keys.log").write_bytes(keys)
        return path, ["--keylog", str(tmp_path / "keys.log")]

    return write


@pytest.mark.parametrize(("story", "wrapping"), CASES)
def test_what_is_planted_was_read(story: str, wrapping: str, planted: Callable[[str, str], tuple[Path, list[str]]]) -> None:
    """The canaries are there, and the session is understood: it is not that nothing was seen."""
    path, options = planted(story, wrapping)
    report = analyze(path, settings=Settings(contents=True, key_logs=tuple(options[1:])))
    (session,) = report.sessions
    assert session.upgrade["outcome"] == ("rejected" if wrapping.startswith("rejected") else "accepted")
    assert session.upgrade["http_version"] == ("2" if wrapping.endswith("HTTP/2") else "1.1")
    assert session.provider == {"listen": "deepgram-listen-v1", "agent": "deepgram-agent-v1"}[story]
    talk = session.conversation
    assert talk is not None
    if not wrapping.startswith("rejected"):
        said = b"".join(talk._raw(row) or b"" for row in range(len(talk)))
        assert len([place for place in found_in(said) if place in CANARIES]) >= 15


@pytest.mark.parametrize(
    ("story", "wrapping", "command"),
    [
        pytest.param(*case.values, command, id=f"{case.id}-{command}")
        for case in CASES
        for command in OUTPUTS
        if case.values[1] not in LIKE_OTHERS or command in TELLING
    ],
)
def test_no_canary_is_in_any_output(
    run: Callable[..., Result],
    tmp_path: Path,
    planted: Callable[[str, str], tuple[Path, list[str]]],
    story: str,
    wrapping: str,
    command: str,
) -> None:
    path, options = planted(story, wrapping)
    for number, way in enumerate(OUTPUTS[command]):
        out = tmp_path / f"out-{number}"
        arguments: list[object] = [command, path, *options, *way]
        if command == "diff":
            arguments[2:2] = [path.with_name("other.pcap")]
            path.with_name("other.pcap").write_bytes(path.read_bytes())
        if command == "audio":
            arguments += ["-o", out]
        elif command not in ("sessions", "verify"):
            out.mkdir()
            arguments += ["-o", out / "file"]
        result = run(*arguments)
        assert result.exit_code in ((0, 1) if command == "verify" else (0,)), result.output
        shown = {"what it printed": result.output.encode(), **(files_in(out) if out.exists() else {})}
        assert any(shown.values()) or wrapping.startswith("rejected")
        leaks = {name: leaked for name, data in shown.items() if (leaked := found_in(data))}
        assert leaks == {}
