"""`analyzer annotate CAPTURE -o OUT.pcapng`: the capture back, with each finding as a comment where Wireshark shows it."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
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
    Of several captures (--merge) comments, interfaces and names are kept in one section, statistics are not.
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
    from analyzer.copies.annotate import convert, pcap_clock  # noqa: PLC0415 - numpy
    from analyzer.sources import PCAPNG, open_source  # noqa: PLC0415 - as above
    from analyzer.sources.conversion import as_pcapng  # noqa: PLC0415 - as above
    from analyzer.sources.pcap import magic_of  # noqa: PLC0415 - as above

    if len(paths) > 1:
        return _merged(paths, out, said, editor, wanted)
    with _inside(paths[0], wanted) as (stream, _):
        head = stream.read(_HEAD)
    if head.startswith(PCAPNG):
        return _block_by_block(paths[0], out, said, editor, wanted)
    native = magic_of(head) is not None
    with TemporaryDirectory(prefix="analyzer-") as folder:
        made = None if native else as_pcapng(paths[0], Path(folder))
        if made is not None:
            return _block_by_block(str(made), out, said, editor, wanted)
    with open_source(paths[0], wanted) as source:
        convert(source, out, said, editor, wanted.limits, pcap_clock(head) if native else None)
    editor.tally.unkept += not native
    return [problem.text for problem in source.log.problems]


def _block_by_block(path: str, out: BinaryIO, said: "Notes", editor: "Editor", wanted: "Settings") -> list[str]:
    """A pcapng file."""
    from analyzer.copies.annotate import copy, survey  # noqa: PLC0415 - numpy

    with _inside(path, wanted) as (stream, _):
        sections = survey(stream, said, wanted.limits)
    with _inside(path, wanted) as (stream, problems):
        damage = copy(stream, out, said, sections, editor, wanted.limits)
    return problems or ([damage] if damage else [])


def _merged(paths: tuple[str, ...], out: BinaryIO, said: "Notes", editor: "Editor", wanted: "Settings") -> list[str]:
    """Several captures as one, with what those that are pcapng files have beside packets."""
    from analyzer.copies.annotate import convert  # noqa: PLC0415 - numpy
    from analyzer.copies.inputs import Input, Inputs  # noqa: PLC0415 - as above
    from analyzer.sources.several import Several  # noqa: PLC0415 - as above

    merged = Several(paths, wanted)
    known = wanted.source in ("auto", "native")  # others number interfaces in their own way
    files = []
    for file in merged.files:
        ours = known and file.format == "pcapng"
        files.append(Input(Path(file.path).name, partial(_bare, file.path, wanted) if ours else None))
        editor.tally.unkept += not ours and file.format != "pcap"
    inputs = Inputs(files, merged.owners, wanted.limits)
    convert(merged, out, said, editor, wanted.limits, inputs=inputs)
    editor.tally.lost += inputs.lost
    return [problem.text for problem in merged.log.problems]


@contextmanager
def _bare(path: str, wanted: "Settings") -> Iterator[io.BufferedReader]:
    """What is in a file, without compression."""
    with _inside(path, wanted) as (stream, _):
        yield stream


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
    left_out = (
        (tally.secrets, "secrets block", "secrets blocks"),
        (tally.keys, "line with a key", "lines with a key"),
        (tally.former, "comment of an earlier run", "comments of an earlier run"),
        (tally.lost, "block of statistics or of an unknown kind", "blocks of statistics or of an unknown kind"),
        (tally.unkept, "input's own comments (it was read by tshark)", "inputs' own comments (they were read by tshark)"),
    )
    gone = [f"{count:,} {one if count == 1 else many}" for count, one, many in left_out if count]
    dropped = f"; left out: {', '.join(gone)}" if gone else "; nothing left out"
    shown = (
        f"Wireshark shows them with: {FILTER}" if tally.packets else "Wireshark shows it in Statistics > Capture File Properties"
    )
    keys = "; it cannot decrypt this copy, one made with --keep-secrets it can" if tally.secrets or tally.keys else ""
    return f"{output}: {plural(tally.comments, 'comment')} on {where}{dropped}. {shown}{keys}"
