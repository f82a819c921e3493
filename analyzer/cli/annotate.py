"""`analyzer annotate CAPTURE -o OUT.pcapng`: the capture back, with each finding as a comment where Wireshark shows it."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from analyzer.cli.options import captures_argument, input_options, output_option, settings
from analyzer.cli.progress import progress
from analyzer.cli.spool import STANDARD_INPUT, on_disk
from analyzer.cli.whole import whole
from analyzer.model.errors import UsageError

if TYPE_CHECKING:
    from analyzer.copies.edits import Editor, Tally
    from analyzer.copies.notes import Notes
    from analyzer.model.settings import Settings

_HEAD = 24
"""Bytes of a pcap file's header."""
FILTER = 'frame.comment contains "analyzer"'


@click.command(short_help="Write the capture with findings as comments, for Wireshark.")
@captures_argument
@output_option("the copy", "OUT.pcapng", required=True)
@click.option("--keep-secrets", is_flag=True, help="Keep TLS keys that the capture holds, so that Wireshark can decrypt the copy.")
@input_options
def annotate(captures: tuple[str, ...], output: Path, keep_secrets: bool, **chosen: Any) -> None:  # noqa: ANN401 - options
    """Write a capture anew as pcapng, with each finding as a comment on its packets and the verdicts as a comment on the section.

    Packets, their times and their interfaces stay as they are, also those of other connections: the copy is no safer to give away
    than the capture is. Only TLS keys are left out, unless --keep-secrets is given. Comments of an earlier run are replaced.
    In Wireshark, frame.comment contains "analyzer" shows the packets.
    """
    from analyzer.copies.edits import Editor  # noqa: PLC0415 - numpy
    from analyzer.copies.notes import notes  # noqa: PLC0415 - as above
    from analyzer.pipeline import analyze  # noqa: PLC0415 - numpy and all steps
    from analyzer.sources.keylog import LINE  # noqa: PLC0415 - as above
    from analyzer.sources.rotated import rotated  # noqa: PLC0415 - as above

    wanted = settings(**chosen)
    if len(captures) > 1 and not wanted.merge and len(rotated(captures)) > 1:
        msg = "Several captures are annotated one by one: name one of them at a time, or --merge to make one of them."
        raise UsageError(msg)
    _refuse_inputs(output, (*captures, *wanted.key_logs))
    editor = Editor(None if keep_secrets else partial(LINE.subn, b""))
    with on_disk(captures, wanted.limits.spooled) as paths:
        with progress() as show:
            report = analyze(*paths, settings=wanted, frames=False, progress=show, jobs=None)
        if any(capture.format == "har" for capture in report.captures):
            msg = f"{captures[0]} is a HAR, which has no packets to put comments on; `analyzer report --format html` shows it."
            raise UsageError(msg)
        problems = _written(paths, output, notes(report), editor, wanted)
    for problem in problems:
        click.echo(f"analyzer: {captures[0]}: {problem}; what could be read is written.", err=True)
    click.echo(_summary(editor.tally, output))


def _refuse_inputs(output: Path, inputs: Sequence[str]) -> None:
    """Raise UsageError where the copy would take the place of an input, by whatever name."""
    for path in inputs:
        if path != STANDARD_INPUT and output.exists() and Path(path).exists() and output.samefile(path):
            msg = f"{output} is the input {path} itself: the copy needs a name of its own."
            raise UsageError(msg)


def _written(paths: tuple[str, ...], output: Path, said: "Notes", editor: "Editor", wanted: "Settings") -> list[str]:
    """Write the copy; returns what was wrong with the capture. Raises UsageError where it cannot be written."""
    with whole(output) as out:
        return _copied(paths, out, said, editor, wanted)


def _copied(paths: tuple[str, ...], out: BinaryIO, said: "Notes", editor: "Editor", wanted: "Settings") -> list[str]:
    """A pcapng file block by block, others packet by packet, several in the order of the report."""
    from analyzer.copies.annotate import convert, copy, pcap_clock, survey  # noqa: PLC0415 - numpy
    from analyzer.sources import PCAPNG, open_source  # noqa: PLC0415 - as above
    from analyzer.sources.pcap import magic_of  # noqa: PLC0415 - as above
    from analyzer.sources.several import Several  # noqa: PLC0415 - as above

    limits = wanted.limits
    if len(paths) > 1:
        merged = Several(paths, wanted)
        convert(merged, out, said, editor, limits)
        return [problem.text for problem in merged.log.problems]
    with _inside(paths[0], wanted) as (stream, _):
        head = stream.read(_HEAD)
    if not head.startswith(PCAPNG):
        with open_source(paths[0], wanted) as source:
            convert(source, out, said, editor, limits, pcap_clock(head) if magic_of(head) else None)
        return [problem.text for problem in source.log.problems]
    with _inside(paths[0], wanted) as (stream, _):
        sections = survey(stream, said, limits)
    with _inside(paths[0], wanted) as (stream, problems):
        damage = copy(stream, out, said, sections, editor, limits)
    return problems or ([damage] if damage else [])


@contextmanager
def _inside(path: str, wanted: "Settings") -> Iterator[tuple[io.BufferedReader, list[str]]]:
    """What is in a file, without compression, and what is wrong with that, once it has been read."""
    from analyzer.sources.compressed import unpacked  # noqa: PLC0415 - not for --help

    problems: list[str] = []
    with Path(path).open("rb") as file:
        layer = unpacked(file, path, wanted.limits)
        yield (layer[0] if layer else file), problems
        if layer and layer[1].problem:
            problems.append(layer[1].problem)


def _summary(tally: "Tally", output: Path) -> str:
    """What was done, in one line."""
    from analyzer.reports.phrases import plural  # noqa: PLC0415 - not for --help

    where = f"{plural(tally.packets, 'packet')} and {plural(tally.sections, 'section')}"
    left_out = {"secrets block": tally.secrets, "line with a key": tally.keys, "comment of an earlier run": tally.former}
    nouns = {"line with a key": "lines with a key", "comment of an earlier run": "comments of an earlier run"}
    gone = [f"{count:,} {noun if count == 1 else nouns.get(noun, f'{noun}s')}" for noun, count in left_out.items() if count]
    dropped = f"; left out: {', '.join(gone)}" if gone else "; nothing left out"
    return f"{output}: {plural(tally.comments, 'comment')} on {where}{dropped}. Wireshark shows them with: {FILTER}"
